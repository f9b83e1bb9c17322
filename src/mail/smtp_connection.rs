//! A connection to a mail server. It reads replies as bytes, because their text may be in any encoding. Only the three
//! digits of a reply and the EHLO keywords, which are case-insensitive, have an effect (RFC 5321 §4.2 and §2.4).

use std::{io, net::SocketAddr, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::{Instant, timeout_at},
};

use super::{
    smtp_reply::{Reply, SmtpError, code, text},
    smtp_tls::{Stream, Tls},
};

/// The maximum number of bytes kept from a line (twice what RFC 5321 allows), and the maximum number read from a reply.
const MAX_LINE: usize = 1024;
const MAX_REPLY: usize = 64 * 1024;

/// A connection that is ready for a command.
pub(super) struct SmtpConnection {
    stream: BufReader<Box<dyn Stream>>,
    /// The lines of the reply to EHLO.
    offers: Vec<String>,
    is_encrypted: bool,
    is_in_step: bool,
}

impl SmtpConnection {
    /// Connects to the first address that accepts a connection, and exchanges greetings.
    pub(super) async fn open(
        addresses: &[SocketAddr],
        host: &str,
        tls: Option<&Tls>,
        own_name: &str,
        limit: Duration,
    ) -> Result<Self, SmtpError> {
        let mut failed = io::Error::from(io::ErrorKind::NotFound);
        for address in addresses {
            // an address that does not respond must not use up the time of the others
            let connecting = tokio::time::timeout(limit / 3, TcpStream::connect(address)).await;
            match connecting.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(stream) => return Self::greet(stream, host, tls, own_name, limit).await,
                Err(error) => failed = error,
            }
        }
        Err(SmtpError::Io(failed))
    }

    async fn greet(
        stream: TcpStream,
        host: &str,
        tls: Option<&Tls>,
        own_name: &str,
        limit: Duration,
    ) -> Result<Self, SmtpError> {
        // each command is one small write, and the next step waits for the reply, so delaying the write to fill a
        // packet costs time
        stream.set_nodelay(true)?;
        let stream = match tls {
            Some(tls) => tls.encrypt(host, stream).await?,
            None => Box::new(stream),
        };
        let mut connection = Self {
            stream: BufReader::new(stream),
            offers: Vec::new(),
            is_encrypted: tls.is_some(),
            is_in_step: true,
        };
        connection.reply(limit).await?.expect_class(2)?;
        connection.ehlo(own_name, limit).await?;
        Ok(connection)
    }

    async fn ehlo(&mut self, own_name: &str, limit: Duration) -> Result<(), SmtpError> {
        self.offers = self.command(&format!("EHLO {own_name}"), 2, limit).await?.lines;
        Ok(())
    }

    /// Returns the name by which the server introduced itself.
    pub(super) fn server_name(&self) -> &str {
        self.offers.first().and_then(|line| line.split_whitespace().next()).unwrap_or_default()
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Returns whether another command may be sent. The last reply must be complete, and nothing may have followed it.
    pub(super) fn is_in_step(&self) -> bool {
        self.is_in_step && self.stream.buffer().is_empty()
    }

    /// Returns the parameters of an EHLO keyword in upper case, or `None` if the server does not offer it.
    fn offer(&self, keyword: &str) -> Option<Vec<String>> {
        let mut found = None;
        for line in self.offers.iter().skip(1) {
            // before RFC 2554, servers wrote `AUTH=LOGIN`
            let upper = line.to_ascii_uppercase();
            let mut words =
                upper.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty());
            if words.next() == Some(keyword) {
                found.get_or_insert_with(Vec::new).extend(words.map(str::to_owned));
            }
        }
        found
    }

    pub(super) fn offers_starttls(&self) -> bool {
        !self.is_encrypted && self.offer("STARTTLS").is_some()
    }

    /// Encrypts the connection.
    pub(super) async fn starttls(
        mut self,
        tls: &Tls,
        host: &str,
        own_name: &str,
        limit: Duration,
    ) -> Result<Self, SmtpError> {
        if !self.offers_starttls() {
            return Err(SmtpError::Missing("the server does not offer it"));
        }
        self.command("STARTTLS", 2, limit).await?;
        // An attacker could inject replies before encryption begins, and they would be mistaken for replies from the
        // server (CVE-2021-38371).
        if !self.is_in_step() {
            return Err(SmtpError::Unreadable("more than one reply".to_owned()));
        }
        let stream = tls.encrypt(host, self.stream.into_inner()).await?;
        let mut connection =
            Self { stream: BufReader::new(stream), offers: Vec::new(), is_encrypted: true, is_in_step: true };
        connection.ehlo(own_name, limit).await?;
        Ok(connection)
    }

    /// Authenticates.
    pub(super) async fn login(
        &mut self,
        user: &str,
        password: &str,
        limit: Duration,
    ) -> Result<(), SmtpError> {
        let offered = self.offer("AUTH").unwrap_or_default();
        let offers = |mechanism: &str| offered.iter().any(|offer| offer == mechanism);
        if offers("PLAIN") {
            let both = STANDARD.encode(format!("\0{user}\0{password}"));
            self.command(&format!("AUTH PLAIN {both}"), 2, limit).await?;
        } else if offers("LOGIN") {
            self.command("AUTH LOGIN", 3, limit).await?;
            self.command(&STANDARD.encode(user), 3, limit).await?;
            self.command(&STANDARD.encode(password), 2, limit).await?;
        } else {
            return Err(SmtpError::Missing("the server offers neither PLAIN nor LOGIN"));
        }
        Ok(())
    }

    /// Sends a command, and returns the reply if its first digit is `class`.
    pub(super) async fn command(
        &mut self,
        line: &str,
        class: u16,
        limit: Duration,
    ) -> Result<Reply, SmtpError> {
        self.write(format!("{line}\r\n").as_bytes(), limit).await?;
        self.reply(limit).await?.expect_class(class)
    }

    /// Sends the message after DATA (RFC 5321 §4.5.2), and returns the reply, whatever its code.
    pub(super) async fn message(&mut self, mail: &[u8], limit: Duration) -> Result<Reply, SmtpError> {
        let mut bytes = Vec::with_capacity(mail.len() + 64);
        for line in mail.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                bytes.push(b'.');
            }
            bytes.extend_from_slice(line);
        }
        if !bytes.ends_with(b"\r\n") {
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b".\r\n");
        self.write(&bytes, limit).await?;
        self.reply(limit).await
    }

    async fn write(&mut self, bytes: &[u8], limit: Duration) -> Result<(), SmtpError> {
        let writing = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        Ok(tokio::time::timeout(limit, writing).await.map_err(|_| SmtpError::Late(limit))??)
    }

    /// Reads a reply, and uses the code of its last line. If the connection ends or the time limit passes before the
    /// last line arrives, uses the code of the last line that arrived.
    async fn reply(&mut self, limit: Duration) -> Result<Reply, SmtpError> {
        let deadline = Instant::now() + limit;
        let (mut reply, mut room) = (Reply { code: 0, lines: Vec::new() }, MAX_REPLY);
        self.is_in_step = false;
        loop {
            let mut line = Vec::new();
            let broken = match timeout_at(deadline, self.line(&mut line, &mut room)).await {
                Ok(Ok(())) if line.is_empty() => Some(SmtpError::Io(io::ErrorKind::UnexpectedEof.into())),
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(SmtpError::Io(error)),
                Err(_) => Some(SmtpError::Late(limit)),
            };
            let without_lf = line.strip_suffix(b"\n").unwrap_or(&line);
            let line = without_lf.strip_suffix(b"\r").unwrap_or(without_lf);
            match (code(line), broken) {
                (Some((code, rest)), broken) => {
                    reply.code = code;
                    reply.lines.push(text(rest.get(1..).unwrap_or_default()));
                    let is_last = rest.first() != Some(&b'-');
                    if is_last || broken.is_some() {
                        self.is_in_step = broken.is_none() && room > 0;
                        return Ok(reply);
                    }
                }
                (None, Some(_)) if reply.code > 0 => return Ok(reply),
                (None, Some(broken)) if line.is_empty() => return Err(broken),
                // some servers break a line in two, or begin a reply with an empty line
                (None, None) if reply.code > 0 || line.is_empty() => {}
                (None, _) => return Err(SmtpError::Unreadable(text(line))),
            }
        }
    }

    /// Reads a line, truncated to `MAX_LINE`. Reads nothing at the end of the stream or once `room` is used
    /// up.
    async fn line(&mut self, line: &mut Vec<u8>, room: &mut usize) -> io::Result<()> {
        while *room > 0 {
            let read = self.stream.fill_buf().await?;
            let (part, ends) = match read.iter().position(|byte| *byte == b'\n') {
                Some(end) => (&read[..=end], true),
                None => (read, read.is_empty()),
            };
            let length = part.len();
            line.extend_from_slice(&part[..length.min(MAX_LINE - line.len())]);
            self.stream.consume(length);
            *room = room.saturating_sub(length);
            if ends {
                break;
            }
        }
        Ok(())
    }
}
