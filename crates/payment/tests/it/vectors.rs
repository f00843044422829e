//! Signatures made by others.

use payment::domain::Domain;
use payment::pairs::Pairs;
use payment::verify::{verify_pay, verify_query};
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
