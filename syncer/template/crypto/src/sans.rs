//! The names that a certificate is for.

use std::net::IpAddr;

use crate::error::Error;
use crate::{pem, x509};

/// The subject alternative names of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sans {
    /// DNS names.
    pub dns: Vec<String>,
    /// Addresses as Go prints them.
    pub ips: Vec<String>,
    /// Mailboxes.
    pub emails: Vec<String>,
    /// URIs as they stand in the certificate; Go would parse and print them.
    pub uris: Vec<String>,
}

/// Template function `certSANs`: the names of the first certificate of a PEM text.
///
/// # Errors
/// If there is no PEM block, or the first one is no certificate.
pub fn cert_sans(input: &[u8]) -> Result<Sans, Error> {
    let block = pem::decode(input).0.ok_or_else(|| Error::new("failed to decode PEM block"))?;
    let certificate =
        x509::parse(&block.bytes).map_err(|error| error.within("failed to parse certificate: "))?;
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Ok(Sans {
        dns: owned(&certificate.dns_names),
        ips: certificate.ips.iter().map(address).collect(),
        emails: owned(&certificate.emails),
        uris: owned(&certificate.uris),
    })
}

/// An address; one of IPv4 that is wrapped into 16 bytes is shown as what it is.
fn address(ip: &IpAddr) -> String {
    ip.to_canonical().to_string()
}
