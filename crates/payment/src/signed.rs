//! What a business system signed, as it is kept beside an attempt.

use crate::address::Address;
use crate::pairs::Pairs;
use crate::param::Param;
use crate::sign;
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

    /// Whether these pairs are the same message: its values and its sign, and nothing else
    /// that a sign could cover. It needs no judging again where the rules are others by now.
    #[must_use]
    pub fn is_said_by(&self, pairs: &Pairs) -> bool {
        let said = |name: &str| pairs.get(name).filter(|value| !value.is_empty());
        let is_free = |name: &str| {
            let param = Param::parse(name);
            param.is_none_or(|param| param.is_unsigned() || param == Param::PayTypeCode)
        };
        let same = |name: &str, ours: Option<&str>, theirs: Option<&str>| {
            if name == Param::Sign.name() {
                ours.zip(theirs)
                    .is_some_and(|(ours, theirs)| sign::equal(ours, theirs))
            } else {
                ours == theirs
            }
        };
        let mut ours = self.pairs.iter();
        let mut theirs = pairs.iter();
        self.get(Param::Sign).is_some()
            && ours.all(|(name, value)| value.is_empty() || same(name, Some(value), said(name)))
            && theirs.all(|(name, value)| {
                value.is_empty() || is_free(name) || same(name, self.pairs.get(name), Some(value))
            })
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

#[cfg(test)]
mod tests {
    use super::Signed;
    use crate::pairs::Pairs;

    fn pairs(query: &str) -> Pairs {
        Pairs::from_query(query).unwrap()
    }

    #[test]
    fn the_same_message_has_every_value_and_no_more() {
        let kept = Signed::from(pairs("money=1&requestKey=k&sign=s"));
        let same = |query| kept.is_said_by(&pairs(query));
        assert!(same("sign=s&requestKey=k&money=1&info="));
        assert!(same(
            "money=1&requestKey=k&sign=s&payTypeCode=Wechat&openid=o&from=x"
        ));
        assert!(!same("money=2&requestKey=k&sign=s"));
        assert!(!same("money=1&money=2&requestKey=k&sign=s"));
        assert!(!same("money=1&requestKey=k&sign=t"));
        assert!(!same("money=1&requestKey=k"));
        assert!(!same("money=1&requestKey=k&sign=s&info=a"));
        assert!(!Signed::default().is_said_by(&pairs("money=1")));
    }
}
