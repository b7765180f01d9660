//! Keys, certificates and bearer tokens of a cluster, made with openssl.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Days for which a certificate is good.
const DAYS: &str = "30";

/// Makes a CA (`ca.crt`, `ca.key`), the API server's certificate (`apiserver.*`) and the key that signs the tokens of
/// service accounts (`sa.key`, `sa.pub`) in `folder`.
///
/// # Errors
/// openssl is missing or refuses, in its own words.
pub(super) fn make(folder: &Path) -> Result<()> {
    certificate(folder, "ca", "/CN=keyreeve-test-ca", &["basicConstraints=critical,CA:TRUE"])?;
    let names = "subjectAltName=IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes.default.svc";
    certificate(folder, "apiserver", "/CN=kube-apiserver", &["basicConstraints=CA:FALSE", names])?;
    openssl(folder, &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "sa.key"])?;
    openssl(folder, &["ec", "-in", "sa.key", "-pubout", "-out", "sa.pub"])
}

/// Makes the certificates between an API server and a kubelet (`kubelet-client.*`, `kubelet.*`) beside those of [`make`].
///
/// # Errors
/// As [`make`].
pub(super) fn make_for_node(folder: &Path) -> Result<()> {
    let subject = "/O=system:masters/CN=apiserver-kubelet-client";
    let leaf = "basicConstraints=CA:FALSE";
    certificate(folder, "kubelet-client", subject, &[leaf, "extendedKeyUsage=clientAuth"])?;
    let names = "subjectAltName=IP:127.0.0.1,DNS:localhost";
    certificate(folder, "kubelet", "/CN=system:node:127.0.0.1", &[leaf, names])
}

/// A certificate with its key, signed by the CA of the folder; `ca` itself is signed by itself.
fn certificate(folder: &Path, name: &str, subject: &str, extensions: &[&str]) -> Result<()> {
    let (certificate, key) = (format!("{name}.crt"), format!("{name}.key"));
    let mut arguments = vec!["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    arguments.extend(["-nodes", "-config", "/dev/null", "-days", DAYS, "-subj", subject]);
    arguments.extend(["-out", &certificate, "-keyout", &key]);
    if name != "ca" {
        arguments.extend(["-CA", "ca.crt", "-CAkey", "ca.key"]);
    }
    arguments.extend(extensions.iter().flat_map(|extension| ["-addext", extension]));
    openssl(folder, &arguments)
}

fn openssl(folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("openssl");
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    let output = command.output().context("openssl does not start: install openssl")?;
    if !output.status.success() {
        bail!("openssl {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// A fresh bearer token of 128 bits.
///
/// # Errors
/// The operating system has no random bytes.
pub(super) fn token() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
