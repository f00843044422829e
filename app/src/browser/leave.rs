//! Going on to another page, out of a frame too.

use super::{go, reload, word};
use web_sys::Window;

/// Leaves for `url`. In a frame the page around it is told first, then led on
/// where the browser lets us; else the link on the paid page is left, or the
/// attempt's page tells why and has one. Reloads where there is no address.
pub(crate) fn leave(url: &str, result: &str) {
    if url.is_empty() {
        return reload();
    }
    tell_around(url, result);
    if !lead_on(url) && result == "failed" {
        go(&word("ended"));
    }
}

/// Leads the page around a frame on to `url`, else this page; whether the browser lets us.
pub(crate) fn lead_on(url: &str) -> bool {
    match around() {
        Some(parent) => parent.location().set_href(url).is_ok(),
        None => {
            go(url);
            true
        }
    }
}

/// Tells the page around a frame how it ended.
pub(crate) fn tell_around(url: &str, result: &str) {
    if let Some(parent) = around() {
        tell(&parent, url, result);
    }
}

fn around() -> Option<Window> {
    let window = web_sys::window()?;
    let parent = window.parent().ok()??;
    (parent != window).then_some(parent)
}

/// Posts the outcome to each origin that may hold the page in a frame.
fn tell(parent: &Window, url: &str, result: &str) {
    let message = js_sys::Object::new();
    let key = word("key");
    let fields = [
        ("type", "tongfu"),
        ("result", result),
        ("requestKey", &key),
        ("url", url),
    ];
    for (name, value) in fields {
        let _ = js_sys::Reflect::set(&message, &name.into(), &value.into());
    }
    for origin in word("frames")
        .split(' ')
        .filter(|origin| !origin.is_empty())
    {
        let _ = parent.post_message(&message, origin);
    }
}
