//! The headers by which the page and the server functions speak, on both sides.

/// Tells a waiting page which attempt is open now: its orderSn, or `ended`.
pub const ATTEMPT: &str = "tongfu-attempt";
/// Tells a paid page to wait a moment before it leaves, for the domains that want
/// it: the callback is not acknowledged yet.
pub const HOLD: &str = "tongfu-hold";
/// Tells our own page where the attempt is that it started.
pub const PAGE: &str = "tongfu-page";
/// By this header our own page names the payer's pick; another site's can't send it.
pub const PICK: &str = "tongfu-pick";
