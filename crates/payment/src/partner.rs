//! Partners: business systems that come in by another door than the platform's own.
//! Each of their orders is a payment request, whose key is our number of the order.

use crate::money::Money;

/// What a partner ordered, as its door read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// The partner's number.
    pub out_order_id: String,
    /// The sum.
    pub money: Money,
    /// Where the partner is told of the payment.
    pub cb_url: String,
    /// Where the payer goes on; empty: nowhere.
    pub return_url: String,
    /// Who pays, in the partner's words; empty where it did not say.
    pub user_id: String,
    /// The way to pay that it chose, in its door's own word.
    pub pay_type: Option<String>,
    /// What is bought, as payers read it; empty: the number tells.
    pub goods: String,
    /// The partner's own text, given back with the news; empty where it gave none.
    pub passback: String,
}

/// An order as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerOrder {
    /// Our number: the request's key.
    pub order_id: String,
    /// The partner's business system.
    pub domain_code: String,
    /// What was ordered.
    pub order: Ordered,
    /// When, ms since 1970.
    pub created_ms: i64,
}
