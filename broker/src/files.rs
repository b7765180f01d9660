//! Small files: those written once are durable before they are used, secret ones readable by their owner only.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zeroize::Zeroizing;

/// Writes a new file that everyone may read.
///
/// # Errors
/// When it is there already, or cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes, 0o644)
}

/// Writes a new file that only its owner may read; its mode is set before anything is in it.
///
/// # Errors
/// When it is there already, or cannot be written.
pub fn write_private_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes, 0o600)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder)?.sync_all()
}

/// Reads a small file of text, wiped when it is dropped.
///
/// # Errors
/// When it cannot be read, is no text, or is larger than `limit` bytes.
pub fn read_small(path: &Path, limit: u64) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)?.take(limit.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() as u64 > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}
