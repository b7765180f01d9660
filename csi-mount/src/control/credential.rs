//! Who somebody is at the broker, and what it proves itself with.

use std::fmt;
use std::path::PathBuf;

use broker_client::{SecretText, Token};
use csi_mount_core::refresh::Failure;
use zeroize::Zeroizing;

use super::trouble::Trouble;
use crate::config::{TokenFileError, read_jwt, read_token};

/// What an identity proves itself with.
pub enum Credential {
    /// A token of the broker that somebody else made.
    Token(Token),
    /// A file with such a token; a new one in it is used from then on.
    TokenFile(PathBuf),
    /// A token of a service account, to log in with.
    ServiceAccount {
        /// Mount of the auth method.
        mount: String,
        /// Role.
        role: String,
        /// The service account's token.
        jwt: SecretText,
    },
    /// A file with a token of a service account.
    ServiceAccountFile {
        /// Mount of the auth method.
        mount: String,
        /// Role.
        role: String,
        /// The file.
        file: PathBuf,
    },
}

impl Credential {
    /// Whether a new token can be had with it.
    pub const fn is_login(&self) -> bool {
        matches!(self, Self::ServiceAccount { .. } | Self::ServiceAccountFile { .. })
    }
}

/// The way from a credential to a token.
pub enum Way {
    /// It is one.
    Token(Token),
    /// A login.
    Login {
        /// Mount of the auth method.
        mount: String,
        /// Role.
        role: String,
        /// The service account's token.
        jwt: SecretText,
    },
}

impl Credential {
    /// The way to a token, with what is in files now.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn way(&self) -> Result<Way, Trouble> {
        let away = |error: TokenFileError| Trouble::new(Failure::Away, error.to_string());
        let login =
            |mount: &str, role: &str, jwt| Way::Login { mount: mount.to_owned(), role: role.to_owned(), jwt };
        Ok(match self {
            Self::Token(token) => Way::Token(token.clone()),
            Self::TokenFile(file) => Way::Token(read_token(file).map_err(away)?),
            Self::ServiceAccount { mount, role, jwt } => login(mount, role, jwt.clone()),
            Self::ServiceAccountFile { mount, role, file } => {
                login(mount, role, read_jwt(file).map_err(away)?)
            }
        })
    }

    /// The token that is in its file now; `None` for one without a file.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn token_in_file(&self) -> Result<Option<Token>, Trouble> {
        match self {
            Self::TokenFile(_) => match self.way()? {
                Way::Token(token) => Ok(Some(token)),
                Way::Login { .. } => Ok(None),
            },
            _ => Ok(None),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_) => f.write_str("Token"),
            Self::TokenFile(file) => write!(f, "TokenFile({})", file.display()),
            Self::ServiceAccount { mount, role, .. } => write!(f, "ServiceAccount({mount}, {role})"),
            Self::ServiceAccountFile { mount, role, .. } => write!(f, "ServiceAccountFile({mount}, {role})"),
        }
    }
}

/// Whose token it is: volumes with the same key share an identity.
#[derive(Clone)]
pub enum IdentityKey {
    /// A service account, by auth mount, role, audience, namespace and name.
    ServiceAccount([String; 5]),
    /// A token.
    Token(Zeroizing<String>),
    /// The only one of this process.
    Own,
}

impl IdentityKey {
    /// Whether both are the same one's.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ServiceAccount(one), Self::ServiceAccount(other)) => one == other,
            (Self::Token(one), Self::Token(other)) => one.as_str() == other.as_str(),
            (Self::Own, Self::Own) => true,
            _ => false,
        }
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceAccount(parts) => write!(f, "ServiceAccount({})", parts.join(", ")),
            Self::Token(_) => f.write_str("Token"),
            Self::Own => f.write_str("Own"),
        }
    }
}
