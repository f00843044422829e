//! What pages of lists share.

use crate::Setting;
use leptos::prelude::*;

/// Where a page stands among those of its list.
pub(crate) fn place(setting: &Setting<'_>, is_first: bool, has_next: bool) -> &'static str {
    match (is_first, has_next) {
        (true, false) => setting.say("全部", "all there are"),
        (true, true) => setting.say("最新的，后面还有", "the newest, there are more"),
        (false, true) => setting.say("较早的，后面还有", "older ones, there are more"),
        (false, false) => setting.say("最早的", "the oldest"),
    }
}

/// Why a list can't be given.
pub(crate) fn refused(refusal: Option<String>) -> Option<impl IntoView> {
    refusal.map(|refusal| view! { <p class="bad" role="alert">{refusal}</p> })
}

/// Where all of a list is, as a table for spreadsheets.
pub(crate) fn table(setting: &Setting<'_>, csv: Option<String>) -> Option<impl IntoView + use<>> {
    let name = setting.say("下载 CSV（符合条件的全部）", "CSV of all that fit");
    csv.map(|csv| view! { " "<a href=csv>{name}</a> })
}

/// Where the list goes on.
pub(crate) fn older(setting: &Setting<'_>, next: Option<String>) -> Option<impl IntoView + use<>> {
    let name = setting.say("更早的", "Older ones");
    next.map(|next| view! { <p><a href=next rel="next">{name}</a></p> })
}

/// Words to choose from.
pub(crate) fn choice(words: &[&'static str], chosen: &str) -> impl IntoView + use<> {
    let options = words.iter().map(|word| {
        let is_chosen = *word == chosen;
        view! { <option selected=is_chosen>{*word}</option> }
    });
    options.collect_view()
}

/// The kind of field that a day, or a minute, is shown in.
pub(crate) fn kind(time: &str) -> &'static str {
    if time.contains('T') {
        "datetime-local"
    } else {
        "date"
    }
}
