//! Types that parse and validate input. A value of any of these types is always valid. The errors of all fields of an
//! input are reported together.

mod email_address;
mod field_error;
mod invisible;
mod one_time_code;
mod password;
mod person_name;
mod profile;
mod recovery_code;
mod search;
mod username;

pub use email_address::EmailAddress;
pub use field_error::{FieldError, FieldErrorCode, Inputs, Invalid};
pub use one_time_code::OneTimeCode;
pub use password::{PASSWORD_MAX_LENGTH, Password};
pub use person_name::person_name;
pub use profile::{avatar_url, bio};
pub use recovery_code::RecoveryCode;
pub use search::{fold, search_key};
pub use username::{USERNAME_MAX_LENGTH, USERNAME_MIN_LENGTH, Username};
