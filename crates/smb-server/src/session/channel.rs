//! Channels: the connections that a session is reached over (MS-SMB2 3.3.1.14).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use security::smb::Signer;
use smb_wire::Status;

use super::Session;
use crate::connection::Peer;
use crate::waits::Waits;

/// A session as it is reached over one connection.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) session: Arc<Session>,
    /// Signs what goes over this connection, and nothing else; `None` where there is no key.
    pub(crate) signer: Option<Arc<Signer>>,
}

/// The connections of one session. It lives as long as it has one.
#[derive(Debug, Default)]
pub(super) struct Channels {
    peers: Mutex<Peers>,
    /// There are, or were, several.
    are_several: AtomicBool,
}

#[derive(Debug, Default)]
struct Peers {
    live: Vec<Arc<Peer>>,
    is_over: bool,
}

impl Channel {
    /// A session as it is signed before the connection has a key of its own (MS-SMB2 3.3.4.1.1).
    pub(crate) fn unbound(session: &Arc<Session>) -> Self {
        let signer = session.keys.as_ref().map(|keys| Arc::clone(&keys.signer));
        Self { session: Arc::clone(session), signer }
    }
}

impl Channels {
    /// Another connection; says whether it is the first.
    ///
    /// Errors, in order: USER_SESSION_DELETED (the last one ended), INSUFFICIENT_RESOURCES.
    pub(super) fn add(&self, peer: Arc<Peer>) -> Result<bool, Status> {
        let mut peers = self.peers();
        if peers.is_over {
            return Err(Status::USER_SESSION_DELETED);
        }
        if peers.live.len() >= CHANNELS_MAX {
            return Err(Status::INSUFFICIENT_RESOURCES);
        }
        let is_first = peers.live.is_empty();
        if !is_first {
            self.are_several.store(true, Ordering::Release);
        }
        peers.live.push(peer);
        Ok(is_first)
    }

    /// Whether there are several, or were.
    pub(super) fn are_several(&self) -> bool {
        self.are_several.load(Ordering::Acquire)
    }

    /// The oldest connection, where this is another.
    pub(super) fn before(&self, peer: &Arc<Peer>) -> Option<Arc<Peer>> {
        if !self.are_several() {
            return None;
        }
        self.peers().live.first().filter(|first| !Arc::ptr_eq(first, peer)).cloned()
    }

    /// A connection ended. Returns the oldest that is left; none comes any more where there is none.
    pub(super) fn remove(&self, peer: &Arc<Peer>) -> Option<Arc<Peer>> {
        let mut peers = self.peers();
        peers.live.retain(|live| !Arc::ptr_eq(live, peer));
        peers.is_over = peers.live.is_empty();
        peers.live.first().cloned()
    }

    /// What waits on the connections. Where there is one it is that of `own`, which costs one look at a flag.
    pub(super) fn each_waits(&self, own: Option<&Waits>, act: impl Fn(&Waits)) {
        match own {
            Some(own) if !self.are_several() => act(own),
            _ => self.peers().live.iter().for_each(|peer| act(&peer.waits)),
        }
    }

    fn peers(&self) -> MutexGuard<'_, Peers> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connections of one session.
const CHANNELS_MAX: usize = 32;
