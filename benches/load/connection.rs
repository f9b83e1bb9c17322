//! An HTTP/1.1 client. It is minimal, because it shares the machine with the server that it measures.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A persistent connection.
pub(crate) struct Connection {
    stream: TcpStream,
    host: SocketAddr,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(host: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host, buffer: Vec::new() })
    }

    /// Opens another connection to the same server.
    pub(crate) async fn again(&self) -> io::Result<Self> {
        Self::open(self.host).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> io::Result<Value> {
        self.buffer.clear();
        write!(self.buffer, "GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host)?;
        self.exchange().await
    }

    /// Posts a GraphQL request with an access token, or with an empty string for none.
    pub(crate) async fn post(&mut self, access_token: &str, body: &Value) -> io::Result<Value> {
        Ok(serde_json::from_slice(self.post_text(access_token, &body.to_string()).await?)?)
    }

    /// Posts the same request, and returns the response as text.
    pub(crate) async fn post_text(&mut self, access_token: &str, body: &str) -> io::Result<&[u8]> {
        self.buffer.clear();
        write!(self.buffer, "POST /graphql HTTP/1.1\r\nhost: {}\r\n", self.host)?;
        if !access_token.is_empty() {
            write!(self.buffer, "authorization: Bearer {access_token}\r\n")?;
        }
        write!(
            self.buffer,
            "content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        self.exchange_text().await
    }

    /// Sends a prepared request, and checks that the response contains this text.
    pub(crate) async fn send(&mut self, request: &[u8], expected: &str) -> io::Result<()> {
        self.buffer.clear();
        self.buffer.extend_from_slice(request);
        let body = self.exchange_text().await?;
        let is_expected = body.windows(expected.len()).any(|part| part == expected.as_bytes());
        let other = || io::Error::other(String::from_utf8_lossy(body).into_owned());
        if is_expected { Ok(()) } else { Err(other()) }
    }

    /// Sends the contents of the buffer, and reads the response into it.
    async fn exchange(&mut self) -> io::Result<Value> {
        Ok(serde_json::from_slice(self.exchange_text().await?)?)
    }

    async fn exchange_text(&mut self) -> io::Result<&[u8]> {
        self.stream.write_all(&self.buffer).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(from) = body(&self.buffer).map(|body| self.buffer.len() - body.len()) {
                return Ok(&self.buffer[from..]);
            }
        }
    }
}

/// Returns the body of a complete response, using its `Content-Length`.
fn body(answer: &[u8]) -> Option<&[u8]> {
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n")?;
    let (head, body) = (str::from_utf8(&answer[..head]).unwrap(), &answer[head + 4..]);
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    (body.len() == length.parse::<usize>().unwrap()).then_some(body)
}
