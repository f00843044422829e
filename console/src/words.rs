//! Words that are kept, as pages say them. An English page says them as they are kept, but
//! for those that nobody knows; what is not known here is said as it is kept.

use crate::Setting;
use payment::channel::Channel;

/// What entries of a story say, in Chinese and in English.
const HAPPENED: [(&str, &str, &str); 29] = [
    ("begun", "开始付款", "begun"),
    ("superseded", "被新的付款取代", "superseded"),
    ("sum changed", "渠道收的金额变了", "sum changed"),
    ("mismatch", "渠道说的对不上", "mismatch"),
    ("contradiction", "渠道前后说的矛盾", "contradiction"),
    ("notify attached", "通知归到这个订单", "notify attached"),
    ("honoured", "认账：付了请求", "honoured"),
    ("request closed", "请求已关闭", "request closed"),
    ("golive", "再次要求回调", "callback asked for again"),
    ("operator", "操作", "operator"),
    ("pruned", "旧的原文已清理", "pruned"),
    ("callback written", "回调已写好", "callback written"),
    ("callback sent again", "回调重发", "callback sent again"),
    ("callback delivered", "回调已收下", "callback delivered"),
    ("callback parked", "回调不再发", "callback parked"),
    ("refund", "退款", "refund"),
    ("refund begun", "退款开始", "refund begun"),
    ("refund asked", "要求退款", "refund asked"),
    ("refund refused", "拒绝退款", "refund refused"),
    ("chargeback", "被渠道扣回（拒付）", "chargeback"),
    (
        "made at the channel",
        "在渠道后台退的",
        "made at the channel",
    ),
    ("CREATING", "正在下单（CREATING）", "CREATING"),
    ("NOTPAY", "等待付款（NOTPAY）", "NOTPAY"),
    ("FAILUREPAY", "付款失败（FAILUREPAY）", "FAILUREPAY"),
    ("CLOSED", "已关闭（CLOSED）", "CLOSED"),
    ("HELD", "渠道扣着钱在查（HELD）", "HELD"),
    ("SUCCESSPAY", "已付款（SUCCESSPAY）", "SUCCESSPAY"),
    ("DUPLICATE", "重复付款（DUPLICATE）", "DUPLICATE"),
    (
        "PAIDAFTERCLOSE",
        "关闭后才付款（PAIDAFTERCLOSE）",
        "PAIDAFTERCLOSE",
    ),
];

/// Who brings things about, in Chinese and in English.
const WHO: [(&str, &str, &str); 7] = [
    ("payer", "付款人", "payer"),
    ("business", "业务系统", "business"),
    ("channel", "渠道", "channel"),
    ("notify", "渠道的通知", "notify"),
    ("page", "付款页在看时查的", "page"),
    ("timer", "定时查的", "timer"),
    ("operator", "操作员", "operator"),
];

/// How callbacks stand, in Chinese and in English.
const CALLBACKS: [(&str, &str, &str); 3] = [
    ("WAITING", "等着发", "WAITING"),
    ("DELIVERED", "已收下", "DELIVERED"),
    ("PARKED", "不再发", "PARKED"),
];

fn said(setting: &Setting<'_>, known: &[(&str, &'static str, &'static str)], kept: &str) -> String {
    let known = known.iter().find(|(word, ..)| *word == kept);
    match known {
        Some((_, zh, en)) => setting.say(zh, en).to_owned(),
        None => kept.to_owned(),
    }
}

/// What happened, as a story keeps it.
pub(crate) fn happened(setting: &Setting<'_>, what: &str) -> String {
    said(setting, &HAPPENED, what)
}

/// Who brought it about, as a story keeps it.
pub(crate) fn who(setting: &Setting<'_>, by: &str) -> String {
    said(setting, &WHO, by)
}

/// How a callback stands.
pub(crate) fn callback(setting: &Setting<'_>, state: &str) -> String {
    said(setting, &CALLBACKS, state)
}

/// A channel: in Chinese as people call it, in English by its code, which addresses, filters
/// and commands have.
pub(crate) fn channel(setting: &Setting<'_>, channel: Channel) -> &'static str {
    let zh = match channel {
        Channel::Wechat => "微信支付",
        Channel::Alipay => "支付宝",
        Channel::ChinapayOld => "银联",
        Channel::Paypal => "PayPal",
    };
    setting.say(zh, channel.code())
}

/// The same of a channel's code, also where an account's name stands after it.
pub(crate) fn channel_of(setting: &Setting<'_>, code: &str) -> String {
    let (of, account) = code.split_once('/').unwrap_or((code, ""));
    match (Channel::parse(of), account) {
        (None, _) => code.to_owned(),
        (Some(of), "") => channel(setting, of).to_owned(),
        (Some(of), account) => format!("{}/{account}", channel(setting, of)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use payment::lang::Lang;
    use payment::order::Attempt;
    use payment::story::Source;

    #[test]
    fn what_stories_keep_is_said_in_chinese() {
        let (zh, en) = (Setting::test(Lang::Zh), Setting::test(Lang::En));
        let states = Attempt::ALL.map(Attempt::word);
        for what in states.into_iter().chain(["begun", "refund"]) {
            assert_ne!(happened(&zh, what), what);
            assert_eq!(happened(&en, what), what);
        }
        for by in [
            Source::Payer,
            Source::Business,
            Source::Channel,
            Source::Notify(1),
            Source::Page,
            Source::Timer,
            Source::Operator,
        ] {
            assert_ne!(who(&zh, by.word()), by.word());
        }
        assert_eq!(happened(&zh, "of another version"), "of another version");
    }

    #[test]
    fn channels_are_called_as_people_call_them() {
        let (zh, en) = (Setting::test(Lang::Zh), Setting::test(Lang::En));
        assert_eq!(channel_of(&zh, "ChinapayOld"), "银联");
        assert_eq!(channel_of(&zh, "Wechat/main"), "微信支付/main");
        assert_eq!(channel_of(&en, "Wechat/main"), "Wechat/main");
        assert_eq!(channel_of(&zh, "shop"), "shop");
    }
}
