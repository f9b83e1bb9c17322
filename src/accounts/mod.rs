//! Accounts: who may have one, and under which names.

mod create_superuser;
mod email_address;
mod new_account;
mod password;
mod person_name;
mod signup;
mod username;

pub use create_superuser::{CreateSuperuserError, create_superuser};
pub use email_address::EmailAddress;
pub use new_account::NewAccountInput;
pub use password::{PASSWORD_MAX_LENGTH, Password};
pub use signup::{SignupError, signup};
pub use username::{USERNAME_MAX_LENGTH, USERNAME_MIN_LENGTH, Username};
