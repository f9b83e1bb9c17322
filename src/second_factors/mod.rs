//! Second factors: authenticator apps (TOTP), passkeys and recovery codes. Passkeys are enrolled in the module `passkeys`.
//!
//! A sign-in to an account with a factor needs two proofs. `sessions/open.rs` asks for the second one, and
//! `verify_second_factor.rs` accepts it. To reauthenticate, the owner of such an account proves only a second factor.
//!
//! Nobody must be able to lock out the owner of an account by enrolling a factor. Enrolling the first factor therefore
//! requires a proof by email. The owner gets a notice of every change, and can undo the change with the link in the notice.
//! `removal.rs` decides which factors a password reset removes.

mod enrolled;
mod finish_totp_enrolment;
mod may_enroll;
mod passkey;
mod proof;
mod recovery_codes;
mod regenerate_recovery_codes;
mod removal;
mod remove_totp;
mod reseal;
mod start_totp_enrolment;
mod totp;
mod verify_second_factor;

pub use enrolled::{complete, record};
pub use finish_totp_enrolment::{FinishTotpEnrolmentRefusal, SecondFactorsEnabled, finish_totp_enrolment};
pub use may_enroll::{EnrolmentRefusal, may_enroll};
pub use passkey::{ClaimedPasskey, ProvenPasskey};
pub use proof::{CheckedProof, SecondFactorProof, WrongProof, check};
pub(crate) use recovery_codes::{NewCodes, generate};
pub use regenerate_recovery_codes::{RegenerateRecoveryCodesRefusal, regenerate_recovery_codes};
pub use removal::{Removed, remove_all, remove_passkeys, remove_young, revert};
pub use remove_totp::{RemoveTotpRefusal, remove_totp};
pub use reseal::reseal;
pub use start_totp_enrolment::{TotpEnrolment, start_totp_enrolment};
pub use verify_second_factor::{VerifySecondFactorRefusal, verify_second_factor};
