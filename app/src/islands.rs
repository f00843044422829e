//! The parts of the page that live in the browser. Each is empty on the server, and finds
//! what it needs in what the server rendered around it: none draws what the server can
//! draw. An element that two could act on belongs to who takes it first (docs/page.md,
//! Islands and the fallback).

pub mod bridge;
pub mod handoff;
pub mod openid;
pub mod picker;
pub mod watch;
