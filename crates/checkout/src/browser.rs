//! What a User-Agent header says of a browser; no other file knows its marks.

/// HarmonyOS on a desk.
const HARMONY_PC: &str = "(PC; OpenHarmony";

/// The browser, as far as it decides what can be paid in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browser {
    /// Inside WeChat: its bridge, and no Alipay.
    Wechat,
    /// Inside Alipay's app: no WeChat.
    Alipay,
    /// Any other.
    Other,
}

impl Browser {
    /// By its User-Agent header. WeCom, the mini program's web view and WeChat on
    /// a desktop name MicroMessenger too, but have no payment bridge to rely on.
    #[must_use]
    pub fn of(user_agent: &str) -> Self {
        let has = |mark: &str| user_agent.contains(mark);
        match () {
            () if has("AlipayClient") => Self::Alipay,
            () if has("wxwork") || has("miniProgram") => Self::Other,
            () if has("WindowsWechat") || has("MacWechat") => Self::Other,
            () if has(HARMONY_PC) => Self::Other,
            () if has("MicroMessenger") => Self::Wechat,
            () => Self::Other,
        }
    }
}

/// Whether this is a phone or tablet; who does not say what he has is taken for one.
/// HarmonyOS names the device first; its tablets say nothing else of it.
#[must_use]
pub fn is_held_in_hands(user_agent: &str) -> bool {
    let has = |mark: &str| user_agent.contains(mark);
    let marks = ["Mobi", "Android", "iPhone", "iPad", "(Phone; ", "(Tablet; "];
    user_agent.is_empty() || (!has(HARMONY_PC) && marks.into_iter().any(has))
}

/// Programs that fetch an address to show what is behind it.
const PREVIEWERS: [&str; 24] = [
    "facebookexternalhit",
    "Facebot",
    "meta-externalagent",
    "Twitterbot",
    "TelegramBot",
    "WhatsApp",
    "Slackbot",
    "Slack-ImgProxy",
    "LinkedInBot",
    "Discordbot",
    "SkypeUriPreview",
    "Viber",
    "Pinterestbot",
    "Google-PageRenderer",
    "Googlebot",
    "bingbot",
    "BingPreview",
    "Applebot",
    "DingTalkBot",
    "FeishuBot",
    "LarkBot",
    "Baiduspider",
    "Bytespider",
    "Sogou web spider",
];

/// Whether a program fetches an address to show what is behind it.
#[must_use]
pub fn is_previewer(user_agent: &str) -> bool {
    PREVIEWERS.iter().any(|name| user_agent.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What HarmonyOS says of this device, and then this.
    fn harmony(device: &str, more: &str) -> String {
        format!(
            "Mozilla/5.0 ({device}; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 {more}"
        )
    }

    #[test]
    fn browsers_are_known_by_their_marks() {
        let wechat = "Mozilla/5.0 (Linux; Android 14) XWEB/1 MicroMessenger/8.0.49";
        assert_eq!(Browser::of(wechat), Browser::Wechat);
        assert_eq!(Browser::of(&format!("{wechat} wxwork/4.1")), Browser::Other);
        let desktop = format!("{wechat} WindowsWechat(0x63090a13)");
        assert_eq!(Browser::of(&desktop), Browser::Other);
        assert_eq!(
            Browser::of(&format!("{wechat} miniProgram")),
            Browser::Other
        );
        assert_eq!(
            Browser::of("Mozilla/5.0 AlipayClient/10.5"),
            Browser::Alipay
        );
        assert_eq!(Browser::of("curl/8"), Browser::Other);
    }

    #[test]
    fn harmony_os_has_a_bridge_on_phones_and_tablets() {
        let wechat = "MicroMessenger/1.0.6.43(0xf3000000) NetType/WIFI Language/zh_CN";
        let phone = harmony("Phone", &format!("Mobile {wechat}"));
        assert_eq!(Browser::of(&phone), Browser::Wechat);
        assert_eq!(Browser::of(&harmony("Tablet", wechat)), Browser::Wechat);
        assert_eq!(Browser::of(&harmony("PC", wechat)), Browser::Other);
        assert_eq!(Browser::of(&harmony("Phone", "Mobile")), Browser::Other);
    }

    #[test]
    fn what_is_held_in_hands_is_known_by_its_user_agent() {
        assert!(is_held_in_hands(&harmony("Phone", "Mobile")));
        assert!(is_held_in_hands(&harmony("Tablet", "")));
        assert!(!is_held_in_hands(&harmony("PC", "")));
        assert!(!is_held_in_hands(&harmony("PC", "Mobile")));
        assert!(is_held_in_hands(
            "Mozilla/5.0 (Linux; Android 12; HarmonyOS; NOH-AN00)"
        ));
        assert!(is_held_in_hands(""));
        assert!(!is_held_in_hands(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126"
        ));
    }
}
