//! A bare client of the API server over one kept TLS connection: what a load generator costs and no more.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::kube::Access;

/// One connection with the rights of an [`Access`].
pub struct Connection {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    host: String,
    token: String,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// The API server cannot be reached, or its certificate is not the expected one.
    pub fn open(access: &Access) -> Result<Self> {
        let host = access.url().strip_prefix("https://").context("no https")?.to_owned();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(access.ca()).map_err(|e| anyhow::anyhow!("{e}"))?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = host.split(':').next().context("no host")?.to_owned();
        let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(name)?)?;
        let socket = TcpStream::connect(&host)?;
        socket.set_nodelay(true)?;
        let stream = BufReader::new(StreamOwned::new(connection, socket));
        Ok(Self { stream, host, token: access.token().to_owned() })
    }

    /// Sends a request and reads its whole answer; statuses from 300 on are errors.
    ///
    /// # Errors
    /// No answer, or one that is no success, with its body.
    pub fn send(&mut self, method: &str, path: &str, body: &str) -> Result<Value> {
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        write!(
            self.stream.get_mut(),
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            self.token,
            body.len()
        )?;
        self.stream.get_mut().flush()?;
        let (status, bytes) = self.answer()?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        ensure!(status < 300, "{method} {path} answered {status}: {text}");
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    fn answer(&mut self) -> Result<(u16, Vec<u8>)> {
        let status = self.line()?.split(' ').nth(1).and_then(|s| s.parse().ok()).context("no status")?;
        let (mut length, mut chunked) = (0usize, false);
        loop {
            let line = self.line()?.to_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            chunked |= line.starts_with("transfer-encoding:") && line.contains("chunked");
        }
        let mut body = Vec::new();
        if !chunked {
            body.resize(length, 0);
            self.stream.read_exact(&mut body)?;
            return Ok((status, body));
        }
        loop {
            let size = usize::from_str_radix(&self.line()?, 16)?;
            let at = body.len();
            body.resize(at + size, 0);
            self.stream.read_exact(&mut body[at..])?;
            self.line()?;
            if size == 0 {
                return Ok((status, body));
            }
        }
    }
}
