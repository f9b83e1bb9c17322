//! `gatehouse create-superuser`.

use std::io::{self, BufRead, IsTerminal, Write};

use secrecy::SecretString;

use super::{
    migrate::require_migrated,
    setup::{CliError, load},
};
use crate::{
    accounts::{CreateSuperuserRefusal, NewAccountInput, create_superuser},
    app::App,
    config::Mode,
    fault::Failure,
    input::FieldError,
};

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// The email address; if you give neither an email address nor a username, the command asks for
    /// the address
    #[arg(long)]
    email: Option<String>,
    /// The username to sign in with
    #[arg(long)]
    username: Option<String>,
    /// Read the password from standard input, up to the end of the line, instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), CliError> {
    let config = load(Mode::Command)?;
    require_migrated(&config).await?;
    let email = match (arguments.email, &arguments.username) {
        (None, None) if io::stdin().is_terminal() => Some(ask("Email address: ")?),
        (None, None) => return Err("give --email, --username, or both".into()),
        (email, _) => email,
    };
    let (password, password_confirmation) = if arguments.password_stdin {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        (SecretString::from(line.trim_end_matches(['\r', '\n'])), None)
    } else if io::stdin().is_terminal() {
        let password = rpassword::prompt_password("Password: ")?;
        (password.into(), Some(rpassword::prompt_password("Password, again: ")?.into()))
    } else {
        return Err("there is no terminal to ask for the password: use --password-stdin".into());
    };
    let input = NewAccountInput {
        email,
        username: arguments.username,
        password: Some(password),
        password_confirmation,
        ..NewAccountInput::default()
    };
    let app = App::build(config).await?;
    let user = create_superuser(&app, input).await.map_err(told)?;
    println!("Created the superuser {}.", user.email.or(user.username).unwrap_or_default());
    Ok(())
}

fn ask(question: &str) -> io::Result<String> {
    print!("{question}");
    io::stdout().flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn told(failure: Failure<CreateSuperuserRefusal>) -> CliError {
    let refusal = match failure {
        Failure::Refused(refusal) => refusal,
        Failure::Fault(fault) => return fault.into(),
    };
    match refusal {
        CreateSuperuserRefusal::InvalidInput(fields) => {
            let told = |FieldError { field, message, .. }: FieldError| format!("{field}: {message}");
            fields.into_iter().map(told).collect::<Vec<_>>().join("\n").into()
        }
        CreateSuperuserRefusal::EmailTaken => "an account with this email address already exists".into(),
        CreateSuperuserRefusal::UsernameTaken => "this username is taken".into(),
    }
}
