use super::*;

fn strict(change: impl Fn(&mut Strict)) -> Result<Domain, DomainError> {
    let mut rule = Strict {
        prefix: "M7-".into(),
        length: 16,
        request_channel: "1".into(),
        currency: Currency::Cny,
        rate_decimals: 4,
    };
    change(&mut rule);
    let callbacks = vec!["https://shop.cn/".to_owned()];
    let settings = DomainSettings {
        callbacks,
        ..DomainSettings::default()
    };
    Domain::new(
        "shop",
        KeyRule::Strict(rule),
        settings,
        vec![Secret::new(1, "s3cret", None)],
    )
}

#[test]
fn the_documents_domains_keep_their_own_rules() {
    assert_eq!(Domain::test().check(), Ok(()));
    assert_eq!(Domain::demo().check(), Ok(()));
    assert!(strict(|_| ()).is_ok());
}

#[test]
fn a_code_is_no_longer_than_the_documents_say() {
    let mut domain = strict(|_| ()).unwrap();
    domain.code = "s".repeat(64);
    assert_eq!(domain.check(), Ok(()));
    domain.code.push('s');
    let refused = domain.check().unwrap_err().to_string();
    assert!(refused.contains("at most 64"), "{refused}");
}

#[test]
fn a_prefix_has_one_letter() {
    for good in ["M7-", "M7", "A0_-12-9"] {
        assert!(strict(|rule| rule.prefix = good.into()).is_ok(), "{good}");
    }
    for bad in ["", "M", "7M", "m7-", "M7M", "M7-M", "M7-456789", "MM7"] {
        assert!(strict(|rule| rule.prefix = bad.into()).is_err(), "{bad}");
    }
}

#[test]
fn other_strict_settings_are_checked() {
    assert!(strict(|rule| rule.length = 3).is_err());
    assert!(strict(|rule| rule.length = 65).is_err());
    assert!(strict(|rule| rule.request_channel = "2".into()).is_err());
    assert!(strict(|rule| rule.request_channel = "app".into()).is_ok());
    assert!(strict(|rule| rule.currency = Currency::Cad).is_err());
    assert!(strict(|rule| rule.rate_decimals = 7).is_err());
    assert!(strict(|rule| rule.request_channel = "xM7-".into()).is_err());
}

#[test]
fn lists_of_addresses_are_read_when_they_are_set() {
    let with = |change: fn(&mut DomainSettings)| {
        let mut domain = strict(|_| ()).unwrap();
        change(&mut domain.settings);
        domain.check().map_err(|error| error.to_string())
    };
    let empty = with(|settings| settings.return_hosts = vec![String::new()]);
    assert!(empty.unwrap_err().contains("host ``"));
    let callback = with(|settings| settings.callbacks = vec!["not a url".to_owned()]);
    assert!(
        callback
            .unwrap_err()
            .contains("`not a url`: it must be an address that begins")
    );
    // No address lies under such a one.
    for dead in ["https://shop.cn/pay/../x", "https://shop.cn/%2e%2e/"] {
        let mut domain = strict(|_| ()).unwrap();
        domain.settings.callbacks = vec![dead.to_owned()];
        let refused = domain.check().map_err(|error| error.to_string());
        assert!(refused.is_err_and(|text| text.contains(dead)), "{dead}");
    }
    let private = with(|settings| settings.private_callback_hosts = vec!["10.0.0.1:80".into()]);
    assert!(private.unwrap_err().contains("a host alone"));
    let frame = with(|settings| settings.frame_origins = vec!["https://a.cn/".into()]);
    assert!(frame.unwrap_err().contains("origin `https://a.cn/`"));
}

#[test]
fn a_stored_legacy_domain_without_the_setting_logs() {
    let stored = r#"{"legacy":{"requestChannels":["","1"]}}"#;
    let rule: KeyRule = serde_json::from_str(stored).unwrap();
    assert_eq!(rule, Domain::test().rule);
    let KeyRule::Legacy(legacy) = rule else {
        panic!("it is a legacy one")
    };
    assert_eq!((legacy.recut, legacy.rate_decimals), (Recut::Log, None));
}

#[test]
fn recut_is_refused_with_one_request_channel_alone() {
    let legacy = |channels: &[&str], recut| {
        let rule = KeyRule::Legacy(Legacy {
            request_channels: channels.iter().map(|text| (*text).to_owned()).collect(),
            recut,
            rate_decimals: None,
        });
        let secrets = vec![Secret::new(1, "s3cret", None)];
        Domain::new("old", rule, DomainSettings::default(), secrets)
    };
    for one in ["", "1", "app"] {
        assert!(legacy(&[one], Recut::Refuse).is_ok(), "{one}");
    }
    assert!(legacy(&["2"], Recut::Refuse).is_err());
    assert!(legacy(&["", "1"], Recut::Refuse).is_err());
    assert!(legacy(&["", "1"], Recut::Log).is_ok());
}

#[test]
fn a_partner_has_a_code_that_no_domain_can_have() {
    let partner = DomainSettings::default();
    let partner = Domain::partner("apay", "p001", partner, "k", true).unwrap();
    assert_eq!(partner.code, "apay.p001");
    assert_eq!(partner.check(), Ok(()));
    let same = Domain::new(
        &partner.code,
        partner.rule.clone(),
        DomainSettings::default(),
        partner.secrets.clone(),
    );
    assert!(same.is_err());
    for bad in ["", "a b", "a.b", "中"] {
        assert!(Domain::partner("apay", bad, DomainSettings::default(), "k", false).is_err());
    }
}

#[test]
fn secrets_rotate_with_overlap() {
    let mut domain = strict(|_| ()).unwrap();
    domain.rotate("next", 1_000);
    let generations = |now_ms| {
        domain
            .live_secrets(now_ms)
            .map(|s| s.generation)
            .collect::<Vec<_>>()
    };
    assert_eq!(generations(999), [2, 1]);
    assert_eq!(generations(1_000), [2]);
    assert_eq!(domain.secret_for(1, 999).generation, 1);
    assert_eq!(domain.secret_for(1, 1_000).generation, 2);
}

#[test]
fn a_rotation_lengthens_no_secret_and_all_older_ones_end_at_once() {
    let mut domain = strict(|_| ()).unwrap();
    assert!(!domain.has_older(0));
    domain.rotate("second", 1_000);
    domain.rotate("third", 9_000);
    let ends = |domain: &Domain| -> Vec<_> {
        let secrets = domain.secrets().iter();
        secrets.map(|secret| secret.not_after_ms).collect()
    };
    assert_eq!(ends(&domain), [None, Some(9_000), Some(1_000)]);
    assert!(domain.has_older(8_999) && !domain.has_older(9_000));
    domain.end_older(5_000);
    assert_eq!(ends(&domain), [None, Some(5_000), Some(1_000)]);
    assert!(!domain.has_older(5_000));
    assert_eq!(domain.live_secrets(5_000).count(), 1);
}

#[test]
fn secrets_are_never_shown() {
    assert!(!format!("{:?}", Domain::demo()).contains("demo-secret"));
}
