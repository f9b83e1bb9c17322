//! The policy table: who may select each root field, whether the field tests a credential, and its error codes.
//!
//! The guard, the limits, the authorization test, and the code that completes the descriptions in the schema all read this table. A
//! root field without a row is closed to everyone.

use crate::graphql::error::TopLevelErrorCode;
use crate::graphql::refusal::ErrorCode::{
    self, AccountDisabled, EmailTaken, EnrolmentRequired, IdentityTaken, InvalidCredentials, InvalidInput,
    InvalidOtp, InvalidToken, LastSignInMethod, LinkRequired, NotAllowed, NotEnabled, NotFound,
    ProviderRejected, ProviderUnavailable, RateLimited, ReauthenticationRequired, SecondFactorRequired,
    ServerBusy, UsernameTaken,
};
use Access::{Anybody, Introspection, Staff, Superuser, Viewer};

/// Who may select a root field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, signed in or not.
    Anybody,
    /// Anybody, if introspection is on.
    Introspection,
    /// A viewer of any role.
    Viewer,
    /// Staff and superusers.
    Staff,
    /// Superusers.
    Superuser,
    /// Nobody: the field has no row.
    Nobody,
}

/// The use of secrets by a root field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Credential {
    /// The field takes no secret.
    None,
    /// The result reveals whether a secret is correct, so each call is a guess.
    Tested,
    /// The result does not reveal whether a secret is wrong, and a correct secret cannot be guessed.
    Unrevealed,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The name of the root field.
    pub field: &'static str,
    /// Who may select it.
    pub access: Access,
    /// The codes of `UserError` that the field may return, in the order in which the description lists them.
    pub errors: &'static [ErrorCode],
    /// The codes of top-level errors that arguments of the field may cause.
    top_level_errors: &'static [TopLevelErrorCode],
    credential: Credential,
    /// Whether a viewer who must enroll a second factor may select it before enrolling.
    is_before_enrolment: bool,
}

const PROVIDER_LOGIN_ERRORS: &[ErrorCode] = &[
    NotEnabled,
    ProviderRejected,
    ProviderUnavailable,
    LinkRequired,
    AccountDisabled,
    SecondFactorRequired,
    RateLimited,
    ServerBusy,
];

/// The table, in the order of the schema's subjects.
#[rustfmt::skip]
pub const POLICIES: &[Policy] = &[
    Policy::new("__typename", Anybody),
    Policy::new("__schema", Introspection),
    Policy::new("__type", Introspection),
    Policy::new("me", Viewer).before_enrolment(),
    Policy::new("viewer", Anybody),
    Policy::new("node", Viewer),
    Policy::new("usernameAvailable", Anybody).errors(&[InvalidInput, RateLimited, ServerBusy]),
    Policy::new("authSettings", Anybody),
    Policy::new("signup", Anybody).tests_credential().errors(&[InvalidInput, EmailTaken, UsernameTaken, NotEnabled, RateLimited, ServerBusy]),
    Policy::new("updateProfile", Viewer).errors(&[InvalidInput, UsernameTaken, ReauthenticationRequired, EnrolmentRequired, RateLimited, ServerBusy]),
    Policy::new("changePassword", Viewer).tests_credential().errors(&[InvalidInput, InvalidCredentials, ReauthenticationRequired, RateLimited, ServerBusy]),
    Policy::new("revertSecurityChange", Anybody).tests_credential().errors(&[InvalidToken, ReauthenticationRequired, InvalidCredentials, EmailTaken, NotEnabled, ProviderRejected, ProviderUnavailable, RateLimited, ServerBusy]),
    Policy::new("login", Anybody).tests_credential().errors(&[InvalidInput, InvalidCredentials, AccountDisabled, SecondFactorRequired, RateLimited, ServerBusy]),
    Policy::new("refresh", Anybody).tests_credential().errors(&[InvalidInput, InvalidToken, ServerBusy]),
    Policy::new("logout", Anybody).reveals_nothing_of_its_secret(),
    Policy::new("logoutAll", Viewer).before_enrolment(),
    Policy::new("revokeSession", Viewer).before_enrolment(),
    Policy::new("verifyOtp", Anybody).tests_credential().errors(&[InvalidOtp, AccountDisabled, SecondFactorRequired, EmailTaken, RateLimited, ServerBusy]),
    Policy::new("resendOtp", Anybody).errors(&[InvalidInput, NotEnabled, RateLimited, ServerBusy]),
    Policy::new("activateAccount", Anybody).tests_credential().errors(&[InvalidToken, InvalidCredentials, AccountDisabled, SecondFactorRequired, EmailTaken, RateLimited, ServerBusy]),
    Policy::new("requestLoginCode", Anybody).errors(&[InvalidInput, RateLimited, ServerBusy]),
    Policy::new("confirmLoginLink", Anybody).tests_credential().errors(&[InvalidToken, InvalidInput, ServerBusy]),
    Policy::new("loginLinkConfirmed", Anybody).top_level_errors(&[TopLevelErrorCode::RateLimited]),
    Policy::new("resendActivationEmail", Anybody).errors(&[InvalidInput, NotEnabled, RateLimited, ServerBusy]),
    Policy::new("changeEmail", Viewer).before_enrolment().tests_credential().errors(&[InvalidInput, InvalidCredentials, ReauthenticationRequired, EnrolmentRequired, RateLimited, ServerBusy]),
    Policy::new("requestPasswordReset", Anybody).errors(&[InvalidInput, RateLimited, ServerBusy]),
    Policy::new("resetPassword", Anybody).tests_credential().errors(&[InvalidToken, InvalidInput, RateLimited, ServerBusy]),
    Policy::new("startReauthentication", Viewer).before_enrolment().errors(&[NotEnabled, SecondFactorRequired, RateLimited, ServerBusy]),
    Policy::new("reauthenticate", Viewer).before_enrolment().tests_credential().errors(&[InvalidToken, InvalidCredentials, InvalidOtp, SecondFactorRequired, NotEnabled, ProviderRejected, ProviderUnavailable, RateLimited, ServerBusy]),
    Policy::new("verifySecondFactor", Anybody).tests_credential().errors(&[InvalidToken, InvalidOtp, InvalidCredentials, AccountDisabled, SecondFactorRequired, RateLimited, ServerBusy]),
    Policy::new("startTotpEnrolment", Viewer).before_enrolment().errors(&[NotEnabled, ReauthenticationRequired, RateLimited, ServerBusy]),
    Policy::new("finishTotpEnrolment", Viewer).before_enrolment().tests_credential().errors(&[InvalidToken, InvalidOtp, RateLimited, ServerBusy]),
    Policy::new("removeTotp", Viewer).errors(&[ReauthenticationRequired, EnrolmentRequired, RateLimited, ServerBusy]),
    Policy::new("regenerateRecoveryCodes", Viewer).errors(&[NotEnabled, ReauthenticationRequired, RateLimited, ServerBusy]),
    Policy::new("startPasskeyLogin", Anybody).errors(&[NotEnabled]),
    Policy::new("passkeyLogin", Anybody).tests_credential().errors(&[InvalidToken, NotFound, InvalidCredentials, AccountDisabled, SecondFactorRequired, RateLimited, ServerBusy]),
    Policy::new("startPasskeySignup", Anybody).errors(&[InvalidInput, EmailTaken, UsernameTaken, NotEnabled, RateLimited, ServerBusy]),
    Policy::new("passkeySignup", Anybody).tests_credential().errors(&[InvalidToken, InvalidCredentials, InvalidInput, EmailTaken, UsernameTaken, NotEnabled, RateLimited, ServerBusy]),
    Policy::new("startPasskeyEnrolment", Viewer).before_enrolment().errors(&[NotEnabled, InvalidInput, ReauthenticationRequired, RateLimited, ServerBusy]),
    Policy::new("finishPasskeyEnrolment", Viewer).before_enrolment().tests_credential().errors(&[InvalidToken, InvalidCredentials, InvalidInput, RateLimited, ServerBusy]),
    Policy::new("renamePasskey", Viewer).errors(&[InvalidInput, NotFound, ReauthenticationRequired, RateLimited, ServerBusy]),
    Policy::new("removePasskey", Viewer).errors(&[LastSignInMethod, ReauthenticationRequired, EnrolmentRequired, RateLimited, ServerBusy]),
    Policy::new("startProviderLogin", Anybody).errors(&[NotEnabled, InvalidInput, ProviderUnavailable, RateLimited, ServerBusy]),
    Policy::new("googleLogin", Anybody).tests_credential().errors(PROVIDER_LOGIN_ERRORS),
    Policy::new("providerLogin", Anybody).tests_credential().errors(PROVIDER_LOGIN_ERRORS),
    Policy::new("linkIdentity", Viewer).tests_credential().errors(&[NotEnabled, ReauthenticationRequired, EnrolmentRequired, ProviderRejected, ProviderUnavailable, IdentityTaken, RateLimited, ServerBusy]),
    Policy::new("unlinkIdentity", Viewer).errors(&[LastSignInMethod, ReauthenticationRequired, EnrolmentRequired, RateLimited, ServerBusy]),
    Policy::new("user", Viewer),
    Policy::new("users", Staff).top_level_errors(&[TopLevelErrorCode::BadRequest]),
    Policy::new("setUserRole", Superuser).errors(&[NotFound, NotAllowed, ReauthenticationRequired, EnrolmentRequired, RateLimited, ServerBusy]),
    Policy::new("setUserActive", Superuser).errors(&[NotFound, NotAllowed, ReauthenticationRequired, EnrolmentRequired, RateLimited, ServerBusy]),
    Policy::new("resetSecondFactors", Superuser).errors(&[NotFound, NotAllowed, LastSignInMethod, ReauthenticationRequired, EnrolmentRequired, RateLimited, ServerBusy]),
    Policy::new("dashboard", Viewer),
    Policy::new("postToDashboard", Viewer).errors(&[InvalidInput, RateLimited, ServerBusy]),
    Policy::new("sessionEvents", Viewer).before_enrolment(),
];

impl Policy {
    const fn new(field: &'static str, access: Access) -> Self {
        Self {
            field,
            access,
            errors: &[],
            top_level_errors: &[],
            credential: Credential::None,
            is_before_enrolment: false,
        }
    }

    const fn errors(self, errors: &'static [ErrorCode]) -> Self {
        Self { errors, ..self }
    }

    const fn top_level_errors(self, top_level_errors: &'static [TopLevelErrorCode]) -> Self {
        Self { top_level_errors, ..self }
    }

    const fn tests_credential(self) -> Self {
        Self { credential: Credential::Tested, ..self }
    }

    const fn reveals_nothing_of_its_secret(self) -> Self {
        Self { credential: Credential::Unrevealed, ..self }
    }

    const fn before_enrolment(self) -> Self {
        Self { is_before_enrolment: true, ..self }
    }

    /// Returns whether a viewer who must enroll a second factor is refused. Of the protected fields, such a viewer may
    /// select only those that read the viewer's own account, enroll a factor or sign out.
    #[must_use]
    pub fn needs_enrolment(&self) -> bool {
        !self.is_before_enrolment && self.access != Access::Anybody && self.access != Access::Introspection
    }

    /// Returns the row of a root field, if it has one.
    #[must_use]
    pub fn of(field: &str) -> Option<&'static Self> {
        POLICIES.iter().find(|policy| policy.field == field)
    }

    /// Returns whether the row declares the use of secrets.
    #[must_use]
    pub fn mentions_secrets(&self) -> bool {
        self.credential != Credential::None
    }

    /// Returns whether the field returns a `UserError` if the viewer's role does not allow it. Other fields fail with `FORBIDDEN`.
    #[must_use]
    pub fn refuses_as_data(&self) -> bool {
        self.errors.contains(&NotAllowed)
    }

    /// Returns the codes of top-level errors that the field itself may cause, in addition to the codes that every field may cause.
    #[must_use]
    pub fn own_top_level_errors(&self) -> Vec<TopLevelErrorCode> {
        let is_restricted = matches!(self.access, Access::Staff | Access::Superuser);
        let forbidden = (is_restricted && !self.refuses_as_data()).then_some(TopLevelErrorCode::Forbidden);
        forbidden.into_iter().chain(self.top_level_errors.iter().copied()).collect()
    }

    /// Returns the last lines of the field's description.
    #[must_use]
    pub fn description(&self) -> String {
        let access = match self.access {
            Access::Anybody | Access::Introspection => "\nPublic: no access token is required.",
            Access::Staff => "\nStaff only.",
            Access::Superuser => "\nSuperusers only.",
            Access::Viewer | Access::Nobody => "",
        };
        let codes: Vec<_> = self.errors.iter().map(|code| format!("`{}`", code.name())).collect();
        let errors =
            if codes.is_empty() { String::new() } else { format!("\nErrors: {}.", codes.join(", ")) };
        format!("{access}{errors}")
    }
}

/// Returns who may select a root field.
#[must_use]
pub fn access(field: &str) -> Access {
    Policy::of(field).map_or(Access::Nobody, |policy| policy.access)
}

/// Returns whether each call of a root field is a guess at a credential.
pub(super) fn tests_credential(field: &str) -> bool {
    Policy::of(field).is_some_and(|policy| policy.credential == Credential::Tested)
}
