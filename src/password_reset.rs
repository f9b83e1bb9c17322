//! Resetting a forgotten password with an emailed link.

use sea_orm::DbErr;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{
    accounts::{Owner, check_confirmation, check_new, hash_new},
    app::App,
    challenges::{self, About, Asker, Challenge, IssuedChallenge, Locked},
    fault::{Failure, Refusal},
    input::{EmailAddress, FieldError, Inputs, Password},
    outbox::{self, MailKind},
    rate_limit::{Action, Address, Attempt},
    second_factors::{self, Removed},
    security_changes::{SecurityChange, notice},
    sessions::Client,
    storage::{
        self, Timestamp, Txn,
        challenge::{self, Purpose},
        identity, known_address,
        security_change::ChangeKind,
        session_end, user, user_changes,
    },
};

/// The reasons why no link is emailed.
#[derive(Debug)]
pub enum RequestPasswordResetRefusal {
    /// These fields are invalid.
    InvalidInput(Vec<FieldError>),
}

impl Refusal for RequestPasswordResetRefusal {}

/// Emails a reset link. The response is the same whether or not an account has the email address. A new link does not
/// invalidate earlier links, so nobody can invalidate the owner's link by requesting another one.
pub async fn request_password_reset(
    app: &App,
    client: &Client,
    email: &str,
) -> Result<IssuedChallenge, Failure<RequestPasswordResetRefusal>> {
    let email = EmailAddress::parse(email)
        .map_err(|wrong| RequestPasswordResetRefusal::InvalidInput(vec![wrong.at("email")]))?;
    let from = Asker::anonymous(client.ip_address);
    let permit = challenges::charge(app, from, Purpose::ResetPassword, &email).await?;
    let challenge = Challenge::new(app, Purpose::ResetPassword, &email, About::default(), permit);
    let issued = app.db.write(async move |txn| challenge.insert(&txn).await).await?;
    outbox::wake(app);
    Ok(issued)
}

/// A new password, and the token that authorizes it.
#[derive(Clone, Debug)]
pub struct ResetPasswordInput {
    /// The token of the link.
    pub token: SecretString,
    /// The new password.
    pub new_password: SecretString,
    /// The new password again. Checked if present.
    pub new_password_confirmation: Option<SecretString>,
}

/// The reasons why the password is not changed.
#[derive(Debug)]
pub enum ResetPasswordRefusal {
    /// The token is unknown, expired or spent. The client cannot tell which.
    InvalidToken,
    /// These fields are invalid.
    InvalidInput(Vec<FieldError>),
}

impl Refusal for ResetPasswordRefusal {}

/// Sets a new password. The emailed token also proves the email address.
///
/// Ends every session, including any that are still being opened. Removes every identity that was linked since the last
/// reset, and every second factor that was enrolled in the last 72 hours. Returns the IDs of the ended sessions. Opens
/// no session, because the account may still have an older second factor, which the user must prove to sign in.
pub async fn reset_password(
    app: &App,
    client: &Client,
    input: ResetPasswordInput,
) -> Result<Vec<Uuid>, Failure<ResetPasswordRefusal>> {
    let now = Timestamp(app.clock.now());
    let link_id = app
        .tokens
        .read_link_token(Purpose::ResetPassword, input.token.expose_secret())
        .ok_or(ResetPasswordRefusal::InvalidToken)?;
    let challenge = challenge::find_live_by_link(app.db.read(), link_id, now)
        .await?
        .filter(|challenge| challenge.purpose == Purpose::ResetPassword)
        .ok_or(ResetPasswordRefusal::InvalidToken)?;
    let user = user::find_by_email_key(app.db.read(), &challenge.email_key)
        .await?
        .ok_or(ResetPasswordRefusal::InvalidToken)?;

    let owner = Owner::of(&user);
    let new = parse(app, &owner, &input).map_err(ResetPasswordRefusal::InvalidInput)?;
    let address = Address::rationed(app, client.ip_address);
    let asker = address.as_ref().map(Address::as_str);
    let take_place = || app.passwords.place_to_hash(asker, new.length());
    let (_, place) =
        Attempt::begin_with_place(app, &[Action::PasswordReset(user.id)], None, take_place).await?;
    let password_hash = hash_new(app, place, new, &owner)
        .await?
        .map_err(|wrong| ResetPasswordRefusal::InvalidInput(vec![wrong.at("newPassword")]))?;

    let change = SecurityChange::announce(app, &user, ChangeKind::PasswordReset).await?;
    // must be later than the time of the change, so that undoing the change finds the factors that the change removes
    let now = Timestamp(app.clock.now());
    let user_id = user.id;
    let restoration = challenges::restore(app, Some(&challenge.email));
    let here = client.ip_address.map(|address| Address::of(address).as_str().to_owned());
    let ended = app
        .db
        .write(async move |txn| {
            restoration.apply(&txn).await?;
            let Locked { account, .. } = challenges::lock(&txn, &challenge).await?;
            // the account may have another email address by now
            let is_theirs = |account: &user::Model| {
                account.id == user_id && account.email_key.as_ref() == Some(&challenge.email_key)
            };
            let Some(account) = account.filter(is_theirs) else { return Ok(None) };
            // the link of a deactivated account is spent without any effect
            if challenge::end(&txn, challenge.id, now).await?.is_none() || !account.is_active {
                return Ok(None);
            }
            let removed = identities_to_remove(&txn, &account).await?;
            identity::delete(&txn, user_id, &removed, now).await?;
            change.insert(&txn, &account, &removed).await?;
            user_changes::reset_password(&txn, user_id, Some(password_hash), now).await?;
            if second_factors::remove_young(&txn, &account, now).await? == Removed::Factors
                && let Some(mail) = notice(now.0, MailKind::SecondFactorRemoved, &account, None)
            {
                storage::outbox::insert(&txn, mail).await?;
            }
            let ended = session_end::end_all(&txn, user_id, now).await?;
            // the other network addresses are forgotten, because a thief may have signed in from them with the old
            // password
            known_address::forget_others(&txn, user_id, here.as_deref().unwrap_or_default()).await?;
            // this network address becomes known unless the account has a second factor, because then reading the email
            // does not prove that the reader is the owner
            if let Some(here) = here.as_ref().filter(|_| !account.has_second_factor()) {
                known_address::note(&txn, user_id, here, now).await?;
            }
            challenge::end_all(&txn, &challenge.email_key, now).await?;
            challenge::end_all_of(&txn, user_id, now).await?;
            Ok(Some(ended))
        })
        .await?;
    outbox::wake(app);
    Ok(ended.ok_or(ResetPasswordRefusal::InvalidToken)?)
}

/// Returns the identities that a reset removes: those that were linked since the last reset or, if there was none,
/// since the account was created. A thief may have linked them. A later change of the password makes no difference,
/// because a thief could also have made that change.
async fn identities_to_remove(txn: &Txn, account: &user::Model) -> Result<Vec<identity::Model>, DbErr> {
    let linked = identity::list(txn, &[account.id]).await?;
    let baseline = account.last_reset_at.unwrap_or(account.created_at);
    let is_proven = account.email_verified_at.is_some();
    // a stranger may have created an account whose email address was never proven, so all its identities are removed
    Ok(linked.into_iter().filter(|identity| !is_proven || identity.linked_at.0 > baseline.0).collect())
}

fn parse(app: &App, owner: &Owner, input: &ResetPasswordInput) -> Result<Password, Vec<FieldError>> {
    let mut inputs = Inputs::default();
    let parsed = Password::parse(input.new_password.expose_secret())
        .and_then(|new| check_new(app, &new, owner).map(|()| new));
    let new = inputs.check("newPassword", parsed);
    let confirmation = input.new_password_confirmation.as_ref();
    inputs.check("newPasswordConfirmation", check_confirmation(&input.new_password, confirmation));
    inputs.finish()?;
    new.ok_or_else(Vec::new)
}
