//! Talking to the emulator's control endpoint: one small HTTP/1.0 exchange, which needs no library.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use serde::de::DeserializeOwned;

/// Sends a request (a POST where there is a body) and reads the JSON answer.
pub fn ask<T: DeserializeOwned>(port: u16, path: &str, body: Option<&[u8]>) -> io::Result<T> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_nodelay(true)?;
    let method = if body.is_some() { "POST" } else { "GET" };
    let body = body.unwrap_or_default();
    let mut request =
        format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    request.extend_from_slice(body);
    connection.write_all(&request)?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    let refused = || io::Error::other(format!("{method} {path} is answered {text}"));
    let (head, content) = text.split_once("\r\n\r\n").ok_or_else(refused)?;
    if head.split(' ').nth(1) != Some("200") {
        return Err(refused());
    }
    serde_json::from_str(content).map_err(|_| refused())
}
