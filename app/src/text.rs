//! Every word that a payer reads, in both languages.

use payment::beijing;
use payment::channel::Channel;
use payment::lang::Lang;

/// The words of one language.
pub(crate) struct Text {
    pub(crate) brand: &'static str,
    pub(crate) other_language: &'static str,
    pub(crate) pick: &'static str,
    pub(crate) go: &'static str,
    pub(crate) starting: &'static str,
    pub(crate) lost: &'static str,
    pub(crate) scan: &'static str,
    pub(crate) scan_label: &'static str,
    pub(crate) waiting: &'static str,
    pub(crate) wait_for_code: &'static str,
    pub(crate) until: &'static str,
    pub(crate) zone: &'static str,
    pub(crate) payee: &'static str,
    pub(crate) no_cookie: &'static str,
    pub(crate) no_cookie_why: &'static str,
    pub(crate) whole_window: &'static str,
    pub(crate) no_code: &'static str,
    pub(crate) by_link: &'static str,
    pub(crate) paid: &'static str,
    pub(crate) leaving: &'static str,
    pub(crate) go_on: &'static str,
    pub(crate) back: &'static str,
    pub(crate) declined: &'static str,
    pub(crate) declined_why: &'static str,
    pub(crate) expired: &'static str,
    pub(crate) expired_why: &'static str,
    pub(crate) again: &'static str,
    pub(crate) other_channel: &'static str,
    pub(crate) refused: &'static str,
    pub(crate) refused_why: &'static str,
    pub(crate) try_again: &'static str,
    pub(crate) code: &'static str,
    pub(crate) order: &'static str,
    pub(crate) reading: &'static str,
    pub(crate) needs_script: &'static str,
    pub(crate) no_channel: &'static str,
    pub(crate) elsewhere: &'static str,
    pub(crate) secure: &'static str,
    /// By [`crate::page::Back`], as those after it.
    pub(crate) returned: [&'static str; 3],
    pub(crate) returned_why: &'static str,
    pub(crate) twice: &'static str,
    pub(crate) twice_why: &'static str,
    pub(crate) goes_back: [&'static str; 3],
    pub(crate) differs: &'static str,
    pub(crate) differs_why: &'static str,
    pub(crate) held: &'static str,
    pub(crate) held_why: fn(&str) -> String,
    pub(crate) charged: &'static str,
    pub(crate) costs: &'static str,
    pub(crate) confirm: &'static str,
    pub(crate) forwarding: &'static str,
    pub(crate) checking: &'static str,
    pub(crate) go_to: fn(&str) -> String,
    pub(crate) in_wechat: &'static str,
    pub(crate) pay_in_wechat: &'static str,
    pub(crate) cancelled: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) no_bridge: &'static str,
    pub(crate) open_in_wechat: &'static str,
    pub(crate) address: &'static str,
    pub(crate) copy: &'static str,
    pub(crate) copied: &'static str,
    pub(crate) ended: &'static str,
    pub(crate) ended_why: &'static str,
    pub(crate) pay_again: &'static str,
    pub(crate) way: &'static str,
    pub(crate) when: &'static str,
    pub(crate) begun: &'static str,
    pub(crate) have_paid: &'static str,
    pub(crate) not_yet: &'static str,
    pub(crate) offline: &'static str,
    pub(crate) trouble: &'static str,
    pub(crate) slow: &'static str,
    pub(crate) refused_other: &'static str,
    pub(crate) soon: &'static str,
    pub(crate) left: &'static str,
    pub(crate) sheet_open: &'static str,
    pub(crate) on_a_phone: [&'static str; 2],
    pub(crate) unknown_page: &'static str,
    pub(crate) unknown_page_why: &'static str,
}

/// What a channel needs, in a few words under its name.
pub(crate) fn hint(channel: Channel, lang: Lang) -> &'static str {
    match (channel, lang) {
        (Channel::Wechat, Lang::Zh) => "用微信确认付款",
        (Channel::Alipay, Lang::Zh) => "用支付宝账户付款",
        (Channel::ChinapayOld, Lang::Zh) => "银行卡付款",
        (Channel::Paypal, Lang::Zh) => "用 PayPal 账户付款",
        (Channel::Wechat, Lang::En) => "Confirm in WeChat",
        (Channel::Alipay, Lang::En) => "Pay from your Alipay account",
        (Channel::ChinapayOld, Lang::En) => "Pay by Chinese bank card",
        (Channel::Paypal, Lang::En) => "Pay from your PayPal account",
    }
}

/// A moment as a payer reads it, on Beijing's clocks.
pub(crate) fn time(at_ms: i64, lang: Lang) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = beijing::time(at_ms);
    let number = |from: usize, to: usize| text[from..to].parse().unwrap_or(1usize);
    let (year, month, day, clock) = (&text[..4], number(5, 7), number(8, 10), &text[11..16]);
    match lang {
        Lang::Zh => format!("{year}年{month}月{day}日 {clock}"),
        Lang::En => {
            let month = MONTHS[(month - 1).min(11)];
            format!("{day} {month} {year}, {clock} Beijing time")
        }
    }
}

/// The words of `lang`.
pub(crate) fn text(lang: Lang) -> &'static Text {
    match lang {
        Lang::Zh => &ZH,
        Lang::En => &EN,
    }
}

const ZH: Text = Text {
    brand: "统付收银台",
    other_language: "English",
    pick: "选择支付方式",
    go: "去支付",
    starting: "请稍候…",
    lost: "网络不通，请再试",
    scan: "请使用微信“扫一扫”扫描二维码支付",
    scan_label: "微信支付二维码",
    waiting: "等待您在手机上确认支付，完成后自动更新",
    wait_for_code: "正在准备支付，请稍候，页面会自动刷新",
    until: "支付截止时间：",
    zone: "",
    payee: "收款方",
    no_cookie: "请在完整窗口中打开本页",
    no_cookie_why: "浏览器没有保存支付所需的微信身份：本页可能嵌在其他网页中，或浏览器不允许保存 Cookie。",
    whole_window: "在完整窗口中打开",
    no_code: "无法显示二维码，请更换支付方式",
    by_link: "复制下方链接，在微信中发送给自己并打开。",
    paid: "支付成功",
    leaving: "正在返回商户页面",
    go_on: "返回商户",
    back: "返回商户",
    declined: "支付未成功",
    declined_why: "本次支付未获通过。您可以重新支付。",
    expired: "二维码已失效",
    expired_why: "已超时，或您已换了支付方式；还没有收到付款。您可以重新获取二维码；如果您已付款，请稍候再看。",
    again: "重新获取二维码",
    other_channel: "更换支付方式",
    refused: "无法支付",
    refused_why: "这个支付链接没有通过安全校验，请返回商户重新下单。",
    try_again: "再试一次",
    code: "错误码",
    order: "订单号",
    reading: "正在打开收银台…",
    needs_script: "请开启浏览器的JavaScript，或返回商户重新打开支付页面。",
    no_channel: "该商户暂未开通支付方式，请联系商户。",
    elsewhere: "该商户的支付方式在这个应用里不能用：请点右上角菜单，选择在浏览器中打开本页，再付款。",
    secure: "本页面不会保存您的支付密码",
    returned: [
        "订单已关闭，款项将退回",
        "订单已关闭，款项已退回",
        "订单已关闭，款项由商户处理",
    ],
    returned_why: "付款到达时订单已经关闭。",
    twice: "订单已支付，这一笔是重复付款",
    twice_why: "另一笔付款已经支付了这个订单。",
    goes_back: [
        "这笔款项将原路退回：",
        "这笔款项已经退回：",
        "请联系商户处理这笔款项：",
    ],
    differs: "收到的付款与订单不符",
    differs_why: "渠道收到了一笔与订单不符的付款，由商户处理。请不要重复付款，请联系商户。",
    held: "付款已提交，正在审核",
    held_why: |channel| {
        format!(
            "{channel} 已收到您的付款，正在审核，请不要重复付款。审核通过后商户会得到通知，您可以关闭本页。"
        )
    },
    charged: "实际收取",
    costs: "用这种方式支付需付",
    confirm: "请核对金额后支付",
    forwarding: "前往支付页面",
    checking: "等待付款结果",
    go_to: |channel| format!("去{}支付", channel.trim_end_matches("支付")),
    in_wechat: "请在微信中完成支付",
    pay_in_wechat: "微信支付",
    cancelled: "您已取消支付，可以再次支付。",
    failed: "支付没有完成。请再试一次，或更换支付方式；如果您已付款，请稍候，页面会自动更新。",
    no_bridge: "微信支付没有打开。请再试一次，或在微信中重新打开本页，或更换支付方式。",
    open_in_wechat: "请使用微信浏览器打开",
    address: "支付链接",
    copy: "复制链接",
    copied: "已复制，请在微信中打开",
    ended: "本次支付已结束",
    ended_why: "还没有收到付款。您可以重新支付；如果您已付款，请稍候再看。",
    pay_again: "重新支付",
    way: "支付方式",
    when: "支付时间",
    begun: "发起时间",
    have_paid: "我已完成支付",
    not_yet: "暂未收到付款。如果您已付款，请稍候，页面会自动更新。",
    offline: "网络已断开，恢复后会自动继续",
    trouble: "暂时连接不上，正在重试",
    refused_other: "这笔订单现在无法支付，请返回商户重新下单，或联系商户。",
    slow: "网络较慢，正在继续查询支付结果",
    left: "剩余",
    soon: "剩余时间不足1分钟，请尽快完成支付",
    sheet_open: "请在微信弹出的窗口中确认支付",
    on_a_phone: [
        "复制下方链接，在微信中发送给自己并打开；",
        "或截屏保存二维码，在微信“扫一扫”中从相册选取。",
    ],
    unknown_page: "支付页面不存在",
    unknown_page_why: "链接不完整或已失效，请返回商户重新打开支付页面。",
};

const EN: Text = Text {
    brand: "Tongfu Checkout",
    other_language: "中文",
    pick: "Choose how to pay",
    go: "Pay",
    starting: "One moment…",
    lost: "No network. Please try again.",
    scan: "Scan this code with WeChat to pay",
    scan_label: "WeChat Pay code",
    waiting: "Waiting for you to confirm on your phone; this page updates by itself",
    wait_for_code: "Your payment is being prepared; this page refreshes by itself",
    until: "Pay by",
    zone: " Beijing time",
    payee: "Paid to",
    no_cookie: "Please open this page in a window of its own",
    no_cookie_why: "Your browser did not keep what WeChat needs to know you by: this page may stand inside another one, or cookies are not allowed.",
    whole_window: "Open in its own window",
    no_code: "The code can't be shown; please pay another way",
    by_link: "Copy the link below, send it to yourself in WeChat, and open it there.",
    paid: "Payment received",
    leaving: "Taking you back to the merchant",
    go_on: "Back to the merchant",
    back: "Back to the merchant",
    declined: "The payment did not go through",
    declined_why: "It was declined. You can pay again.",
    expired: "This code is no longer valid",
    expired_why: "Its time ran out, or you went on to pay another way; no payment has come in yet. You can get a new code; if you have paid, look again in a moment.",
    again: "Get a new code",
    other_channel: "Pay another way",
    refused: "This payment can't be made",
    refused_why: "The link failed our security check; please go back to the merchant and order again.",
    try_again: "Try again",
    code: "Code",
    order: "Order",
    reading: "Opening the checkout…",
    needs_script: "Please switch on JavaScript, or open the payment page again from the merchant.",
    no_channel: "This merchant has no way to pay yet; please contact them.",
    elsewhere: "This merchant’s ways to pay do not work inside this app: open this page in your browser (from the menu at the top right), and pay there.",
    secure: "This page never stores your payment password",
    returned: [
        "The order was closed; your money is on its way back",
        "The order was closed; your money is back",
        "The order was closed; the merchant looks after your money",
    ],
    returned_why: "Your payment came after the order was closed. ",
    twice: "The order is paid; this is a second payment",
    twice_why: "Another payment had paid this order already. ",
    goes_back: [
        "This one is refunded to where it came from:",
        "This one was refunded:",
        "Please contact the merchant about this one:",
    ],
    differs: "A payment came that is not the order's",
    differs_why: "The channel received a payment that differs from the order; the merchant looks after it. Please do not pay again; contact the merchant.",
    held: "Your payment is being checked",
    held_why: |channel| {
        format!(
            "{channel} has your payment and checks it; please do not pay again. The merchant is told once it is accepted, and you may close this page."
        )
    },
    charged: "You are charged",
    costs: "Paying this way costs",
    confirm: "Check the amount, then pay",
    forwarding: "On to the payment page",
    checking: "Waiting for your payment",
    go_to: |channel| format!("Go to {channel}"),
    in_wechat: "Complete the payment in WeChat",
    pay_in_wechat: "Pay with WeChat",
    cancelled: "You cancelled; you can pay again.",
    failed: "The payment was not completed. Try again, or pay another way; if you have paid, please wait, this page updates by itself.",
    no_bridge: "WeChat Pay did not open. Try again, open this page anew inside WeChat, or pay another way.",
    open_in_wechat: "Please open this page inside WeChat",
    address: "Payment link",
    copy: "Copy the link",
    copied: "Copied; open it in WeChat",
    ended: "This payment has ended",
    ended_why: "No payment has come in yet. You can pay again; if you have paid, look again in a moment.",
    pay_again: "Pay again",
    way: "Way to pay",
    when: "Paid at",
    begun: "Begun at",
    have_paid: "I have paid",
    not_yet: "We have not received your payment yet. If you have paid, please wait; this page updates by itself.",
    offline: "You are offline; this page goes on by itself once you are back",
    trouble: "We can't be reached at the moment; trying again",
    refused_other: "This order can't be paid now; please go back to the merchant and order again, or contact them.",
    slow: "The network is slow; still asking for your payment",
    left: "Left",
    soon: "Less than a minute is left to pay",
    sheet_open: "Please confirm in the window that WeChat opens",
    on_a_phone: [
        "Copy the link below, send it to yourself in WeChat, and open it there;",
        "or save a screenshot of the code, and choose it from the album in WeChat's scanner.",
    ],
    unknown_page: "No such payment page",
    unknown_page_why: "The link is incomplete or has expired; please open the payment page again from the merchant.",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_the_page_s_language() {
        let at_ms = 1_465_955_306_000;
        assert_eq!(time(at_ms, Lang::Zh), "2016年6月15日 09:48");
        assert_eq!(time(at_ms, Lang::En), "15 Jun 2016, 09:48 Beijing time");
    }
}
