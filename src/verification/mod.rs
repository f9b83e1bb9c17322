//! Verification: proving an email address with a code or a link that was emailed to it.

mod activate_account;
mod await_login_link;
mod change_email;
mod confirm_login_link;
mod proof;
mod prove;
mod request_login_code;
mod resend;
mod verify_otp;

pub use activate_account::{ActivateAccountInput, activate_account};
pub use await_login_link::{TooManyWaiting, await_login_link};
pub use change_email::{ChangeEmailInput, ChangeEmailRefusal, change_email};
pub use confirm_login_link::{ConfirmLoginLinkInput, ConfirmLoginLinkRefusal, LoginLink, confirm_login_link};
pub use prove::ProofRefusal;
pub use request_login_code::{RequestLoginCodeRefusal, request_login_code};
pub use resend::{ResendRefusal, resend_activation_email, resend_otp};
pub use verify_otp::{VerifyOtpInput, verify_otp};
