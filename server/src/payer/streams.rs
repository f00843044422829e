//! Room for the push streams of waiting pages (docs/limits.md).

use crate::limits::{Caller, Counts, Peer, Slot};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for streams: in all, of one peer, for one payment request. Pages that get none
/// poll.
pub(crate) struct Streams {
    all: Arc<Semaphore>,
    peers: Arc<Counts<Peer>>,
    requests: Arc<Counts<(String, String)>>,
}

/// The room of one stream, until this is dropped.
pub(super) struct Room {
    _all: OwnedSemaphorePermit,
    _peer: Option<Slot<Peer>>,
    _request: Slot<(String, String)>,
}

impl Streams {
    pub(crate) fn new(all: usize, of_one_peer: usize, of_one_request: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            peers: Counts::new(of_one_peer),
            requests: Counts::new(of_one_request),
        }
    }

    /// Room for one more stream of this caller, for this request; none: there is none.
    pub(super) fn enter(
        &self,
        Caller(caller): Caller,
        business: &str,
        request: &str,
    ) -> Option<Room> {
        let request = (business.to_owned(), request.to_owned());
        let peer = match caller {
            Some(peer) => Some(self.peers.enter(peer)?),
            None => None,
        };
        Some(Room {
            _request: self.requests.enter(request)?,
            _peer: peer,
            _all: Arc::clone(&self.all).try_acquire_owned().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(last: u8) -> Caller {
        Caller(Some(Peer::of([127, 0, 0, last].into())))
    }

    #[test]
    fn a_request_and_a_peer_have_few_streams_and_the_others_have_theirs() {
        let streams = Streams::new(100, 3, 2);
        let enter = |last, key| streams.enter(caller(last), "test", key);
        let mut held = vec![enter(1, "a"), enter(2, "a")];
        assert!(held.iter().all(Option::is_some));
        assert!(enter(3, "a").is_none());
        held.extend([enter(1, "b"), enter(1, "c")]);
        assert!(held.iter().all(Option::is_some));
        assert!(enter(1, "d").is_none());
        assert!(enter(3, "d").is_some());
        held.remove(0);
        assert!(enter(1, "d").is_some());
    }
}
