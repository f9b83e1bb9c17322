//! Password hashes do not depend on the library that computes them.

use gatehouse::storage::user;
use rstest::rstest;
use sea_orm::EntityTrait;

use crate::support::{Database, EMAIL, Postgres, Sqlite, TestApp, database::connect};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_password_hashed_by_one_library_signs_in_under_the_other(
    #[values(Sqlite, Postgres)] database: Database,
    #[values("auto", "portable")] before: &str,
) {
    let parameters = [("ARGON2_MEMORY_KIB", "1031"), ("ARGON2_ITERATIONS", "3")];
    let after = if before == "auto" { "portable" } else { "auto" };
    let app = TestApp::with(database, &[&parameters[..], &[("ARGON2_BACKEND", before)]].concat()).await;
    app.sign_up(EMAIL).await;
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let hash = async || user::Entity::find().one(&rows).await.unwrap().unwrap().password_hash.unwrap();
    let made = hash().await;
    assert!(made.starts_with("$argon2id$v=19$m=1031,t=3,p=1$"), "{made}");

    let other = app.another(&[("ARGON2_BACKEND", after)]).await;
    let is_supported = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
    let libraries = [&app, &other].map(|server| server.app.passwords.library());
    assert_eq!(libraries.contains(&"argon2-rust"), is_supported, "{libraries:?}");
    assert!(libraries.contains(&"argon2"), "{libraries:?}");

    assert_eq!(other.login(EMAIL, "wrong horse battery").await["code"], "INVALID_CREDENTIALS");
    other.sign_in(EMAIL).await;
    assert_eq!(hash().await, made, "it is not outdated");
}
