//! What the server tells systemd, which starts and stops it as a service of `Type=notify`.

use std::{os::unix::net::UnixDatagram, process::Command, time::Duration};

use crate::support::process::Server;

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
