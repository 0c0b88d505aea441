//! At most once, over a restart: what a request that must not be done twice came to is stored in the change that does
//! it, in a slot of its client; the same request after a crash is answered with it.
//!
//! Within one life the door has the replies in memory and finishes what a lost connection has begun, so nothing is
//! looked up here. A start loads what the last life has left; for ten minutes requests are compared with it, in memory.
//! Records that are older are removed from the store, every ten minutes, so that it holds little more than the slots of
//! clients that changed something lately. See `docs/decisions/0008-replayed-outcomes.md`.

mod answer;
mod outcome;
mod table;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::time::Duration;

use bytes::Bytes;
use kv::Direction;
use meta::MetaError;
use meta::keys::{self, Key, KeyKind};
use meta::records::{Record, ReplyRecord};
use vfs::{Failure, InodeId, OpContext, ShardId};

pub(crate) use self::outcome::{Kind, Outcome};
use self::table::{Done, Page, RequestId};
pub(crate) use self::table::{ReplayTable, SlotId};
use crate::Filesystem;
use crate::turn::{Scratch, Turn};

/// An outcome that a change stores.
#[derive(Debug)]
pub(crate) struct StoredReply {
    /// Where.
    pub(crate) slot: SlotId,
    /// What.
    pub(crate) record: ReplyRecord,
}

impl<K: kv::Engine, C: chunk::Store> Turn<'_, K, C> {
    /// Stores what a request came to with this change, if it changes anything and must not be done twice.
    pub(crate) fn remember(&mut self, ctx: &OpContext, kind: Kind, inode: InodeId) {
        let Some((slot, id)) = SlotId::of(ctx, self.shard.id) else { return };
        let outcome = Outcome { kind, seconds: self.now.seconds, inode: inode.number }.encode();
        let record = ReplyRecord { request: id.request, checksum: id.checksum, outcome };
        self.store_reply(StoredReply { slot, record });
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Loads what the last life has stored; of too much the newest.
    pub(crate) async fn load_replies(&self, shards: &[ShardId]) -> Result<(), MetaError> {
        let mut left = Vec::new();
        for shard in shards {
            let mut range = keys::reply_range(*shard);
            loop {
                let page = self.meta.scan(&range, RECORDS_PER_PAGE, Direction::Forward).await?;
                let Some((last, _)) = page.last() else { break };
                range = range.after(last);
                for (key, value) in &page {
                    left.extend(reply_of(key, value)?.and_then(|(slot, done)| Some((slot, done?))));
                }
                if left.len() >= 2 * LOADED_MAX {
                    keep_newest(&mut left, LOADED_MAX);
                }
            }
        }
        keep_newest(&mut left, LOADED_MAX);
        self.replies.start(left.into_iter().collect(), self.clock.monotonic().saturating_add(KEPT));
        Ok(())
    }

    /// What the last life has done for this request.
    pub(crate) fn done_before(&self, ctx: &OpContext, shard: ShardId, asked: Kind) -> Option<Outcome> {
        let (slot, id) = SlotId::of(ctx, shard)?;
        let outcome = self.replies.find(&slot, id, || self.clock.monotonic())?;
        outcome.kind.answers(asked).then_some(outcome)
    }

    /// Removes a page of old outcomes, once they are due. Says whether there may be more.
    pub(crate) async fn replies_round(&self) -> bool {
        self.replies.begin_sweep(self.clock.monotonic(), || self.shards.ids());
        let Some(page) = self.replies.begin_page() else { return false };
        let removed = self.remove_old(page).await;
        if let Err(failure) = &removed {
            tracing::warn!(?failure, "old replies were not removed");
        }
        removed.is_ok()
    }

    async fn remove_old(&self, page: Page<'_>) -> Result<(), Failure> {
        let found = self.meta.scan(&page.range, RECORDS_PER_PAGE, Direction::Forward).await;
        let found = found.map_err(|error| self.refuse(&error))?;
        let now = self.clock.now().seconds;
        let mut old = Vec::new();
        for (key, value) in &found {
            let reply = reply_of(key, value).map_err(|error| self.refuse(&error))?;
            old.extend(reply.filter(|(_, done)| done.is_none_or(|done| is_old(&done, now))).map(|(slot, _)| slot));
        }
        if !old.is_empty() {
            let mut remove = |turn: &mut Turn<'_, K, C>| {
                let old = old.iter().filter(|slot| !page.is_rewritten(slot));
                old.for_each(|slot| turn.write_plain(slot.key(), None));
                Ok(())
            };
            self.mutate_once(page.shard, &mut Scratch::default(), &mut remove).await?;
        }
        let rest = found.last().map(|(last, _)| page.range.after(last));
        page.finish(rest);
        Ok(())
    }
}

/// What a record says; no outcome when its bytes are unknown here.
fn reply_of(key: &Key, value: &Bytes) -> Result<Option<(SlotId, Option<Done>)>, MetaError> {
    let parsed = key.parse().map_err(|problem| MetaError::Damaged { key: key.clone(), problem })?;
    let KeyKind::Reply { client, slot } = parsed.kind else { return Ok(None) };
    let record = ReplyRecord::decode_at(key, value)?;
    let id = RequestId { request: record.request, checksum: record.checksum };
    let done = Outcome::decode(&record.outcome).map(|outcome| Done { id, outcome });
    Ok(Some((SlotId { shard: parsed.shard, client, slot }, done)))
}

/// Whether nobody sends the request again: done long ago, or, as clocks are set back, in the future.
fn is_old(done: &Done, now_seconds: i64) -> bool {
    done.outcome.seconds.abs_diff(now_seconds) >= KEPT.as_secs()
}

/// When there are more than this, keeps those that were done last.
fn keep_newest(left: &mut Vec<(SlotId, Done)>, entries_max: usize) {
    if left.len() > entries_max {
        left.select_nth_unstable_by_key(entries_max, |(_, done)| Reverse(done.outcome.seconds));
        left.truncate(entries_max);
    }
}

/// How long after a start what the last life has done is answered again, how old an outcome becomes, and the time
/// between two removals. Clients that wait for an answer send again when they are connected again, and every 60 to 600
/// seconds (Linux).
pub(crate) const KEPT: Duration = Duration::from_secs(600);
/// Records read at once.
const RECORDS_PER_PAGE: usize = 1024;
/// Most outcomes in memory after a start: about 60 MiB, for ten minutes. A client that dies with the gateway has few calls
/// in flight, so this is the last second or so of very many clients; what does not fit was done before all that does.
const LOADED_MAX: usize = 524_288;
