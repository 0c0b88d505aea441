//! Counting the owners of what lies below a directory, in the background: it begins when the first quota of an owner is set
//! there, and goes on after a crash where it was.
//!
//! Inodes are counted in the order of their numbers, a page in each change. What becomes of one that is counted is counted
//! with it from then on (`turn/charge`); one that is not counted yet will be as it is then. Numbers only rise, so nothing
//! is missed, and nothing counted twice.

use std::collections::HashMap;

use kv::Direction;
use meta::keys::{self, KeyKind};
use meta::records::{Charge, OwnerUsageRecord, OwnersRecord};
use vfs::{Failure, FileType, InodeId, InodeNumber, ShardId, TreeId};

use crate::Filesystem;
use crate::cache::{OwnerKey, Seen};
use crate::load::kind_of;
use crate::shard::Shard;
use crate::turn::{Scratch, Step, Turn, of_record};

/// A directory that counts its owners, and how far it had come.
type Counting = (InodeId, OwnersRecord);

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Some pages of what is to be counted. Says whether there was anything.
    pub(crate) async fn owners_round(&self) -> bool {
        if !self.has_quotas() {
            return false;
        }
        let mut worked = false;
        for id in self.shards.ids() {
            let Some(shard) = self.shards.find(id) else { continue };
            for _ in 0..PAGES_PER_ROUND {
                let Some(counting) = shard.quotas.active().and_then(|ledger| ledger.owners().unfinished()) else {
                    break;
                };
                if let Err(failure) = self.owners_page(&shard, counting).await {
                    tracing::warn!(?failure, directory = ?counting.0, "owners are not counted yet");
                    break;
                }
                worked = true;
            }
        }
        worked
    }

    pub(super) async fn owners_page(&self, shard: &Shard, counting: Counting) -> Result<(), Failure> {
        if counting.1.is_clearing {
            self.clear_page(shard, counting).await
        } else {
            self.count_page(shard, counting).await
        }
    }

    /// Removes counters from an earlier time; behind the last one counting begins, or it was all.
    async fn clear_page(&self, shard: &Shard, (directory, counted): Counting) -> Result<(), Failure> {
        let range = keys::owner_usage_range(directory);
        let found = self.meta.scan(&range, CLEARED_PER_PAGE, Direction::Forward).await;
        let mut owners = Vec::new();
        for (key, _) in found.map_err(|error| self.refuse(&error))? {
            let KeyKind::OwnerUsage { kind, owner, .. } = kind_of(&key).map_err(|error| self.refuse(&error))? else {
                continue;
            };
            owners.push((directory, kind == keys::OwnerKind::Group, owner));
        }
        self.mutate_page(shard.id, |turn| clear(turn, (directory, counted), &owners)).await?;
        self.shards.end_quotas(shard);
        Ok(())
    }

    async fn count_page(&self, shard: &Shard, (directory, counted): Counting) -> Result<(), Failure> {
        // Before the scan: what is made behind it has this number or a higher one.
        let end = shard.turn().next_inode;
        let (inodes, is_last) = self.inodes_from(shard, counted.counted_below).await?;
        for inode in &inodes {
            // Not one miss after another within the turn.
            self.inode(*inode, &mut Seen::default()).await?;
        }
        let behind = inodes.last().map(|last| InodeNumber(last.number.0 + 1));
        let next = if is_last { behind.map_or(end, |behind| behind.max(end)) } else { behind.unwrap_or(end) };
        let page = Page { inodes: &inodes, next, is_last };
        self.mutate_page(shard.id, |turn| count(turn, (directory, counted), &page)).await
    }

    /// The inodes of all trees of a shard from a number on that have records of their own, in the order of their numbers;
    /// and whether they are the last.
    async fn inodes_from(&self, shard: &Shard, first: InodeNumber) -> Result<(Vec<InodeId>, bool), Failure> {
        let (mut inodes, mut until) = (Vec::new(), None);
        let clones = shard.clones.all().into_iter().filter(|known| !known.record.deleting).map(|known| known.tree);
        for tree in std::iter::once(TreeId::LIVE).chain(clones) {
            let mut range = keys::inode_range(shard.id, tree);
            if let Some(before) = first.0.checked_sub(1) {
                range = range.after(&keys::inode(InodeId { shard: shard.id, tree, number: InodeNumber(before) }));
            }
            let found = self.meta.scan(&range, INODES_PER_PAGE, Direction::Forward).await;
            let found = found.map_err(|error| self.refuse(&error))?;
            let is_part = found.len() >= INODES_PER_PAGE;
            let mut last = None;
            for (key, _) in found {
                let KeyKind::Inode(number) = kind_of(&key).map_err(|error| self.refuse(&error))? else { continue };
                inodes.push(InodeId { shard: shard.id, tree, number });
                last = Some(number);
            }
            until = until.into_iter().chain(last.filter(|_| is_part)).min();
        }
        inodes.retain(|inode| until.is_none_or(|until| inode.number <= until));
        inodes.sort_unstable_by_key(|inode| inode.number);
        Ok((inodes, until.is_none()))
    }

    async fn mutate_page(
        &self,
        shard: ShardId,
        mut step: impl FnMut(&mut Turn<'_, K, C>) -> Step<()> + Send,
    ) -> Result<(), Failure> {
        self.mutate_once(shard, &mut Scratch::default(), &mut step).await.map(drop)
    }
}

/// Inodes that follow each other, up to the one to go on with.
struct Page<'p> {
    inodes: &'p [InodeId],
    next: InodeNumber,
    is_last: bool,
}

fn clear<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (directory, counted): Counting,
    owners: &[OwnerKey],
) -> Step<()> {
    let Some(limits_any) = is_at(turn, (directory, counted)) else { return Ok(()) };
    for key in owners {
        turn.owner_usage(key)?;
        turn.put_owner_usage(key.clone(), OwnerUsageRecord::default());
    }
    if owners.is_empty() {
        turn.quota.counted = Some((directory, limits_any.then(OwnersRecord::default)));
    }
    Ok(())
}

fn count<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (directory, counted): Counting,
    page: &Page<'_>,
) -> Step<()> {
    if is_at(turn, (directory, counted)).is_none() {
        return Ok(());
    }
    let mut charges: HashMap<OwnerKey, Charge> = HashMap::new();
    for inode in page.inodes {
        let Some(record) = turn.inode(*inode)?.filter(|record| record.links > 0) else { continue };
        let is_directory = record.file_type == FileType::Directory;
        let home = if is_directory { *inode } else { inode.sibling(record.home_parent) };
        if !turn.chain(home)?.contains(&directory) {
            continue;
        }
        for (is_group, principal) in [(false, &record.owner), (true, &record.group)] {
            let charge = charges.entry((directory, is_group, principal.clone())).or_default();
            *charge = charge.plus(&of_record(&record));
        }
    }
    for (key, charge) in charges {
        let usage = turn.owner_usage(&key)?.plus(&charge).ok_or(vfs::FsError::Io)?;
        turn.put_owner_usage(key, usage);
    }
    // Nothing was made meanwhile that this has not seen.
    let is_over = page.is_last && turn.next_inode() <= page.next;
    let next = OwnersRecord { counted_below: page.next, is_clearing: false };
    turn.quota.counted = Some((directory, Some(if is_over { OwnersRecord::READY } else { next })));
    // It is there already.
    turn.quota.promise();
    Ok(())
}

/// Whether a directory is still where it was; says whether it has any limits.
fn is_at<K: kv::Engine, C: chunk::Store>(turn: &Turn<'_, K, C>, (directory, counted): Counting) -> Option<bool> {
    let ledger = turn.shard.quotas.active()?;
    let owners = ledger.owners();
    (owners.counted(directory) == Some(counted)).then(|| owners.limits_any(directory))
}

/// Inodes counted in one change.
const INODES_PER_PAGE: usize = 64;
/// Counters removed in one change.
const CLEARED_PER_PAGE: usize = 256;
/// Pages of one round: enough to be quick, few enough for other work to come in between.
const PAGES_PER_ROUND: usize = 32;
