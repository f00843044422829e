//! The addresses of our own pages, each made here and nowhere else. A token opens one
//! attempt.

use crate::Scene;
use payment::lang::Lang;
use payment::ports::AttemptRow;
use payment::signed::Signed;

/// Where an attempt's page is; its token follows.
pub const ATTEMPT: &str = "/pay/attempt/";
/// Where a channel sends a payer back to; the attempt's token follows.
pub const RETURN: &str = "/pay/return/";
/// Where short addresses of pages lie; their token follows.
pub const SHORT: &str = "/pay/to/";
/// Where the short addresses of partners' orders lie; the partner and a token follow.
pub const ORDER: &str = "/pay/order/";
/// The name, never signed, under which a page's address holds the payer's pick: a
/// channel's code, or [`PICK_ANEW`].
pub const PICK: &str = "pick";
/// The payer wants to pick another channel.
pub const PICK_ANEW: &str = "none";

/// The seed's page of a scene.
#[must_use]
pub fn page(scene: Scene) -> &'static str {
    match scene {
        Scene::Pc => "/pay.html",
        Scene::H5 => "/mpay.html",
    }
}

/// Where the picker of a page is posted to.
#[must_use]
pub fn start(scene: Scene) -> &'static str {
    match scene {
        Scene::Pc => "/pay/start",
        Scene::H5 => "/mpay/start",
    }
}

/// The page of signed values.
#[must_use]
pub fn opened(scene: Scene, signed: &Signed) -> String {
    format!("{}?{}", page(scene), signed.as_query())
}

/// The page of signed values with a pick: a channel's code, or [`PICK_ANEW`].
#[must_use]
pub fn picked(scene: Scene, signed: &Signed, pick: &str) -> String {
    format!("{}&{PICK}={pick}", opened(scene, signed))
}

/// The page of an attempt.
#[must_use]
pub fn attempt(attempt: &AttemptRow) -> String {
    format!("{ATTEMPT}{}", attempt.token)
}

/// The same page for a payer who came back or stays: it sends nobody away.
#[must_use]
pub fn stay(attempt: &AttemptRow) -> String {
    format!("{ATTEMPT}{}/stay", attempt.token)
}

/// An address of ours in the language that an address before it asked for; none, and the
/// payer's browser says. In a frame of another site no cookie of ours would keep it.
#[must_use]
pub fn in_lang(address: String, asked: Option<Lang>) -> String {
    let Some(lang) = asked else {
        return address;
    };
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}lang={}", lang.code())
}

/// Where an ended attempt's page is posted to for a new one.
#[must_use]
pub fn again(attempt: &AttemptRow) -> String {
    format!("{ATTEMPT}{}/again", attempt.token)
}

/// Where a payer goes who says that he has paid.
#[must_use]
pub fn come_back(attempt: &AttemptRow) -> String {
    format!("{RETURN}{}", attempt.token)
}

/// What a waiting page asks.
#[must_use]
pub fn poll(signed: &Signed) -> String {
    format!("/pay/api/pc/wechatQuery?{}", signed.as_query())
}

/// The stream that a waiting page listens to.
#[must_use]
pub fn events(signed: &Signed) -> String {
    format!("/pay/events?{}", signed.as_query())
}
