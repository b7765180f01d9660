//! The name of a file within the mount: segments that are checked once.

use std::fmt;

use thiserror::Error;

/// The longest segment in bytes; the limit of file names on Linux.
pub const MAX_NAME_BYTES: usize = 255;
/// The most segments of a path.
pub const MAX_DEPTH: usize = 8;

/// Where a file or folder is within the mount. Its segments are no `.` or `..`, and without `/` and NUL.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilePath(Vec<String>);

/// Why a text is no name of a file.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NameError {
    /// Nothing between two slashes, or nothing at all.
    #[error("a file name must not be empty")]
    Empty,
    /// `.` or `..`.
    #[error("`.` and `..` are no file names")]
    Dots,
    /// A slash within a segment.
    #[error("a file name must not contain `/`")]
    Slash,
    /// A NUL within a segment.
    #[error("a file name must not contain a NUL byte")]
    Nul,
    /// A segment over the limit.
    #[error("a file name of {bytes} bytes is over the limit of {MAX_NAME_BYTES}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// Too many folders in one another.
    #[error("a path of {segments} segments is over the limit of {MAX_DEPTH}")]
    TooDeep {
        /// Its segments.
        segments: usize,
    },
}

impl FilePath {
    /// The folder that is mounted.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// A path of segments.
    ///
    /// # Errors
    /// What is wrong with the first bad segment, or with their number.
    pub fn of_segments<S: Into<String>>(segments: impl IntoIterator<Item = S>) -> Result<Self, NameError> {
        let segments: Vec<String> = segments.into_iter().map(Into::into).collect();
        if segments.is_empty() {
            return Err(NameError::Empty);
        }
        if segments.len() > MAX_DEPTH {
            return Err(NameError::TooDeep { segments: segments.len() });
        }
        segments.iter().try_for_each(|segment| check_name(segment))?;
        Ok(Self(segments))
    }

    /// The segments; none for the root.
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// The folder that holds it; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, folder)| Self(folder.to_vec()))
    }

    /// The last segment; `None` for the root.
    pub fn name(&self) -> Option<&str> {
        self.0.last().map(String::as_str)
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

fn check_name(name: &str) -> Result<(), NameError> {
    match name {
        "" => Err(NameError::Empty),
        "." | ".." => Err(NameError::Dots),
        _ if name.contains('/') => Err(NameError::Slash),
        _ if name.contains('\0') => Err(NameError::Nul),
        _ if name.len() > MAX_NAME_BYTES => Err(NameError::TooLong { bytes: name.len() }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_checked() {
        let (longest, long) = ("x".repeat(MAX_NAME_BYTES), "x".repeat(MAX_NAME_BYTES + 1));
        for (segments, expected) in [
            (vec!["a"], Ok("a")),
            (vec!["a", "b.txt"], Ok("a/b.txt")),
            (vec![&longest], Ok(&longest)),
            (vec!["...", ".a", "a.."], Ok(".../.a/a..")),
            (vec!["a"; MAX_DEPTH], Ok("a/a/a/a/a/a/a/a")),
            (vec!["ключ\n"], Ok("ключ\n")),
            (vec![], Err(NameError::Empty)),
            (vec!["a", ""], Err(NameError::Empty)),
            (vec!["."], Err(NameError::Dots)),
            (vec!["a", ".."], Err(NameError::Dots)),
            (vec!["a/b"], Err(NameError::Slash)),
            (vec!["a\0"], Err(NameError::Nul)),
            (vec![&long], Err(NameError::TooLong { bytes: 256 })),
            (vec!["a"; MAX_DEPTH + 1], Err(NameError::TooDeep { segments: 9 })),
        ] {
            let got = FilePath::of_segments(segments.clone()).map(|path| path.to_string());
            assert_eq!(got, expected.map(str::to_owned), "{segments:?}");
        }
    }

    #[test]
    fn a_path_knows_its_folders() {
        let path = FilePath::of_segments(["a", "b"]).unwrap();
        assert_eq!((path.name(), path.parent().unwrap().to_string()), (Some("b"), "a".to_owned()));
        assert_eq!((FilePath::root().name(), FilePath::root().parent()), (None, None));
    }
}
