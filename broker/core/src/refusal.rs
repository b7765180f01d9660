//! Why a command was refused: the client's text and status class, without I/O.

use thiserror::Error;

/// A refusal of a command. The message is the one the client sees, worded as Vault words it where clients match on it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// Check-and-set: the version given is not the current one (400).
    #[error("check-and-set parameter did not match the current version")]
    CasMismatch,
    /// Check-and-set is required here and was not given (400).
    #[error("check-and-set parameter required for this call")]
    CasRequired,
    /// Metadata check-and-set did not match (400).
    #[error("metadata check-and-set parameter does not match the current version")]
    MetadataCasMismatch,
    /// Metadata check-and-set is required and was not given (400).
    #[error("metadata check-and-set parameter required for this call")]
    MetadataCasRequired,
    /// The thing is not there (404, empty errors).
    #[error("not found")]
    NotFound,
    /// The key came or went between authorization and writing; authorize again.
    #[error("the key was created or deleted at the same time; repeat the request")]
    ExistenceChanged,
    /// Any other bad request (400), in the words of the message.
    #[error("{0}")]
    Invalid(String),
    /// The caller is not allowed (403) for a reason found while applying.
    #[error("permission denied")]
    Denied,
    /// A row could not be understood; the store is damaged or newer (500).
    #[error("internal error")]
    Corrupt(&'static str),
}

impl Refusal {
    /// The HTTP status of the answer, and the reason its record gives.
    pub const fn answer(&self) -> (u16, crate::reason::ReasonCode) {
        use crate::reason::ReasonCode;
        match self {
            Self::CasMismatch | Self::CasRequired | Self::MetadataCasMismatch | Self::MetadataCasRequired => {
                (400, ReasonCode::CheckAndSet)
            }
            Self::NotFound => (404, ReasonCode::NotFound),
            Self::ExistenceChanged => (409, ReasonCode::Busy),
            Self::Invalid(_) => (400, ReasonCode::BadRequest),
            Self::Denied => (403, ReasonCode::BadToken),
            Self::Corrupt(_) => (500, ReasonCode::Internal),
        }
    }
}
