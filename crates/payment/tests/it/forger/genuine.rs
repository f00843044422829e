//! Genuine requests, made of pieces that are as adverse as a sender could send.

use super::Guard;
use payment::sign::java_url_encode;

/// A generator that can be repeated: splitmix64.
pub(crate) struct Random(u64);

impl Random {
    /// The seed is TONGFU_FORGER_SEED, else a fixed one; it is printed.
    pub(crate) fn from_environment() -> Self {
        let seed = std::env::var("TONGFU_FORGER_SEED")
            .ok()
            .and_then(|text| text.parse().ok());
        let seed = seed.unwrap_or(20_160_615);
        println!("forger's seed: {seed}");
        Self(seed)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit.max(1) as u64).unwrap()
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    pub(crate) fn text(&mut self, from: &[&str], most: usize) -> String {
        let count = 1 + self.below(most);
        (0..count).map(|_| self.pick(from)).collect()
    }
}

/// What the values of requests are made of.
#[derive(Clone)]
pub(crate) struct Taste {
    pub(crate) info: &'static [&'static str],
    pub(crate) info_en: &'static [&'static str],
    pub(crate) channels: &'static [&'static str],
    pub(crate) currencies: &'static [&'static str],
    pub(crate) rates: &'static [&'static str],
    pub(crate) pages: &'static [&'static str],
    pub(crate) dialogs: &'static [&'static str],
    pub(crate) strange: &'static [&'static str],
    pub(crate) key_start: &'static str,
    pub(crate) digits_only_key: bool,
}

impl Default for Taste {
    fn default() -> Self {
        Self {
            info: &[],
            info_en: &[],
            channels: &["1"],
            currencies: &["CNY"],
            rates: &["", "6.8000", "1.2345", "9.1000"],
            pages: &[],
            dialogs: &[],
            strange: &[],
            key_start: "",
            digits_only_key: false,
        }
    }
}

const PIECES: [&str; 28] = [
    "A", "B", "C", "D", "D1", "1-", "-", "1", "10", "7", "M", "M7", "Z9", "_", ".", "6.8000",
    "CNY", "USD", "x", "z", "t", "shop", " ", "耳机", "http", "SUCCES", "SPAY", "\u{ff01}",
];
const KEY_PIECES: [&str; 16] = [
    "0", "1", "9", "A", "D1", "M7", "z", "Z9", "_", "C", "CNY", "D", "M", "-", "7", "http",
];

/// A request that a business system signed.
pub(crate) struct Genuine {
    pub(crate) pairs: Vec<(&'static str, String)>,
    /// Whether the four addresses were signed as Java encodes them.
    pub(crate) encoded: bool,
}

impl Genuine {
    pub(crate) fn random(random: &mut Random, guard: &Guard, taste: &Taste) -> Self {
        let mut pairs = vec![
            ("domainCode", guard.domain.code.clone()),
            ("requestChannel", random.pick(taste.channels).to_owned()),
            ("money", money(random)),
            ("requestKey", key(random, guard, taste)),
            ("currencyType", random.pick(taste.currencies).to_owned()),
            ("rate", random.pick(taste.rates).to_owned()),
            ("bgUrl", format!("http://shop.cn/{}", path(random))),
            ("info", goods(random, taste.info)),
            ("infoEn", goods(random, taste.info_en)),
            ("pageUrl", address(random, taste.pages)),
            ("dialogOkUrl", address(random, taste.dialogs)),
            (
                "payTypeCode",
                random.pick(&["", "", "Wechat", "Alipay"]).to_owned(),
            ),
        ];
        if !taste.strange.is_empty() {
            pairs.push(("strange", random.pick(taste.strange).to_owned()));
        }
        pairs.retain(|(_, value)| !value.is_empty());
        Self {
            pairs,
            encoded: random.below(4) == 0,
        }
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.pairs
            .iter()
            .find(|(key, _)| *key == name)
            .map_or("", |(_, value)| value)
    }

    /// What was signed: the sorted values before the secret, and those after it.
    pub(crate) fn signed_text(&self, secret: &str) -> (String, String) {
        let text = |(name, value): &(&'static str, String)| {
            let address = name.ends_with("Url");
            if self.encoded && address {
                java_url_encode(value)
            } else {
                value.clone()
            }
        };
        let mut values: Vec<String> = self.pairs.iter().map(text).collect();
        values.sort_by_key(|value| value.encode_utf16().collect::<Vec<_>>());
        let (below, above): (Vec<String>, Vec<String>) = values
            .into_iter()
            .partition(|value| value.encode_utf16().lt(secret.encode_utf16()));
        (below.concat(), above.concat())
    }
}

fn money(random: &mut Random) -> String {
    let length = 1 + random.below(6);
    let digits: String = (0..length)
        .map(|_| random.pick(&["0", "1", "1", "2", "6"]))
        .collect();
    format!("1{digits}")
}

fn key(random: &mut Random, guard: &Guard, taste: &Taste) -> String {
    if taste.digits_only_key {
        return (0..16)
            .map(|_| random.pick(&["1", "2", "4", "6", "9"]))
            .collect();
    }
    let mut key = format!("{}{}", guard.strict.prefix, taste.key_start);
    while key.len() < 16 {
        key.push_str(random.pick(&KEY_PIECES));
    }
    key.truncate(16);
    key
}

fn goods(random: &mut Random, taste: &[&str]) -> String {
    match (taste.is_empty(), random.below(4)) {
        (false, _) => random.pick(taste).to_owned(),
        (true, 0) => String::new(),
        (true, _) => random.text(&PIECES, 6),
    }
}

fn address(random: &mut Random, taste: &[&str]) -> String {
    match (taste.is_empty(), random.below(3)) {
        (false, _) => random.pick(taste).to_owned(),
        (true, 0) => String::new(),
        (true, _) => format!("http://a.cn/{}", path(random)),
    }
}

fn path(random: &mut Random) -> String {
    let text = random.text(&PIECES, 5);
    text.replace(' ', "").replace("://", "")
}
