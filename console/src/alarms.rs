//! Whether anybody is told of alarms by message.

use crate::Setting;
use leptos::prelude::*;
use payment::lang::Lang;

/// Where alarms are sent: nothing of the address that could be a token.
pub struct AlarmsTo<'a> {
    /// How they are written: the word of the setting.
    pub form: &'static str,
    /// The host.
    pub host: &'a str,
    /// What the host is known to take, where that is another form.
    pub other: Option<&'static str>,
}

/// A line of where they go, and what is to be done where they go nowhere.
pub(crate) fn alarms(setting: &Setting<'_>, to: Option<&AlarmsTo<'_>>) -> impl IntoView {
    let other = to.and_then(|to| Some((to, to.other?)));
    let wrong = other.map(|(AlarmsTo { form, host, .. }, other)| match setting.lang {
        Lang::Zh => format!(
            "alarm_form 设成了 {form}，而 {host} 收的是 {other}：设成 {other} 或不设，\
             用 tongfu alarm test 试，再重启。"
        ),
        Lang::En => format!(
            "alarm_form is {form}, and {host} takes {other}: set {other}, or leave it out, try \
             it by tongfu alarm test, and restart."
        ),
    });
    let text = match (to, setting.lang) {
        (Some(AlarmsTo { form, host, .. }), Lang::Zh) => format!("发到 {host}（{form}）。"),
        (Some(AlarmsTo { form, host, .. }), Lang::En) => format!("Sent to {host} ({form})."),
        (None, Lang::Zh) => "没有人会被告知：没有设 alarm_url。把群机器人的地址写进配置文件的 \
            alarm_url（或环境变量 TONGFU_ALARM_URL），用 tongfu alarm test 试，再重启。"
            .to_owned(),
        (None, Lang::En) => "Nobody is told: alarm_url is not set. Set alarm_url in the \
            configuration file (or TONGFU_ALARM_URL) to the address of a group's robot, try it by \
            tongfu alarm test, and restart."
            .to_owned(),
    };
    view! {
        <h2>{setting.say("告警发到哪里", "Where alarms go")}</h2>
        <p>{text}</p>
        {wrong.map(|text| view! { <p class="bad">{text}</p> })}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(to: Option<&AlarmsTo<'_>>, lang: Lang) -> String {
        let setting = Setting::test(lang);
        alarms(&setting, to).to_html()
    }

    #[test]
    fn it_is_said_whether_anybody_is_told() {
        let nobody = drawn(None, Lang::En);
        assert!(nobody.contains("Nobody is told: alarm_url is not set."));
        assert!(drawn(None, Lang::Zh).contains("没有人会被告知"));
        let mut to = AlarmsTo {
            form: "json",
            host: "open.feishu.cn",
            other: None,
        };
        let somebody = drawn(Some(&to), Lang::En);
        assert!(
            somebody.contains("Sent to open.feishu.cn (json)."),
            "{somebody}"
        );
        assert!(!somebody.contains("class=\"bad\""), "{somebody}");
        to.other = Some("feishu");
        for lang in [Lang::Zh, Lang::En] {
            let wrong = drawn(Some(&to), lang);
            assert!(wrong.contains("class=\"bad\""), "{wrong}");
            assert!(wrong.contains("tongfu alarm test"), "{wrong}");
        }
    }
}
