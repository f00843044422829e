//! What the pages say and hold.

use super::*;
use payment::money::Currency;

fn shown(screen: Screen, lang: Lang) -> String {
    let module = Some(Module {
        js: "/a.js".into(),
        wasm: "/a.wasm".into(),
    });
    let setting = Setting {
        lang,
        other_lang_url: None,
        nonce: "n".into(),
        style: "main{}",
        fallback: "fallback()",
        module,
        frame_origins: vec!["http://shop.cn".into()],
        marks: Marks::default(),
        notice: None,
        payee: None,
    };
    render(screen, &setting)
}

fn order(goods: &str) -> Bought {
    let money = Money::from_minor(123_456, Currency::Cny).unwrap();
    Bought {
        goods: goods.into(),
        money,
        request_key: "k".into(),
    }
}

fn pick(lang: Lang) -> String {
    let dollars = Money::from_minor(17_388, Currency::Usd);
    let offer = |channel, charged| Offer { channel, charged };
    let offers = vec![
        offer(Channel::Wechat, None),
        offer(Channel::Alipay, None),
        offer(Channel::Paypal, dollars),
    ];
    let action = "/pay/start?a=1&b=2".into();
    shown(
        Screen::Pick {
            order: order("耳机"),
            offers,
            action,
            openid: None,
            last: None,
            elsewhere: false,
        },
        lang,
    )
}

#[test]
fn the_picker_is_a_form_that_needs_no_script() {
    let html = pick(Lang::Zh);
    assert!(html.starts_with("<!DOCTYPE html><html lang=\"zh-CN\">"));
    assert!(html.contains("method=\"post\"") && html.contains("/pay/start?a=1&amp;b=2"));
    assert!(html.contains("value=\"Wechat\" checked") && html.contains("value=\"Alipay\""));
    assert!(
        html.contains("微信支付") && html.contains("<b>¥1,234.56</b></button>"),
        "{html}"
    );
    assert!(html.contains("<b>US$173.88</b>"), "{html}");
    assert!(pick(Lang::En).contains("WeChat Pay"));
}

#[test]
fn who_can_pay_elsewhere_alone_is_told_so() {
    let html = |elsewhere| {
        let screen = Screen::Pick {
            order: order("耳机"),
            offers: Vec::new(),
            action: String::new(),
            openid: None,
            last: None,
            elsewhere,
        };
        shown(screen, Lang::Zh)
    };
    assert!(html(true).contains("在浏览器中打开本页"));
    assert!(html(false).contains("请联系商户"));
    assert!(!html(true).contains("<form"));
}

#[test]
fn the_channel_that_was_picked_last_is_picked_again() {
    let offer = |channel| Offer {
        channel,
        charged: None,
    };
    let html = |last| {
        let screen = Screen::Pick {
            order: order("耳机"),
            offers: vec![offer(Channel::Wechat), offer(Channel::Alipay)],
            action: String::new(),
            openid: None,
            last,
            elsewhere: false,
        };
        shown(screen, Lang::Zh)
    };
    assert!(html(Some(Channel::Alipay)).contains("value=\"Alipay\" checked"));
    // One that is not on offer here is none.
    assert!(html(Some(Channel::Paypal)).contains("value=\"Wechat\" checked"));
}

#[test]
fn a_payer_whose_money_goes_back_is_not_told_that_nothing_was_charged() {
    let returned = |twice, back| Screen::Returned {
        order: order("耳机"),
        twice,
        back,
        sum: Money::from_minor(17_388, Currency::Usd).unwrap(),
        leave: Some("http://a.cn/".to_owned()),
    };
    let screen = || returned(false, Back::OnItsWay);
    let html = shown(screen(), Lang::Zh);
    assert!(
        html.contains("原路退回") && html.contains("US$173.88"),
        "{html}"
    );
    assert!(
        !html.contains("没有被扣款") && html.contains("http://a.cn/"),
        "{html}"
    );
    assert!(shown(screen(), Lang::En).contains("refunded"));
    // What failed is not said to come, and what came is not said to be on its way.
    for (back, zh, en) in [
        (Back::OnItsWay, "将原路退回", "is refunded"),
        (Back::Done, "已经退回", "was refunded"),
        (Back::ByMerchant, "请联系商户", "contact the merchant"),
    ] {
        for twice in [false, true] {
            let html = shown(returned(twice, back), Lang::Zh);
            assert!(
                html.contains(zh) && html.contains("重复付款") == twice,
                "{html}"
            );
            assert!(shown(returned(twice, back), Lang::En).contains(en));
        }
        let promises = shown(returned(false, back), Lang::Zh).contains("退回");
        assert_eq!(promises, back != Back::ByMerchant);
    }
    // An operator may have closed it.
    assert!(!html.contains("被商户关闭"), "{html}");
    assert!(!shown(screen(), Lang::En).contains("merchant had closed"));
}

#[test]
fn a_code_that_another_payment_replaced_is_not_said_to_have_timed_out() {
    let screen = || Screen::Ended {
        order: order("耳机"),
        declined: false,
        scanned: true,
        channel: Channel::Wechat,
        begun_ms: 0,
        again: "/again".to_owned(),
        back: "/back".to_owned(),
    };
    assert!(shown(screen(), Lang::Zh).contains("或您已换了支付方式"));
    let html = shown(screen(), Lang::En);
    assert!(html.contains("or you went on to pay another way"), "{html}");
    assert!(
        html.contains("no longer valid") && !html.contains("expired"),
        "{html}"
    );
}

#[test]
fn a_payer_whose_money_is_checked_is_told_not_to_pay_again() {
    let screen = || Screen::Held {
        order: order("耳机"),
        channel: Channel::Paypal,
        leave: None,
    };
    let html = shown(screen(), Lang::Zh);
    assert!(
        html.contains("PayPal") && html.contains("请不要重复付款"),
        "{html}"
    );
    assert!(
        !html.contains("<form") && !html.contains("未扣款"),
        "{html}"
    );
    // Of money that is denied many a business system is not told.
    assert!(html.contains("审核通过后商户会得到通知"), "{html}");
    let html = shown(screen(), Lang::En);
    assert!(
        html.contains("do not pay again") && html.contains("told once it is accepted"),
        "{html}"
    );
}

#[test]
fn a_failed_payer_sees_what_how_and_when_and_the_way_on() {
    let html = shown(
        Screen::Ended {
            order: order("耳机"),
            declined: true,
            scanned: true,
            channel: Channel::Wechat,
            begun_ms: 1_465_955_306_000,
            again: "/again".into(),
            back: "/back".into(),
        },
        Lang::Zh,
    );
    for part in [
        "¥1,234.56",
        "耳机",
        "支付未成功",
        "微信支付",
        "2016年6月15日 09:48",
        "action=\"/again\"",
        "href=\"/back\"",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
}

#[test]
fn text_from_outside_never_becomes_markup() {
    let goods = "<img src=x onerror=alert(1)>\"'&";
    let leave = Some("http://a.cn/\"><script>alert(1)</script>".to_owned());
    let html = shown(
        Screen::Paid {
            order: order(goods),
            receipt: None,
            leave,
            leave_after_s: 1,
        },
        Lang::Zh,
    );
    assert!(
        !html.contains("<img") && !html.contains("<script>"),
        "{html}"
    );
    assert!(!html.contains("a.cn/\">"), "{html}");
}

#[test]
fn a_page_that_waits_refreshes_itself_without_script() {
    let html = shown(Screen::Pay(boxed(scan())), Lang::Zh);
    let refresh =
        "<noscript><meta http-equiv=\"refresh\" content=\"3;url=/pay/attempt/t\"></noscript>";
    assert!(html.contains(refresh) && html.contains("<svg"), "{html}");
    assert!(
        shown(
            Screen::Making {
                order: order("x"),
                others: None
            },
            Lang::Zh
        )
        .contains("http-equiv=\"refresh\"")
    );
}

fn scan() -> Way {
    Way::Scan {
        code: "weixin://x".into(),
        channel: Channel::Wechat,
    }
}

fn boxed(way: Way) -> Box<Pay> {
    Box::new(Pay {
        order: order("耳机"),
        charged: None,
        confirm: false,
        way,
        order_sn: "1".into(),
        poll_url: "/poll".into(),
        events_url: "/events".into(),
        expires_in_s: 450,
        life_s: 900,
        expires_at: "12:00".into(),
        ok_url: None,
        fail_url: None,
        attempt_url: "/pay/attempt/t".into(),
        check_url: Some("/pay/return/t".into()),
        back_url: Some("/pay.html?a=b".into()),
        came_back: false,
    })
}

#[test]
fn what_no_code_can_hold_is_not_to_be_scanned() {
    let way = |address: String, phone| Way::OpenInWechat {
        address,
        short: None,
        phone,
    };
    let long = format!("http://a.cn/mpay.html?info={}", "x".repeat(3_000));
    for phone in [true, false] {
        let html = shown(Screen::Pay(boxed(way(long.clone(), phone))), Lang::Zh);
        assert!(!html.contains("<svg class=\"qr"), "{html}");
        assert!(!html.contains('扫') && !html.contains("截屏"), "{html}");
        assert!(html.contains("复制链接") && html.contains(&long));
    }
    let code = Way::Scan {
        code: "x".repeat(3_000),
        channel: Channel::Wechat,
    };
    let html = shown(Screen::Pay(boxed(code)), Lang::Zh);
    assert!(
        html.contains("无法显示二维码") && !html.contains('扫'),
        "{html}"
    );
}

#[test]
fn a_longer_sum_is_smaller_and_a_changed_one_stands_beside_it() {
    let class = |minor, currency| {
        let money = Money::from_minor(minor, currency).unwrap();
        let order = Bought {
            money,
            ..order("耳机")
        };
        let html = shown(
            Screen::Making {
                order,
                others: None,
            },
            Lang::Zh,
        );
        let sum = html.find(&money.to_string()).unwrap();
        html[..sum].rsplit_once("<p class=\"").unwrap().1.to_owned()
    };
    assert_eq!(class(123_456, Currency::Cny), "amount\">");
    assert_eq!(class(123_456_789, Currency::Cny), "amount long\">");
    assert_eq!(class(123_456_789, Currency::Usd), "amount long\">");
    let pay = Pay {
        charged: Money::from_minor(10_132, Currency::Cny),
        ..*boxed(scan())
    };
    let html = shown(Screen::Pay(Box::new(pay)), Lang::Zh);
    let (asked, charged) = (
        html.find("¥1,234.56").unwrap(),
        html.find("¥101.32").unwrap(),
    );
    let goods = html.find("<h1>").unwrap();
    assert!(asked < charged && charged < goods, "{html}");
}

#[test]
fn a_form_works_without_script_and_is_sent_by_itself_once() {
    let form = Form {
        method: payment::obj::Method::Post,
        action: "https://gateway.cn/do?a=1&b=2".into(),
        fields: vec![("biz".into(), "{\"a\":\"<\"}".into())],
    };
    let way = |at_once| Way::Form {
        form: form.clone(),
        channel: Channel::Alipay,
        at_once,
    };
    let html = shown(Screen::Pay(boxed(way(true))), Lang::Zh);
    assert!(
        html.contains("action=\"https://gateway.cn/do?a=1&amp;b=2\""),
        "{html}"
    );
    assert!(html.contains("{&quot;a&quot;:&quot;&lt;&quot;}"), "{html}");
    assert!(
        html.contains("去支付宝支付") && html.contains("data-once=\"1\""),
        "{html}"
    );
    // Without script nobody takes him there.
    assert!(!html.contains("正在前往"), "{html}");
    assert!(!html.contains("http-equiv=\"refresh\""), "{html}");
    let stays = shown(Screen::Pay(boxed(way(false))), Lang::Zh);
    assert!(!stays.contains("data-once") && stays.contains("http-equiv=\"refresh\""));
    assert_eq!(
        way(true).form_origin().as_deref(),
        Some("https://gateway.cn")
    );
}

#[test]
fn a_changed_sum_is_said_plainly_before_the_payer_goes_on() {
    let changed = |lang, currency| {
        let form = Form {
            method: payment::obj::Method::Get,
            action: "https://gateway.cn/pay".into(),
            fields: Vec::new(),
        };
        let way = Way::Form {
            form,
            channel: Channel::Alipay,
            at_once: false,
        };
        let pay = Pay {
            charged: Money::from_minor(123_500, currency),
            confirm: true,
            ..*boxed(way)
        };
        shown(Screen::Pay(Box::new(pay)), lang)
    };
    let html = changed(Lang::Zh, Currency::Cny);
    assert!(html.contains("¥1,234.56"), "what was asked: {html}");
    assert!(html.contains("用这种方式支付需付 ¥1,235.00"), "{html}");
    assert!(html.contains("请核对金额") && !html.contains("正在确认"));
    let html = changed(Lang::En, Currency::Cny);
    assert!(html.contains("Paying this way costs ¥1,235.00"), "{html}");
    // In another currency it is what any conversion says.
    let html = changed(Lang::En, Currency::Usd);
    assert!(html.contains("You are charged US$1,235.00"), "{html}");
}

#[test]
fn the_bridges_parameters_can_not_end_their_attribute() {
    let bridge = Bridge {
        app_id: "\"><script>alert(1)</script>".into(),
        time_stamp: "1".into(),
        nonce_str: "n".into(),
        package: "prepay_id=p".into(),
        sign_type: "RSA".into(),
        pay_sign: "s".into(),
    };
    let way = Way::Bridge {
        bridge,
        at_once: true,
    };
    let html = shown(Screen::Pay(boxed(way)), Lang::Zh);
    assert!(
        html.contains("&quot;package&quot;:&quot;prepay_id=p&quot;"),
        "{html}"
    );
    assert!(
        !html.contains("<script>alert") && html.contains("data-now=\"1\""),
        "{html}"
    );
}
