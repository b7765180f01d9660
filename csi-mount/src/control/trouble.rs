//! Why a secret cannot be read or a login fails, and what that means for the files.

use broker_client::retry::is_worth_repeating;
use broker_client::{CallError, ReadError};
use csi_mount_core::refresh::Failure;

/// Why a secret could not be read, or why there is no token to read it with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Trouble {
    /// What it means for the files.
    pub failure: Failure,
    /// What happened, for users and the log; never a value or a token.
    pub message: String,
}

impl Trouble {
    /// A trouble.
    pub fn new(failure: Failure, message: impl Into<String>) -> Self {
        Self { failure, message: message.into() }
    }

    /// The same with what was tried before it.
    pub fn during(self, what: &str) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Call(error) => error.into(),
            ReadError::NotFound | ReadError::Deleted(_) => Self::new(Failure::Absent, error.to_string()),
        }
    }
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        let failure = match &error {
            CallError::Denied { .. } => Failure::Denied,
            CallError::NotFound => Failure::Absent,
            error if is_worth_repeating(error) => Failure::Away,
            _ => Failure::Unusable,
        };
        Self::new(failure, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use broker_client::{KvMetadata, Outage};

    use super::*;

    #[test]
    fn errors_mean_what_they_say_about_the_secret() {
        let status = |status| CallError::Refused { status, errors: Vec::new() };
        let away = |outage| CallError::Unavailable { outage, what: String::new() };
        for (error, expected) in [
            (CallError::Denied { errors: Vec::new() }, Failure::Denied),
            (CallError::NotFound, Failure::Absent),
            (CallError::Sealed, Failure::Away),
            (CallError::RateLimited { retry_after: None }, Failure::Away),
            (away(Outage::Connect), Failure::Away),
            (away(Outage::Status(500)), Failure::Away),
            (CallError::Lying { status: 404, what: "" }, Failure::Away),
            (away(Outage::Tls), Failure::Unusable),
            (status(400), Failure::Unusable),
            (CallError::Redirect { status: 307, to: String::new() }, Failure::Unusable),
        ] {
            let text = format!("{error:?}");
            assert_eq!(Trouble::from(ReadError::Call(error)).failure, expected, "{text}");
        }
        assert_eq!(Trouble::from(ReadError::NotFound).failure, Failure::Absent);
        assert_eq!(Trouble::from(ReadError::Deleted(KvMetadata::default())).failure, Failure::Absent);
    }
}
