//! People and their accounts.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use secrecy::SecretString;
use time::OffsetDateTime;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{
    caller,
    error::ApiError,
    jwt_guard::viewer,
    outcomes::SignInResult,
    sessions::{AuthPayload, Session},
    verification::{ChallengeMethod, EmailVerificationMode},
};
use crate::{
    accounts::{self, NewAccountInput},
    app::App,
    input::{PASSWORD_MAX_LENGTH, USERNAME_MAX_LENGTH, USERNAME_MIN_LENGTH},
    sessions::Viewer,
    storage::{Timestamp, identity, session, user},
};

/// The queries on accounts.
#[derive(Default)]
pub struct AccountsQuery;

#[Object]
impl AccountsQuery {
    /// The signed-in user.
    async fn me(&self, ctx: &Context<'_>) -> Result<User, ApiError> {
        let Viewer { user, session } = viewer(ctx)?.clone();
        Ok(User::new(user, Some(session.id)))
    }

    /// What a client must know to draw its forms. Anybody may ask.
    async fn auth_settings(&self, ctx: &Context<'_>) -> AuthSettings {
        let config = &ctx.data_unchecked::<Arc<App>>().config;
        AuthSettings {
            signup_enabled: config.signup,
            email_required: config.email_required,
            email_verification: config.email_verification.into(),
            email_verification_method: config.email_verification_method.into(),
            otp_length: config.otp_length.into(),
            password_min_length: length(config.password_min_length),
            password_max_length: length(PASSWORD_MAX_LENGTH),
            username_min_length: length(USERNAME_MIN_LENGTH),
            username_max_length: length(USERNAME_MAX_LENGTH),
            google_client_id: None,
        }
    }
}

/// The mutations of accounts.
#[derive(Default)]
pub struct AccountsMutation;

#[Object]
impl AccountsMutation {
    /// Creates an account and signs in; where verification is mandatory, answers with a challenge instead. Anybody may ask.
    /// Errors: `INVALID_INPUT`, `EMAIL_TAKEN`, `USERNAME_TAKEN`, `NOT_ENABLED`, `RATE_LIMITED`, `SERVER_BUSY`.
    async fn signup(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account to be.")] input: SignupInput,
    ) -> Result<SignInResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        Ok(match accounts::signup(app, &caller.client, input.into()).await {
            Ok(signed_in) => SignInResult::AuthPayload(Box::new(AuthPayload::from(signed_in))),
            Err(error) => SignInResult::UserError(error.try_into()?),
        })
    }
}

/// A new account. `email` is required unless the server is configured otherwise; then `username` is required in its place.
#[derive(InputObject)]
pub struct SignupInput {
    /// The address: an ASCII local part, and a domain that may be international; at most 254 bytes.
    email: Option<String>,
    /// The name to sign in with: 3 to 30 of the letters a to z, digits, and `_ . -`; unique whatever the case.
    username: Option<String>,
    /// At least `passwordMinLength` and at most 128 characters of any kind, and not easily guessed.
    #[graphql(secret)]
    password: String,
    /// Checked where given: must equal `password`.
    #[graphql(secret)]
    password_confirmation: Option<String>,
    /// The full name; at most 150 characters.
    name: Option<String>,
    /// The given name; at most 150 characters.
    first_name: Option<String>,
    /// The family name; at most 150 characters.
    last_name: Option<String>,
}

impl From<SignupInput> for NewAccountInput {
    fn from(input: SignupInput) -> Self {
        Self {
            email: input.email,
            username: input.username,
            password: input.password.into(),
            password_confirmation: input.password_confirmation.map(SecretString::from),
            name: input.name,
            first_name: input.first_name,
            last_name: input.last_name,
        }
    }
}

/// A person with an account. What is asked of the database is asked once, however often the document selects it.
pub struct User {
    row: user::Model,
    current_session: Option<Uuid>,
    sessions: OnceCell<Vec<session::Model>>,
    identities: OnceCell<Vec<identity::Model>>,
}

impl User {
    /// A row, as seen from a session.
    #[must_use]
    pub fn new(row: user::Model, current_session: Option<Uuid>) -> Self {
        Self { row, current_session, sessions: OnceCell::new(), identities: OnceCell::new() }
    }
}

/// A person with an account.
#[Object]
impl User {
    /// Opaque, and never reused.
    async fn id(&self) -> ID {
        self.row.id.into()
    }

    /// The address as its owner writes it. Null for accounts that signed up with a username alone.
    async fn email(&self) -> Option<&str> {
        self.row.email.as_deref()
    }

    /// Whether the owner of the account has proven that the address is theirs.
    async fn email_verified(&self) -> bool {
        self.row.email_verified_at.is_some()
    }

    /// The name to sign in with, as its owner writes it. Null where there is none.
    async fn username(&self) -> Option<&str> {
        self.row.username.as_deref()
    }

    /// The full name as given, else first and last name joined. Null where none was given.
    async fn name(&self) -> Option<Cow<'_, str>> {
        self.row.full_name()
    }

    /// The given name. Null where none was given.
    async fn first_name(&self) -> Option<&str> {
        self.row.first_name.as_deref()
    }

    /// The family name. Null where none was given.
    async fn last_name(&self) -> Option<&str> {
        self.row.last_name.as_deref()
    }

    /// What people say of themselves. Null where they say nothing.
    async fn bio(&self) -> Option<&str> {
        self.row.bio.as_deref()
    }

    /// A picture, by an https URL. Null where there is none.
    async fn avatar_url(&self) -> Option<&str> {
        self.row.avatar_url.as_deref()
    }

    /// What the person may do.
    async fn role(&self) -> Role {
        self.row.role.into()
    }

    /// Whether the person may sign in.
    async fn is_active(&self) -> bool {
        self.row.is_active
    }

    /// False where the person has only ever signed in by other means; `changePassword` then sets one.
    async fn has_password(&self) -> bool {
        self.row.password_hash.is_some()
    }

    /// When the account began.
    async fn created_at(&self) -> OffsetDateTime {
        self.row.created_at.0
    }

    /// When the profile was last changed.
    async fn updated_at(&self) -> OffsetDateTime {
        self.row.updated_at.0
    }

    /// When the person last signed in. Null if never.
    async fn last_login_at(&self) -> Option<OffsetDateTime> {
        self.row.last_login_at.map(|at| at.0)
    }

    /// Live sessions, the newest first; there are never more than `MAX_SESSIONS_PER_USER`.
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>, ApiError> {
        let app = ctx.data_unchecked::<Arc<App>>();
        let list = || session::list_live(app.db.read(), self.row.id, Timestamp(app.clock.now()));
        let live = self.sessions.get_or_try_init(list).await?;
        Ok(live.iter().map(|row| Session::new(row.clone(), self.current_session)).collect())
    }

    /// Accounts elsewhere that sign this person in, in the order in which they were linked.
    async fn identities(&self, ctx: &Context<'_>) -> Result<Vec<Identity>, ApiError> {
        let app = ctx.data_unchecked::<Arc<App>>();
        let identities =
            self.identities.get_or_try_init(|| identity::list(app.db.read(), self.row.id)).await?;
        Ok(identities.iter().cloned().map(Identity::from).collect())
    }
}

/// What a person may do. Each may do what those before may.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "user::Role")]
pub enum Role {
    /// Use their own account.
    User,
    /// See everybody's account.
    Staff,
    /// Change everybody's account.
    Superuser,
}

/// An account elsewhere that signs a person in here.
#[derive(SimpleObject)]
pub struct Identity {
    /// Where it is.
    provider: IdentityProvider,
    /// Its email address, as of when it was linked. Null where the provider gave none.
    email: Option<String>,
    /// When it was linked.
    linked_at: OffsetDateTime,
}

/// Who vouches for an identity. Values may be added: keep a default branch.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityProvider {
    /// Google.
    Google,
}

impl From<identity::Model> for Identity {
    fn from(row: identity::Model) -> Self {
        Self { provider: IdentityProvider::Google, email: row.email, linked_at: row.linked_at.0 }
    }
}

/// What a client must know to draw its forms.
#[derive(SimpleObject)]
pub struct AuthSettings {
    /// Whether people may create accounts.
    signup_enabled: bool,
    /// Whether a new account must have an email address; else a username will do.
    email_required: bool,
    /// When an email address must be proven.
    email_verification: EmailVerificationMode,
    /// How an email address is proven.
    email_verification_method: ChallengeMethod,
    /// Digits of a one-time password.
    otp_length: i32,
    /// The fewest characters of a password.
    password_min_length: i32,
    /// The most characters of a password.
    password_max_length: i32,
    /// The fewest characters of a username.
    username_min_length: i32,
    /// The most characters of a username.
    username_max_length: i32,
    /// The client id for Google sign-in. Null where that is switched off.
    google_client_id: Option<String>,
}

fn length(characters: usize) -> i32 {
    i32::try_from(characters).unwrap_or(i32::MAX)
}
