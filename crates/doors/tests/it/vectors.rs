//! The samples of docs/vectors that speak epay.

use doors::epay::{self, verifies};
use payment::clinic::examine_epay;
use payment::fields::Fields;
use payment::pairs::Pairs;
use payment::slip::Slip;
use serde_json::Value;
use std::path::Path;

#[test]
fn epays_samples_are_taken_or_told_what_is_wrong() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let read = |path: &str| std::fs::read_to_string(docs.join(path)).unwrap();
    let mut samples: Vec<Value> = serde_json::from_str(&read("vectors/epay.json")).unwrap();
    let plain = read("llms.txt");
    let (_, block) = plain.split_once("```json epay\n").unwrap();
    let more: Vec<Value> = serde_json::from_str(block.split("```").next().unwrap()).unwrap();
    assert!(!more.is_empty());
    samples.extend(more);
    let domain = epay::p1001().unwrap();
    let key = &domain.secrets()[0];
    let (mut right, mut wrong) = (0, 0);
    for sample in &samples {
        let pairs = sample["fields"].as_object().unwrap().iter();
        let pairs = pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
        let sign = sample["sign"].as_str().unwrap();
        let all = pairs.chain([("sign".to_owned(), sign.to_owned())]);
        let fields = Fields::from_query(&Pairs::from_stored(all.collect()).to_query()).unwrap();
        if let Some(said) = sample["said"].as_str() {
            wrong += 1;
            assert!(!verifies(&fields, key), "{sample}");
            let slips = examine_epay(&fields, key).unwrap_or_default();
            let words: Vec<_> = slips.into_iter().map(Slip::word).collect();
            assert_eq!(words.join(" "), said, "{sample}");
        } else {
            right += 1;
            assert!(verifies(&fields, key), "{sample}");
        }
    }
    assert!(right > 0 && wrong > 0);
}
