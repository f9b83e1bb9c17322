//! Accounts: who may have one, and under which names.

mod create_superuser;
mod new_account;
mod new_password;
mod signup;

pub use create_superuser::{CreateSuperuserError, create_superuser};
pub use new_account::NewAccountInput;
pub use signup::{SignupError, signup};
