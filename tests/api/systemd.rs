//! What the server tells systemd, which starts and stops it as a service of `Type=notify`.

use std::{
    io::{BufRead, BufReader},
    os::unix::net::UnixDatagram,
    process::{Command, Stdio},
    time::Duration,
};

use gatehouse::secrets::SecretKey;

use crate::support::process::{Server, free_port, gatehouse};

fn hear(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 256];
    let length = socket.recv(&mut buffer).expect("systemd hears nothing");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_when_the_server_is_ready_and_when_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let server = Server::production(folder.path(), &[("NOTIFY_SOCKET", path.to_str().unwrap())]).await;
    assert!(hear(&socket).contains("READY=1"));
    let stopped = Command::new("kill").args(["-TERM", &server.child.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    assert!(hear(&socket).contains("STOPPING=1"));
}

#[test]
fn a_server_that_waits_for_its_database_stops_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = format!("postgres://gatehouse@127.0.0.1:{}/gatehouse", free_port());
    let settings = [
        ("DATABASE_URL", nowhere.as_str()),
        ("SECRET_KEY", &SecretKey::generate().1),
        ("PUBLIC_URL", "http://127.0.0.1:8000"),
        ("SMTP_URL", "smtp://127.0.0.1:9"),
        ("EMAIL_FROM", "accounts@example.org"),
    ];
    let mut command = gatehouse(folder.path(), &["serve"], &settings);
    let mut server = command.stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(server.stderr.take().unwrap());
    let waiting = log.lines().map_while(Result::ok).find(|line| line.contains("waiting for the database"));
    let waiting = waiting.expect("the server says that it waits");
    assert!(waiting.contains("Connection refused"), "the log has the reason: {waiting}");
    let asked = Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
    assert!(asked.success());
    // the first process of a container would ignore a signal that it does not handle itself
    assert_eq!(server.wait().unwrap().code(), Some(0));
}
