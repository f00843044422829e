//! What an operator should know of the accounts before it hurts: certificates that
//! end, and a clock that goes wrong.

use crate::registry::Account;
use crate::{Clock, http};
use reqwest::header::DATE;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::path::Path;
use std::time::UNIX_EPOCH;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A certificate that an account uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateEnd {
    /// The file, as the accounts file names it.
    pub file: String,
    /// When it ends, ms since 1970.
    pub not_after_ms: i64,
}

/// The certificates in all files that the accounts name. Files that can't be read
/// are left to [`crate::registry::gateways`], which tells them.
#[must_use]
pub fn certificate_ends(accounts: &[Account]) -> Vec<CertificateEnd> {
    let mut ends = Vec::new();
    for account in accounts {
        for file in account.texts() {
            let Ok(text) = account.files.read(Path::new(file)) else {
                continue;
            };
            for der in CertificateDer::pem_slice_iter(&text).flatten() {
                if let Ok((_, certificate)) = X509Certificate::from_der(&der) {
                    let end = CertificateEnd {
                        file: file.to_owned(),
                        not_after_ms: certificate.validity().not_after.timestamp() * 1000,
                    };
                    if !ends.contains(&end) {
                        ends.push(end);
                    }
                }
            }
        }
    }
    ends
}

/// How far our clock is ahead of the one behind this address, ms, to the second:
/// its answer carries the time, whatever else it says.
///
/// # Errors
/// Why there is no such answer.
pub async fn clock_ahead_ms(address: &str, clock: &Clock) -> Result<i64, String> {
    let client = http::client().map_err(|error| http::lost(error).to_string())?;
    let answer = client.head(address).send().await;
    let answer = answer.map_err(|error| http::lost(error).to_string())?;
    let date = answer
        .headers()
        .get(DATE)
        .and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
    let date = date.ok_or("its answer carries no time")?;
    let since = date.duration_since(UNIX_EPOCH).unwrap_or_default();
    let theirs_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    Ok(clock() - theirs_ms)
}
