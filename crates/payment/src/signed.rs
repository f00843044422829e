//! What a business system signed, as it is kept beside an attempt.

use crate::address::Address;
use crate::pairs::Pairs;
use crate::param::Param;
use std::fmt;

/// The values that a sign covered, and the sign: judged when they came, and not again
/// when they are read back. Its `Debug` shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Signed {
    query: String,
    pairs: Pairs,
}

impl Signed {
    /// Reads the query string that [`Signed::as_query`] gave.
    #[must_use]
    pub fn parse(query: &str) -> Option<Self> {
        Some(Self {
            query: query.to_owned(),
            pairs: Pairs::from_query(query).ok()?,
        })
    }

    /// A query string that verifies again; equal values give equal text.
    #[must_use]
    pub fn as_query(&self) -> &str {
        &self.query
    }

    /// The same, to be verified again.
    #[must_use]
    pub fn pairs(&self) -> &Pairs {
        &self.pairs
    }

    /// The value of a parameter; none where it is missing or empty.
    #[must_use]
    pub fn get(&self, param: Param) -> Option<&str> {
        let value = self.pairs.get(param.name());
        value.filter(|value| !value.is_empty())
    }

    /// Where a parameter sends the payer.
    #[must_use]
    pub fn page(&self, param: Param) -> Option<String> {
        let address = Address::page(self.get(param)?, true).ok()?;
        Some(address.as_str().to_owned())
    }
}

impl From<Pairs> for Signed {
    fn from(pairs: Pairs) -> Self {
        Self {
            query: pairs.to_query(),
            pairs,
        }
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pairs.fmt(f)
    }
}
