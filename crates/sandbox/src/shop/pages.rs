//! The shop's pages: plain HTML, that works without script.

use super::orders::{GOODS, Received, clock};
use crate::text::{html, page};

const PICTURE: &str = "<svg viewBox=\"0 0 320 180\" role=\"img\" aria-label=\"耳机\" width=\"320\" height=\"180\">\
<rect width=\"320\" height=\"180\" rx=\"14\" fill=\"#e8ecf4\"/><path d=\"M100 110a60 60 0 0 1 120 0\" fill=\"none\" \
stroke=\"#2b3350\" stroke-width=\"14\"/><rect x=\"84\" y=\"100\" width=\"34\" height=\"50\" rx=\"12\" fill=\"#2b3350\"/>\
<rect x=\"202\" y=\"100\" width=\"34\" height=\"50\" rx=\"12\" fill=\"#2b3350\"/></svg>";
/// Shows what came meanwhile, and lets be what somebody is copying.
const RENEWED: &str = "<script>setInterval(async () => {\
if (document.hidden || !getSelection().isCollapsed) return;\
const text = await fetch('/log').then((answer) => answer.text()).catch(() => '');\
const fresh = new DOMParser().parseFromString(text, 'text/html').querySelector('main');\
const shown = document.querySelector('main');\
if (fresh && fresh.innerHTML !== shown.innerHTML) shown.replaceWith(fresh);\
}, 2000)</script>";

pub(super) fn product(wallet: &str) -> String {
    let body = format!(
        "<h1>统付演示商店</h1><section class=\"card\">{PICTURE}<p><b>{GOODS}</b></p>\
         <form method=\"post\" action=\"/buy\"><label>价格（元） <input name=\"yuan\" value=\"123.45\" \
         inputmode=\"decimal\"></label><button>去支付</button></form></section>\
         <p class=\"small\">支付页面出现二维码后，在<a href=\"{}\" target=\"_blank\">沙箱钱包</a>里“扫码”付款；\
         支付结果见<a href=\"/log\">回调日志</a>。</p>",
        html(wallet)
    );
    page("统付演示商店", "", &body)
}

pub(super) fn bad_price() -> String {
    page(
        "价格错误",
        "",
        "<h1>价格应为0.01到99999.99元</h1><p><a href=\"/\">返回商店</a></p>",
    )
}

pub(super) fn back(order: &str, called_back: bool, asked: Option<&str>) -> String {
    let paid = asked.is_some_and(|answer| answer.contains("\"payStatus\":\"SUCCESSPAY\""));
    let (class, title) = if paid {
        ("good", "支付成功，谢谢惠顾")
    } else {
        ("bad", "尚未确认支付")
    };
    let body = format!(
        "<h1 class=\"{class}\">{title}</h1><section class=\"card\"><p>订单号：{}</p>\
         <p>平台回调：{}</p><p class=\"small\">queryInfo：{}</p></section>\
         <p><a href=\"/\">继续购物</a> · <a href=\"/log\">回调日志</a></p>",
        html(order),
        if called_back {
            "已收到，金额相符"
        } else {
            "尚未收到"
        },
        html(asked.unwrap_or("平台没有应答")),
    );
    page("订单结果", "", &body)
}

pub(super) fn failed(order: &str) -> String {
    let body = format!(
        "<h1 class=\"bad\">支付未完成</h1><section class=\"card\"><p>订单号：{}</p></section>\
         <p><a href=\"/\">返回商店</a></p>",
        html(order)
    );
    page("支付未完成", "", &body)
}

pub(super) fn not_again() -> String {
    page(
        "没有重新发送",
        "",
        "<h1>平台没有重新发送</h1><section class=\"card\"><p>平台不认识此订单，或未以--dev启动。</p></section>\
         <p><a href=\"/log\">回调日志</a></p>",
    )
}

pub(super) fn log(received: &[Received], wallet: &str, platform: &str) -> String {
    let rows: String = received.iter().rev().take(100).map(row).collect();
    let empty = if received.is_empty() {
        "<p class=\"card\">还没有收到回调</p>"
    } else {
        ""
    };
    let body = format!(
        "<h1>回调日志</h1>{empty}{rows}<p class=\"small\"><a href=\"/log\">刷新</a>（有脚本时每2秒自动更新） ·\
         <a href=\"/\">返回商店</a> · <a href=\"{}\">沙箱钱包</a> · \
         <a href=\"{}/sign\">签名诊所</a></p>",
        html(wallet),
        html(platform)
    );
    page("回调日志", RENEWED, &body)
}

fn row(received: &Received) -> String {
    let get = |name: &str| html(received.values.get(name).map_or("", String::as_str));
    let (class, proof) = if received.verified {
        ("good", "验签通过")
    } else {
        ("bad", "验签失败")
    };
    format!(
        "<section class=\"card\" data-request-key=\"{key}\"><b>{key}</b> <span class=\"{class}\">{proof}</span>\
         <p class=\"small\">{} · {} 分 · {} · {} · 应答 {}</p>\
         <p class=\"small\">收到：{}</p>{}</section>",
        clock(received.at_ms),
        get("money"),
        get("payStatus"),
        get("payTypeName"),
        html(&received.answer),
        arrived(received),
        again(&get("orderSn")),
        key = get("requestKey"),
    )
}

/// All values that arrived, decoded.
fn arrived(received: &Received) -> String {
    let pairs = received.values.iter();
    let pairs: Vec<_> = pairs
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    html(&pairs.join(" "))
}

/// The button that has the platform call back again; a partner's notice names no order
/// that it would know.
fn again(order_sn: &str) -> String {
    if order_sn.is_empty() {
        return String::new();
    }
    format!(
        "<form method=\"post\" action=\"/again\"><input type=\"hidden\" name=\"orderSn\" \
         value=\"{order_sn}\"><button>重新发送</button></form>"
    )
}
