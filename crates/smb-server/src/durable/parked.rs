//! Opens whose client lost its connection (MS-SMB2 3.3.7.1). Each waits for its client, within the house, under a session
//! that nobody is in; a break of its lease ends it, as nobody is there to answer (3.3.4.6, 3.3.4.7), and so does its time
//! (3.3.6.2).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use admission::stopped;
use tokio::sync::{Notify, watch};
use vfs::{
    CloseRequest, Event, FsError, LeaseGrant, LeaseKey, LeaseOwner, Mailbox, OpContext, OpenId, SessionId,
    TakeOverRequest, Vfs, ZoneId,
};

use super::{Durable, Found};
use crate::door::Door;
use crate::open_table::Open;
use crate::session::Session;
use crate::waits::told;

/// All opens that wait for their clients.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    lot: Mutex<HashMap<OpenId, Waiting>>,
    /// Where their breaks are told.
    mailbox: Arc<Mailbox>,
    /// There may be an earlier end than that which is waited for.
    changed: Notify,
}

/// An open that waits.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) open: Arc<Open>,
    pub(crate) durable: Durable,
    /// Under which it stands in the house.
    session: SessionId,
    /// On the monotonic clock.
    until: Duration,
}

/// A break that is not told to anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Broken {
    Open(OpenId),
    Lease(LeaseKey),
}

impl Parked {
    /// One that waits.
    pub(crate) fn find(&self, id: OpenId) -> Option<Waiting> {
        self.lot().get(&id).cloned()
    }

    /// Takes one out, once.
    pub(crate) fn take(&self, id: OpenId) -> Option<Waiting> {
        self.lot().remove(&id)
    }

    /// What was told in the mailbox.
    #[cfg(test)]
    pub(crate) fn heard(&self) -> (Vec<Event>, bool) {
        self.mailbox.take(std::task::Waker::noop())
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.lot().len()
    }

    /// `false`: there are too many, of all or of the zone.
    fn enter(&self, waiting: Waiting) -> bool {
        let mut lot = self.lot();
        let zone = waiting.durable.owner.zone;
        let of_zone = |zone: ZoneId| lot.values().filter(|other| other.durable.owner.zone == zone).count();
        let fits = lot.len() < ZONE_MAX || (lot.len() < PARKED_MAX && of_zone(zone) < ZONE_MAX);
        if fits {
            lot.insert(waiting.open.id, waiting);
            drop(lot);
            self.changed.notify_one();
        }
        fits
    }

    /// Takes out what is over by now, or broken.
    fn take_over(&self, now: Duration, broken: &HashSet<Broken>) -> Vec<Waiting> {
        let is_over = |waiting: &Waiting| {
            let lease = waiting.open.lease.map(Broken::Lease);
            waiting.until <= now
                || (!waiting.durable.is_persistent
                    && (broken.contains(&Broken::Open(waiting.open.id))
                        || lease.is_some_and(|lease| broken.contains(&lease))))
        };
        self.lot().extract_if(|_, waiting| is_over(waiting)).map(|(_, waiting)| waiting).collect()
    }

    /// How long it is to the next end; `None` where nothing waits.
    fn next_end(&self, now: Duration) -> Option<Duration> {
        self.lot().values().map(|waiting| waiting.until.saturating_sub(now)).min()
    }

    fn lot(&self) -> MutexGuard<'_, HashMap<OpenId, Waiting>> {
        self.lot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Vfs> Door<V> {
    /// Parks the durable opens of a session whose connections were lost. Nothing of it may be under way any more.
    pub(crate) async fn park(&self, session: &Session) {
        let parked = &self.facts.parked;
        let durable: Vec<_> = session.opens.take_durable();
        if durable.is_empty() {
            return;
        }
        let apart = SessionId(self.facts.sessions.next_id());
        let now = self.facts.clock.monotonic();
        for (open, durable) in durable {
            let until = now.saturating_add(durable.timeout);
            let waiting = Waiting { open: Arc::clone(&open), durable, session: apart, until };
            // It stands there before it can hear of a break.
            let is_kept = parked.enter(waiting.clone())
                && self
                    .hand_over((&open, session.session_id()), apart)
                    .is_ok_and(|grant| waiting.durable.is_persistent || is_whole(&grant));
            if !is_kept && parked.take(open.id).is_some() {
                self.close_parked(&waiting).await;
            }
        }
    }

    /// Parks the persistent opens that were there before the house restarted.
    pub(crate) fn adopt_restored(&self) {
        let restored = self.vfs.restored_opens();
        if restored.is_empty() {
            return;
        }
        let apart = SessionId(self.facts.sessions.next_id());
        let now = self.facts.clock.monotonic();
        for restored in restored {
            let Some((durable, writes_through)) = Durable::noted(&restored.note) else {
                tracing::warn!(open = ?restored.open, "nothing is known of an open of before the restart; it stays in the way of others");
                continue;
            };
            let key = (durable.owner.zone, durable.owner.client, durable.create_guid.unwrap_or_default());
            let claim = match self.facts.claims.take(key) {
                Found::New(claim) => Some(claim),
                Found::UnderWay | Found::Open(..) => None,
            };
            let open = Arc::new(Open::restored(&restored, (&durable, writes_through), claim));
            if let Some(claim) = &open.claim {
                claim.note(&open, 0);
            }
            let until = now.saturating_add(durable.timeout);
            let is_kept = self.facts.parked.enter(Waiting { open: Arc::clone(&open), durable, session: apart, until });
            if self.hand_over((&open, SessionId::RESTORED), apart).is_err() && is_kept {
                self.facts.parked.take(open.id);
            }
        }
    }

    fn hand_over(&self, (open, from): (&Open, SessionId), to: SessionId) -> Result<LeaseGrant, FsError> {
        let mailbox = Arc::clone(&self.facts.parked.mailbox);
        let request = TakeOverRequest { open: open.id, from, mailbox, is_away: true };
        self.vfs.take_over(&context(open, to), request)
    }

    /// Gives an open that was taken out to the session of `ctx`; breaks are told there from now on.
    ///
    /// Errors: it is gone, or somebody else wants it, and then it is closed.
    pub(crate) async fn take_up(
        &self,
        waiting: &Waiting,
        (ctx, mailbox): (&OpContext, &Arc<Mailbox>),
    ) -> Result<LeaseGrant, FsError> {
        let (open, mailbox) = (waiting.open.id, Arc::clone(mailbox));
        let request = TakeOverRequest { open, from: waiting.session, mailbox, is_away: false };
        let grant = self.vfs.take_over(ctx, request)?;
        if grant.is_breaking && !waiting.durable.is_persistent {
            // The break was told while nobody was there.
            drop(self.vfs.close(ctx, CloseRequest { open }).await);
            return Err(FsError::BadOpen);
        }
        Ok(grant)
    }

    /// Ends what has waited for too long, and what is in the way of others, until the house stops.
    pub(crate) async fn attend_parked(&self, stop: watch::Receiver<bool>) {
        let parked = &self.facts.parked;
        let mut stop = std::pin::pin!(stopped(stop));
        loop {
            self.adopt_restored();
            let next_end = parked.next_end(self.facts.clock.monotonic());
            let heard = tokio::select! {
                biased;
                () = &mut stop => return,
                heard = told(&parked.mailbox) => heard,
                () = parked.changed.notified() => continue,
                () = tokio::time::sleep(next_end.unwrap_or(IDLE)) => Default::default(),
            };
            self.sweep_parked(heard).await;
        }
    }

    /// Ends what is to be ended by now: with these events, of which some may be lost.
    pub(crate) async fn sweep_parked(&self, (events, has_lost): (Vec<Event>, bool)) {
        let parked = &self.facts.parked;
        let mut broken: HashSet<_> = events.into_iter().filter_map(broken).collect();
        if has_lost {
            broken.extend(self.find_broken());
        }
        for waiting in parked.take_over(self.facts.clock.monotonic(), &broken) {
            self.close_parked(&waiting).await;
        }
    }

    /// What is being broken, whether that was told or not.
    fn find_broken(&self) -> Vec<Broken> {
        let waiting: Vec<_> = self.facts.parked.lot().values().cloned().collect();
        let is_broken = |waiting: &Waiting| {
            let grant = self.hand_over((&waiting.open, waiting.session), waiting.session);
            !grant.is_ok_and(|grant| is_whole(&grant))
        };
        waiting.iter().filter(|waiting| is_broken(waiting)).map(|waiting| Broken::Open(waiting.open.id)).collect()
    }

    pub(crate) async fn close_parked(&self, waiting: &Waiting) {
        let ctx = context(&waiting.open, waiting.session);
        let closed = self.vfs.close(&ctx, CloseRequest { open: waiting.open.id }).await;
        tracing::debug!(open = ?waiting.open.id, ?closed, "an open did not wait any longer for its client");
    }
}

/// Whether an open keeps what it needs to be parked: others ask before they use what stands in their way.
fn is_whole(grant: &LeaseGrant) -> bool {
    grant.state.handle && !grant.is_breaking
}

fn broken(event: Event) -> Option<Broken> {
    let Event::BreakLease(told) = event else { return None };
    Some(match told.owner {
        LeaseOwner::Open(open) => Broken::Open(open),
        LeaseOwner::Key(key) => Broken::Lease(key),
    })
}

fn context(open: &Open, session: SessionId) -> OpContext {
    OpContext { session, ..OpContext::internal(open.inode) }
}

/// Opens that are parked at once.
const PARKED_MAX: usize = 16_384;
/// Of them in one zone, when others have many too.
const ZONE_MAX: usize = PARKED_MAX / 2;
/// How long nothing is looked at where nothing waits: a reload of the house brings opens back.
const IDLE: Duration = Duration::from_secs(60);
