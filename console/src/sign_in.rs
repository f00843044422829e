//! Signing in.

use crate::{Setting, document};
use leptos::prelude::*;

/// The page that asks who looks; `failure` says why he was not signed in, `next` is where he
/// goes then, and `name` what he called himself so far.
#[must_use]
pub fn sign_in(setting: &Setting<'_>, failure: Option<&str>, next: &str, name: &str) -> String {
    let failure = failure.map(str::to_owned);
    let other = setting.other_language();
    let other_name = setting.say("English", "中文");
    let body = view! {
        <p class="other"><a href=other>{other_name}</a></p>
        {failure.map(|failure| view! { <p class="bad" role="alert">{failure}</p> })}
        <form method="post" action="/sign-in" class="narrow">
            <input type="hidden" name="next" value=next.to_owned()/>
            <label>{setting.say("名字", "Name")}
                <input name="name" required maxlength="64" autocomplete="username" value=name.to_owned()/>
            </label>
            <label>{setting.say("密码", "Password")}
                <input name="password" type="password" required maxlength="256"
                    autocomplete="current-password"/>
            </label>
            <label>{setting.say("一次性密码或恢复码（若有）", "One-time password or recovery code, where you have one")}
                <input name="code" maxlength="32" inputmode="text" autocomplete="one-time-code"/>
            </label>
            <button>{setting.say("登录", "Sign in")}</button>
        </form>
    };
    document(setting, setting.say("登录", "Sign in"), body)
}
