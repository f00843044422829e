//! The channels' marks: plain drawings of our own on a coloured tile, or the
//! operator's own pictures.

use super::Marks;
use leptos::prelude::*;
use payment::channel::Channel;

/// The mark of a channel; it says nothing that its label doesn't.
pub(super) fn mark(channel: Channel, marks: &Marks) -> AnyView {
    match marks.address(channel) {
        Some(address) => {
            view! { <img class="mark" src=address alt="" width="40" height="40"/> }.into_any()
        }
        None => view! {
            <svg class=format!("mark {}", channel.code()) viewBox="0 0 24 24" aria-hidden="true" inner_html=drawing(channel)></svg>
        }
        .into_any(),
    }
}

/// Strokes on a field of 24 by 24.
fn drawing(channel: Channel) -> &'static str {
    match channel {
        // a message with a tick
        Channel::Wechat => {
            "<path d=\"M6 5.5h12a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2h-6l-4 3v-3H6a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2zM8.5 11l2.5 2.3 4.5-4.6\"/>"
        }
        // a wallet
        Channel::Alipay => {
            "<path d=\"M17 7V5H6.5a2 2 0 0 0 0 4H19v10H6.5a2 2 0 0 1-2-2V7M15.5 14h.1\"/>"
        }
        // a bank card
        Channel::ChinapayOld => {
            "<path d=\"M5 6h14a1.5 1.5 0 0 1 1.5 1.5v9A1.5 1.5 0 0 1 19 18H5a1.5 1.5 0 0 1-1.5-1.5v-9A1.5 1.5 0 0 1 5 6zM3.5 10h17M7 14.5h4\"/>"
        }
        // a globe
        Channel::Paypal => {
            "<path d=\"M12 4a8 8 0 0 1 0 16 8 8 0 0 1 0-16zM4 12h16M12 4c-5 5-5 11 0 16M12 4c5 5 5 11 0 16\"/>"
        }
    }
}
