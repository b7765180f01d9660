//! Files and standard input, read up to a limit.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::problem::Problem;

/// The largest file or input that is read, in bytes.
pub const MAX_BYTES: u64 = 4 << 20;

/// Reads a file.
///
/// # Errors
/// It cannot be read, or is larger than 4 MiB.
pub fn file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let what = path.display().to_string();
    let file = File::open(path).map_err(|error| Problem::file(what.clone(), error))?;
    limited(file, &what)
}

/// Reads standard input to its end.
///
/// # Errors
/// It cannot be read, or is larger than 4 MiB.
pub fn stdin() -> Result<Zeroizing<Vec<u8>>, Problem> {
    limited(io::stdin().lock(), "stdin")
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// As [`file()`].
pub fn file_or_stdin(path: &Path) -> Result<Zeroizing<Vec<u8>>, Problem> {
    if path == Path::new("-") { stdin() } else { file(path) }
}

fn limited(source: impl Read, what: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let mut bytes = Zeroizing::new(Vec::new());
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| Problem::file(what, error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Problem::Input(format!("{what} is larger than {MAX_BYTES} bytes")));
    }
    Ok(bytes)
}

/// The text of a file.
///
/// # Errors
/// As [`file()`], or it is not UTF-8.
pub fn text(path: &Path) -> Result<Zeroizing<String>, Problem> {
    let bytes = file_or_stdin(path)?;
    let text = std::str::from_utf8(&bytes);
    let bad = |_| Problem::Input(format!("{} is not UTF-8 text", path.display()));
    text.map(|text| Zeroizing::new(text.to_owned())).map_err(bad)
}

/// Writes a secret into a file that only its owner can read, whole or not at all.
///
/// # Errors
/// The system refuses; the message names the file.
pub fn write_secret(path: &Path, text: &str) -> Result<(), Problem> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = Path::new(&new);
    let written = (|| {
        match fs::remove_file(new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(new, path)
    })();
    written.map_err(|error| Problem::file(format!("{} cannot be written", path.display()), error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_file_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        std::fs::write(dir.path().join("token.new"), "left over").unwrap();
        write_secret(&path, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        let error = write_secret(&dir.path().join("none/token"), "topsecret").unwrap_err().to_string();
        assert!(error.contains("none/token cannot be written") && !error.contains("topsecret"), "{error}");
    }

    #[test]
    fn input_is_limited() {
        let size = usize::try_from(MAX_BYTES).unwrap();
        assert_eq!(limited(vec![b'a'; size].as_slice(), "x").unwrap().len(), size);
        assert!(limited(io::repeat(b'a'), "x").unwrap_err().to_string().contains("larger than"));
        let dir = tempfile::tempdir().unwrap();
        let error = file(&dir.path().join("none")).unwrap_err();
        assert!(error.to_string().contains("none: ") && error.exit_code() == 1);
    }
}
