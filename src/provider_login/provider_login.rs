//! Signing in with an account at a provider.

use uuid::Uuid;

use super::{
    account::{identity, link, new_user, registered},
    identify::{IdentifyRefusal, ProviderLoginInput, identify},
};
use crate::{
    app::App,
    challenges::{self, About, Asker, Challenge, IssuedChallenge, Registration},
    config::EmailVerification,
    fault::{Failure, Fault, Refusal},
    outbox,
    providers::Account as ProviderAccount,
    rate_limit::{Account, Action, Address, Attempt},
    sessions::{Client, Opening, PendingSession, SignIn, SignInRefusal, SignedIn, sign_in},
    storage::{
        Timestamp,
        challenge::{self, Purpose},
        identity, security_change,
        session::AuthenticationMethod,
        user,
    },
};

/// The number of attempts if another request creates the same account at the same time.
const TRIES: usize = 3;

/// The reasons why a sign-in is refused.
#[derive(Debug)]
pub enum ProviderLoginRefusal {
    /// The provider did not identify anyone.
    Identify(IdentifyRefusal),
    /// No user is linked to the account, and sign-up is disabled.
    SignupNotEnabled,
    /// A user has this email address, but the provider's confirmation is not enough to sign in to that user's account.
    LinkRequired,
    /// The account is deactivated.
    AccountDisabled,
}

impl Refusal for ProviderLoginRefusal {}

impl From<IdentifyRefusal> for ProviderLoginRefusal {
    fn from(error: IdentifyRefusal) -> Self {
        Self::Identify(error)
    }
}

impl From<SignInRefusal> for ProviderLoginRefusal {
    fn from(refusal: SignInRefusal) -> Self {
        match refusal {
            SignInRefusal::AccountDisabled => Self::AccountDisabled,
            // in the meantime, the identity was unlinked or linked to another user
            SignInRefusal::Outdated => Self::Identify(IdentifyRefusal::Rejected),
        }
    }
}

/// Signs in the user whom the provider account is linked to. If there is none, the email address decides:
///
/// - If no account has the address, a new account is created.
/// - If it is the proven address of an account, and the provider is authoritative for it, the two accounts are linked.
/// - Otherwise the owner must sign in and link the accounts.
pub async fn provider_login(
    app: &App,
    client: &Client,
    input: &ProviderLoginInput,
) -> Result<SignIn, Failure<ProviderLoginRefusal>> {
    let (account, attempt) = identify(app, client, input).await.map_err(Failure::into_refusal)?;
    for _ in 0..TRIES {
        let pending =
            |user: &user::Model| PendingSession::new(app, user, client, &[AuthenticationMethod::Identity]);
        let charging_owner = |user: &user::Model| {
            attempt.clone().charge_on_success(app, Action::Login(Account::Known(user.id)))
        };
        if let Some(user) = identity::find_user(app.db.read(), &account.issuer, &account.subject).await? {
            let signed_in = sign_in(app, client, &user, pending(&user), charging_owner(&user)).await;
            return signed_in.map_err(Failure::into_refusal);
        }
        // a sign-in with an address that anybody can claim must not reveal whether the address has an account: only the
        // owner of the address learns that, from an email
        let is_secret =
            !account.is_verified && app.config.sign_up.email_verification == EmailVerification::Mandatory;
        if !is_secret && let Some(user) = user::find_by_email_key(app.db.read(), account.email.key()).await? {
            let linked = identity::list(app.db.read(), &[user.id]).await?;
            let is_same = |identity: &identity::Model| {
                (&identity.issuer, &identity.subject) == (&account.issuer, &account.subject)
            };
            if linked.iter().any(is_same) {
                continue;
            }
            // a stranger may have created an account with this address without proving it, and may be waiting for the
            // owner of the address to use the account
            let is_owned = account.is_authoritative && user.email_verified_at.is_some();
            // a company may have given a former employee's address to another person, who has a new account at the
            // provider
            let has_another = linked.iter().any(|identity| identity.issuer == account.issuer);
            if !is_owned || has_another {
                return Err(ProviderLoginRefusal::LinkRequired.into());
            }
            let pending = if user.has_second_factor() {
                pending(&user).linking_later(registered(&account))
            } else {
                pending(&user).linking(link(app, &account, &user).await?)
            };
            let signed_in = sign_in(app, client, &user, pending, charging_owner(&user)).await;
            outbox::wake(app);
            return signed_in.map_err(Failure::into_refusal);
        }
        // an account may have given up the address in a change that can still be undone
        let now = Timestamp(app.clock.now());
        if !is_secret
            && security_change::is_reserved(app.db.read(), account.email.key(), Uuid::nil(), now).await?
        {
            return Err(ProviderLoginRefusal::LinkRequired.into());
        }
        if let Some(signed_in) = sign_up(app, client, &account, attempt.clone()).await? {
            return Ok(signed_in);
        }
    }
    Err(Fault::Busy.into())
}

/// Creates an account. Returns `None` if another request has just created one with this identity or email address.
async fn sign_up(
    app: &App,
    client: &Client,
    account: &ProviderAccount,
    attempt: Attempt,
) -> Result<Option<SignIn>, Failure<ProviderLoginRefusal>> {
    if !app.config.sign_up.signup {
        return Err(ProviderLoginRefusal::SignupNotEnabled.into());
    }
    let row = new_user(app, account);
    let is_unproven = row.email_verified_at.is_none();
    if is_unproven && app.config.sign_up.email_verification == EmailVerification::Mandatory {
        let issued = register(app, client, account, row, attempt).await?;
        return Ok(Some(SignIn::EmailChallenge(Box::new(issued))));
    }
    charge_signup(app, client).await?;
    let challenge = if is_unproven && app.config.sign_up.email_verification == EmailVerification::Optional {
        challenge(app, client, account, &row).await?
    } else {
        None
    };
    let pending = PendingSession::new(app, &row, client, &[AuthenticationMethod::Identity]);
    let identity = identity(account, &row);
    let created = app
        .db
        .write(async move |txn| {
            if !user::insert(&txn, row).await? {
                return Ok(None);
            }
            identity::claim(&txn, identity).await?;
            // this charges no budget, so it cannot be refused
            attempt.succeed(&txn).await?.ok();
            let issued = match challenge {
                Some(challenge) => Some(challenge.insert(&txn).await?),
                None => None,
            };
            Ok(Some((pending.open(&txn).await?, issued)))
        })
        .await;
    match created {
        Ok(Some((Opening::Opened(opened), email_challenge))) => {
            outbox::wake(app);
            let signed_in = SignedIn { email_challenge, ..SignedIn::issue(app, *opened)? };
            Ok(Some(SignIn::SignedIn(Box::new(signed_in))))
        }
        Ok(Some(_)) => Err(Fault::internal("a new account cannot be signed in to").into()),
        Ok(None) | Err(Fault::Conflict(_)) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

async fn charge_signup(app: &App, client: &Client) -> Result<(), Fault> {
    let address = Address::rationed(app, client.ip_address);
    let action: Vec<_> = address.iter().map(Action::Signup).collect();
    Attempt::begin(app, &action, None).await.map(drop)
}

/// Prepares the challenge that proves the email address. Returns `None` if the address has received too many emails:
/// the account is then created without a challenge.
async fn challenge(
    app: &App,
    client: &Client,
    account: &ProviderAccount,
    row: &user::Model,
) -> Result<Option<Challenge>, Fault> {
    let from = Asker::of(client.ip_address, row.id);
    let permit = match challenges::charge(app, from, Purpose::VerifyEmail, &account.email).await {
        Err(Fault::RateLimited { .. }) => return Ok(None),
        permit => permit?,
    };
    let about = About { user_id: Some(row.id), ..About::default() };
    Ok(Some(Challenge::new(app, Purpose::VerifyEmail, &account.email, about, permit)))
}

/// Returns the challenge whose proof creates the account: the open one for this identity, or a new one.
async fn register(
    app: &App,
    client: &Client,
    account: &ProviderAccount,
    row: user::Model,
    attempt: Attempt,
) -> Result<IssuedChallenge, Fault> {
    let identity = registered(account);
    let now = Timestamp(app.clock.now());
    let open = challenge::list_live(app.db.read(), account.email.key(), now).await?;
    let is_theirs = |challenge: &challenge::Model| {
        Registration::read(challenge).is_some_and(|registration| registration.identity() == Some(&identity))
    };
    if let Some(awaited) = open.into_iter().find(is_theirs) {
        attempt.refund(app).await?;
        return Ok(IssuedChallenge::earlier(app, awaited));
    }
    charge_signup(app, client).await?;
    let from = Asker::anonymous(client.ip_address);
    let permit = challenges::charge(app, from, Purpose::VerifyEmail, &account.email).await?;
    let registration = Registration::of(row).map(|registration| registration.by(identity));
    let about = About { registration, ..About::default() };
    let challenge = Challenge::new(app, Purpose::VerifyEmail, &account.email, about, permit);
    let issue = app.db.write(async move |txn| {
        attempt.succeed(&txn).await?.ok();
        challenge.insert(&txn).await
    });
    let issued = issue.await?;
    outbox::wake(app);
    Ok(issued)
}
