//! Runs the tour of the documentation word for word, and compares each response with the one shown.

use std::process::Command;

use serde_json::Value;

use crate::support::process::Server;

/// The fields whose values differ from run to run.
const VOLATILE: [&str; 6] =
    ["id", "accessToken", "refreshToken", "createdAt", "userAgent", "endedSessionIds"];

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_gets_the_responses_that_it_shows() {
    let tour = include_str!("../../playground/docs/tour.md");
    let (mut script, mut promised) = (String::from("set -e\n"), Vec::new());
    for block in tour.split("```").skip(1).step_by(2) {
        match block.split_once('\n').unwrap() {
            ("sh", commands) => script.push_str(commands),
            ("json", answers) => promised.extend(answers.lines()),
            (other, _) => panic!("a block of `{other}`"),
        }
    }
    assert!(promised.len() >= 7);

    let folder = tempfile::tempdir().unwrap();
    let (server, _) = Server::start(folder.path(), &[], &[]).await;
    let script = script.replace("http://127.0.0.1:8000", &server.url);
    let ran = Command::new("bash").args(["-c", &script]).output().unwrap();
    let given = String::from_utf8(ran.stdout).unwrap();
    let given: Vec<&str> = given.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(given.len(), promised.len(), "{given:#?}");
    for (given, promised) in given.into_iter().zip(promised) {
        assert_eq!(masked(given), masked(promised));
    }
}

fn masked(answer: &str) -> Value {
    fn mask(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    if VOLATILE.contains(&name.as_str()) {
                        value.take();
                    } else {
                        mask(value);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(mask),
            _ => {}
        }
    }
    let mut value = serde_json::from_str(answer).unwrap_or_else(|error| panic!("{answer}: {error}"));
    mask(&mut value);
    value
}
