//! What the tests share: the tool `openssl` in a folder of its own, and keys that it made.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::Random;

/// Random bytes that are always the same.
pub(super) fn random(seed: u8) -> Random {
    Random::from_seed([seed; 32])
}

/// 2026-01-01T00:00:00Z in nanoseconds.
pub(super) const NEW_YEAR: i128 = 1_767_225_600_000_000_000;

/// A folder in which `openssl` reads and writes files.
pub(super) struct OpenSsl(TempDir);

impl OpenSsl {
    pub(super) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// What a command prints, or how it fails.
    pub(super) fn try_run(&self, arguments: &str) -> Result<Vec<u8>, String> {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.0.path())
            .output()
            .expect("these tests need the tool openssl");
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(format!("openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr)))
        }
    }

    /// What a command prints; it must succeed.
    pub(super) fn run(&self, arguments: &str) -> Vec<u8> {
        self.try_run(arguments).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A new private key as PKCS#8 in PEM.
    pub(super) fn key(&self, kind: &str) -> Vec<u8> {
        let arguments = match kind {
            "rsa" => "-algorithm RSA -pkeyopt rsa_keygen_bits:2048".to_owned(),
            "ed25519" | "x25519" => format!("-algorithm {kind}"),
            curve => format!("-algorithm EC -pkeyopt ec_paramgen_curve:{curve}"),
        };
        self.run(&format!("genpkey {arguments}"))
    }
}

/// Text as it is: for messages of failed tests.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
