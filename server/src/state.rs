//! What handlers may hold.

use checkout::Checkout;
use std::sync::Arc;

/// The state of every route.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) checkout: Arc<Checkout>,
}
