//! Tells clients that what they waited for is granted (C702 14 `NLM_GRANTED`).
//!
//! An event in a zone's mailbox is only a hint: whether the lock is held is asked again in the owner's turn. A client is
//! called until it answers. One that does not want the lock, or does not answer at all, gives it back to those who wait
//! behind it.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use nfs_wire::nlm4::{self, Netobj, Nlm4Stats, TestArgs};
use vfs::{Event, FsError, InodeId, LockKind, LockOwner, LockRange, LockReply, LockRequest, Vfs};

use super::desk::Response;
use super::waits::{Wait, WaitKey};
use crate::callback::{Line, Network, Peers, Transport};
use crate::door::Door;

/// Something to be done about the outside.
enum Job {
    /// Look whether it is granted, and tell the client.
    Tell(WaitKey),
    /// Answer a `_MSG` call.
    Respond(Line, Response),
}

/// Makes the calls that locks ask for; never ends.
pub(crate) async fn run<V: Vfs, N: Network>(door: &Door<V>, peers: &Peers<'_, N>) {
    let mut work = FuturesUnordered::new();
    loop {
        let jobs = poll_fn(|cx| {
            while let Poll::Ready(Some(())) = work.poll_next_unpin(cx) {}
            poll_jobs(door, cx)
        });
        for job in jobs.await {
            work.push(Box::pin(run_job(door, peers, job)));
        }
    }
}

/// What is to be done now.
fn poll_jobs<V: Vfs>(door: &Door<V>, cx: &Context<'_>) -> Poll<Vec<Job>> {
    let mut jobs = Vec::new();
    if let Poll::Ready(responses) = door.locks.poll_responses(cx) {
        jobs.extend(responses.into_iter().map(|(line, response)| Job::Respond(line, response)));
    }
    for zone in door.zone_states() {
        // Once nothing is taken, the next event wakes.
        let (events, overflowed) = zone.lock_events.take(cx.waker());
        let is_taken = overflowed || !events.is_empty();
        jobs.extend(events.into_iter().flat_map(keys).map(Job::Tell));
        if overflowed {
            // Whoever was not told was not granted either: everyone asks again.
            jobs.extend(door.locks.waits.all_waiting().into_iter().map(Job::Tell));
        }
        if is_taken {
            cx.waker().wake_by_ref();
        }
    }
    if jobs.is_empty() { Poll::Pending } else { Poll::Ready(jobs) }
}

/// The requests that an event may be about: it does not tell the kind.
fn keys(event: Event) -> Vec<WaitKey> {
    let of = |inode: InodeId, owner: &LockOwner, range: LockRange| {
        [LockKind::Shared, LockKind::Exclusive].map(|kind| WaitKey::new(inode, owner.clone(), (range, kind))).to_vec()
    };
    match event {
        Event::LockGranted { inode, owner, range } => of(inode, &owner, range),
        Event::BreakLease { .. } | Event::Changed { .. } | Event::ZoneClosed(_) => Vec::new(),
    }
}

async fn run_job<V: Vfs, N: Network>(door: &Door<V>, peers: &Peers<'_, N>, job: Job) {
    match job {
        Job::Tell(key) => {
            if let Some(wait) = confirm(door, &key).await {
                tell(door, peers, (&key, &wait)).await;
            }
        }
        Job::Respond(line, response) => respond(peers, line, response).await,
    }
}

/// Asks whether a request that waits is granted; if so, its client is to be told.
async fn confirm<V: Vfs>(door: &Door<V>, key: &WaitKey) -> Option<Wait> {
    let waits = &door.locks.waits;
    let _turn = waits.turn(&key.owner).await;
    let wait = waits.waiting(key)?;
    let mailbox = std::sync::Arc::clone(&door.zone_state(wait.ctx.zone).lock_events);
    let request = LockRequest { wait: Some(mailbox), ..request(key) };
    match door.vfs.lock(&wait.ctx, request).await {
        Ok(LockReply::Granted) if waits.grant(key, wait.cookie) => Some(wait),
        Ok(LockReply::Granted) => {
            // Its client was freed a moment ago.
            drop(door.vfs.unlock(&wait.ctx, self::request(key)).await);
            None
        }
        Ok(LockReply::Queued) => None,
        // Comes again with the next question of the client.
        Err(failure) if matches!(failure.error, FsError::Delay | FsError::Io | FsError::Cancelled) => None,
        Err(_) => {
            waits.remove(key);
            None
        }
    }
}

/// Calls a client until it answers.
async fn tell<V: Vfs, N: Network>(door: &Door<V>, peers: &Peers<'_, N>, (key, wait): (&WaitKey, &Wait)) {
    let waits = &door.locks.waits;
    let cookie = Netobj::new(wait.cookie.to_be_bytes().to_vec()).unwrap_or_default();
    let exclusive = key.kind() == LockKind::Exclusive;
    let args = TestArgs { cookie, exclusive, lock: wait.lock.clone() };
    // Whether the client may have taken the lock already, and denies a repetition because it waits no more.
    let mut may_have_it = false;
    for pause in PAUSES_S {
        if !waits.is_granted(key, wait.cookie) {
            return;
        }
        match peers.call::<nlm4::Granted>(wait.line, [Transport::Tcp, Transport::Udp], &args).await {
            Ok(answer) => match answer.result.status {
                Nlm4Stats::Granted => return settle(door, (key, wait)),
                Nlm4Stats::DeniedGracePeriod => {}
                _ if may_have_it || answer.is_repeated => return settle(door, (key, wait)),
                _ => return give_back(door, key, wait.cookie).await,
            },
            Err(unanswered) => may_have_it |= unanswered.may_have_arrived,
        }
        peers.network.pause(Duration::from_secs(pause)).await;
    }
    if waits.is_granted(key, wait.cookie) {
        tracing::warn!(client = %wait.line.to, "a client that waited for a lock does not answer; the lock goes on to others");
        give_back(door, key, wait.cookie).await;
    }
}

fn settle<V>(door: &Door<V>, (key, wait): (&WaitKey, &Wait)) {
    if door.locks.waits.is_granted(key, wait.cookie) {
        door.locks.waits.settle(key);
    }
}

/// Takes a lock back that its client does not want.
pub(super) async fn give_back<V: Vfs>(door: &Door<V>, key: &WaitKey, cookie: u64) {
    let waits = &door.locks.waits;
    let _turn = waits.turn(&key.owner).await;
    let Some(wait) = waits.find(key).filter(|_| waits.is_granted(key, cookie)) else { return };
    if let Err(failure) = door.vfs.unlock(&wait.ctx, request(key)).await {
        tracing::warn!(client = %wait.line.to, error = ?failure.error, "a lock that nobody wants could not be freed");
    }
    waits.remove(key);
}

async fn respond<N: Network>(peers: &Peers<'_, N>, line: Line, response: Response) {
    let order = [Transport::Tcp, Transport::Udp];
    let sent = match response {
        Response::Test(result) => peers.call::<nlm4::TestRes>(line, order, &result).await,
        Response::Lock(result) => peers.call::<nlm4::LockRes>(line, order, &result).await,
        Response::Cancel(result) => peers.call::<nlm4::CancelRes>(line, order, &result).await,
        Response::Unlock(result) => peers.call::<nlm4::UnlockRes>(line, order, &result).await,
        Response::Granted(result) => peers.call::<nlm4::GrantedRes>(line, order, &result).await,
    };
    // A client that did not get it asks again.
    drop(sent);
}

fn request(key: &WaitKey) -> LockRequest {
    let (inode, owner) = (key.inode, key.owner.clone());
    LockRequest { inode, owner, range: key.range(), kind: key.kind(), mandatory: false, wait: None, reclaim: false }
}

/// Between one call and the next, in seconds; with what calls to a client that is gone take, a minute or two in all.
const PAUSES_S: [u64; 6] = [1, 2, 4, 8, 16, 29];
