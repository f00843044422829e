//! Signatures made by others.

use payment::clinic::examine_forecore;
use payment::domain::{Domain, Secret};
use payment::fields::Fields;
use payment::forecore::{md5_sign, verifies};
use payment::pairs::Pairs;
use payment::refusal::Refusal;
use payment::sign::{Purpose, callback_sign2, sha1_sign};
use payment::slip::Slip;
use payment::verify::{examine, verify_close, verify_pay, verify_query, verify_refund};
use serde_json::Value;
use std::path::Path;

#[test]
fn the_documents_addresses_verify() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/seed/signs.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("SKIPPED: the vectors of the documents are not beside this checkout");
        return;
    };
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut checked = 0;
    for case in file["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["op"] == "seed_sha1")
    {
        let (query, sign) = (
            case["query"].as_str().unwrap(),
            case["sign"].as_str().unwrap(),
        );
        let pairs = Pairs::from_query(&format!("{query}&sign={sign}")).unwrap();
        let domain = Domain::test();
        match case["id"].as_str().unwrap() {
            "private/pay/query" => verify_query(&domain, &pairs, 0).map(|_| ()).unwrap(),
            _ => verify_pay(&domain, &pairs, 0).map(|_| ()).unwrap(),
        }
        checked += 1;
    }
    assert_eq!(checked, 3);
}

/// The samples of docs/vectors, which the client in Python makes, and those of the same
/// name in docs/llms.txt.
fn samples(name: &str) -> Vec<Value> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let read = |path: &str| std::fs::read_to_string(docs.join(path)).unwrap();
    let mut all: Vec<Value> = serde_json::from_str(&read(&format!("vectors/{name}.json"))).unwrap();
    assert!(!all.is_empty(), "{name}");
    let plain = read("llms.txt");
    let block = plain.split_once(&format!("```json {name}\n"));
    if let Some((text, _)) = block.and_then(|(_, rest)| rest.split_once("```")) {
        let more: Vec<Value> = serde_json::from_str(text).unwrap();
        assert!(!more.is_empty(), "{name}");
        all.extend(more);
    }
    all
}

fn text<'a>(sample: &'a Value, name: &str) -> &'a str {
    sample[name].as_str().unwrap()
}

fn fields(sample: &Value) -> impl Iterator<Item = (&str, &str)> {
    let fields = sample["fields"].as_object().unwrap().iter();
    fields.map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
}

/// What becomes of a request with a sample's sign, under the purpose.
fn verified(sample: &Value, purpose: &str) -> Result<(), Refusal> {
    let all = fields(sample).chain([("sign", text(sample, "sign"))]);
    let owned = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let pairs = Pairs::from_stored(owned.collect());
    let domain = domain_of(sample);
    match purpose {
        "pay" => verify_pay(&domain, &pairs, 0).map(|_| ()),
        "query" => verify_query(&domain, &pairs, 0).map(|_| ()),
        "refund" => verify_refund(&domain, &pairs, 0).map(|_| ()),
        "close" => verify_close(&domain, &pairs, 0).map(|_| ()),
        other => panic!("no purpose {other}"),
    }
}

fn domain_of(sample: &Value) -> Domain {
    match text(&sample["fields"], "domainCode") {
        "test" => Domain::test(),
        _ => Domain::demo(),
    }
}

fn partner_call(sample: &Value) -> Fields {
    let all = fields(sample).chain([("sign", text(sample, "sign"))]);
    let owned = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Fields::from_query(&Pairs::from_stored(owned.collect()).to_query()).unwrap()
}

#[test]
fn every_sample_of_a_request_verifies_and_for_its_purpose_alone() {
    for sample in samples("requests") {
        let (name, purpose) = (text(&sample, "name"), text(&sample, "purpose"));
        assert_eq!(verified(&sample, purpose), Ok(()), "{name}");
        if text(&sample, "form") == "hmac" {
            let other = if purpose == "close" { "query" } else { "close" };
            let refused = verified(&sample, other);
            assert!(refused.is_err(), "{name} as {other}");
        }
    }
}

#[test]
fn callbacks_are_signed_as_the_samples_are() {
    for sample in samples("callbacks") {
        let secret = Secret::new(1, text(&sample, "secret"), None);
        let is_more = |name: &str| name.starts_with("refund");
        let nine = fields(&sample).filter(|(name, _)| !is_more(name));
        let sign = sha1_sign(nine.map(|(_, value)| value), &secret);
        assert_eq!(sign, text(&sample, "sign"), "{sample}");
        let sign2 = callback_sign2(fields(&sample), &secret);
        assert_eq!(sign2, text(&sample, "sign2"), "{sample}");
    }
}

#[test]
fn partners_samples_verify_and_are_what_we_sign() {
    for sample in samples("forecore") {
        let key = Secret::new(1, text(&sample, "key"), None);
        let sign = md5_sign(fields(&sample), &key);
        assert_eq!(sign, text(&sample, "sign"), "{sample}");
        assert!(verifies(&partner_call(&sample), &key), "{sample}");
    }
}

#[test]
fn every_known_slip_is_refused_as_the_samples_say() {
    let p001 = Secret::new(1, "123456", None);
    for sample in samples("slips") {
        if text(&sample, "form") == "md5" {
            assert!(!verifies(&partner_call(&sample), &p001), "{sample}");
        } else {
            let refusal = verified(&sample, "pay").unwrap_err();
            assert_eq!(refusal.code().code(), text(&sample, "errcode"), "{sample}");
        }
    }
}

/// What the clinic says to a slip, in its words.
fn said(sample: &Value) -> String {
    let slips = if text(sample, "form") == "md5" {
        examine_forecore(&partner_call(sample), &Secret::new(1, "123456", None))
    } else {
        let all = fields(sample).chain([("sign", text(sample, "sign"))]);
        let owned = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let pairs = Pairs::from_stored(owned.collect());
        examine(&domain_of(sample), &pairs, Purpose::Pay, 0)
    };
    let words = slips.unwrap_or_default().into_iter().map(Slip::word);
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_clinic_names_the_known_slips() {
    for sample in samples("slips") {
        let name = text(&sample, "name");
        assert_eq!(said(&sample), text(&sample, "said"), "{name}");
    }
}
