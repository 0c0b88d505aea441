//! Requests by name whose connection was lost while they waited for others: while what they wait for lasts they count as under
//! way, as their client may know them to be (MS-SMB2 3.3.5.9.10).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Claim;
use crate::session::Session;

/// Such requests of one session.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    claims: Mutex<Vec<Arc<Claim>>>,
}

/// A request by name that waits; it is lost with this.
#[derive(Debug)]
pub(crate) struct Underway {
    session: Arc<Session>,
    claim: Option<Arc<Claim>>,
}

impl Lost {
    /// Takes one out that is sent again.
    pub(crate) fn take(&self, is_meant: impl Fn(&Claim) -> bool) -> Option<Arc<Claim>> {
        let mut claims = self.claims();
        let place = claims.iter().position(|claim| is_meant(claim))?;
        Some(claims.swap_remove(place))
    }

    /// Keeps one; the oldest give way.
    pub(crate) fn keep(&self, claim: Arc<Claim>) {
        let mut claims = self.claims();
        if claims.len() >= LOST_MAX {
            claims.remove(0);
        }
        claims.push(claim);
    }

    fn claims(&self) -> MutexGuard<'_, Vec<Arc<Claim>>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Underway {
    pub(crate) fn new(session: &Arc<Session>, claim: Option<&Arc<Claim>>) -> Self {
        Self { session: Arc::clone(session), claim: claim.cloned() }
    }

    /// Its client knows what it came to.
    pub(crate) fn answered(mut self) {
        self.claim = None;
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take().filter(|_| !self.session.life.is_over()) {
            self.session.lost.keep(claim);
        }
    }
}

/// More than a client sends again at once.
const LOST_MAX: usize = 64;
