//! How settings are read: `.env` files, and the URLs of databases and mail servers.

use std::{path::Path, process::Output};

use rstest::rstest;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

use crate::support::{
    Postgres,
    process::{free_port, gatehouse, output},
};

/// Runs a command in a folder with this `.env`.
fn run(env: impl AsRef<[u8]>, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), env).unwrap();
    run_in(folder.path(), arguments, settings)
}

fn run_in(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    output(gatehouse(folder, arguments, settings), "")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Returns the value of a setting, as `gatehouse config` prints it.
fn value_of(printed: &Output, name: &str) -> String {
    assert!(printed.status.success(), "{}", text(&printed.stderr));
    let mut lines = text(&printed.stdout).lines();
    let line = lines.find(|line| line.split_whitespace().next() == Some(name)).unwrap();
    line.get(48..).unwrap_or_default().to_owned()
}

/// How programs read lines on which they differ, tested with `docker run --env-file` 28, `node --env-file` 20 and
/// python-dotenv 1. A dash means the same result as here.
#[rstest]
//    the line                                            ours                         docker              node          python
#[case::dollar("APP_NAME=Cash$App", "Cash$App")] //       -                            -                   -             -
#[case::braces("APP_NAME=Cash${App}", "Cash${App}")] //   -                            -                   -             `Cash`
#[case::dollar_quoted("APP_NAME=\"$App\"", "$App")] //                                 with its quotes     -             -
#[case::blank_within("APP_NAME=Ada and Co", "Ada and Co")] //                          -                   -             -
#[case::hash_within("APP_NAME=C#major", "C#major")] //                                 -                   `C`           -
#[case::hash_first("APP_NAME=#1", "#1")] //                                            -                   empty         -
#[case::comment("APP_NAME=Ada # who", "Ada")] //                                       all of it           -             -
#[case::comment_after_tab("APP_NAME=Ada\t# who", "Ada")] //                            all of it           -             -
#[case::comment_after_quote("APP_NAME=\"Ada # Co\" # who", "Ada # Co")] //             all of it           -             -
#[case::single_quotes("APP_NAME='Ada \\n $App'", "Ada \\n $App")] //                   with its quotes     -             -
#[case::quote_within("APP_NAME=Ada's", "Ada's")] //                                    -                   -             -
#[case::quotes_within("APP_NAME=Ada \"the\" Great", "Ada \"the\" Great")] //           -                   -             -
#[case::escaped_quote(r#"APP_NAME="Ada \"the\" \\ Great""#, r#"Ada "the" \ Great"#)] // all of it          `Ada \`       -
#[case::backslash("APP_NAME=a\\nb", "a\\nb")] //                                       -                   -             -
#[case::unknown_escape("APP_NAME=\"a\\$b\"", "a\\$b")] //                              all of it           -             -
#[case::blanks("  APP_NAME =  Ada  ", "Ada")] //                                       refused             -             -
#[case::export("export APP_NAME=Ada", "Ada")] //                                       refused             -             -
#[case::export_tab("export\tAPP_NAME=Ada", "Ada")] //                                  refused             -             -
#[case::equals("APP_NAME=a=b==", "a=b==")] //                                          -                   -             -
#[case::later_wins("APP_NAME=Ada\nAPP_NAME=Grace", "Grace")] //                        -                   -             -
#[case::byte_order_mark("\u{feff}APP_NAME=Ada", "Ada")] //                             -                   -             nothing
#[case::windows("# x\r\nAPP_NAME=Ada\r\nPORT=1\r\n", "Ada")] //                        -                   -             -
#[case::windows_quoted("APP_NAME=\"Ada\"\r\nPORT=1\r\n", "Ada")] //                    with its quotes     -             -
#[case::old_mac("PORT=1\rAPP_NAME=Ada\r", "Ada")] //                                   one line            -             -
#[case::others_key("my-app.key=1\nAPP_NAME=Ada", "Ada")] //                            -                   -             -
#[case::others_blank("two words=1\nAPP_NAME=Ada", "Ada")] //                           refused             -             -
#[case::others_digit("1ST=x\nAPP_NAME=Ada", "Ada")] //                                 -                   -             -
#[case::others_garbage("}{ nothing\n[section]\nAPP_NAME: x\n=\nAPP_NAME=Ada", "Ada")] // refused           -             -
#[case::others_quote("MOTD=\"never closed\nAPP_NAME=Ada", "Ada")] //                   -                   -             -
#[case::others_lines("KEY='-----BEGIN\nAPP_NAME=x\n-----END'\nAPP_NAME=Ada", "Ada")] //  line by line      -             -
#[case::no_value("APP_NAME=", "Gatehouse")]
#[case::only_a_comment("APP_NAME= # Ada", "Gatehouse")]
#[case::commented_out("# APP_NAME=Ada\n  #APP_NAME=Ada", "Gatehouse")]
#[case::no_name("APP_NAME", "Gatehouse")]
fn a_line_of_env_is_read_as_most_programs_read_it(#[case] env: &str, #[case] value: &str) {
    assert_eq!(value_of(&run(env, &["config"], &[]), "APP_NAME"), value, "{env:?}");
}

#[rstest]
#[case("EMAIL_FROM=Acme <a@example.org>")]
#[case("EMAIL_FROM=\"Acme <a@example.org>\"")]
#[case("EMAIL_FROM='Acme <a@example.org>'")]
fn senders_can_be_written_with_or_without_quotes(#[case] env: &str) {
    assert_eq!(value_of(&run(env, &["config"], &[]), "EMAIL_FROM"), "Acme <a@example.org>");
}

#[test]
fn quotes_within_a_sender_are_kept_and_the_environment_takes_precedence() {
    let printed = run(
        "EMAIL_FROM=\"Ex, Ltd\" <a@example.org> # us\nAPP_NAME=Ada",
        &["config"],
        &[("APP_NAME", "Grace")],
    );
    assert_eq!(value_of(&printed, "EMAIL_FROM"), "\"Ex, Ltd\" <a@example.org>");
    assert_eq!(value_of(&printed, "APP_NAME"), "Grace");
}

#[test]
fn a_quoted_value_can_span_lines_and_later_line_numbers_are_right() {
    let refused = run("KEY=\"-----BEGIN\r\nPORT=1\r\n-----END\" # a key\r\nPORT=many\r\n", &["config"], &[]);
    let why = text(&refused.stderr);
    assert!(why.contains("PORT (.env, line 4) must be"), "{why}");
}

#[rstest]
#[case::space(
    "DATABASE_URL=postgres://gh:hush hush@db/x",
    "DATABASE_URL (.env, line 3) cannot be read: percent-encode"
)]
#[case::open_quote(
    "DATABASE_URL=\"postgres://gh:hush@db/x",
    "DATABASE_URL (.env, line 3) begins with a quote that is not closed"
)]
#[case::open_apostrophe(
    "SMTP_URL='smtp://gh:hush@db\nX='hush'",
    "SMTP_URL (.env, line 3) begins with a quote that is not closed"
)]
#[case::quote_closed_on_a_later_line(
    "SECRET_KEY='hush\nAPP_NAME='Ada'",
    "SECRET_KEY (.env, line 3) begins with a quote that is not closed"
)]
#[case::weak("SECRET_KEY=hush", "SECRET_KEY (.env, line 3) has fewer than 32 bytes")]
#[case::number("PORT=hush", "PORT (.env, line 3) must be a whole number")]
fn errors_name_the_setting_and_the_line_but_never_the_value(#[case] line: &str, #[case] told: &str) {
    for env in [format!("# settings\n\n{line}\n"), format!("# settings\r\n\r\nexport {line}\r\n")] {
        let refused = run(&env, &["config"], &[]);
        let why = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{why}");
        assert!(why.contains(told) && !why.contains("hush"), "{why}");
    }
}

#[test]
fn a_file_in_another_encoding_is_reported() {
    let utf_16 =
        |order: fn(u16) -> [u8; 2]| -> Vec<u8> { "APP_NAME=hush".encode_utf16().flat_map(order).collect() };
    let [little, big] = [utf_16(u16::to_le_bytes), utf_16(u16::to_be_bytes)];
    for (env, told) in [
        ([b"\xff\xfe", little.as_slice()].concat(), ".env is saved as UTF-16: save it as UTF-8"),
        ([b"\xfe\xff", big.as_slice()].concat(), ".env is saved as UTF-16: save it as UTF-8"),
        (little, ".env contains NUL bytes, as a text in UTF-16 does: save it as UTF-8"),
        (b"PORT=1\nAPP_NAME=hush\0\n".to_vec(), ".env contains NUL bytes"),
        (b"PORT=1\nAPP_NAME=hush \xfcber\n".to_vec(), "APP_NAME (.env, line 2) is not valid UTF-8"),
    ] {
        let refused = run(&env, &["config"], &[]);
        let why = text(&refused.stderr);
        assert!(!refused.status.success() && why.contains(told) && !why.contains("hush"), "{why}");
    }
    let others = run(b"# \xfcber\nGREETING=\xfcber\n\xfc=1\nAPP_NAME=Ada\n", &["config"], &[]);
    assert_eq!(value_of(&others, "APP_NAME"), "Ada", "lines of other programs may have any encoding");
}

#[rstest]
#[case("postgres://gh:hu#sh@db/x")]
#[case("postgres://gh:12#sh@db/x")]
#[case("postgres://gh:hu/sh@db/x")]
#[case("postgres://gh:12/sh@db/x")]
#[case("postgres://gh:hu?sh@db/x")]
#[case("postgres://gh:12?sh=1@db/x")]
#[case("postgres://gh:hu%sh@db/x")]
#[case("postgres://gh:hu%ffsh@db/x")]
#[case("postgres://gh:hush%00@db/x")]
#[case("postgres://gh:hu%2@db/x")]
#[case("postgres://gh:hush @db/x")]
#[case("postgres://gh:hush@db/x#y")]
#[case("postgres://gh:hush@db:many/x")]
#[case("postgresql://gh:hu#sh@db/x")]
#[case("POSTGRES://gh:hu#sh@db/x")]
fn special_characters_in_a_database_url_are_reported_without_the_url(#[case] url: &str) {
    for (name, url) in [("DATABASE_URL", url.to_owned()), ("SMTP_URL", url.replacen("postgres", "smtp", 1))] {
        if name == "SMTP_URL" && !url.starts_with("smtp:") {
            continue;
        }
        let refused = run("", &["config"], &[(name, &url), ("EMAIL_FROM", "a@example.org")]);
        let why = text(&refused.stderr);
        assert!(why.contains(name) && why.contains("percent-encode"), "{url}: {why}");
        for secret in ["hu", "sh@", "gh:", "#sh", "%ff"] {
            let why = why.replace("such", "");
            assert!(!why.contains(secret), "{url}: {why}");
        }
    }
}

#[rstest]
#[case("postgres://gh:hush@db/x", "postgres://gh:hidden@db/x")]
#[case("postgres://gh:hush@db", "postgres://gh:hidden@db")]
#[case("postgres://gh:h@sh@db/x", "postgres://gh:hidden@db/x")]
#[case("postgres://gh@db/x", "postgres://gh@db/x")]
#[case("postgres://gh:@db/x", "postgres://gh:hidden@db/x")]
#[case(
    "postgres:///x?host=/run/pg&user=gh&password=hush",
    "postgres:///x?host=/run/pg&user=gh&password=hidden"
)]
#[case(
    "postgres://db/x?sslmode=require&sslpassword=hush",
    "postgres://db/x?sslmode=require&sslpassword=hidden"
)]
#[case("postgres://db/x?passfile=/hush", "postgres://db/x?passfile=hidden")]
#[case("postgres://db/x?PASSWORD=hush&pwd=hush", "postgres://db/x?PASSWORD=hidden&pwd=hidden")]
#[case("postgres://db/x?options=-c%20x.y=hush", "postgres://db/x?options=hidden")]
#[case("postgres://db/x?user=gh;password=hush", "postgres://db/x?user=hidden")]
#[case("postgres://gh:hush@[::1]:5432/x", "postgres://gh:hidden@[::1]:5432/x")]
#[case("sqlite://a.db?mode=rwc&key=hush", "sqlite://a.db?mode=rwc&key=hidden")]
fn config_hides_every_password_of_a_database_url(#[case] url: &str, #[case] shown: &str) {
    let printed = run("", &["config"], &[("DATABASE_URL", url)]);
    assert_eq!(value_of(&printed, "DATABASE_URL"), shown);
    assert!(!text(&printed.stderr).contains("hush"), "{}", text(&printed.stderr));
}

#[rstest]
#[case("DATABASE_LISTEN_URL", "postgres://gh:hush@one:5432,two:5432/x")]
#[case("DATABASE_LISTEN_URL", "postgres://one/x?user=gh&password=hush")]
#[case("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example.org/?api-key=hush")]
#[case("OTEL_EXPORTER_OTLP_ENDPOINT", "https://gh:hush@collector.example.org")]
#[case("APP_URL", "https://gh:hush@app.example.org")]
#[case("GOOGLE_DISCOVERY_URL", "https://idp.example.org/?key=hush")]
fn config_hides_secrets_in_any_url(#[case] name: &str, #[case] url: &str) {
    let printed = run("", &["config"], &[(name, url)]);
    let all = [&printed.stdout, &printed.stderr].map(|bytes| text(bytes).to_owned());
    assert!(!all.concat().contains("hush"), "{all:?}");
}

#[rstest]
#[case("smtp://ada:hush@smtp.example.org?tls=required", "smtp://ada:hidden@smtp.example.org?tls=required")]
#[case("smtps://ada@example.org:hush@smtp.example.org", "smtps://ada@example.org:hidden@smtp.example.org")]
#[case("smtps://ada:h%2Fush@[::1]:465/", "smtps://ada:hidden@[::1]:465/")]
#[case("file:///var/spool/a:b@c", "file:///var/spool/a:b@c")]
fn config_hides_every_password_of_a_mail_server(#[case] url: &str, #[case] shown: &str) {
    let printed = run("", &["config"], &[("SMTP_URL", url), ("EMAIL_FROM", "a@example.org")]);
    assert_eq!(value_of(&printed, "SMTP_URL"), shown);
}

#[test]
fn unused_parameters_are_reported_by_name() {
    let url = format!(
        "postgres://gh:hush@127.0.0.1:{}/x?sslpassword=hush&connect_timeout=1&sslmode=disable",
        free_port()
    );
    let refused = run("", &["migrate"], &[("DATABASE_URL", &url), ("RUST_LOG", "trace")]);
    let (told, said) = (text(&refused.stderr), text(&refused.stdout));
    assert!(
        told.contains("DATABASE_URL has parameters that are not used: sslpassword, connect_timeout"),
        "{told}"
    );
    assert!(
        told.contains("PostgreSQL at 127.0.0.1, port") && !told.contains("hush") && !said.contains("hush"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn database_urls_mean_the_same_as_in_psql() {
    let folder = tempfile::tempdir().unwrap();
    let url = Postgres.create(folder.path()).await;
    let (server, database) = url.strip_prefix("postgres://gatehouse@").unwrap().split_once('/').unwrap();
    let (server, database) = (server.to_owned(), database.to_owned());
    // the PostgreSQL of the tests listens only on IPv4
    let listener = TcpListener::bind("[::1]:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let server = server.clone();
            tokio::spawn(async move {
                let mut far = TcpStream::connect(server).await.unwrap();
                copy_bidirectional(&mut near, &mut far).await
            });
        }
    });
    for url in [
        format!("postgres://gatehouse:hush@[::1]:{port}/{database}"),
        format!("postgresql://gatehouse:hu%23sh@[0:0:0:0:0:0:0:1]:{port}/{database}?sslmode=disable"),
        format!("postgres://[::1]:{port}/{database}?user=gatehouse&password=hu+sh"),
        format!("postgres://gatehouse:hush@/{database}?host=::1&port={port}"),
        format!("postgres://gatehouse@:{port}/{database}?hostaddr=::1"),
        format!("postgres:///{database}?host=::1&port={port}&user=gatehouse&connect_timeout=9"),
        format!("POSTGRES://gatehouse@[::1]:{port}/{database}"),
    ] {
        for arguments in [&["migrate", "--status"][..], &["create-superuser", "--username", "root"]] {
            let ran = run_in(folder.path(), arguments, &[("DATABASE_URL", &url)]);
            let (said, told) = (text(&ran.stdout), text(&ran.stderr));
            let reached = said.starts_with("applied") || told.contains("--password-stdin");
            assert!(reached, "{url}: {said}{told}");
        }
    }
}

#[test]
fn a_pooler_in_transaction_mode_needs_a_way_past_it() {
    let refused = run("", &["config"], &[("DATABASE_POOLER", "transaction")]);
    assert!(text(&refused.stderr).contains("needs DATABASE_LISTEN_URL"), "{}", text(&refused.stderr));
}
