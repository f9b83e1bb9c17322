//! The files that `import-users` reads: CSV, byte order marks, and partly damaged files.

use std::fs;

use crate::{
    import_users::{import, people, text},
    support::{Sqlite, TestApp},
};

#[tokio::test(flavor = "multi_thread")]
async fn intact_rows_of_a_damaged_csv_are_imported() {
    let app = TestApp::start(Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let csv = b"id,username,password,is_staff,date_joined\n\
        1,ada,!,t,2024-01-31 12:00:00+00\n\
        2,grace,!,maybe,2024-01-31 12:00:00+00\n\
        3,edith,!\n\
        4,\xff\xfe,!,f,2024-01-31 12:00:00+00\n\
        5,\"jo\nan\",!,f,2024-01-31 12:00:00+00\n\
        6,hedy,!,f,2024-01-31 12:00:00+00\n\
        7,mary,!,f,9999-12-31 23:59:59-01\n\
        8,\"joan\n8,mallory,!,t,2024-01-31 12:00:00+00\n";
    fs::write(folder.path().join("users.CSV"), csv).unwrap();
    assert_eq!(
        text(&import(&app, folder.path(), &["users.CSV"]).stdout),
        "line 3: skipped: it cannot be read: a flag must be true or false
line 4: skipped: it cannot be read: it has 3 fields, but the header has 5
line 5: skipped: it cannot be read: invalid utf-8: invalid UTF-8 in field 1 near byte index 0
line 6 (joan): skipped: it has no email address, and its username is not valid here
line 9 (mary): imported, but with the current time as its join date: date_joined is missing or invalid
line 10: skipped: an unclosed quote makes the rest of the file part of the record: the quote opens on line 10
3 imported, 0 already existed, 5 skipped
       1 skipped: an unclosed quote makes the rest of the file part of the record
       3 skipped: it cannot be read
       1 skipped: it has no email address, and its username is not valid here
       1 imported, but with the current time as its join date: date_joined is missing or invalid
"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_is_ignored_and_a_folder_is_refused() {
    let app = TestApp::start(Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users.jsonl"), format!("\u{feff}{}", people(0..2))).unwrap();
    fs::write(
        folder.path().join("users.csv"),
        "\u{feff}username,password,date_joined\r\nada,!,2024-01-31 12:00:00+00\r\n",
    )
    .unwrap();
    for (name, summary) in [
        ("users.jsonl", "2 imported"),
        ("users.csv", "1 imported"),
        ("users.csv", "0 imported, 1 already existed"),
    ] {
        let ended = import(&app, folder.path(), &[name]);
        assert!(
            ended.status.success() && text(&ended.stdout).starts_with(summary),
            "{name}: {}",
            text(&ended.stdout)
        );
    }
    let ended = import(&app, folder.path(), &["."]);
    assert!(
        !ended.status.success() && text(&ended.stderr).contains("cannot be read"),
        "{}",
        text(&ended.stderr)
    );
}
