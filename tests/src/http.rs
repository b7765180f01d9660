//! A small blocking HTTP/1.1 client that sends exactly what it is told: any verb, any path, no redirects, no headers of its own taste.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

/// How long one request may wait for the connection, for each read and for each write.
const PATIENCE: Duration = Duration::from_secs(60);

/// The largest body that is read, in bytes.
const MAX_BODY: u64 = 64 << 20;

/// A request as it goes over the wire; `Host`, `Connection` and `Content-Length` are added.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The verb, any token.
    pub method: String,
    /// The raw target with query, not encoded any further.
    pub path: String,
    /// Headers in the order of sending.
    pub headers: Vec<(String, String)>,
    /// The body; without one no `Content-Length` is sent.
    pub body: Option<Vec<u8>>,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: &str, path: &str) -> Request {
        Request { method: method.into(), path: path.into(), ..Request::default() }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with `X-Vault-Token`.
    #[must_use]
    pub fn token(self, token: &str) -> Request {
        self.header("X-Vault-Token", token)
    }

    /// The same with a JSON body and no `Content-Type`, as the server's own command line tool sends it.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Request {
        self.body = Some(body.to_string().into_bytes());
        self
    }

    /// The same with these bytes as body.
    #[must_use]
    pub fn raw(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.body = Some(body.into());
        self
    }

    fn bytes(&self, addr: &str) -> Vec<u8> {
        let mut head =
            format!("{} {} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// The body without its transfer coding.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; an empty body is `null`.
    ///
    /// # Errors
    /// The body is not JSON: the status and the body's first 300 characters are in the message.
    pub fn json(&self) -> Result<Value> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body).with_context(|| {
            let start: String = self.text().chars().take(300).collect();
            format!("the body of this {} answer is not JSON: {start}", self.status)
        })
    }
}

/// Sends one request to `host:port` over a connection of its own and reads the whole answer.
///
/// # Errors
/// No connection, an answer that is no HTTP/1.1, a body beyond 64 MiB, or a wait of 60 seconds.
pub fn send(addr: &str, request: &Request) -> Result<Response> {
    let what = || format!("{} {} to {addr}", request.method, request.path);
    let peer =
        addr.to_socket_addrs().with_context(what)?.next().ok_or_else(|| anyhow!("no address in {addr}"))?;
    let mut stream = TcpStream::connect_timeout(&peer, PATIENCE).with_context(what)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    // A server may answer and close before it has read everything (413): then the answer counts, not the failed write.
    let written = stream.write_all(&request.bytes(addr)).and_then(|()| stream.flush());
    match read_response(&mut BufReader::new(stream), request.method == "HEAD") {
        Ok(response) => Ok(response),
        Err(error) => {
            written.with_context(what)?;
            Err(error).with_context(what)
        }
    }
}

fn read_response(reader: &mut impl BufRead, head_only: bool) -> Result<Response> {
    loop {
        let (status, headers) = read_head(reader)?;
        if (100..200).contains(&status) {
            continue;
        }
        let mut response = Response { status, headers, body: Vec::new() };
        if !head_only && status != 204 && status != 304 {
            response.body = read_body(reader, &response)?;
        }
        return Ok(response);
    }
}

type Headers = Vec<(String, String)>;

fn read_head(reader: &mut impl BufRead) -> Result<(u16, Headers)> {
    let line = read_line(reader).context("no status line")?;
    let mut words = line.splitn(3, ' ');
    if !words.next().is_some_and(|version| version.starts_with("HTTP/1.")) {
        bail!("not an HTTP/1 status line: {line:?}");
    }
    let status =
        words.next().and_then(|code| code.parse().ok()).ok_or_else(|| anyhow!("no status in {line:?}"))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(reader).context("the headers break off")?;
        if line.is_empty() {
            return Ok((status, headers));
        }
        let (name, value) = line.split_once(':').ok_or_else(|| anyhow!("not a header: {line:?}"))?;
        headers.push((name.trim().into(), value.trim().into()));
    }
}

fn read_body(reader: &mut impl BufRead, response: &Response) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    if response.header("Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        read_chunks(reader, &mut body)?;
    } else if let Some(length) = response.header("Content-Length") {
        let length: u64 = length.parse().with_context(|| format!("Content-Length {length}"))?;
        if length > MAX_BODY {
            bail!("the body has {length} bytes, more than {MAX_BODY}");
        }
        reader.take(length).read_to_end(&mut body)?;
        if body.len() as u64 != length {
            bail!("the body breaks off after {} of {length} bytes", body.len());
        }
    } else {
        reader.take(MAX_BODY).read_to_end(&mut body)?;
    }
    Ok(body)
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Result<()> {
    loop {
        let line = read_line(reader)?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let length = u64::from_str_radix(digits, 16).with_context(|| format!("chunk length {line:?}"))?;
        if body.len() as u64 + length > MAX_BODY {
            bail!("the body has more than {MAX_BODY} bytes");
        }
        let copied = reader.take(length).read_to_end(body)?;
        if copied as u64 != length {
            bail!("a chunk breaks off after {copied} of {length} bytes");
        }
        if !read_line(reader)?.is_empty() && length > 0 {
            bail!("a chunk is longer than its length of {length}");
        }
        if length == 0 {
            return Ok(());
        }
    }
}

fn read_line(reader: &mut impl BufRead) -> Result<String> {
    let mut line = Vec::new();
    reader.take(64 << 10).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        bail!("the connection was closed in the middle of a line");
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wire: &str, expected: Result<(u16, &str), &str>) {
        let got = read_response(&mut wire.as_bytes(), false);
        match (got, expected) {
            (Ok(response), Ok((status, body))) => {
                assert_eq!((response.status, response.text().as_str()), (status, body), "{wire:?}");
            }
            (Err(error), Err(part)) => assert!(format!("{error:#}").contains(part), "{wire:?}: {error:#}"),
            (got, expected) => panic!("{wire:?}: got {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn answers_are_read() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", Ok((200, "hi")));
        check(
            "HTTP/1.1 299 \r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1;x\r\nd\r\n0\r\n\r\n",
            Ok((299, "abcd")),
        );
        check(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\nto the end",
            Ok((404, "to the end")),
        );
        check("HTTP/1.1 204 No Content\r\n\r\n", Ok((204, "")));
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", Err("breaks off after 2 of 5"));
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
            Err("breaks off after 3 of 9"),
        );
        check("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", Err("more than"));
        check("SSH-2.0\r\n", Err("not an HTTP/1 status line"));
        check("", Err("no status line"));
    }

    #[test]
    fn requests_are_sent_as_given() {
        let request = Request::new("FOO", "/v1//a/%2e").token("t").raw("x");
        let wire = "FOO /v1//a/%2e HTTP/1.1\r\nHost: h:1\r\nConnection: close\r\nX-Vault-Token: t\r\nContent-Length: 1\r\n\r\nx";
        assert_eq!(String::from_utf8(request.bytes("h:1")).unwrap(), wire);
    }
}
