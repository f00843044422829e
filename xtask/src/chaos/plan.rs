//! What a run does, all of it drawn from its seed: the same seed plans the same
//! orders and kills. Only what the machine's threads make of it differs.

use fastrand::Rng;

/// Business systems' receivers, `/callback/0` and so on.
pub(crate) const RECEIVERS: u32 = 100;
/// Receivers that hang until the load is over.
pub(crate) const HANGING: [u32; 3] = [13, 42, 77];
/// A killed platform stays away this long at most, ms.
const AWAY_MS_MAX: u64 = 2_000;
/// For so many kills of the platform the database crashes once.
const KILLS_PER_CRASH: usize = 4;
/// For so many orders the disk is full once, where there is a file.
const ORDERS_PER_FULL_DISK: usize = 500;
/// A kill comes up to this long after its order has begun, ms.
const LAG_MS_MAX: u64 = 1_500;

/// What the first platform calls its account at the second.
pub(crate) const SECOND: &str = "second";
/// The development's partner: the domain that stands for it in our book, and its key.
pub(crate) const PARTNER: (&str, &str) = ("apay.p001", "123456");
/// Of a hundred orders so many are the strict domain's, and so many a partner's.
const SHARES: (u32, u32) = (50, 25);

/// How an order is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Native,
    Jsapi,
    AlipayPage,
    AlipayWap,
    ChinapayPage,
    ChinapayWap,
    Paypal,
}

impl Way {
    const ALL: [Self; 7] = [
        Self::Native,
        Self::Jsapi,
        Self::AlipayPage,
        Self::AlipayWap,
        Self::ChinapayPage,
        Self::ChinapayWap,
        Self::Paypal,
    ];

    /// The seed's payTypeCode.
    pub(crate) fn channel(self) -> &'static str {
        match self {
            Self::Native | Self::Jsapi => "Wechat",
            Self::AlipayPage | Self::AlipayWap => "Alipay",
            Self::ChinapayPage | Self::ChinapayWap => "ChinapayOld",
            Self::Paypal => "Paypal",
        }
    }

    /// Whether it is paid in a mobile browser.
    pub(crate) fn is_mobile(self) -> bool {
        matches!(self, Self::Jsapi | Self::AlipayWap | Self::ChinapayWap)
    }

    fn draw(rng: &mut Rng) -> Self {
        Self::ALL[rng.usize(0..Self::ALL.len())]
    }
}

/// What happens to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Story {
    /// It is paid.
    Pay,
    /// Its payer goes away.
    NeverPay,
    /// Its payer pays when the attempt has ended.
    LatePay,
    /// Its payer's bank declines; the payer may try again.
    Decline,
    /// Its payer begins two channels, and pays both.
    PayBoth,
    /// It is paid, and given back in one part or two.
    Refund,
    /// The business system closes it while its payer pays.
    CloseRace,
    /// Two pages begin it at once.
    Twins,
}

impl Story {
    /// How often in a hundred each comes.
    const SHARES: [(Self, u32); 8] = [
        (Self::Pay, 40),
        (Self::NeverPay, 7),
        (Self::LatePay, 8),
        (Self::Decline, 7),
        (Self::PayBoth, 12),
        (Self::Refund, 12),
        (Self::CloseRace, 8),
        (Self::Twins, 6),
    ];

    fn draw(rng: &mut Rng) -> Self {
        let mut at = rng.u32(0..100);
        for (story, share) in Self::SHARES {
            if at < share {
                return story;
            }
            at -= share;
        }
        Self::Pay
    }
}

/// One order of the load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) domain: &'static str,
    pub(crate) secret: &'static str,
    /// The requestKey; of a partner's order the outOrderId.
    pub(crate) key: String,
    pub(crate) fen: i64,
    /// The receiver of its callback.
    pub(crate) receiver: u32,
    pub(crate) story: Story,
    pub(crate) way: Way,
    /// The second way, where there is one; another channel than the first.
    pub(crate) other: Way,
    /// What its story draws further.
    pub(crate) seed: u64,
}

impl Order {
    /// Whether it comes by the fourth-party interface.
    pub(crate) fn is_partners(&self) -> bool {
        self.domain == PARTNER.0
    }
}

/// One kill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kill {
    /// It comes when so many orders have begun, and a little later.
    pub(crate) at_order: usize,
    pub(crate) lag_ms: u64,
    /// Whom, modulo those who run.
    pub(crate) whom: usize,
    /// How long the platform is away then.
    pub(crate) away_ms: u64,
    /// Whether the next kill waits until it is ready again.
    pub(crate) patient: bool,
}

/// What happens to the database under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Its server crashes, or its primary is gone.
    Outage,
    /// A newer program migrates its tables.
    Migration,
    /// Its disk is full for a while.
    FullDisk,
    /// Its books are copied, to be found again when they are old.
    Copy,
}

/// A whole run.
pub(crate) struct Plan {
    pub(crate) orders: Vec<Order>,
    pub(crate) kills: Vec<Kill>,
    /// The database server crashes when so many orders have begun, where it is one
    /// that can.
    pub(crate) crashes: Vec<usize>,
    /// The disk is full, and for a while, when so many orders have begun, where the
    /// database is a file.
    pub(crate) full_disks: Vec<usize>,
    /// A newer program's migration comes when so many orders have begun.
    pub(crate) migration: usize,
    pub(crate) sandbox_seed: u64,
    pub(crate) shop_seed: u64,
}

impl Plan {
    pub(crate) fn draw(seed: u64, orders: usize, kills: usize) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (sandbox_seed, shop_seed) = (rng.u64(..), rng.u64(..));
        let mut kills: Vec<Kill> = (0..kills).map(|_| kill(&mut rng, orders)).collect();
        kills.sort_by_key(|kill| kill.at_order);
        let all: Vec<Order> = (0..orders).map(|index| order(&mut rng, index)).collect();
        let crashes = kills.len() / KILLS_PER_CRASH;
        let mut crashes: Vec<usize> = (0..crashes).map(|_| rng.usize(0..orders.max(1))).collect();
        crashes.sort_unstable();
        let full_disks = orders.div_ceil(ORDERS_PER_FULL_DISK);
        let full_disks = (1..=full_disks).map(|nth| nth * orders / (full_disks + 1));
        Self {
            orders: all,
            kills,
            crashes,
            full_disks: full_disks.collect(),
            migration: orders / 3,
            sandbox_seed,
            shop_seed,
        }
    }
}

fn kill(rng: &mut Rng, orders: usize) -> Kill {
    Kill {
        at_order: rng.usize(0..orders.max(1)),
        lag_ms: rng.u64(0..LAG_MS_MAX),
        whom: rng.usize(..),
        away_ms: if rng.bool() {
            0
        } else {
            rng.u64(0..AWAY_MS_MAX)
        },
        patient: rng.u32(0..4) > 0,
    }
}

fn order(rng: &mut Rng, index: usize) -> Order {
    let whose = rng.u32(0..100);
    let way = Way::draw(rng);
    let mut other = Way::draw(rng);
    while other.channel() == way.channel() {
        other = Way::draw(rng);
    }
    let (strict, partners) = SHARES;
    let (domain, secret, key) = match () {
        () if whose < strict => ("demo", "demo-secret", format!("D1-{:013}", index + 1)),
        () if whose < strict + partners => (PARTNER.0, PARTNER.1, format!("P/{index} 号")),
        () => ("test", "test", format!("T{:08}", index + 1)),
    };
    let story = match Story::draw(rng) {
        // A partner has no call that closes.
        Story::CloseRace if domain == PARTNER.0 => Story::Pay,
        story => story,
    };
    Order {
        domain,
        secret,
        key,
        fen: rng.i64(100..50_000),
        receiver: rng.u32(0..RECEIVERS),
        story,
        way,
        other,
        seed: rng.u64(..),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::{Database, Options};

    #[test]
    fn a_seed_repeats_its_plan() {
        let (one, same, other) = (
            Plan::draw(7, 50, 5),
            Plan::draw(7, 50, 5),
            Plan::draw(8, 50, 5),
        );
        assert_eq!(one.orders, same.orders);
        assert_eq!(one.kills, same.kills);
        assert_ne!(one.orders, other.orders);
    }

    #[test]
    fn every_story_and_way_is_told_and_kills_lie_in_the_load() {
        let plan = Plan::draw(1, 400, 20);
        for (story, _) in Story::SHARES {
            assert!(plan.orders.iter().any(|order| order.story == story));
        }
        for way in Way::ALL {
            assert!(plan.orders.iter().any(|order| order.way == way));
        }
        for domain in ["demo", "test", PARTNER.0] {
            assert!(plan.orders.iter().any(|order| order.domain == domain));
        }
        assert_eq!(
            Story::SHARES.iter().map(|(_, share)| share).sum::<u32>(),
            100
        );
        assert!(plan.kills.iter().all(|kill| kill.at_order < 400));
        assert!(plan.kills.is_sorted_by_key(|kill| kill.at_order));
    }

    #[test]
    fn even_the_short_run_has_what_partners_and_upstream_do() {
        let small = Options::small(Database::Sqlite);
        let plan = Plan::draw(small.seed, small.orders, small.kills);
        let any = |fits: &dyn Fn(&Order) -> bool| plan.orders.iter().any(fits);
        let upstream = |order: &Order| match order.way.channel() {
            "Wechat" => order.domain == "test" && order.way == Way::Native,
            channel => order.is_partners() && channel == "Alipay",
        };
        for (story, _) in Story::SHARES {
            assert!(any(&|order| order.story == story), "{story:?}");
        }
        assert!(any(
            &|order| order.is_partners() && order.story == Story::Refund
        ));
        assert!(any(
            &|order| order.is_partners() && order.story == Story::Twins
        ));
        assert!(any(&|order| upstream(order) && order.story == Story::Pay));
        assert!(any(&|order| upstream(order) && order.story == Story::Refund));
    }
}
