//! The unified payment platform (docs/protocol.md): its callbacks. Its requests are what
//! our page itself is opened by, whichever door they came in by; they and their signs are
//! `payment::{request, sign, verify}`.

use payment::domain::Domain;
use payment::money::Currency;
use payment::pairs::Pairs;
use payment::ports::{Door, NewCallback, News};
use payment::sign;
use payment::status::PayStatus;

/// The platform's own door.
pub struct Platform;

impl Door for Platform {
    fn name(&self) -> &'static str {
        payment::domain::PLATFORM
    }

    fn tells(&self, domain: &Domain, status: PayStatus) -> bool {
        match status {
            PayStatus::SuccessPay => true,
            PayStatus::FailurePay => domain.settings.failurepay,
            _ => domain.settings.refund_callbacks,
        }
    }

    /// A GET of bgUrl with the nine values, and the refund's where the domain wants
    /// them; `sign` covers the nine, `sign2` all that is sent beside it and `sign`.
    fn callback(&self, news: &News<'_>) -> NewCallback {
        let domain = news.domain;
        let secret = domain.secret_for(news.attempt.secret_generation, news.now_ms);
        let mut pairs = nine_values(news).to_vec();
        let sign = sign::sha1_sign(pairs.iter().map(|(_, value)| value.as_str()), secret);
        if domain.settings.refund_details {
            pairs.extend(refund_values(news));
        }
        let all = pairs.iter().map(|(name, value)| (*name, value.as_str()));
        let sign2 = domain
            .settings
            .sign2
            .then(|| sign::callback_sign2(all, secret));
        pairs.push(("sign", sign));
        pairs.extend(sign2.map(|sign2| ("sign2", sign2)));
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let query = Pairs::from_stored(pairs.collect()).to_query();
        NewCallback {
            url: format!("{}?{query}", news.address),
            receiver: news.receiver().to_owned(),
            body: None,
            created_ms: news.now_ms,
        }
    }

    fn media_type(&self) -> &'static str {
        "application/x-www-form-urlencoded"
    }

    fn takes(&self, body: &str) -> bool {
        body.trim() == "success"
    }

    fn currencies(&self) -> &'static [Currency] {
        &Currency::SEED
    }

    fn has_one_page(&self) -> bool {
        false
    }
}

/// The callback's values, in the order of the seed's sample.
fn nine_values(news: &News<'_>) -> [(&'static str, String); 9] {
    let attempt = news.attempt;
    [
        ("money", attempt.money.minor().to_string()),
        ("requestKey", news.number.to_owned()),
        ("payTime", news.at_ms.to_string()),
        ("orderSn", attempt.order_sn.clone()),
        ("payTypeCode", attempt.channel.code().to_owned()),
        ("payTypeName", attempt.channel.name().to_owned()),
        ("currencyType", attempt.money.currency().code().to_owned()),
        ("payStatus", news.status.word().to_owned()),
        ("domainCode", news.domain.code.clone()),
    ]
}

fn refund_values(news: &News<'_>) -> Vec<(&'static str, String)> {
    news.refund.map_or_else(Vec::new, |refund| {
        vec![
            ("refundKey", refund.key.to_owned()),
            ("refundMoney", refund.money.to_string()),
            ("refundedMoney", refund.refunded_money.to_string()),
        ]
    })
}
