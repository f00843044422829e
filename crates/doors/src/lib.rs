//! The ways in: one folder for each interface by which business systems order and are
//! told. A door reads what its callers send, asks [`checkout`] for what they want, says
//! the answer in its own words, and tells them what became of a payment
//! ([`payment::ports::Door`]).

pub mod apay;
pub mod epay;
mod partner;
pub mod platform;

use payment::domain::Domain;
use payment::ports::Door;
use std::sync::Arc;

/// All doors; a new one is registered here.
#[must_use]
pub fn all() -> Vec<Arc<dyn Door>> {
    vec![
        Arc::new(platform::Platform),
        Arc::new(apay::Apay),
        Arc::new(epay::Epay),
    ]
}

/// The business systems of development that doors know, whose keys are public.
#[must_use]
pub fn development() -> Vec<Domain> {
    [apay::p001(), epay::p1001()]
        .into_iter()
        .flatten()
        .collect()
}
