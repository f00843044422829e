//! Who may do what at the operator's console (docs/console.md, Roles).

use zeroize::Zeroizing;

/// What an operator is trusted with; each may what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Has channels asked and callbacks sent again.
    Support,
    /// Gives money back.
    Cashier,
    /// Everything.
    Admin,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Support, Self::Cashier, Self::Admin];

    /// Its word in commands and in the database.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Support => "support",
            Self::Cashier => "cashier",
            Self::Admin => "admin",
        }
    }

    /// The role of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// Whether it may do this.
    #[must_use]
    pub fn may(self, deed: Deed) -> bool {
        self >= deed.least()
    }
}

/// What is done at the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    /// Looks at orders, figures and acts.
    Look,
    /// Has a channel asked now how an order stands.
    Requery,
    /// Sends a callback again.
    Resend,
    /// Gives money back.
    Refund,
    /// Closes a request that is not paid.
    Close,
    /// Says by hand how an order or a refund ended.
    Settle,
    /// Grants or refuses money that another one wants to give back.
    Judge,
    /// Makes, sets and rotates business systems, and lets channel accounts take payments
    /// or none.
    Manage,
}

impl Deed {
    /// Every deed.
    pub const ALL: [Self; 8] = [
        Self::Look,
        Self::Requery,
        Self::Resend,
        Self::Refund,
        Self::Close,
        Self::Settle,
        Self::Judge,
        Self::Manage,
    ];

    /// The least role that may do it.
    #[must_use]
    pub fn least(self) -> Role {
        match self {
            Self::Look => Role::Viewer,
            Self::Requery | Self::Resend => Role::Support,
            Self::Refund | Self::Close | Self::Settle | Self::Judge => Role::Cashier,
            Self::Manage => Role::Admin,
        }
    }
}

/// An operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Its name, which acts are recorded under.
    pub name: String,
    /// What it is trusted with.
    pub role: Role,
    /// Whether it may sign in.
    pub enabled: bool,
    /// When it was added, ms since 1970.
    pub created_ms: i64,
}

/// What an operator proves itself by.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    /// Argon2id of its password, in the PHC string format.
    pub password: Zeroizing<String>,
    /// The key of its one-time passwords, in base32; none: a password alone.
    pub totp: Option<Zeroizing<String>>,
    /// SHA-256 in hex of each recovery code.
    pub recovery: Vec<String>,
}

/// An operator that wants to sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct Known {
    /// Who.
    pub operator: Operator,
    /// What proves it; its recovery codes are asked for one by one.
    pub proof: Proof,
    /// How often it failed since it last did.
    pub failed: i64,
    /// Not to be tried before, ms since 1970.
    pub next_try_ms: i64,
}

/// A session of an operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub operator: Operator,
    /// When it began, ms since 1970.
    pub created_ms: i64,
    /// When it was last seen, ms since 1970.
    pub seen_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_may_what_those_before_it_may() {
        for deed in Deed::ALL {
            for role in Role::ALL {
                assert_eq!(role.may(deed), role >= deed.least(), "{role:?} {deed:?}");
                assert_eq!(Role::parse(role.word()), Some(role));
            }
        }
        assert!(!Role::Viewer.may(Deed::Requery));
        assert!(!Role::Support.may(Deed::Refund));
        assert!(Role::Cashier.may(Deed::Refund));
        assert!(!Role::Cashier.may(Deed::Manage) && Role::Admin.may(Deed::Manage));
        assert_eq!(Role::parse("root"), None);
    }
}
