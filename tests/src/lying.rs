//! A server between a client and a real one: it passes requests on and counts them, and lies about secrets when it is told to.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::http::{self, Request, Response};

/// Time between two looks for a new connection.
const PAUSE: Duration = Duration::from_millis(5);

/// How long a client may take to send its request.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest body of a request that is read, in bytes.
const MAX_BODY: u64 = 4 << 20;

/// What is answered to reads of secrets; everything else is always passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lie {
    /// What the real server answers.
    None,
    /// This status, with the real servers' body of errors.
    Status(u16),
    /// 404 with a page for browsers, as a proxy without a backend answers.
    Page404,
    /// 200 with an object that has nothing.
    Empty,
    /// 200 with the first half of a document, complete as far as HTTP can tell.
    Cut,
    /// Nothing for so long, then the truth.
    Hang(Duration),
}

/// A request that came: its verb and its path with query.
pub type Asked = (String, String);

/// The server; it ends when this is dropped.
pub struct Liar {
    addr: String,
    shared: Arc<Shared>,
    running: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

impl fmt::Debug for Liar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Liar").field("addr", &self.addr).finish_non_exhaustive()
    }
}

struct Shared {
    behind: String,
    tls: Option<Arc<ServerConfig>>,
    lie: Mutex<Lie>,
    asked: Mutex<Vec<Asked>>,
}

impl Liar {
    /// Starts one over plain HTTP before the server at `behind`, a `host:port`; it tells the truth at first.
    ///
    /// # Errors
    /// There is no free port.
    pub fn start(behind: &str) -> Result<Liar> {
        Liar::start_with(behind, None)
    }

    /// Starts one over TLS with `name.crt` and `name.key` of a folder, see [`certificate`].
    ///
    /// # Errors
    /// The files cannot be used, or there is no free port.
    pub fn start_tls(behind: &str, folder: &Path, name: &str) -> Result<Liar> {
        let chain = vec![CertificateDer::from_pem_file(folder.join(format!("{name}.crt")))?];
        let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key")))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = config.with_no_client_auth().with_single_cert(chain, key)?;
        Liar::start_with(behind, Some(Arc::new(config)))
    }

    fn start_with(behind: &str, tls: Option<Arc<ServerConfig>>) -> Result<Liar> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let addr = listener.local_addr()?.to_string();
        let shared =
            Shared { behind: behind.into(), tls, lie: Mutex::new(Lie::None), asked: Mutex::new(Vec::new()) };
        let mut liar = Liar { addr, shared: Arc::new(shared), running: None };
        liar.listen(listener)?;
        Ok(liar)
    }

    /// The base address for clients, without a slash at the end.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.shared.tls.is_some() { "https" } else { "http" }, self.addr)
    }

    /// Its `host:port`.
    pub fn addr(&self) -> &str {
        &self.addr
    }

    /// Changes what it says from now on.
    pub fn tell(&self, lie: Lie) {
        *lock(&self.shared.lie) = lie;
    }

    /// The requests since the start or the last [`Liar::forget`].
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.shared.asked).clone()
    }

    /// Forgets the requests.
    pub fn forget(&self) {
        lock(&self.shared.asked).clear();
    }

    /// Refuses connections from now on.
    pub fn stop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            stop.store(true, Ordering::Relaxed);
            // A thread that has panicked has nothing to listen with either.
            let _ = thread.join();
        }
    }

    /// Listens again on the same port; does nothing where it listens.
    ///
    /// # Errors
    /// The port is taken by now.
    pub fn resume(&mut self) -> Result<()> {
        if self.running.is_none() {
            self.listen(TcpListener::bind(&self.addr).with_context(|| self.addr.clone())?)?;
        }
        Ok(())
    }

    fn listen(&mut self, listener: TcpListener) -> Result<()> {
        listener.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (Arc::clone(&self.shared), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let Ok((stream, _)) = listener.accept() else {
                    std::thread::sleep(PAUSE);
                    continue;
                };
                let shared = Arc::clone(&shared);
                // What goes wrong on a connection is the client's to notice.
                std::thread::spawn(move || drop(shared.connection(stream)));
            }
        });
        self.running = Some((stop, thread));
        Ok(())
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// One request on a connection of its own.
    fn connection(&self, stream: TcpStream) -> Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        match &self.tls {
            None => self.serve(stream),
            Some(config) => self.serve(StreamOwned::new(ServerConnection::new(Arc::clone(config))?, stream)),
        }
    }

    fn serve(&self, mut stream: impl Read + Write) -> Result<()> {
        let request = read_request(&mut BufReader::new(&mut stream))?;
        lock(&self.asked).push((request.method.clone(), request.path.clone()));
        let response = self.answer(&request)?;
        stream.write_all(&bytes(&response))?;
        Ok(stream.flush()?)
    }

    fn answer(&self, request: &Request) -> Result<Response> {
        let lie = if is_read(request) { lock(&self.lie).clone() } else { Lie::None };
        let json = |status, body: &str| Ok(response(status, "application/json", body));
        match lie {
            Lie::None => http::send(&self.behind, request),
            Lie::Status(403) => json(403, r#"{"errors":["permission denied"]}"#),
            Lie::Status(status) => json(status, r#"{"errors":["internal error"]}"#),
            Lie::Page404 => {
                let page = "<html><head><title>404 Not Found</title></head><body>nginx</body></html>\n";
                Ok(response(404, "text/html", page))
            }
            Lie::Empty => json(200, "{}"),
            Lie::Cut => json(200, r#"{"request_id":"","data":{"data":{"value":"ha"#),
            Lie::Hang(limit) => {
                let start = Instant::now();
                let hangs = || matches!(*lock(&self.lie), Lie::Hang(_));
                while hangs() && start.elapsed() < limit {
                    std::thread::sleep(PAUSE);
                }
                http::send(&self.behind, request)
            }
        }
    }
}

/// Makes a certificate for 127.0.0.1 that is its own CA: `name.crt` and `name.key` in `folder`.
///
/// # Errors
/// openssl is missing or refuses, in its own words.
pub fn certificate(folder: &Path, name: &str) -> Result<()> {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    command.args(["-config", "/dev/null", "-days", "2", "-subj"]).arg(format!("/CN={name}"));
    command.args(["-addext", "subjectAltName=IP:127.0.0.1", "-out"]).arg(format!("{name}.crt"));
    command.arg("-keyout").arg(format!("{name}.key")).current_dir(folder);
    let output = command.output().context("openssl does not start: install openssl")?;
    if !output.status.success() {
        bail!("openssl failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Whether a request reads a secret from a KV engine at `secret/`.
fn is_read(request: &Request) -> bool {
    request.method == "GET" && request.path.starts_with("/v1/secret/data/")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn response(status: u16, kind: &str, body: &str) -> Response {
    Response { status, headers: vec![("Content-Type".into(), kind.into())], body: body.into() }
}

/// Headers that belong to one connection, not to the message.
const OF_THE_CONNECTION: [&str; 4] = ["host", "connection", "content-length", "transfer-encoding"];

fn is_of_the_connection(name: &str) -> bool {
    OF_THE_CONNECTION.iter().any(|it| name.eq_ignore_ascii_case(it))
}

fn read_request(reader: &mut impl BufRead) -> Result<Request> {
    let line = read_line(reader)?;
    let mut words = line.split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else { bail!("not a request: {line:?}") };
    let mut request = Request::new(method, path);
    let mut length = 0;
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| anyhow!("not a header: {line:?}"))?;
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
        if !is_of_the_connection(name) {
            request = request.header(name, value.trim());
        }
    }
    if length > MAX_BODY {
        bail!("the body has {length} bytes, more than {MAX_BODY}");
    }
    if length > 0 {
        let mut body = Vec::new();
        reader.take(length).read_to_end(&mut body)?;
        request = request.raw(body);
    }
    Ok(request)
}

fn read_line(reader: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    reader.take(64 << 10).read_line(&mut line)?;
    let line = line.strip_suffix('\n').context("the connection was closed in the middle of a line")?;
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn bytes(response: &Response) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} \r\nConnection: close\r\n", response.status);
    for (name, value) in response.headers.iter().filter(|(name, _)| !is_of_the_connection(name)) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", response.body.len()));
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&response.body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: &str = "/v1/secret/data/a";

    fn ask(liar: &Liar, path: &str) -> Result<(u16, String)> {
        http::send(liar.addr(), &Request::new("GET", path).token("t")).map(|it| (it.status, it.text()))
    }

    /// A server that is another liar, always with the same lie.
    fn behind() -> Liar {
        let last = Liar::start("127.0.0.1:1").unwrap();
        last.tell(Lie::Status(500));
        last
    }

    #[test]
    fn it_lies_about_secrets_only() {
        let real = behind();
        let liar = Liar::start(real.addr()).unwrap();
        let check = |lie: Lie, status: u16, part: &str| {
            liar.tell(lie.clone());
            let (got, body) = ask(&liar, READ).unwrap();
            assert!(got == status && body.contains(part), "{lie:?}: {got} {body}");
        };
        check(Lie::None, 500, "internal error");
        check(Lie::Status(403), 403, "permission denied");
        check(Lie::Status(503), 503, "internal error");
        check(Lie::Page404, 404, "<html>");
        check(Lie::Empty, 200, "{}");
        check(Lie::Cut, 200, "value");
        assert!(serde_json::from_str::<serde_json::Value>(&ask(&liar, READ).unwrap().1).is_err());
        check(Lie::Hang(Duration::from_millis(50)), 500, "internal error");
        // The last one has nothing behind it, so what it passes on has no answer.
        assert!(ask(&liar, "/v1/auth/token/lookup-self").is_err());
        assert_eq!(liar.asked().len(), 8 + 1);
        assert_eq!(real.asked().last().unwrap(), &("GET".into(), "/v1/auth/token/lookup-self".into()));
        liar.forget();
        assert!(liar.asked().is_empty());
    }

    #[test]
    fn a_hang_ends_with_the_lie() {
        let real = behind();
        let liar = Liar::start(real.addr()).unwrap();
        liar.tell(Lie::Hang(Duration::from_secs(60)));
        let start = Instant::now();
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| ask(&liar, READ).unwrap().0);
            while liar.asked().is_empty() {
                std::thread::sleep(PAUSE);
            }
            liar.tell(Lie::None);
            assert_eq!(asking.join().unwrap(), 500);
        });
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn it_stops_and_comes_back_on_its_port() {
        let real = behind();
        let mut liar = Liar::start(real.addr()).unwrap();
        liar.stop();
        assert!(ask(&liar, READ).is_err());
        liar.resume().unwrap();
        assert_eq!(ask(&liar, READ).unwrap().0, 500);
    }

    #[test]
    fn it_speaks_tls_with_a_certificate_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let real = behind();
        for name in ["right", "wrong"] {
            certificate(folder.path(), name).unwrap();
        }
        let liar = Liar::start_tls(real.addr(), folder.path(), "right").unwrap();
        let ask = |name: &str| {
            let ca = folder.path().join(format!("{name}.crt"));
            let url = format!("{}{READ}", liar.url());
            let mut curl = Command::new("curl");
            curl.args(["-sS", "--max-time", "10", "--cacert"]).arg(ca).arg(url).output().unwrap()
        };
        assert!(String::from_utf8_lossy(&ask("right").stdout).contains("internal error"));
        assert!(!ask("wrong").status.success());
    }

    #[test]
    fn requests_are_read_with_their_body() {
        let wire = "PUT /v1/a?b HTTP/1.1\r\nHost: x\r\nA: 1\r\ncontent-length: 2\r\n\r\nhi";
        let request = read_request(&mut wire.as_bytes()).unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/v1/a?b"));
        assert_eq!(request.headers, [("A".to_owned(), "1".to_owned())]);
        assert_eq!(request.body.as_deref(), Some(&b"hi"[..]));
        for wire in ["", "GET\r\n\r\n", "GET / HTTP/1.1\r\nx\r\n\r\n", "GET / HTTP/1.1\r\n"] {
            assert!(read_request(&mut wire.as_bytes()).is_err(), "{wire:?}");
        }
    }
}
