//! Reads a request's body up to a limit. What is longer is read on and thrown
//! away, up to a second limit: a connection that is cut while the caller still
//! sends would cost him the answer.

use axum::body::Body;
use http_body_util::BodyExt;
use payment::refusal::Refusal;

/// Past this a caller is cut off all the same.
const READ_BYTES_MAX: usize = 4 << 20;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is longer than it may be.
    Long,
    /// It did not come in time, or broke off.
    Late,
}

impl Unread {
    /// The same as it is told, where so many KB may come.
    pub(crate) fn refusal(self, kilobytes_max: usize) -> Refusal {
        let form = match self {
            Self::Long => (
                format!("at most {kilobytes_max} KB"),
                format!("最多 {kilobytes_max} KB"),
            ),
            Self::Late => (
                "all there in time; it broke off".to_owned(),
                "在时限内发完；它没有收全".to_owned(),
            ),
        };
        Refusal::malformed("body", form)
    }
}

/// The whole body.
///
/// # Errors
/// Where it is longer than `bytes_max`, or does not come.
pub(crate) async fn read(mut body: Body, bytes_max: usize) -> Result<Vec<u8>, Unread> {
    let (mut kept, mut length) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Unread::Late)?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        length += data.len();
        if length > READ_BYTES_MAX {
            return Err(Unread::Long);
        }
        if length <= bytes_max {
            kept.extend_from_slice(data);
        } else {
            kept = Vec::new();
        }
    }
    match length <= bytes_max {
        true => Ok(kept),
        false => Err(Unread::Long),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::BoxError;
    use bytes::Bytes;
    use hyper::body::Frame;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// A body that breaks off.
    struct Broken;

    impl hyper::body::Body for Broken {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            Poll::Ready(Some(Err("the body took too long".into())))
        }
    }

    #[tokio::test]
    async fn what_does_not_come_is_not_too_long() {
        assert_eq!(read(Body::from("abc"), 3).await, Ok(b"abc".to_vec()));
        assert_eq!(read(Body::from("abcd"), 3).await, Err(Unread::Long));
        assert_eq!(read(Body::new(Broken), 3).await, Err(Unread::Late));
    }
}
