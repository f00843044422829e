//! Who gets in: so many connections in all, so many of one peer, and a narrow way that
//! is never taken by those.

use crate::limits::{Counts, Peer, Slot};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many may ask for our health while all other places are taken.
const NARROW: usize = 16;
/// Of one peer.
const NARROW_PEER: usize = 4;
/// Descriptors that are kept for the database, files, and calls of ours: so many, or a
/// quarter of those that there are.
const OURS_MIN: u64 = 64;

/// Descriptors that connections may use, of `wanted` and what is ours, as far as the
/// system lets us raise its limit.
pub(crate) fn descriptors(wanted: u64) -> usize {
    let files = rlimit::increase_nofile_limit(wanted + wanted / 3 + OURS_MIN);
    let files = files.unwrap_or_else(|error| {
        tracing::warn!(cause = %error, "the limit of open files is not known");
        OURS_MIN * 4
    });
    let free = files - (files / 4).max(OURS_MIN).min(files);
    usize::try_from(free.min(wanted)).unwrap_or(0)
}

/// The gate of one listener.
pub(crate) struct Gate {
    wide: Arc<Semaphore>,
    narrow: Arc<Semaphore>,
    peers: Arc<Counts<Peer>>,
    narrow_peers: Arc<Counts<Peer>>,
}

/// By which way somebody is in.
pub(super) enum Entry {
    Wide(Pass),
    /// All places are taken: he may ask for our health.
    Narrow(Pass),
}

/// A place, until this is dropped.
pub(super) struct Pass {
    _permit: OwnedSemaphorePermit,
    _place: Option<Slot<Peer>>,
}

impl Gate {
    /// A gate for so many connections, the narrow way's among them, and for so many of
    /// one peer.
    pub(crate) fn new(connections: usize, of_one_peer: usize) -> Self {
        Self {
            wide: Arc::new(Semaphore::new(connections.saturating_sub(NARROW))),
            narrow: Arc::new(Semaphore::new(NARROW)),
            peers: Counts::new(of_one_peer),
            narrow_peers: Counts::new(NARROW_PEER),
        }
    }

    /// Lets somebody in; a listed proxy speaks for many, and is not counted as a peer.
    pub(super) fn enter(&self, address: IpAddr, listed: bool) -> Option<Entry> {
        let peer = (!listed).then(|| Peer::of(address));
        if self.wide.available_permits() > 0 {
            return pass(&self.wide, &self.peers, peer).map(Entry::Wide);
        }
        pass(&self.narrow, &self.narrow_peers, peer).map(Entry::Narrow)
    }
}

fn pass(all: &Arc<Semaphore>, peers: &Arc<Counts<Peer>>, peer: Option<Peer>) -> Option<Pass> {
    let place = match peer {
        Some(peer) => Some(peers.enter(peer)?),
        None => None,
    };
    Some(Pass {
        _permit: Arc::clone(all).try_acquire_owned().ok()?,
        _place: place,
    })
}
