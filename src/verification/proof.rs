//! The effects of a valid proof of an email address.
//!
//! Anyone can request an email to an address. Reading the email therefore proves who owns the address, but not who
//! chose the earlier credentials: the password of a registration, or of an account whose address was never proven.
//! Such a password is kept only for a prover who shows that they chose it (see [`Claim`]). For anyone else, the
//! account continues with email as its only sign-in method.

use sea_orm::DbErr;
use uuid::Uuid;

use crate::{
    challenges::Registration,
    second_factors,
    security_changes::SecurityChange,
    storage::{
        Timestamp, Txn,
        challenge::{self, Purpose},
        identity, passkey, security_change, session_end, user, user_changes,
    },
};

/// The evidence that the prover chose the credentials that existed before the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// No evidence beyond having read the email.
    Mail,
    /// The ID of a challenge of the same series. It was sent in the response to the request for the email, but not in
    /// any email.
    ChallengeId,
    /// The password of the challenge's registration.
    RegistrationPassword,
    /// The password of the account with this ID, checked at this version of its credentials.
    AccountPassword(Uuid, i64),
}

/// A valid proof, and the locked rows that it concerns.
pub(super) struct Proof {
    pub(super) challenge: challenge::Model,
    pub(super) account: Option<user::Model>,
    pub(super) claim: Claim,
    /// Whether the prover is signed in to the account.
    pub(super) is_viewer: bool,
    /// Whether people may create accounts.
    pub(super) may_sign_up: bool,
    pub(super) now: Timestamp,
}

/// The outcome of a valid proof.
pub(super) enum Outcome {
    /// The user who has the email address now.
    User(Box<user::Model>),
    /// Another account has the email address, or gave it up recently.
    EmailTaken,
    /// The proof changes nothing.
    Nothing,
}

impl From<Option<user::Model>> for Outcome {
    fn from(user: Option<user::Model>) -> Self {
        user.map_or(Self::Nothing, |user| Self::User(Box::new(user)))
    }
}

impl Proof {
    /// Marks the address as verified in the account that has it, or creates the account that was registered with the
    /// address.
    pub(super) async fn verify_email(
        self,
        txn: &Txn,
        challenges: &[challenge::Model],
    ) -> Result<Outcome, DbErr> {
        let email_key = &self.challenge.email_key;
        let registration = Registration::read(&self.challenge);
        let id = match &self.account {
            // the address is already proven, and continuing could replace the account's password with the
            // registration's
            Some(account) if account.email_verified_at.is_some() => return Ok(Outcome::Nothing),
            Some(account) if self.owns(account) => {
                user_changes::verify_email(txn, account.id, self.now).await?;
                account.id
            }
            // a stranger may have created the account with an address that was never theirs, so the prover takes it
            // over
            Some(account) => {
                let own = registration.filter(|_| self.owns_registration());
                self.take_over(txn, account, own).await?;
                account.id
            }
            None if security_change::is_reserved(txn, email_key, Uuid::nil(), self.now).await? => {
                return Ok(Outcome::EmailTaken);
            }
            None => match self.create(txn, registration, challenges).await? {
                Some(id) => id,
                None => return Ok(Outcome::Nothing),
            },
        };
        challenge::end_all(txn, email_key, self.now).await?;
        Ok(user::find(txn, id).await?.into())
    }

    /// Signs in to the account that has the address, or creates an account. If the address was never proven, a stranger
    /// may have created the account and may be waiting for the owner of the address to use it, so the prover takes the
    /// account over.
    pub(super) async fn sign_in(self, txn: &Txn) -> Result<Outcome, DbErr> {
        let Some(account) = &self.account else { return self.sign_up(txn).await };
        if account.email_verified_at.is_none() {
            if self.owns(account) {
                user_changes::verify_email(txn, account.id, self.now).await?;
            } else {
                self.take_over(txn, account, None).await?;
            }
        }
        let email_key = &self.challenge.email_key;
        challenge::end_all_for(txn, email_key, Purpose::SignIn, self.now).await?;
        Ok(user::find(txn, account.id).await?.into())
    }

    /// Creates an account with nothing but the proven address. Pending registrations with the address become void,
    /// because anybody may have made them without proving the address.
    async fn sign_up(self, txn: &Txn) -> Result<Outcome, DbErr> {
        let challenge::Model { email, email_key, .. } = self.challenge;
        if !self.may_sign_up {
            return Ok(Outcome::Nothing);
        }
        if security_change::is_reserved(txn, &email_key, Uuid::nil(), self.now).await? {
            return Ok(Outcome::EmailTaken);
        }
        let row = Registration::empty(email).into_row(email_key.clone(), self.now);
        let id = row.id;
        if !user::insert(txn, row).await? {
            return Ok(Outcome::Nothing);
        }
        challenge::end_all(txn, &email_key, self.now).await?;
        Ok(user::find(txn, id).await?.into())
    }

    /// Gives the viewer's account the proven address. The old address gets a notice and stays reserved for a while.
    pub(super) async fn change_email(
        self,
        txn: &Txn,
        change: Option<SecurityChange>,
    ) -> Result<Outcome, DbErr> {
        let Some(account) = self.account else { return Ok(Outcome::Nothing) };
        let challenge::Model { email, email_key, .. } = self.challenge;
        if security_change::is_reserved(txn, &email_key, account.id, self.now).await? {
            return Ok(Outcome::EmailTaken);
        }
        if let Some(change) = change {
            change.insert(txn, &account, &[]).await?;
        }
        user_changes::set_email(txn, account.id, email, email_key, self.now, self.now).await?;
        challenge::end_all_of(txn, account.id, self.now).await?;
        Ok(user::find(txn, account.id).await?.into())
    }

    /// Returns whether the prover has shown that they own the account and not only the address.
    fn owns(&self, account: &user::Model) -> bool {
        let by_claim = match self.claim {
            Claim::Mail | Claim::RegistrationPassword => false,
            Claim::ChallengeId => self.challenge.user_id == Some(account.id),
            Claim::AccountPassword(id, version) => (id, version) == (account.id, account.credentials_version),
        };
        self.is_viewer || by_claim
    }

    fn owns_registration(&self) -> bool {
        matches!(self.claim, Claim::ChallengeId | Claim::RegistrationPassword)
    }

    /// Creates the account of the registration. If the challenge has no registration, because the email was requested
    /// again without the ID of the earlier challenge, creates an empty account. Returns `None` if nobody has registered
    /// with the address.
    async fn create(
        &self,
        txn: &Txn,
        registration: Option<Registration>,
        challenges: &[challenge::Model],
    ) -> Result<Option<Uuid>, DbErr> {
        let is_registered = challenges.iter().any(|challenge| challenge.registration.is_some());
        let registration = match registration {
            Some(own) if self.owns_registration() => own,
            Some(of_somebody) => of_somebody.without_credentials(),
            None if is_registered => Registration::empty(self.challenge.email.clone()),
            None => return Ok(None),
        };
        let row = registration.clone().into_row(self.challenge.email_key.clone(), self.now);
        let id = claim_names(txn, row).await?;
        if let Some(id) = id {
            add_credentials(txn, id, &registration, self.now).await?;
        }
        Ok(id)
    }

    /// Removes every existing way to sign in to the account, and then adds those of the prover's own registration.
    async fn take_over(
        &self,
        txn: &Txn,
        account: &user::Model,
        own: Option<Registration>,
    ) -> Result<(), DbErr> {
        let password_hash = own.as_ref().and_then(Registration::password_hash).map(str::to_owned);
        user_changes::reset_password(txn, account.id, password_hash, self.now).await?;
        session_end::end_all(txn, account.id, self.now).await?;
        identity::delete_all(txn, account.id, self.now).await?;
        second_factors::revert(txn, account, account.created_at, self.now).await?;
        challenge::end_all_of(txn, account.id, self.now).await?;
        match own {
            Some(own) => add_credentials(txn, account.id, &own, self.now).await,
            None => Ok(()),
        }
    }
}

/// Adds the registration's identity and passkey. Skips each of them if another user has it by now.
async fn add_credentials(
    txn: &Txn,
    user_id: Uuid,
    registration: &Registration,
    now: Timestamp,
) -> Result<(), DbErr> {
    if let Some(identity) = registration.identity().cloned() {
        identity::insert(txn, identity.into_row(user_id, now)).await?;
    }
    if let Some(passkey) = registration.passkey().cloned()
        && passkey::insert(txn, passkey.into_row(user_id, now)).await?
    {
        second_factors::record(txn, user_id, now).await?;
    }
    Ok(())
}

/// Inserts the account. If its username has been taken in the meantime, inserts the account without a username. The
/// owner can choose another one later.
async fn claim_names(txn: &Txn, row: user::Model) -> Result<Option<Uuid>, DbErr> {
    let id = row.id;
    if user::insert(txn, row.clone()).await? {
        return Ok(Some(id));
    }
    let nameless = user::Model { username: None, username_key: None, ..row };
    Ok(user::insert(txn, nameless).await?.then_some(id))
}
