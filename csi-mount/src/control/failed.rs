//! Why a request of kubelet failed: the code decides whether it tries again, the message is shown to users.

use csi_mount_core::refresh::Failure;
use csi_mount_core::wire::Problem;
use tonic::{Code, Status};

use super::plane::PlaneError;
use super::trouble::Trouble;
use super::volume::RenderError;

/// A request that failed. Its message says what to do and never holds a value or a token.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failed {
    /// For kubelet.
    pub code: Code,
    /// For metrics.
    pub class: &'static str,
    /// For users.
    pub message: String,
}

impl Failed {
    /// A failure.
    pub fn new(code: Code, class: &'static str, message: impl Into<String>) -> Self {
        Self { code, class, message: message.into() }
    }

    /// The request is not acceptable as it is.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, "InvalidArgument", message)
    }

    /// Something may be left behind: the same is to be asked again.
    pub fn unfinished(self) -> Self {
        match self.code {
            Code::Aborted | Code::Unavailable => self,
            _ => Self { code: Code::Unavailable, ..self },
        }
    }
}

impl From<Failed> for Status {
    fn from(failed: Failed) -> Self {
        Self::new(failed.code, failed.message)
    }
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        let (code, class) = match trouble.failure {
            Failure::Denied => (Code::PermissionDenied, "Denied"),
            Failure::Absent => (Code::NotFound, "Absent"),
            Failure::Away => (Code::Unavailable, "Away"),
            Failure::Unusable => (Code::FailedPrecondition, "ProviderError"),
        };
        Self::new(code, class, trouble.message)
    }
}

impl From<PlaneError> for Failed {
    fn from(error: PlaneError) -> Self {
        let code = match error.problem() {
            Some(Problem::Busy) => Code::Aborted,
            Some(Problem::Away) | None => Code::Unavailable,
            Some(Problem::Limit) => Code::ResourceExhausted,
            Some(Problem::Invalid) => Code::InvalidArgument,
            Some(Problem::Exists) => Code::AlreadyExists,
            Some(Problem::NotFound) => Code::NotFound,
            Some(Problem::Denied | Problem::Unsupported) => Code::FailedPrecondition,
            Some(Problem::System) => Code::Internal,
        };
        Self::new(code, "FailedToMount", error.to_string())
    }
}

impl From<RenderError> for Failed {
    fn from(error: RenderError) -> Self {
        Self::new(Code::FailedPrecondition, "FileWriteError", error.to_string())
    }
}
