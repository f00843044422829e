//! Addresses: what is taken has one host and one port, whoever reads it.

use payment::address::{Address, is_host};

/// An address with its scheme, a page's, a bgUrl; the first byte chooses.
pub fn address(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = str::from_utf8(text) else {
        return;
    };
    let read = match choice % 3 {
        0 => Address::parse(text),
        1 => Address::page(text, true),
        _ => Address::callback(text),
    };
    let Ok(address) = read else {
        return;
    };
    let whole = address.as_str();
    assert!(whole.starts_with("http://") || whole.starts_with("https://"));
    assert!(whole == text || whole == format!("http://{text}"));
    assert!(!whole.contains(char::is_whitespace), "{whole:?}");
    assert_eq!(Address::parse(whole).as_ref(), Ok(&address));
    check_host(&address);
    if choice % 3 == 2 {
        assert!(!whole.contains(['?', '#', '@', '\\']));
        assert!(address.lies_under(&address) || whole.contains('.') || whole.contains('%'));
    }
}

/// The host is the one before the path, read by code of this target's own, and the
/// origin leads to the same place.
fn check_host(address: &Address) {
    let (_, rest) = address.as_str().split_once("://").expect("a scheme");
    let end = rest.find(|c| "/?#\\".contains(c)).unwrap_or(rest.len());
    let place = rest[..end].rsplit('@').next().unwrap_or_default();
    let name = place.rsplit_once(':').map_or(place, |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) {
            name
        } else {
            place
        }
    });
    assert!(place.is_ascii(), "{place:?}");
    if address.ip().is_none() {
        assert!(name.eq_ignore_ascii_case(address.host()), "{name:?}");
    }
    assert!(is_host(address.host()), "{:?}", address.host());
    let origin = Address::parse(&address.origin()).expect("an origin is an address");
    assert_eq!(origin.host(), address.host());
    let port = |address: &Address| address.url().port_or_known_default();
    assert_eq!(port(&origin), port(address));
}
