//! The signature of requests (docs/reference/alipay.md, Requests), and of what Alipay sends.

use super::keys::{Keys, Merchant, Numbers};
use crate::text::from_beijing_time;

/// A request's clock may differ by this much, ms.
const AGE_MAX_MS: i64 = 15 * 60_000;

pub(super) fn get<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    let found = pairs.iter().find(|(key, _)| key == name);
    found.map_or("", |(_, value)| value.as_str())
}

/// `k=v` of all that is not empty and not left out, by name, joined by `&`.
pub(super) fn text(pairs: &[(String, String)], left_out: &[&str]) -> String {
    let mut lines: Vec<(&str, &str)> = Vec::new();
    for (name, value) in pairs {
        if !value.is_empty() && !left_out.contains(&name.as_str()) {
            lines.push((name, value));
        }
    }
    lines.sort_unstable();
    let lines: Vec<_> = lines.iter().map(|(k, v)| format!("{k}={v}")).collect();
    lines.join("&")
}

/// The merchant whose signature the request carries; else code and sub_code.
pub(super) fn verify<'k>(
    keys: &'k Keys,
    pairs: &[(String, String)],
    now_ms: i64,
) -> Result<&'k Merchant, (&'static str, &'static str)> {
    let app_id = get(pairs, "app_id");
    if app_id.is_empty() {
        return Err(("40001", "isv.missing-app-id"));
    }
    let merchant = keys.merchants.iter().find(|m| m.app_id == app_id);
    let merchant = merchant.ok_or(("40002", "isv.invalid-app-id"))?;
    for (name, sub_code) in [
        ("method", "isv.missing-method"),
        ("sign", "isv.missing-signature"),
        ("sign_type", "isv.missing-signature-type"),
        ("timestamp", "isv.missing-timestamp"),
        ("version", "isv.missing-version"),
        ("charset", "isv.missing-charset"),
        ("biz_content", "isv.missing-biz-content"),
    ] {
        if get(pairs, name).is_empty() {
            return Err(("40001", sub_code));
        }
    }
    if get(pairs, "sign_type") != "RSA2" {
        return Err(("40002", "isv.invalid-signature-type"));
    }
    let at_ms = from_beijing_time(get(pairs, "timestamp"));
    if at_ms.is_none_or(|at_ms| (now_ms - at_ms).abs() > AGE_MAX_MS) {
        return Err(("40002", "isv.invalid-timestamp"));
    }
    let names = |numbers: &Numbers| {
        get(pairs, "app_cert_sn") == numbers.app
            && get(pairs, "alipay_root_cert_sn") == numbers.root
    };
    if merchant
        .certified
        .as_ref()
        .is_some_and(|numbers| !names(numbers))
    {
        return Err(("40002", "isv.invalid-app-cert-sn"));
    }
    let text = text(pairs, &["sign"]);
    if !merchant.key.verifies(text.as_bytes(), get(pairs, "sign")) {
        return Err(("40002", "isv.invalid-signature"));
    }
    Ok(merchant)
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn the_text_is_sorted_raw_and_without_empties() {
        let pairs = [("b", "2 &"), ("a", "1"), ("c", ""), ("sign", "x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(text(&pairs, &["sign"]), "a=1&b=2 &");
    }
}
