//! Chains of certificates: from the leaf to the root.

use crate::der::Reader;
use crate::error::Error;
use crate::pem;
use crate::x509::{self, Certificate};

/// The most certificates that are put in order.
const MOST: usize = 1000;

/// The DER of all PEM blocks of a text.
pub(crate) fn blocks(text: &[u8]) -> Vec<zeroize::Zeroizing<Vec<u8>>> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let (Some(block), after) = pem::decode(rest) {
        out.push(block.bytes);
        rest = after;
    }
    out
}

/// Puts certificates in order, each before the one that signed it, as the key identifiers tell.
///
/// Two certificates without these identifiers belong together too: nothing equals nothing.
pub(crate) fn ordered<'a>(certificates: Vec<Certificate<'a>>) -> Result<Vec<Certificate<'a>>, Error> {
    if certificates.len() > MOST {
        return Err(Error::new("more than 1000 certificates are not put in order"));
    }
    let parents: Vec<Option<usize>> =
        certificates.iter().enumerate().map(|(at, c)| parent(&certificates, at, c)).collect();
    let mut leaves = (0..certificates.len()).filter(|at| !parents.contains(&Some(*at)));
    let leaf = leaves.next().ok_or_else(|| Error::new("no leaf certificate found"))?;
    if leaves.next().is_some() {
        return Err(Error::new("found multiple leaf or disjunct certificates"));
    }
    let mut order = vec![leaf];
    while let Some(Some(next)) = order.last().and_then(|last| parents.get(*last)).copied() {
        if order.contains(&next) {
            return Err(Error::new("constructing chain resulted in cycle"));
        }
        order.push(next);
    }
    let mut slots: Vec<Option<Certificate<'a>>> = certificates.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|at| slots.get_mut(at).and_then(Option::take)).collect())
}

/// The first other certificate whose subject key is the authority's key.
fn parent(all: &[Certificate<'_>], at: usize, certificate: &Certificate<'_>) -> Option<usize> {
    let authority = certificate.authority_key_id.unwrap_or_default();
    all.iter()
        .enumerate()
        .position(|(other, parent)| other != at && parent.subject_key_id.unwrap_or_default() == authority)
}

fn is_root(certificate: &Certificate<'_>) -> bool {
    certificate.authority_key_id.is_none_or(|id| id == certificate.subject_key_id.unwrap_or_default())
}

/// Template function `filterCertChain`: of a chain in any order the `leaf`, the `root` or all `intermediate` certificates.
///
/// # Errors
/// If a block is no certificate, or the certificates do not form one chain.
pub fn filter_cert_chain(kind: &[u8], input: &[u8]) -> Result<Vec<u8>, Error> {
    let blocks = blocks(input);
    let certificates = blocks.iter().map(|block| x509::parse(block)).collect::<Result<Vec<_>, _>>()?;
    let chain = ordered(certificates)?;
    let [leaf, others @ ..] = chain.as_slice() else { return Err(Error::new("no leaf certificate found")) };
    Ok(match kind {
        b"leaf" if !is_root(leaf) => to_pem(std::slice::from_ref(leaf)),
        b"intermediate" => {
            let end = others.iter().position(is_root).unwrap_or(others.len());
            to_pem(others.get(..end).unwrap_or_default())
        }
        b"root" => chain
            .last()
            .filter(|last| is_root(last))
            .map(|root| to_pem(std::slice::from_ref(root)))
            .unwrap_or_default(),
        _ => Vec::new(),
    })
}

/// Certificates as PEM, one after the other.
pub(crate) fn to_pem(certificates: &[Certificate<'_>]) -> Vec<u8> {
    certificates.iter().flat_map(|certificate| pem::encode("CERTIFICATE", certificate.raw)).collect()
}

/// The single certificate in a certificate bag.
pub(crate) fn single(bytes: &[u8]) -> Result<Certificate<'_>, Error> {
    let mut reader = Reader::new(bytes);
    let mut found = Vec::new();
    while !reader.is_empty() {
        found.push(x509::parse_next(&mut reader)?);
    }
    let one = found.pop().filter(|_| found.is_empty());
    one.ok_or_else(|| Error::new("pkcs12: expected exactly one certificate in the certBag"))
}
