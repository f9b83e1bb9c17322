//! Accounts: creating, importing, changing, listing and deactivating them.

mod administration;
mod change_password;
mod create_superuser;
mod django_account;
mod django_file;
mod django_user;
mod django_values;
mod import_remarks;
mod import_users;
mod names;
mod new_account;
mod new_password;
mod node;
mod reset_second_factors;
mod revert_security_change;
mod set_user_active;
mod set_user_role;
mod signup;
mod update_profile;
mod user;
mod username_available;
mod users;

pub use administration::AdministrationRefusal;
pub use change_password::{ChangePasswordInput, ChangePasswordRefusal, change_password};
pub use create_superuser::{CreateSuperuserRefusal, create_superuser};
pub use django_file::{DjangoFile, DjangoFormat};
pub use import_remarks::{Note, Skip};
pub use import_users::{ImportLine, ImportOptions, ImportUsersError, Outcome, Summary, import_users};
pub use new_account::NewAccountInput;
pub(crate) use new_password::{Owner, check_confirmation, check_new, hash_new};
pub use node::{Node, node};
pub use reset_second_factors::{reset_second_factors, reset_second_factors_by_operator};
pub use revert_security_change::{
    OwnershipProof, RevertSecurityChangeInput, RevertSecurityChangeRefusal, revert_security_change,
};
pub use set_user_active::set_user_active;
pub use set_user_role::set_user_role;
pub use signup::{SignupPasskey, SignupRefusal, check_passkey_signup, signup, signup_with_passkey};
pub use update_profile::{Change, UpdateProfileInput, UpdateProfileRefusal, update_profile};
pub use user::{may_see_devices, may_see_second_factors, user};
pub use username_available::{UsernameAvailability, UsernameAvailableRefusal, username_available};
pub use users::{DEFAULT_PAGE, InvalidPage, PageInput, UserPage, count_users, users};
