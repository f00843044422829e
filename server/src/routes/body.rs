//! Reads a request's body up to a limit. What is longer is read on and thrown
//! away, up to a second limit: a connection that is cut while the caller still
//! sends would cost him the answer.

use axum::body::Body;
use http_body_util::BodyExt;

/// Past this a caller is cut off all the same.
const READ_BYTES_MAX: usize = 4 << 20;

/// The whole body; nothing where it is longer than `bytes_max` or breaks off.
pub(crate) async fn read(mut body: Body, bytes_max: usize) -> Option<Vec<u8>> {
    let (mut kept, mut length) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.ok()?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        length += data.len();
        if length > READ_BYTES_MAX {
            return None;
        }
        if length <= bytes_max {
            kept.extend_from_slice(data);
        } else {
            kept = Vec::new();
        }
    }
    (length <= bytes_max).then_some(kept)
}
