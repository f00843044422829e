//! Words that are kept, as pages say them. An English page says them as they are kept, but
//! for those that nobody knows; what is not known here is said as it is kept.

use crate::Setting;
use payment::channel::Channel;
use payment::lang::Lang;

/// What entries of a story say, and that in Chinese.
const HAPPENED: [(&str, &str); 29] = [
    ("begun", "开始付款"),
    ("superseded", "被新的付款取代"),
    ("sum changed", "渠道收的金额变了"),
    ("mismatch", "渠道说的对不上"),
    ("contradiction", "渠道前后说的矛盾"),
    ("notify attached", "通知归到这个订单"),
    ("honoured", "认账：付了请求"),
    ("request closed", "请求已关闭"),
    ("golive", "再次要求回调"),
    ("operator", "操作"),
    ("pruned", "旧的原文已清理"),
    ("callback written", "回调已写好"),
    ("callback sent again", "回调重发"),
    ("callback delivered", "回调已收下"),
    ("callback parked", "回调不再发"),
    ("refund", "退款"),
    ("refund begun", "退款开始"),
    ("refund asked", "要求退款"),
    ("refund refused", "拒绝退款"),
    ("chargeback", "被渠道扣回（拒付）"),
    ("made at the channel", "在渠道后台退的"),
    ("CREATING", "正在下单（CREATING）"),
    ("NOTPAY", "等待付款（NOTPAY）"),
    ("FAILUREPAY", "付款失败（FAILUREPAY）"),
    ("CLOSED", "已关闭（CLOSED）"),
    ("HELD", "渠道扣着钱在查（HELD）"),
    ("SUCCESSPAY", "已付款（SUCCESSPAY）"),
    ("DUPLICATE", "重复付款（DUPLICATE）"),
    ("PAIDAFTERCLOSE", "关闭后才付款（PAIDAFTERCLOSE）"),
];

/// Who brings things about, and that in Chinese.
const WHO: [(&str, &str); 7] = [
    ("payer", "付款人"),
    ("business", "业务系统"),
    ("channel", "渠道"),
    ("notify", "渠道的通知"),
    ("page", "付款页在看时查的"),
    ("timer", "定时查的"),
    ("operator", "操作员"),
];

/// How callbacks stand, and that in Chinese.
const CALLBACKS: [(&str, &str); 4] = [
    ("WAITING", "等着发"),
    ("DELIVERED", "已收下"),
    ("PARKED", "不再发"),
    ("OVERTAKEN", "已过时，不再发"),
];

fn said(setting: &Setting<'_>, known: &[(&str, &str)], kept: &str) -> String {
    let known = known.iter().find(|(word, _)| *word == kept);
    let zh = known.map_or(kept, |(_, zh)| zh);
    setting.lang.choose(zh, kept).to_owned()
}

/// What happened, as a story keeps it.
pub(crate) fn happened(setting: &Setting<'_>, what: &str) -> String {
    match (what, setting.lang) {
        ("golive", Lang::En) => "callback asked for again".to_owned(),
        _ => said(setting, &HAPPENED, what),
    }
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
