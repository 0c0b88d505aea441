//! What a directory that changed brings or takes along and that has not changed itself, and what is new in it. Each step looks
//! at a few entries of one directory; where to go on follows from that directory and a cookie, as each knows its home.

use meta::keys::{self, KeyKind};
use meta::records::{DentryRecord, Record};
use vfs::{ChangeKind, Cookie, Failure, FileType, InodeNumber};

use super::Page;
use super::span::{Pair, Side};
use crate::load::kind_of;

/// A walk through a directory and what is below.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    /// The directory that it began with.
    pub(super) of: InodeNumber,
    /// The one that it has come to.
    pub(super) directory: InodeNumber,
    /// The entry of that which was looked at last.
    pub(super) after: Cookie,
    pub(super) way: Way,
}

/// What a walk looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// What was made in a directory that both states have here.
    New,
    /// All that has come with a directory that was moved here, and has not changed.
    In,
    /// All that has gone with a directory that was moved elsewhere, and has not changed.
    Out,
}

impl Walk {
    pub(super) fn of(directory: InodeNumber, way: Way) -> Self {
        Self { of: directory, directory, after: BEFORE_ALL, way }
    }

    fn side(&self) -> Side {
        if self.way == Way::Out { Side::From } else { Side::To }
    }
}

impl<K: kv::Engine, C: chunk::Store> Page<'_, K, C> {
    /// Takes a step. Returns where to take the next; `None` at the end of the walk.
    pub(super) async fn walk_on(&mut self, walk: Walk) -> Result<Option<Walk>, Failure> {
        let entries = self.entries_behind(&walk).await?;
        let is_last = entries.len() < STEP_ENTRIES;
        let mut at = walk;
        for (cookie, entry) in entries {
            if self.is_full() {
                return Ok(Some(at));
            }
            at.after = cookie;
            let is_told = self.tell_passed(&at, &entry).await?;
            if is_told && entry.file_type == FileType::Directory {
                return Ok(Some(Walk { directory: entry.number, after: BEFORE_ALL, ..at }));
            }
        }
        if is_last { self.step_up(at).await } else { Ok(Some(at)) }
    }

    async fn entries_behind(&mut self, walk: &Walk) -> Result<Vec<(Cookie, DentryRecord)>, Failure> {
        let directory = self.span.inode(walk.side(), walk.directory);
        let range = |directory| keys::dentry_range(directory, walk.after);
        let listed = self.house.listed(directory, range, STEP_ENTRIES).await;
        let listed = listed.map_err(|error| self.house.refuse(&error))?;
        self.look(1 + listed.value.len());
        self.seen.note(listed.version);
        let mut entries = Vec::with_capacity(listed.value.len());
        for (key, value) in listed.value {
            let kind = kind_of(&key).map_err(|error| self.house.refuse(&error))?;
            let KeyKind::Dentry { cookie, .. } = kind else { continue };
            let entry = DentryRecord::decode_at(&key, &value).map_err(|error| self.house.refuse(&error))?;
            entries.push((cookie, entry));
        }
        Ok(entries)
    }

    /// Behind the last entry of a directory it goes on in the one above.
    async fn step_up(&mut self, walk: Walk) -> Result<Option<Walk>, Failure> {
        if walk.directory == walk.of {
            return Ok(None);
        }
        let record = self.record(walk.side(), walk.directory).await?;
        Ok(record.map(|record| Walk { directory: record.home_parent, after: record.home_cookie, ..walk }))
    }

    /// Tells of what an entry leads to, if it is at home there and nobody else tells of it. Says whether it did.
    async fn tell_passed(&mut self, walk: &Walk, entry: &DentryRecord) -> Result<bool, Failure> {
        let within = self.span.inode(walk.side(), walk.directory);
        let is_old = walk.way == Way::New && !self.span.is_younger(entry.born);
        let shown = self.house.shown_in(within, entry.clone()).filter(|_| !is_old);
        // What lies in other shards and trees has a history of its own.
        if shown.is_none_or(|shown| shown.shard.is_some() || shown.tree != self.span.tree) {
            return Ok(false);
        }
        let pair = self.pair(entry.number).await?;
        let here = if walk.way == Way::Out { &pair.from } else { &pair.to };
        let home = here.as_ref().map(|record| (record.home_parent, record.home_cookie));
        if home != Some((walk.directory, walk.after)) || !is_for(walk.way, &pair, pair.has_changed(&self.span)) {
            return Ok(false);
        }
        let Some(above) = self.path_of_directory(walk.side(), walk.directory).await? else { return Ok(false) };
        let path = above.iter().cloned().chain([entry.name.clone()]).collect();
        let kind = if walk.way == Way::Out { ChangeKind::Removed } else { ChangeKind::Created };
        self.put((entry.number, &pair), (kind, path));
        Ok(true)
    }
}

/// Whether a walk tells of this: of what changed, unless it is new, it is told by itself.
fn is_for(way: Way, pair: &Pair, has_changed: bool) -> bool {
    let is_new = pair.from.is_none();
    match way {
        Way::New => is_new,
        Way::In => is_new || !has_changed,
        Way::Out => !has_changed,
    }
}

/// Before the first entry that is stored.
const BEFORE_ALL: Cookie = Cookie(Cookie::FIRST_STORED.0 - 1);
/// Entries of a directory that are looked at together.
const STEP_ENTRIES: usize = 64;
