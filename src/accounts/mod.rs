//! Accounts: who may have one, and under which names.

mod create_superuser;
mod django_file;
mod django_user;
mod import_remarks;
mod import_users;
mod new_account;
mod new_password;
mod signup;

pub use create_superuser::{CreateSuperuserError, create_superuser};
pub use django_file::{DjangoFile, DjangoFormat};
pub use import_remarks::{Note, Skip};
pub use import_users::{ImportOptions, ImportUsersError, Outcome, Summary, Told, import_users};
pub use new_account::NewAccountInput;
pub use signup::{SignupError, signup};
