//! `/.well-known/change-password`, where password managers look for the page that changes a password.

use reqwest::{Client, redirect};
use rstest::rstest;

use crate::support::{Sqlite, TestApp};

#[rstest]
#[case(&[], Some("{own}/reset-password"))]
#[case(&[("CHANGE_PASSWORD_URL", "https://app.example.org/password")], Some("https://app.example.org/password"))]
#[case(&[("PASSWORD_RESET_URL", "https://app.example.org/reset#{token}")], None)]
#[tokio::test(flavor = "multi_thread")]
async fn password_managers_find_the_page(#[case] settings: &[(&str, &str)], #[case] page: Option<&str>) {
    let app = TestApp::with(Sqlite, settings).await;
    let http = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
    let answer = http.get(format!("{}/.well-known/change-password", app.url)).send().await.unwrap();
    let location = answer.headers().get("location").map(|page| page.to_str().unwrap().to_owned());
    assert_eq!(answer.status(), if page.is_some() { 302 } else { 404 });
    assert_eq!(location, page.map(|page| page.replace("{own}", app.app.config.server.base_url())));
}
