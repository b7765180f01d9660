//! JSON Web Tokens for the recorded logins: made by the tool `openssl` with fresh keys and the claims that a step's note spells out.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regex::Regex;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::captures::Captures;

/// What a note says: the algorithm of the key, the header where it is not the usual one, the claims.
static NOTE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^alg (\w+)(?: header (\{.*?\}))?; claims (\{.*\})$").expect("a constant"));

static RELATIVE_TIME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^<now([+-]\d+)>$").expect("a constant"));

/// The algorithms, and what `openssl genpkey` needs to make a key.
const ALGORITHMS: [(&str, &[&str]); 3] = [
    ("RS256", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ("ES256", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ("EdDSA", &["-algorithm", "ED25519"]),
];

/// Fresh keys in a folder of their own.
#[derive(Debug)]
pub struct Signer {
    dir: TempDir,
}

impl Signer {
    /// Makes a key per algorithm and captures its public half as `pem_RS256` and so on; none without the tool `openssl`.
    ///
    /// # Errors
    /// The tool refuses.
    pub fn new(captures: &mut Captures) -> Result<Option<Signer>> {
        if Command::new("openssl").arg("version").output().is_err() {
            return Ok(None);
        }
        let dir = tempfile::tempdir()?;
        for (name, arguments) in ALGORITHMS {
            let mut all = vec!["genpkey", "-out", name];
            all.extend_from_slice(arguments);
            openssl(dir.path(), &all)?;
            let public = openssl(dir.path(), &["pkey", "-in", name, "-pubout"])?;
            captures.set(&format!("pem_{name}"), &String::from_utf8(public)?);
        }
        Ok(Some(Signer { dir }))
    }

    /// Makes the token that the member `jwt` of a body names, if the note has its claims.
    ///
    /// # Errors
    /// The note has JSON that is none, or the tool refuses.
    pub fn sign_for(&self, body: Option<&Value>, note: &str, captures: &mut Captures) -> Result<()> {
        let jwt = body.and_then(|body| body.get("jwt")).and_then(Value::as_str).unwrap_or_default();
        let (Some(name), Some(groups)) =
            (jwt.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')), NOTE.captures(note))
        else {
            return Ok(());
        };
        let text = |i: usize| groups.get(i).map(|group| group.as_str());
        let algorithm = text(1).context("no algorithm")?;
        let header = text(2).map_or_else(|| Ok(json!({ "alg": algorithm })), serde_json::from_str)?;
        let claims = in_time(serde_json::from_str(text(3).context("no claims")?)?)?;
        captures.set(name, &self.sign(algorithm, &header, &claims)?);
        Ok(())
    }

    /// A token with this header and these claims, signed with the key of `algorithm` whatever the header says.
    fn sign(&self, algorithm: &str, header: &Value, claims: &Value) -> Result<String> {
        let signed = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        std::fs::write(self.dir.path().join("input"), &signed)?;
        let mut arguments = vec!["pkeyutl", "-sign", "-inkey", algorithm, "-rawin", "-in", "input"];
        if algorithm != "EdDSA" {
            arguments.extend(["-digest", "sha256"]);
        }
        let mut signature = openssl(self.dir.path(), &arguments)?;
        if algorithm == "ES256" {
            signature = fixed_width(&signature).ok_or_else(|| anyhow!("openssl gave no ECDSA signature"))?;
        }
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Turns `<now+60>` into seconds since 1970.
fn in_time(claims: Value) -> Result<Value> {
    let Value::Object(claims) = claims else { bail!("the claims are no object") };
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let moved = |value: Value| match RELATIVE_TIME.captures(value.as_str().unwrap_or_default()) {
        Some(groups) => groups[1].parse::<i64>().map_or(Value::Null, |shift| json!(now + shift)),
        None => value,
    };
    Ok(claims.into_iter().map(|(name, value)| (name, moved(value))).collect())
}

/// The two numbers of an ECDSA signature in DER, each as 32 bytes.
fn fixed_width(der: &[u8]) -> Option<Vec<u8>> {
    let mut rest = der.strip_prefix(&[0x30])?.get(1..)?;
    let mut out = Vec::new();
    for _ in 0..2 {
        let (length, tail) = rest.strip_prefix(&[0x02])?.split_first()?;
        let number = tail.get(..usize::from(*length))?;
        let significant = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
        let digits = number.get(significant..)?;
        out.resize(out.len() + 32_usize.checked_sub(digits.len())?, 0);
        out.extend_from_slice(digits);
        rest = tail.get(usize::from(*length)..)?;
    }
    Some(out)
}

fn openssl(dir: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new("openssl").args(arguments).current_dir(dir).output().context("openssl")?;
    if !output.status.success() {
        bail!("openssl {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}
