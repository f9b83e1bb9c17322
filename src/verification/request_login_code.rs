//! Emailing a code and a link to sign in with.

use crate::{
    app::App,
    challenges::{self, About, Asker, Challenge, IssuedChallenge},
    fault::{Failure, Refusal},
    input::{EmailAddress, FieldError},
    outbox,
    storage::challenge::Purpose,
};

/// The reasons why nothing is emailed.
#[derive(Debug)]
pub enum RequestLoginCodeRefusal {
    /// These fields are invalid.
    InvalidInput(Vec<FieldError>),
}

impl Refusal for RequestLoginCodeRefusal {}

/// Emails a code and a link. With either of them, the reader can sign in to the account that has the email address. If
/// no account has the address and `SIGNUP` is on, using the code or the link creates an account. The response is the
/// same for every address.
///
/// Strangers cannot block this sign-in method. They can use up the password attempts of an account. However, its owner
/// always either has an email that still works or can request another one.
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
