//! Mailing a code and a link to sign in with.

use crate::{
    app::App,
    challenges::{self, About, Asker, Challenge, IssuedChallenge},
    fault::{Failure, Refusal},
    input::{EmailAddress, FieldError},
    outbox,
    storage::challenge::Purpose,
};

/// Why nothing was mailed.
#[derive(Debug)]
pub enum RequestLoginCodeRefusal {
    /// These fields are at fault.
    InvalidInput(Vec<FieldError>),
}

impl Refusal for RequestLoginCodeRefusal {}

/// Mails a code and a link, either of which signs in to the account with the address. The answer is the same for every address.
///
/// It is the way in that strangers cannot close: they can use up the tries of a password, but not the mails to its owner, who
/// has always either one that works or leave to ask for another.
///
/// # Errors
/// [`RequestLoginCodeRefusal::InvalidInput`] if it is no address.
pub async fn request_login_code(
    app: &App,
    asker: Asker,
    email: &str,
) -> Result<IssuedChallenge, Failure<RequestLoginCodeRefusal>> {
    let email = EmailAddress::parse(email)
        .map_err(|wrong| RequestLoginCodeRefusal::InvalidInput(vec![wrong.at("email")]))?;
    let permit = challenges::charge(app, asker, Purpose::SignIn, &email).await?;
    let challenge = Challenge::new(app, Purpose::SignIn, &email, About::default(), permit);
    let mailed = app.db.write(async move |txn| challenge.insert(&txn).await).await?;
    outbox::wake(app);
    Ok(mailed)
}
