//! Reads the body of an answer piece by piece, up to a limit, into memory that is wiped.

use zeroize::Zeroizing;

use crate::error::CallError;
use crate::outage;

/// The largest answer in bytes.
pub(crate) const MAX_BYTES: usize = 4 << 20;

/// Reads a whole body.
///
/// # Errors
/// [`CallError::TooLarge`] as soon as it is, [`CallError::Unavailable`] when it breaks off.
pub(crate) async fn read(mut response: reqwest::Response) -> Result<Zeroizing<Vec<u8>>, CallError> {
    let announced = response.content_length().unwrap_or(0);
    if announced > MAX_BYTES as u64 {
        return Err(CallError::TooLarge { limit: MAX_BYTES });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(announced).unwrap_or(0).max(1024)));
    while let Some(piece) = response.chunk().await.map_err(outage::of_reqwest)? {
        if bytes.len() + piece.len() > MAX_BYTES {
            return Err(CallError::TooLarge { limit: MAX_BYTES });
        }
        extend(&mut bytes, &piece);
    }
    Ok(bytes)
}

/// Appends without leaving a copy behind that nobody wipes, as a growing `Vec` would.
pub(crate) fn extend(bytes: &mut Zeroizing<Vec<u8>>, piece: &[u8]) {
    let needed = bytes.len() + piece.len();
    if needed > bytes.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(bytes.capacity() * 2)));
        larger.extend_from_slice(bytes);
        *bytes = larger;
    }
    bytes.extend_from_slice(piece);
}
