//! A forger, with code of his own: he takes the text of a genuine request that its key
//! signed, begins fields at other places of it, hides what he can behind backslashes, and
//! sends it under the same sign. What he sends must be refused, or be read as the genuine
//! one (docs/epay.md, One meaning); without the rule he must find a forgery, or he would be
//! no good.

use doors::epay::{OrderCall, as_signed, md5_sign, one_meaning, verifies};
use payment::domain::Secret;
use payment::fields::Fields;
use payment::pairs::Pairs;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::BTreeMap;

type Request = BTreeMap<String, String>;

/// More places than these are not combined.
const PLACES_MAX: usize = 12;
const REQUESTS: u32 = 1_000;

/// Pieces that values are made of.
const PIECES: [&str; 26] = [
    "a",
    "http://a.cn/n",
    "?x=1",
    "&money=0.01",
    "&name=b",
    "&notify_url=http://b.cn/",
    "&out_trade_no=9",
    "&param=u",
    "&pid=1002",
    "&return_url=http://b.cn/",
    "&type=alipay",
    "&sitename=s",
    "&status=1",
    "&sign=1",
    "&sign_type=MD5",
    "&act=refund",
    "&trade_no=1",
    "&nx=1",
    "&ob=1",
    "&pa=1",
    "&path=1",
    "&pay=1",
    "&token=1",
    "&z",
    "=",
    "\\",
];

fn key() -> Secret {
    Secret::new(1, "89unJUB8HZ54Hj7x4nUj56HN4nUzUJ8i", None)
}

fn sign(request: &Request) -> String {
    let pairs = request.iter();
    md5_sign(pairs.map(|(n, v)| (n.as_str(), v.as_str())), &key())
}

/// How the door reads a request under a sign, where it takes it.
fn read(request: &Request, sign: &str, rule: bool) -> Option<Request> {
    let sent = request.clone().into_iter();
    let sent = sent.chain([("sign".to_owned(), sign.to_owned())]).collect();
    let fields = Fields::from_query(&Pairs::from_stored(sent).to_query()).ok()?;
    if !verifies(&fields, &key()) {
        return None;
    }
    let fields = as_signed(fields, &key());
    if rule {
        one_meaning(&fields).ok()?;
    }
    OrderCall::read(&fields).ok()?;
    fields.get("pid").filter(|pid| !pid.is_empty())?;
    // What is blank is not there.
    let there =
        |(name, value): &(&str, &str)| *name != "sign" && !value.trim_matches(' ').is_empty();
    let read = fields.iter().filter(there);
    Some(read.map(|(n, v)| (n.to_owned(), v.to_owned())).collect())
}

/// Every request that has this text.
fn readings(text: &str) -> Vec<Request> {
    let parts: Vec<&str> = text.split('&').collect();
    let begins = |at: &usize| parts[*at].contains('=');
    let places: Vec<usize> = (1..parts.len()).filter(begins).take(PLACES_MAX).collect();
    let all = 0..1_usize << places.len();
    let reading = |chosen: usize| {
        let mut request = Request::new();
        let mut fields: Vec<String> = vec![parts[0].to_owned()];
        for (at, part) in parts.iter().enumerate().skip(1) {
            let place = places.iter().position(|place| *place == at);
            match (place, fields.last_mut()) {
                (Some(place), _) if chosen >> place & 1 == 1 => fields.push((*part).to_owned()),
                (_, Some(last)) => *last = format!("{last}&{part}"),
                (_, None) => {}
            }
        }
        for field in fields {
            let (name, value) = field.split_once('=')?;
            request.insert(name.to_owned(), value.to_owned());
        }
        Some(request)
    };
    all.filter_map(reading).collect()
}

/// What was sent and is read otherwise than the genuine request.
fn forgery(genuine: &Request, rule: bool) -> Option<Request> {
    let sign = sign(genuine);
    let as_read = read(genuine, &sign, rule)?;
    let pairs = genuine
        .iter()
        .filter(|(_, value)| !value.trim_matches(' ').is_empty());
    let text: Vec<_> = pairs.map(|(n, v)| format!("{n}={v}")).collect();
    let hidden = readings(&text.join("&")).into_iter().flat_map(|reading| {
        let behind = |(name, value): (&String, &String)| {
            let mut hidden = reading.clone();
            hidden.insert(name.clone(), value.replace('&', "&\\").replace('n', "\\n"));
            hidden
        };
        let hidden: Vec<_> = reading.iter().map(behind).collect();
        [reading.clone()].into_iter().chain(hidden)
    });
    hidden
        .into_iter()
        .find(|sent| read(sent, &sign, rule).is_some_and(|read| read != as_read))
}

/// Other fields that a client takes for the news of an order, since the same sign proves
/// them and what he reads is there, in its shape.
fn forged_news(genuine: &Request, rule: bool) -> Option<Request> {
    let order = read(genuine, &sign(genuine), rule)?;
    let required = [
        ("money", "1.00"),
        ("out_trade_no", "o1"),
        ("pid", "1001"),
        ("trade_no", "20261129000000000001"),
        ("trade_status", "TRADE_SUCCESS"),
        ("type", "wxpay"),
    ];
    let mut news: Request = required
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    for name in ["name", "param"] {
        news.extend(
            order
                .get(name)
                .map(|value| (name.to_owned(), value.clone())),
        );
    }
    let text = |news: &Request| {
        let there = news.iter().filter(|(_, value)| !value.is_empty());
        let pairs: Vec<_> = there.map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join("&")
    };
    let signed = text(&news);
    let mut others = readings(&signed).into_iter();
    let is_whole = |other: &Request| {
        let mut values = required.iter().map(|(name, _)| other.get(*name));
        values.all(|value| value.is_some_and(|value| !value.contains('&')))
    };
    others.find(|other| *other != news && text(other) == signed && is_whole(other))
}

/// Genuine requests: the fields that an order needs, and some that it may have.
fn genuine() -> impl Strategy<Value = Request> {
    let value = || proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..3);
    let address = || {
        let own = proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..3);
        own.prop_map(|own| format!("http://a.cn/n{}", own.concat()))
    };
    const NAMES: [&str; 10] = [
        "name", "param", "sitename", "clientip", "nx", "ob", "path", "pas", "status", "token",
    ];
    let text = (proptest::sample::select(&NAMES[..]), value());
    let texts = proptest::collection::vec(text, 1..4);
    let has_type = any::<bool>();
    (address(), address(), texts, has_type).prop_map(|(notify, back, texts, has_type)| {
        let mut request: Request = [
            ("money", "1.00"),
            ("name", "VIP"),
            ("out_trade_no", "o1"),
            ("pid", "1001"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        for (name, value) in texts {
            request.insert(name.to_owned(), value.concat());
        }
        request.insert("notify_url".to_owned(), notify);
        request.insert("return_url".to_owned(), back);
        if has_type {
            request.insert("type".to_owned(), "wxpay".to_owned());
        }
        request
    })
}

/// How many are accepted, and the first that can be forged.
fn forge(
    forgery: fn(&Request, bool) -> Option<Request>,
    rule: bool,
) -> (u32, Option<(Request, Request)>) {
    let config = Config::default();
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(config, seed);
    let mut taken = 0;
    for _ in 0..REQUESTS {
        let genuine = genuine().new_tree(&mut runner).unwrap().current();
        taken += u32::from(read(&genuine, &sign(&genuine), rule).is_some());
        if let Some(forged) = forgery(&genuine, rule) {
            return (taken, Some((genuine, forged)));
        }
    }
    (taken, None)
}

#[test]
fn one_sign_is_read_in_one_way() {
    for forgery in [forgery, forged_news] {
        let (taken, forged) = forge(forgery, true);
        assert_eq!(forged, None);
        assert!(
            taken > REQUESTS / 20,
            "the forger has too little to work on: {taken}"
        );
    }
}

#[test]
fn without_the_rule_the_forger_finds_another_reading() {
    for forgery in [forgery, forged_news] {
        let (_, forged) = forge(forgery, false);
        assert!(forged.is_some());
    }
}

#[test]
fn a_field_between_param_and_pid_gives_the_news_no_other_reading() {
    let genuine: Request = [
        ("money", "1.00"),
        ("name", "VIP"),
        ("notify_url", "http://a.cn/n"),
        ("out_trade_no", "o1"),
        ("param", "user=7&path=1"),
        ("pas", "1"),
        ("pid", "1001"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    assert!(forged_news(&genuine, false).is_some());
    assert_eq!(forged_news(&genuine, true), None);
}
