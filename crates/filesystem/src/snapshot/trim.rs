//! Dropping what is kept for nobody: while there is a snapshot, the first change of anything in its tree keeps the old
//! state, wherever it lies. Those that no snapshot shows, as they lay beside the directories that snapshots stand on, are
//! found by going through the index of ended states, and dropped in bounded changes.
//!
//! Kept are all states of directories themselves, as they say where the rest lay and what came with them (`changes`), and
//! of what has, or had, several names.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kv::Direction;
use meta::MetaError;
use meta::keys::{self, Key, KeyKind, KeyRange};
use meta::records::{InodeRecord, Record};
use vfs::limits::DEPTH_MAX;
use vfs::{Epoch, Failure, FileType, InodeId, InodeNumber, ShardId, TreeId};

use super::delete::{Ended, drop_states};
use crate::Filesystem;
use crate::cache::Seeded;
use crate::load::kind_of;
use crate::shard::Shard;
use crate::turn::{Scratch, Turn};

/// How far the trimming of a shard is.
#[derive(Debug, Default)]
pub(crate) struct Trimming {
    look: Option<Look>,
    /// When the next look may begin, on the monotonic clock.
    rests_until: Duration,
    /// What there was when the last look began.
    last: Option<Seen>,
    /// States that ended before this were looked at, with all snapshots that there are.
    done_until: Epoch,
}

/// What decides whether there is anything to do.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    kept: u64,
    snapshots: Vec<(Epoch, InodeNumber)>,
}

/// A look at all states that have ended since the last one.
#[derive(Debug)]
struct Look {
    rest: KeyRange,
    until: Epoch,
    seen: Seen,
    lives: HashMap<InodeNumber, Arc<Life>, Seeded>,
    began: Duration,
}

/// Where an inode was at home, in the time before a look.
#[derive(Debug, Default)]
struct Life {
    homes: Vec<Home>,
    /// Whether it ever had more than one name.
    is_linked: bool,
}

#[derive(Debug)]
struct Home {
    first: Epoch,
    last: Epoch,
    parent: InodeNumber,
}

/// A state that has ended.
struct Candidate {
    key: Key,
    lived: (Epoch, Epoch),
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Drops some of what no snapshot of the live tree shows. Says whether anything was done.
    pub(super) async fn trim_some(&self, shard: &Shard) -> Result<bool, Failure> {
        let mut trimming = shard.past.take_trimming();
        let done = self.trim(shard, &mut trimming).await;
        shard.past.keep_trimming(trimming);
        done
    }

    async fn trim(&self, shard: &Shard, trimming: &mut Trimming) -> Result<bool, Failure> {
        let now = self.clock.monotonic();
        let begun = trimming.look.take();
        let is_new = begun.is_none();
        let Some(mut look) = begun.or_else(|| begin(shard, trimming, now)) else { return Ok(false) };
        if is_new {
            // What is buffered and of an epoch that has ended may still end states.
            let is_of_tree = |inode: InodeId| (inode.shard, inode.tree) == (shard.id, TreeId::LIVE);
            self.flush_those(|inode, epoch| is_of_tree(inode) && epoch < look.until).await?;
        }
        for _ in 0..PAGES_PER_ROUND {
            let (page, is_last) = self.trim_page(shard.id, &mut look).await.map_err(|error| self.refuse(&error))?;
            self.drop_unseen(shard, page).await?;
            if is_last {
                trimming.done_until = look.until;
                trimming.last = Some(look.seen);
                trimming.rests_until = now + REST_MIN.max(now.saturating_sub(look.began) * REST_FACTOR);
                return Ok(true);
            }
        }
        trimming.look = Some(look);
        Ok(true)
    }

    /// States that no snapshot shows, of the next that ended; and whether they were the last.
    async fn trim_page(&self, shard: ShardId, look: &mut Look) -> Result<(Vec<Candidate>, bool), MetaError> {
        let found = self.meta.scan(&look.rest, PAGE_STATES, Direction::Forward).await?;
        let is_last = found.len() < PAGE_STATES;
        let mut page = Vec::new();
        for (at, _) in found {
            look.rest = look.rest.after(&at);
            let KeyKind::Expiry { key, born, died } = kind_of(&at)? else { continue };
            let Some(number) = self.owner_of(&key, died).await? else { continue };
            let last = Epoch(died.0.saturating_sub(1));
            if !self.was_seen(shard, look, (number, born, last)).await? {
                page.push(Candidate { key, lived: (born, died) });
            }
        }
        Ok((page, is_last))
    }

    /// The inode that a state belongs to, if it may be dropped.
    async fn owner_of(&self, key: &Key, died: Epoch) -> Result<Option<InodeNumber>, MetaError> {
        Ok(match kind_of(key)? {
            KeyKind::Inode(number) => {
                let at = keys::version(key, died);
                let state = self.meta.read(&at).await?.map(|state| InodeRecord::decode_at(&at, &state)).transpose()?;
                state.filter(|state| state.file_type != FileType::Directory).map(|_| number)
            }
            KeyKind::Dentry { directory, .. } => Some(directory),
            KeyKind::Region { inode, .. }
            | KeyKind::Xattr { inode, .. }
            | KeyKind::Stream { inode, .. }
            | KeyKind::Backlink { inode, .. } => Some(inode),
            _ => None,
        })
    }

    /// Whether an inode was, at any time from one epoch to another, below a directory of which a snapshot was taken then.
    async fn was_seen(
        &self,
        shard: ShardId,
        look: &mut Look,
        of: (InodeNumber, Epoch, Epoch),
    ) -> Result<bool, MetaError> {
        let (mut left, mut steps) = (vec![of], 0);
        while let Some((number, first, last)) = left.pop() {
            let all = &look.seen.snapshots;
            let from = all.partition_point(|(epoch, _)| *epoch < first);
            let until = all.partition_point(|(epoch, _)| *epoch <= last);
            let between = all.get(from..until).unwrap_or_default();
            if between.iter().any(|(_, root)| *root == number || *root == InodeNumber::ROOT) {
                return Ok(true);
            }
            if between.is_empty() || number == InodeNumber::ROOT {
                continue;
            }
            let life = self.life(shard, look, number).await?;
            steps += 1;
            if life.is_linked || steps > STEPS_MAX {
                return Ok(true);
            }
            let then = life.homes.iter().filter(|home| home.first <= last && first <= home.last);
            left.extend(then.map(|home| (home.parent, home.first.max(first), home.last.min(last))));
        }
        Ok(false)
    }

    async fn life(&self, shard: ShardId, look: &mut Look, number: InodeNumber) -> Result<Arc<Life>, MetaError> {
        if let Some(known) = look.lives.get(&number) {
            return Ok(Arc::clone(known));
        }
        let key = keys::inode(InodeId { shard, tree: TreeId::LIVE, number });
        let mut life = Life::default();
        let mut range = keys::version_range(&key, Epoch(0));
        loop {
            let page = self.meta.scan(&range, PAGE_STATES, Direction::Forward).await?;
            let is_last = page.len() < PAGE_STATES;
            for (at, state) in page {
                range = range.after(&at);
                let KeyKind::Version { died, .. } = kind_of(&at)? else { continue };
                life.add(&InodeRecord::decode_at(&at, &state)?, Epoch(died.0.saturating_sub(1)));
            }
            if is_last {
                break;
            }
        }
        if let Some(state) = self.meta.read(&key).await? {
            life.add(&InodeRecord::decode_at(&key, &state)?, Epoch(u64::MAX));
        }
        if look.lives.len() >= LIVES_MAX {
            look.lives.clear();
        }
        let life = Arc::new(life);
        look.lives.insert(number, Arc::clone(&life));
        Ok(life)
    }

    /// Drops states, of each key one at a time: what a state of a region gives up depends on those beside it.
    async fn drop_unseen(&self, shard: &Shard, mut page: Vec<Candidate>) -> Result<(), Failure> {
        while !page.is_empty() {
            let (mut part, mut rest) = (Vec::new(), Vec::new());
            for candidate in page {
                let is_alone = part.iter().all(|other: &Candidate| other.key != candidate.key);
                if is_alone && part.len() < STATES_PER_CHANGE { part.push(candidate) } else { rest.push(candidate) }
            }
            let mut states: Vec<Ended> = Vec::with_capacity(part.len());
            for Candidate { key, lived } in part {
                states.extend(self.ended(key, lived).await.map_err(|error| self.refuse(&error))?);
            }
            // What has ended stays as it was: no snapshot that is taken later shows it.
            let mut step = |turn: &mut Turn<'_, K, C>| drop_states(turn, TreeId::LIVE, &states, |_, _| true);
            self.meta.room().await.map_err(|error| self.refuse(&error))?;
            self.mutate_once(shard.id, &mut Scratch::default(), &mut step).await?;
            page = rest;
        }
        Ok(())
    }
}

impl Life {
    fn add(&mut self, record: &InodeRecord, last: Epoch) {
        self.is_linked |= record.ever_linked;
        match self.homes.last_mut() {
            Some(home) if home.parent == record.home_parent && home.last.0.saturating_add(1) >= record.born.0 => {
                home.last = last;
            }
            _ => self.homes.push(Home { first: record.born, last, parent: record.home_parent }),
        }
    }
}

/// Begins a look, if there may be anything to find.
fn begin(shard: &Shard, trimming: &mut Trimming, now: Duration) -> Option<Look> {
    let snapshots: Vec<_> =
        shard.past.of_tree(TreeId::LIVE).iter().map(|known| (known.record.epoch, known.record.root)).collect();
    let is_all = snapshots.iter().all(|(_, root)| *root == InodeNumber::ROOT);
    if is_all || now < trimming.rests_until {
        return None;
    }
    // Before the look: what is kept from now on is looked at next time.
    let (until, kept) = (shard.past.epoch(), shard.turn().kept);
    let seen = Seen { kept, snapshots };
    if trimming.last.as_ref() == Some(&seen) {
        return None;
    }
    let has_all = |last: &Seen| last.snapshots.iter().all(|one| seen.snapshots.contains(one));
    if !trimming.last.as_ref().is_some_and(has_all) {
        trimming.done_until = Epoch(0);
    }
    let after = Epoch(trimming.done_until.0.saturating_sub(1));
    let rest = keys::expiry_range(shard.id, TreeId::LIVE, after, until);
    Some(Look { rest, until, seen, lives: HashMap::default(), began: now })
}

/// States that are looked at together.
const PAGE_STATES: usize = 256;
/// States that are dropped by one change.
const STATES_PER_CHANGE: usize = 48;
/// Pages of one round: other work comes between.
const PAGES_PER_ROUND: usize = 4;
/// Inodes of which is remembered where they were.
const LIVES_MAX: usize = 65_536;
/// Steps up from one inode, through all directories that it and those above it were in.
const STEPS_MAX: usize = 4 * DEPTH_MAX as usize;
/// How long it rests after a look: at least so long, and so many times as long as the look took.
const REST_MIN: Duration = Duration::from_secs(5);
const REST_FACTOR: u32 = 20;
