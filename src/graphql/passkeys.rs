//! Passkeys: signing in and signing up with them, and adding, renaming and removing them.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject, Union};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::{
    caller::{caller, viewer},
    error::ApiError,
    node::uuid,
    refusal::{ErrorCode, UserError},
    types::{
        auth_payload::SignInResult,
        json::Json,
        passkey::{Passkey, PasskeyCeremonyResult, PasskeyResult},
        user::{User, UserResult},
    },
    unhandled::Growing,
};
use crate::passkeys::{
    self, FinishPasskeyEnrolmentRefusal, PasskeyLoginRefusal, PasskeySignupRefusal, PasskeysNotEnabled,
    RemovePasskeyRefusal, RenamePasskeyRefusal, StartPasskeyEnrolmentRefusal, StartPasskeySignupRefusal,
};

/// The mutations for passkeys.
#[derive(Default)]
pub struct PasskeysMutation;

#[Object]
impl PasskeysMutation {
    /// Starts a sign-in with any passkey that the user has for the site. Takes no email address, so it does not reveal who has an
    /// account. The options can also be used for autofill (`mediation: "conditional"`).
    async fn start_passkey_login(&self, ctx: &Context<'_>) -> Result<PasskeyCeremonyResult, ApiError> {
        let (app, _) = caller(ctx)?;
        Ok(match passkeys::start_passkey_login(app) {
            Ok(started) => PasskeyCeremonyResult::PasskeyCeremony(started.into()),
            Err(refusal) => PasskeyCeremonyResult::UserError(refusal.into()),
        })
    }

    /// Signs in with a passkey, which counts as two factors, because the device verifies its user.
    async fn passkey_login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the `PasskeyCeremony`.")] id: ID,
        #[graphql(desc = "What `navigator.credentials.get` returned, converted with `toJSON`.", secret)]
        credential: Json,
    ) -> Result<Growing<SignInResult>, ApiError> {
        let (app, caller) = caller(ctx)?;
        let signed_in = passkeys::passkey_login(app, &caller.client, uuid(&id), &credential.0).await;
        Ok(Growing(match signed_in {
            Ok(sign_in) => SignInResult::deliver(app, caller, sign_in),
            Err(error) => SignInResult::UserError(error.try_into()?),
        }))
    }

    /// Starts a sign-up with a passkey instead of a password.
    async fn start_passkey_signup(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details of the new account.")] input: PasskeySignupInput,
    ) -> Result<PasskeyCeremonyResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        Ok(match passkeys::start_passkey_signup(app, &caller.client, input.into()).await {
            Ok(started) => PasskeyCeremonyResult::PasskeyCeremony(started.into()),
            Err(error) => PasskeyCeremonyResult::UserError(error.try_into()?),
        })
    }

    /// Creates the account with its passkey and signs the user in. If the email address must be verified first, emails a code or
    /// link instead of signing the user in.
    async fn passkey_signup(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the `PasskeyCeremony`.")] id: ID,
        #[graphql(desc = "What `navigator.credentials.create` returned, converted with `toJSON`.", secret)]
        credential: Json,
    ) -> Result<Growing<SignInResult>, ApiError> {
        let (app, caller) = caller(ctx)?;
        let signed_up = passkeys::passkey_signup(app, &caller.client, uuid(&id), &credential.0).await;
        Ok(Growing(match signed_up {
            Ok(sign_in) => SignInResult::deliver(app, caller, sign_in),
            Err(error) => SignInResult::UserError(error.try_into()?),
        }))
    }

    /// Starts adding a passkey to the viewer's account. Requires recent reauthentication: with a second factor if the account has
    /// one, or else with an emailed code. If the account has an unverified email address, fails with `NOT_ENABLED`.
    async fn start_passkey_enrolment(&self, ctx: &Context<'_>) -> Result<PasskeyCeremonyResult, ApiError> {
        let (app, _) = caller(ctx)?;
        Ok(match passkeys::start_passkey_enrolment(app, viewer(ctx)?).await {
            Ok(started) => PasskeyCeremonyResult::PasskeyCeremony(started.into()),
            Err(error) => PasskeyCeremonyResult::UserError(error.try_into()?),
        })
    }

    /// Adds the passkey to the viewer's account. The passkey is also a second factor. Ends the viewer's other sessions.
    async fn finish_passkey_enrolment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the `PasskeyCeremony`.")] id: ID,
        #[graphql(desc = "What `navigator.credentials.create` returned, converted with `toJSON`.", secret)]
        credential: Json,
        #[graphql(
            desc = "The name; at most 64 characters. Defaults to the name of the device or password manager."
        )]
        name: Option<String>,
    ) -> Result<PasskeyEnrolmentResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        let finished =
            passkeys::finish_passkey_enrolment(app, viewer, uuid(&id), &credential.0, name.as_deref()).await;
        Ok(match finished {
            Ok(enrolled) => {
                caller.delivery.ended(app, &enrolled.ended);
                let enrolled = PasskeyEnrolled::new(enrolled, viewer.session.id);
                PasskeyEnrolmentResult::PasskeyEnrolled(Box::new(enrolled))
            }
            Err(error) => PasskeyEnrolmentResult::UserError(error.try_into()?),
        })
    }

    /// Renames one of the viewer's passkeys. Requires recent reauthentication with a second factor.
    async fn rename_passkey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the passkey.")] id: ID,
        #[graphql(desc = "The new name; at most 64 characters.")] name: String,
    ) -> Result<PasskeyResult, ApiError> {
        let (app, _) = caller(ctx)?;
        Ok(match passkeys::rename_passkey(app, viewer(ctx)?, uuid(&id), &name).await {
            Ok(passkey) => PasskeyResult::Passkey(passkey.into()),
            Err(error) => PasskeyResult::UserError(error.try_into()?),
        })
    }

    /// Removes one of the viewer's passkeys, unless it is the last way to sign in. Removing the last second factor also removes the
    /// recovery codes. Requires recent reauthentication with a second factor. If the viewer has no such passkey, succeeds and
    /// changes nothing.
    async fn remove_passkey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the passkey.")] id: ID,
    ) -> Result<UserResult, ApiError> {
        let (app, _) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        Ok(match passkeys::remove_passkey(app, viewer, uuid(&id)).await {
            Ok(user) => UserResult::User(Box::new(User::new(user, Some(viewer.session.id)))),
            Err(error) => UserResult::UserError(error.try_into()?),
        })
    }
}

/// The details of an account with a passkey instead of a password.
#[derive(InputObject)]
pub struct PasskeySignupInput {
    /// The email address. Required if `AuthSettings.emailRequired` is true.
    email: Option<String>,
    /// The username: 3 to 30 ASCII letters, digits, `_`, `.` or `-`. Required if `email` is missing.
    username: Option<String>,
    /// The full name; at most 150 characters.
    name: Option<String>,
    /// The first name; at most 150 characters.
    first_name: Option<String>,
    /// The last name; at most 150 characters.
    last_name: Option<String>,
}

impl From<PasskeySignupInput> for passkeys::PasskeySignupInput {
    fn from(input: PasskeySignupInput) -> Self {
        let PasskeySignupInput { email, username, name, first_name, last_name } = input;
        Self { email, username, name, first_name, last_name }
    }
}

/// The account with its new passkey.
#[derive(SimpleObject)]
pub struct PasskeyEnrolled {
    /// The user.
    user: User,
    /// The passkey.
    passkey: Passkey,
    /// The new recovery codes, which are returned only once. Null if the account already had recovery codes.
    recovery_codes: Option<Vec<String>>,
    /// The IDs of the sessions that ended.
    ended_session_ids: Vec<ID>,
}

impl PasskeyEnrolled {
    fn new(enrolled: passkeys::PasskeyEnrolled, current_session: Uuid) -> Self {
        let codes = enrolled.recovery_codes;
        Self {
            user: User::new(enrolled.user, Some(current_session)),
            passkey: enrolled.passkey.into(),
            recovery_codes: codes
                .map(|codes| codes.iter().map(|code| code.expose_secret().to_owned()).collect()),
            ended_session_ids: enrolled.ended.into_iter().map(ID::from).collect(),
        }
    }
}

/// The result of adding a passkey.
#[derive(Union)]
pub enum PasskeyEnrolmentResult {
    /// The account with its new passkey.
    PasskeyEnrolled(Box<PasskeyEnrolled>),
    /// The request was refused.
    UserError(UserError),
}

impl From<PasskeysNotEnabled> for UserError {
    fn from(PasskeysNotEnabled: PasskeysNotEnabled) -> Self {
        Self::passkeys_not_enabled()
    }
}

impl From<PasskeyLoginRefusal> for UserError {
    fn from(refusal: PasskeyLoginRefusal) -> Self {
        match refusal {
            PasskeyLoginRefusal::InvalidToken => Self::sign_in_expired(),
            PasskeyLoginRefusal::NotFound => {
                Self::new(ErrorCode::NotFound, "This passkey was not recognized. Sign in another way.")
            }
            PasskeyLoginRefusal::InvalidCredentials => Self::wrong_passkey(),
            PasskeyLoginRefusal::AccountDisabled => Self::account_disabled(),
        }
    }
}

impl From<StartPasskeySignupRefusal> for UserError {
    fn from(refusal: StartPasskeySignupRefusal) -> Self {
        match refusal {
            StartPasskeySignupRefusal::SignupNotEnabled => Self::signup_not_enabled(),
            StartPasskeySignupRefusal::PasskeysNotEnabled => Self::passkeys_not_enabled(),
            StartPasskeySignupRefusal::InvalidInput(fields) => Self::invalid_input(fields),
        }
    }
}

impl From<PasskeySignupRefusal> for UserError {
    fn from(refusal: PasskeySignupRefusal) -> Self {
        match refusal {
            PasskeySignupRefusal::NotEnabled => Self::signup_not_enabled(),
            PasskeySignupRefusal::InvalidToken => {
                Self::new(ErrorCode::InvalidToken, "This sign-up has expired. Start again.")
            }
            PasskeySignupRefusal::InvalidCredentials => Self::passkey_not_created(),
            PasskeySignupRefusal::InvalidInput(fields) => Self::invalid_input(fields),
        }
    }
}

impl From<StartPasskeyEnrolmentRefusal> for UserError {
    fn from(refusal: StartPasskeyEnrolmentRefusal) -> Self {
        match refusal {
            StartPasskeyEnrolmentRefusal::NotEnabled => Self::passkeys_not_enabled(),
            StartPasskeyEnrolmentRefusal::TooMany => Self::new(
                ErrorCode::InvalidInput,
                "This account has the maximum number of passkeys. Remove one first.",
            ),
            StartPasskeyEnrolmentRefusal::MayNotEnroll(refusal) => refusal.into(),
        }
    }
}

impl From<FinishPasskeyEnrolmentRefusal> for UserError {
    fn from(refusal: FinishPasskeyEnrolmentRefusal) -> Self {
        match refusal {
            FinishPasskeyEnrolmentRefusal::InvalidToken => {
                Self::new(ErrorCode::InvalidToken, "This enrollment has expired. Start again.")
            }
            FinishPasskeyEnrolmentRefusal::InvalidCredentials => Self::passkey_not_created(),
            FinishPasskeyEnrolmentRefusal::InvalidInput(field) => Self::invalid_input(vec![field]),
        }
    }
}

impl From<RenamePasskeyRefusal> for UserError {
    fn from(refusal: RenamePasskeyRefusal) -> Self {
        match refusal {
            RenamePasskeyRefusal::NotFound => {
                Self::new(ErrorCode::NotFound, "You have no passkey with this ID.")
            }
            RenamePasskeyRefusal::InvalidInput(field) => Self::invalid_input(vec![field]),
            RenamePasskeyRefusal::ReauthenticationRequired => Self::reauthentication_required(),
        }
    }
}

impl From<RemovePasskeyRefusal> for UserError {
    fn from(refusal: RemovePasskeyRefusal) -> Self {
        match refusal {
            RemovePasskeyRefusal::LastSignInMethod => Self::new(
                ErrorCode::LastSignInMethod,
                "This passkey is the only way to sign in to the account. Set a password or add another passkey first.",
            ),
            RemovePasskeyRefusal::ReauthenticationRequired => Self::reauthentication_required(),
        }
    }
}
