//! Python clients, generated from the schema by third-party tools, that run against a server.

use std::fs;

use rstest::rstest;

use crate::{
    cli::run,
    graphql_clients::{day, expected},
    support::python::python,
};

#[rstest]
#[case::ariadne_codegen("ariadne-codegen", "ariadne_client.py")]
#[case::sgqlc("sgqlc", "sgqlc_client.py")]
#[tokio::test(flavor = "multi_thread")]
async fn a_generated_python_client_signs_up_reads_pages_and_signs_out(
    #[case] client: &str,
    #[case] script: &str,
) {
    let folder = tempfile::tempdir().unwrap();
    let schema = run(folder.path(), &["schema", "--json"], &[]).stdout;
    fs::write(folder.path().join("schema.json"), schema).unwrap();
    let folder = folder.path().to_str().unwrap();
    let seen = day(|url, staff_token| python(&[script, folder, url, staff_token]).output().unwrap()).await;
    assert_eq!(seen, expected(client));
}
