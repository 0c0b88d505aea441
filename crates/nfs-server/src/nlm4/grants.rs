//! Tells clients that what they waited for is granted (C702 14 `NLM_GRANTED`).
//!
//! An event in a zone's mailbox is only a hint: whether the lock is held is asked again in the owner's turn. A client is
//! called until it answers. One that does not want the lock, or does not answer at all, gives it back to those who wait
//! behind it.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use nfs_wire::nlm4::{self, Netobj, Nlm4Stats, TestArgs};
use vfs::{Event, Failure, InodeId, LockKind, LockOwner, LockRange, LockReply, LockRequest, Vfs};

use super::desk::{Due, Response};
use super::waits::{Wait, WaitKey};
use super::withdraw::{is_passing, request, withdraw};
use crate::callback::{Network, Peers, Transport};
use crate::door::Door;

/// Something to be done about the outside.
enum Job {
    /// Look whether it is granted, and tell the client.
    Tell(WaitKey),
    /// Answer a `_MSG` call.
    Respond(Due),
}

/// The requests that are being looked after: each by one job, and whether there was an event since that began.
#[derive(Default)]
struct Tells(HashMap<WaitKey, bool>);

/// How a request stands that may be granted.
enum Standing {
    Granted(Box<Wait>),
    /// It waits, or nobody waits for it.
    NotGranted,
    /// The house cannot say now.
    Unknown,
}

/// What a client that is called says.
enum Said {
    Takes,
    Refuses,
    Nothing,
}

/// Makes the calls that locks ask for; never ends.
pub(crate) async fn run<V: Vfs, N: Network>(door: &Door<V>, peers: &Peers<'_, N>) {
    let (mut work, mut tells) = (FuturesUnordered::new(), Tells::default());
    loop {
        let jobs = poll_fn(|cx| {
            let mut jobs = Vec::new();
            while let Poll::Ready(Some(done)) = work.poll_next_unpin(cx) {
                let done: Option<WaitKey> = done;
                jobs.extend(done.and_then(|key| tells.end(key)).map(Job::Tell));
            }
            collect_jobs(door, cx, &mut jobs);
            if jobs.is_empty() { Poll::Pending } else { Poll::Ready(jobs) }
        });
        for job in jobs.await {
            if tells.begin(&job) {
                work.push(Box::pin(run_job(door, peers, job)));
            }
        }
    }
}

impl Tells {
    /// Whether a job is to be done now; one about a request that is being looked after is done after that.
    fn begin(&mut self, job: &Job) -> bool {
        let Job::Tell(key) = job else { return true };
        if let Some(again) = self.0.get_mut(key) {
            *again = true;
            return false;
        }
        self.0.insert(key.clone(), false);
        true
    }

    /// Returns the request if it is to be looked after once more.
    fn end(&mut self, key: WaitKey) -> Option<WaitKey> {
        self.0.remove(&key).filter(|again| *again).map(|_| key)
    }
}

/// Finds out what is to be done now.
fn collect_jobs<V: Vfs>(door: &Door<V>, cx: &Context<'_>, jobs: &mut Vec<Job>) {
    if let Poll::Ready(responses) = door.locks.poll_responses(cx) {
        jobs.extend(responses.into_iter().map(Job::Respond));
    }
    for (id, zone) in door.zone_states() {
        // Once nothing is taken, the next event wakes.
        let (events, overflowed) = zone.lock_events.take(cx.waker());
        let is_taken = overflowed || !events.is_empty();
        jobs.extend(events.into_iter().flat_map(keys).map(Job::Tell));
        if overflowed {
            // Whoever was not told was not granted either: everyone asks again.
            jobs.extend(door.locks.waits.all_waiting(id).into_iter().map(Job::Tell));
        }
        if is_taken {
            cx.waker().wake_by_ref();
        }
    }
}

/// The requests that an event may be about: it does not tell the kind.
fn keys(event: Event) -> Vec<WaitKey> {
    let of = |inode: InodeId, owner: &LockOwner, range: LockRange| {
        [LockKind::Shared, LockKind::Exclusive].map(|kind| WaitKey::new(inode, owner.clone(), (range, kind))).to_vec()
    };
    match event {
        Event::LockGranted { inode, owner, range } => of(inode, &owner, range),
        Event::LockFreed { .. } | Event::BreakLease(_) | Event::LeaseBroken { .. } | Event::ZoneClosed(_) => Vec::new(),
    }
}

/// Returns the request that was looked after.
async fn run_job<V: Vfs, N: Network>(door: &Door<V>, peers: &Peers<'_, N>, job: Job) -> Option<WaitKey> {
    match job {
        Job::Tell(key) => {
            look_after(door, peers, &key).await;
            Some(key)
        }
        Job::Respond(due) => {
            respond(peers, &due).await;
            None
        }
    }
}

async fn look_after<V: Vfs, N: Network>(door: &Door<V>, peers: &Peers<'_, N>, key: &WaitKey) {
    for pause in pauses() {
        match confirm(door, key).await {
            Standing::Granted(wait) => return tell(door, peers, (key, &wait)).await,
            Standing::NotGranted => return,
            Standing::Unknown => peers.network.pause(pause).await,
        }
    }
}

/// Asks whether a request that waits is granted; if so, its client is to be told.
async fn confirm<V: Vfs>(door: &Door<V>, key: &WaitKey) -> Standing {
    let waits = &door.locks.waits;
    let _turn = waits.turn(&key.owner).await;
    // One that is not known is left alone: its client may have got it by asking, and have it again since.
    let Some(wait) = waits.waiting(key) else { return Standing::NotGranted };
    let mailbox = Arc::clone(&door.zone_state(wait.ctx.zone).lock_events);
    let asked = LockRequest { wait: Some(mailbox), ..request(key) };
    match door.vfs.lock(&wait.ctx, asked).await {
        Ok(LockReply::Granted) if waits.grant(key, wait.cookie) => Standing::Granted(Box::new(wait)),
        Ok(LockReply::Granted) => {
            // Its client was freed a moment ago.
            drop(door.vfs.unlock(&wait.ctx, request(key)).await);
            Standing::NotGranted
        }
        Ok(LockReply::Queued) => Standing::NotGranted,
        Err(failure) if is_passing(failure.error) => Standing::Unknown,
        // It may be granted all the same: what it may not have any more is looked at first.
        Err(failure) => match withdraw(door, key, (&wait.ctx, failure.error)).await {
            Ok(()) => Standing::NotGranted,
            Err(_) => Standing::Unknown,
        },
    }
}

/// Calls a client until it answers, or is not to be told any more.
async fn tell<V: Vfs, N: Network>(door: &Door<V>, peers: &Peers<'_, N>, (key, wait): (&WaitKey, &Wait)) {
    let waits = &door.locks.waits;
    let mut asking = pin!(ask(peers, (key, wait)));
    // Looked at before each step, so before anything is sent: who cancelled meanwhile and asked again must not take this
    // grant for that of the new request.
    let said = poll_fn(|cx| {
        if waits.poll_granted(key, wait.cookie, cx) { asking.as_mut().poll(cx).map(Some) } else { Poll::Ready(None) }
    });
    match said.await {
        None => return,
        Some(Said::Takes) => return settle(door, (key, wait)),
        Some(Said::Refuses) => {}
        Some(Said::Nothing) => {
            tracing::warn!(client = %wait.line.to, "a client that waited for a lock does not answer; others get it");
        }
    }
    for pause in pauses() {
        if give_back(door, key, wait.cookie).await.is_ok() {
            return;
        }
        peers.network.pause(pause).await;
    }
}

/// Calls a client until it answers.
async fn ask<N: Network>(peers: &Peers<'_, N>, (key, wait): (&WaitKey, &Wait)) -> Said {
    let cookie = Netobj::new(wait.cookie.to_be_bytes().to_vec()).unwrap_or_default();
    let exclusive = key.kind() == LockKind::Exclusive;
    let args = TestArgs { cookie, exclusive, lock: wait.lock.clone() };
    // Whether the client may have taken the lock already, and denies a repetition because it waits no more.
    let mut may_have_it = false;
    for pause in PAUSES_S {
        match peers.call::<nlm4::Granted>(wait.line, [Transport::Tcp, Transport::Udp], &args).await {
            Ok(answer) => match answer.result.status {
                Nlm4Stats::Granted => return Said::Takes,
                Nlm4Stats::DeniedGracePeriod => {}
                _ if may_have_it || answer.is_repeated => return Said::Takes,
                _ => return Said::Refuses,
            },
            Err(unanswered) => may_have_it |= unanswered.may_have_arrived,
        }
        peers.network.pause(Duration::from_secs(pause)).await;
    }
    Said::Nothing
}

fn settle<V>(door: &Door<V>, (key, wait): (&WaitKey, &Wait)) {
    if door.locks.waits.is_granted(key, wait.cookie) {
        door.locks.waits.settle(key);
    }
}

/// Takes a lock back that its client does not want.
///
/// Errors: as [`vfs::Opens::unlock`]; then it is still to be taken back.
pub(super) async fn give_back<V: Vfs>(door: &Door<V>, key: &WaitKey, cookie: u64) -> Result<(), Failure> {
    let waits = &door.locks.waits;
    let _turn = waits.turn(&key.owner).await;
    let Some(wait) = waits.find(key).filter(|_| waits.is_granted(key, cookie)) else { return Ok(()) };
    door.vfs.unlock(&wait.ctx, request(key)).await.inspect_err(|failure| {
        tracing::warn!(client = %wait.line.to, error = ?failure.error, "a lock that nobody wants could not be freed");
    })?;
    waits.remove(key);
    Ok(())
}

async fn respond<N: Network>(peers: &Peers<'_, N>, due: &Due) {
    let (line, order) = (due.line, [Transport::Tcp, Transport::Udp]);
    let sent = match &due.response {
        Response::Test(result) => peers.call::<nlm4::TestRes>(line, order, result).await,
        Response::Lock(result) => peers.call::<nlm4::LockRes>(line, order, result).await,
        Response::Cancel(result) => peers.call::<nlm4::CancelRes>(line, order, result).await,
        Response::Unlock(result) => peers.call::<nlm4::UnlockRes>(line, order, result).await,
        Response::Granted(result) => peers.call::<nlm4::GrantedRes>(line, order, result).await,
    };
    // A client that did not get it asks again.
    drop(sent);
}

/// Between one try and the next, without end.
fn pauses() -> impl Iterator<Item = Duration> {
    let [.., last] = PAUSES_S;
    PAUSES_S.into_iter().chain(std::iter::repeat(last)).map(Duration::from_secs)
}

/// Between one call and the next, in seconds; with what calls to a client that is gone take, a minute or two in all.
const PAUSES_S: [u64; 6] = [1, 2, 4, 8, 16, 29];
