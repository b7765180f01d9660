//! A URL: its parts, how they are read and written.

use super::address;
use super::escape::{Place, escape, unescape};

/// The parts of a URL. No `Debug`: it may hold a password.
#[derive(Default)]
pub(super) struct Url {
    pub(super) scheme: Vec<u8>,
    /// What follows the scheme in place of `//host/path`, still escaped.
    pub(super) opaque: Vec<u8>,
    pub(super) user: Option<User>,
    /// With the port.
    pub(super) host: Vec<u8>,
    pub(super) path: Vec<u8>,
    /// Still escaped.
    pub(super) query: Vec<u8>,
    pub(super) fragment: Vec<u8>,
}

/// A user's name and password.
pub(super) struct User {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

/// A word of an error.
pub(super) enum Word {
    /// Go's own.
    Plain(String),
    /// A piece of the URL, which Go quotes.
    Quoted(Vec<u8>),
}

/// Why a text is no URL.
pub(super) struct Problem(pub(super) Vec<Word>);

impl Problem {
    fn plain(text: &str) -> Self {
        Self(vec![Word::Plain(text.to_owned())])
    }

    /// An error about a piece of the URL.
    pub(super) fn about(before: &str, data: &[u8], after: &str) -> Self {
        Self(vec![Word::Plain(before.to_owned()), Word::Quoted(data.to_vec()), Word::Plain(after.to_owned())])
    }

    fn of_url(mut self, url: &[u8]) -> Self {
        let mut words = Self::about("parse ", url, ": ").0;
        words.append(&mut self.0);
        Self(words)
    }
}

/// What stands before and after the first of this byte; all and nothing without it.
fn cut(text: &[u8], at: u8) -> (&[u8], &[u8]) {
    let found = text.iter().position(|byte| *byte == at).unwrap_or(text.len());
    (text.get(..found).unwrap_or_default(), text.get(found + 1..).unwrap_or_default())
}

impl Url {
    /// Reads an absolute or relative URL.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Problem> {
        let (before, fragment) = cut(text, b'#');
        let mut url = Self::without_fragment(before).map_err(|problem| problem.of_url(before))?;
        url.fragment = unescape(fragment, Place::Fragment).map_err(|problem| problem.of_url(text))?;
        Ok(url)
    }

    fn without_fragment(text: &[u8]) -> Result<Self, Problem> {
        if text.iter().any(u8::is_ascii_control) {
            return Err(Problem::plain("net/url: invalid control character in URL"));
        }
        let mut url = Self::default();
        let (scheme, rest) = scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (rest, query) = cut(rest, b'?');
        url.query = query.to_vec();
        if !rest.starts_with(b"/") {
            if !scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Ok(url);
            }
            if cut(rest, b'/').0.contains(&b':') {
                return Err(Problem::plain("first path segment in URL cannot contain colon"));
            }
        }
        let mut path = rest;
        if rest.starts_with(b"//") && (!scheme.is_empty() || !rest.starts_with(b"///")) {
            let after = rest.get(2..).unwrap_or_default();
            let end = after.iter().position(|byte| *byte == b'/').unwrap_or(after.len());
            path = after.get(end..).unwrap_or_default();
            url.authority(after.get(..end).unwrap_or_default())?;
        }
        url.path = unescape(path, Place::Path)?;
        Ok(url)
    }

    /// `user:password@host:port`
    fn authority(&mut self, text: &[u8]) -> Result<(), Problem> {
        let Some(at) = text.iter().rposition(|byte| *byte == b'@') else {
            self.host = host(&self.scheme, text)?;
            return Ok(());
        };
        self.host = host(&self.scheme, text.get(at + 1..).unwrap_or_default())?;
        let user = text.get(..at).unwrap_or_default();
        let valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
        if !user.iter().all(valid) {
            return Err(Problem::plain("net/url: invalid userinfo"));
        }
        let (name, password) = cut(user, b':');
        let name = unescape(name, Place::User)?;
        let password = if user.contains(&b':') { Some(unescape(password, Place::User)?) } else { None };
        self.user = Some(User { name, password });
        Ok(())
    }

    /// The host without port and brackets.
    pub(super) fn hostname(&self) -> &[u8] {
        let colon = self.host.iter().rposition(|byte| *byte == b':').unwrap_or(self.host.len());
        let host = match self.host.split_at_checked(colon) {
            Some((host, port)) if is_port(port) => host,
            _ => &self.host,
        };
        host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host)
    }

    /// `user:password`, escaped; empty if there is none.
    pub(super) fn userinfo(&self) -> Vec<u8> {
        let Some(user) = &self.user else { return Vec::new() };
        let mut text = escape(&user.name, Place::User);
        if let Some(password) = &user.password {
            text.push(b':');
            text.extend(escape(password, Place::User));
        }
        text
    }

    /// The whole URL.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.hierarchy(&mut out);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend(escape(&self.fragment, Place::Fragment));
        }
        out
    }

    /// `//user:password@host/path`
    fn hierarchy(&self, out: &mut Vec<u8>) {
        let hosted = !self.host.is_empty() || self.user.is_some();
        if hosted || (!self.scheme.is_empty() && !self.path.is_empty()) {
            out.extend_from_slice(b"//");
            if self.user.is_some() {
                out.extend(self.userinfo());
                out.push(b'@');
            }
            out.extend(escape(&self.host, Place::Host));
        }
        let path = if self.path == b"*" { b"*".to_vec() } else { escape(&self.path, Place::Path) };
        if !path.is_empty() && !path.starts_with(b"/") && !self.host.is_empty() {
            out.push(b'/');
        }
        if out.is_empty() && cut(&path, b'/').0.contains(&b':') {
            out.extend_from_slice(b"./"); // what stands before the colon is no scheme
        }
        out.extend(path);
    }
}

/// The scheme, and what follows its colon; no scheme and all if there is none.
fn scheme(text: &[u8]) -> Result<(&[u8], &[u8]), Problem> {
    let end = text.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"+-.".contains(byte)));
    let end = end.unwrap_or(text.len());
    match text.get(end) {
        Some(b':') if end == 0 => Err(Problem::plain("missing protocol scheme")),
        Some(b':') if text.first().is_some_and(u8::is_ascii_alphabetic) => Ok(cut(text, b':')),
        _ => Ok((&[], text)),
    }
}

/// Nothing, or a colon and digits.
fn is_port(text: &[u8]) -> bool {
    text.strip_prefix(b":").map_or(text.is_empty(), |digits| digits.iter().all(u8::is_ascii_digit))
}

fn checked_port(text: &[u8]) -> Result<(), Problem> {
    if is_port(text) { Ok(()) } else { Err(Problem::about("invalid port ", text, " after host")) }
}

/// `host:port`, unescaped. Only HTTP is strict about colons: databases list several hosts.
fn host(scheme: &[u8], text: &[u8]) -> Result<Vec<u8>, Problem> {
    match text.iter().rposition(|byte| *byte == b'[') {
        Some(0) => return literal(text.get(1..).unwrap_or_default()),
        Some(_) => return Err(Problem::plain("invalid IP-literal")),
        None => {}
    }
    let is_colon = |byte: &u8| *byte == b':';
    let strict = scheme == b"http" || scheme == b"https";
    let colon = if strict { text.iter().position(is_colon) } else { text.iter().rposition(is_colon) };
    if let Some(colon) = colon {
        checked_port(text.get(colon..).unwrap_or_default())?;
    }
    unescape(text, Place::Host)
}

/// `address]:port`, after the bracket.
fn literal(text: &[u8]) -> Result<Vec<u8>, Problem> {
    let Some(end) = text.iter().rposition(|byte| *byte == b']') else {
        return Err(Problem::plain("missing ']' in host"));
    };
    let (address, port) = (text.get(..end).unwrap_or_default(), text.get(end + 1..).unwrap_or_default());
    checked_port(port)?;
    let zone = address.windows(3).position(|window| window == b"%25").unwrap_or(address.len());
    let mut host = unescape(address.get(..zone).unwrap_or_default(), Place::Host)?;
    host.extend(unescape(address.get(zone..).unwrap_or_default(), Place::Zone)?);
    address::check(&host)?;
    Ok([b"[".as_slice(), &host, b"]", port].concat())
}
