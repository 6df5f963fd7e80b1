//! A client that writes and reads raw HTTP/1.1.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::patiently;

pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the connection ended before the body did.
    pub is_cut: bool,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), buffer: Vec::new() }
    }

    /// The socket, for looking at what has arrived without reading it.
    pub fn into_std(self) -> std::net::TcpStream {
        self.stream.into_std().unwrap()
    }

    pub fn from_std(stream: std::net::TcpStream) -> Self {
        Self { stream: TcpStream::from_std(stream).unwrap(), buffer: Vec::new() }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The same, when the other side may close while we write.
    pub async fn try_send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Sends a request with a JSON body.
    pub async fn post(&mut self, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nhost: weir\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.send(&[head.as_bytes(), b"\r\n", body].concat()).await;
    }

    pub async fn get(&mut self, path: &str, headers: &[(&str, &str)]) {
        let mut head = format!("GET {path} HTTP/1.1\r\nhost: weir\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.send(format!("{head}\r\n").as_bytes()).await;
    }

    /// Reads a response to its end, or to the end of the connection.
    pub async fn response(&mut self) -> Response {
        patiently("a response", self.read_response()).await
    }

    async fn read_response(&mut self) -> Response {
        let mut response = self.head().await;
        if let Some(length) = response.header("content-length") {
            let length: usize = length.parse().unwrap();
            while self.buffer.len() < length && self.fill().await {}
            response.is_cut = self.buffer.len() < length;
            response.body = self.buffer.drain(..length.min(self.buffer.len())).collect();
        } else if response.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk().await {
                if chunk.is_empty() {
                    return response;
                }
                response.body.extend(chunk);
            }
            response.is_cut = true;
        } else if response.status != 204 && response.status != 304 {
            while self.fill().await {}
            response.body = std::mem::take(&mut self.buffer);
        }
        response
    }

    /// Reads the head of a response.
    pub async fn head(&mut self) -> Response {
        let end = patiently("a response's head", self.read_until(b"\r\n\r\n")).await;
        let end = end.expect("the connection ended before a response");
        let head: Vec<u8> = self.buffer.drain(..end).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        Response { status, headers, body: Vec::new(), is_cut: false }
    }

    /// Reads one chunk of a chunked body; `None` when the connection ends within it.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let end = self.read_until(b"\r\n").await?;
        let size = std::str::from_utf8(&self.buffer[..end - 2]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        self.buffer.drain(..end);
        while self.buffer.len() < size + 2 {
            if !self.fill().await {
                return None;
            }
        }
        let chunk = self.buffer.drain(..size).collect();
        self.buffer.drain(..2);
        Some(chunk)
    }

    /// Reads chunks until a text has arrived; pieces that arrive together may come as one.
    pub async fn chunks_until(&mut self, text: &str) -> Vec<u8> {
        let mut body = Vec::new();
        while !String::from_utf8_lossy(&body).contains(text) {
            body.extend(patiently("a chunk", self.chunk()).await.expect("the connection is open"));
        }
        body
    }

    /// Whether the other side has closed the connection, once it has.
    pub async fn is_closed(&mut self) -> bool {
        patiently("the connection's end", async { while self.fill().await {} }).await;
        true
    }

    async fn read_until(&mut self, end: &[u8]) -> Option<usize> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                return Some(at + end.len());
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// Reads more; false at the end of the connection, however it ends.
    async fn fill(&mut self) -> bool {
        matches!(self.stream.read_buf(&mut self.buffer).await, Ok(read) if read > 0)
    }
}
