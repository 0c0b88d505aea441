//! Deleting a clone. Nobody sees it from the first moment, and what it counted is taken back with its entry; what it had of
//! its own goes in the background, once its snapshots are gone and nothing is made of it any more. Then the snapshot that
//! it was made of may go.

use std::sync::Arc;

use bytes::Bytes;
use kv::Direction;
use meta::keys::{self, Key, KeyKind, OwnerKind};
use meta::records::{InodeRecord, Record, RegionRecord, Run, TreeRecord};
use smallvec::SmallVec;
use vfs::{Failure, FsError, InodeId, TreeId};

use super::table::{KnownClone, totals_of};
use crate::Filesystem;
use crate::cache::{OwnerKey, Seen};
use crate::load::kind_of;
use crate::shard::Shard;
use crate::snapshot::Known;
use crate::turn::{REGIONS_PER_CHANGE_MAX, Scratch, Step, Turn, of_tree};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_delete_clone(&self, within: InodeId, tree: TreeId) -> Result<(), Failure> {
        self.require_written(within)?;
        self.mutate(within.shard, |turn| mark(turn, tree)).await?;
        let shard = self.shard(within.shard)?;
        self.unhang(&shard, tree).await
    }

    /// Goes on with what was begun of deleting clones. Says whether anything was done.
    pub(crate) async fn clones_round(&self) -> bool {
        let mut any = false;
        for id in self.shards.ids() {
            let Some(shard) = self.shards.find(id).filter(|shard| shard.clones.count() > 0) else { continue };
            for known in shard.clones.all().into_iter().filter(|known| known.record.deleting) {
                match self.clear_clone(&shard, &known).await {
                    Ok(done) => any |= done,
                    Err(failure) => {
                        tracing::warn!(clone = known.tree.0, ?failure, "a deleted clone is not gone yet");
                    }
                }
            }
        }
        any
    }

    /// Takes the entry away that leads to a clone which is being deleted, and from all above what it counts.
    async fn unhang(&self, shard: &Shard, tree: TreeId) -> Result<(), Failure> {
        for (inode, file) in self.files.all().into_iter().filter(|(inode, _)| is_in(*inode, (shard, tree))) {
            self.forget_dirty(inode, &mut file.data());
        }
        let Some(known) = shard.clones.find(tree) else { return Ok(()) };
        let root = InodeId { shard: shard.id, tree, number: known.record.root };
        // Nobody counts anything in it any more.
        let owners = self.owners_in(root).await?;
        self.mutate(shard.id, |turn| unhang(turn, root, &owners)).await
    }

    async fn owners_in(&self, root: InodeId) -> Result<Vec<OwnerKey>, Failure> {
        let totals = totals_of(root);
        let range = keys::owner_usage_range(totals);
        let found =
            self.meta.scan(&range, OWNERS_MAX, Direction::Forward).await.map_err(|error| self.refuse(&error))?;
        let mut owners = Vec::with_capacity(found.len());
        for (key, _) in found {
            let kind = kind_of(&key).map_err(|error| self.refuse(&error))?;
            if let KeyKind::OwnerUsage { kind, owner, .. } = kind {
                owners.push((totals, kind == OwnerKind::Group, owner));
            }
        }
        Ok(owners)
    }

    /// Some of what a deleted clone had of its own.
    async fn clear_clone(&self, shard: &Shard, known: &KnownClone) -> Result<bool, Failure> {
        let root = InodeId { shard: shard.id, tree: known.tree, number: known.record.root };
        if !is_unhung(self, root).await? {
            self.unhang(shard, known.tree).await?;
        }
        if shard.clones.all().iter().any(|other| other.record.origin == known.tree) {
            return Ok(false);
        }
        let snapshots = shard.past.of_tree(known.tree);
        if !snapshots.is_empty() {
            let shown = snapshots.iter().filter(|snapshot| !snapshot.record.deleting);
            for snapshot in shown {
                self.mutate(shard.id, |turn| turn.end_snapshot(snapshot)).await?;
            }
            return Ok(false);
        }
        for _ in 0..PAGES_PER_ROUND {
            let range = keys::tree_range_of(shard.id, known.tree);
            let page = self.meta.scan(&range, PAGE_KEYS, Direction::Forward).await;
            let page = page.map_err(|error| self.refuse(&error))?;
            if page.is_empty() {
                self.mutate(shard.id, |turn| {
                    turn.write_plain(keys::tree(turn.shard.id, known.tree), None);
                    turn.clones.push((known.tree, None));
                    Ok(())
                })
                .await?;
                tracing::info!(clone = known.tree.0, "a deleted clone is gone, and its space is back");
                return Ok(true);
            }
            self.meta.room().await.map_err(|error| self.refuse(&error))?;
            let mut step = |turn: &mut Turn<'_, K, C>| clear_page(turn, &known.record, &page);
            self.mutate_once(shard.id, &mut Scratch::default(), &mut step).await?;
        }
        Ok(true)
    }
}

fn mark<K: kv::Engine, C: chunk::Store>(turn: &mut Turn<'_, K, C>, tree: TreeId) -> Step<()> {
    let known = turn.shard.clones.find(tree).filter(|known| !known.record.deleting).ok_or(FsError::NotFound)?;
    let hangs_in = |other: &Arc<KnownClone>| other.record.parent == tree && !other.record.deleting;
    if turn.shard.clones.all().iter().any(hangs_in) {
        return Err(FsError::NotEmpty.into());
    }
    let is_kept = |known: &Arc<Known>| known.record.locks > 0 && !known.record.deleting;
    if turn.shard.past.of_tree(tree).iter().any(is_kept) {
        return Err(FsError::NotPermitted.into());
    }
    // What is made of it shows what was buffered then.
    for (inode, _) in turn.house.files.all().into_iter().filter(|(inode, _)| is_in(*inode, (turn.shard, tree))) {
        turn.require_past_named(inode)?;
    }
    let record = TreeRecord { deleting: true, ..known.record.clone() };
    turn.write_plain(keys::tree(turn.shard.id, tree), Some(record.encode()));
    turn.clones.push((tree, Some(KnownClone { tree, record })));
    Ok(())
}

fn unhang<K: kv::Engine, C: chunk::Store>(turn: &mut Turn<'_, K, C>, root: InodeId, owners: &[OwnerKey]) -> Step<()> {
    let Some(record) = turn.inode(root)?.filter(|record| record.links > 0) else { return Ok(()) };
    let parent = turn.shard.clones.above(root, record.home_parent);
    let chain = turn.chain(parent)?;
    let usage = turn.usage(root)?;
    turn.charge_each(&chain, of_tree(&usage).negated())?;
    for key in owners {
        let usage = turn.owner_usage(key)?;
        turn.uncharge_owner(&chain, key, &usage)?;
    }
    turn.remove_dentry(parent, record.home_cookie)?;
    turn.touch_directory(parent, -1, -1)?;
    turn.put_inode(root, InodeRecord { links: 0, ..(*record).clone() });
    Ok(())
}

/// Removes keys of a clone, in their order; as many as one change takes.
fn clear_page<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    record: &TreeRecord,
    page: &[(Key, Bytes)],
) -> Step<()> {
    let mut regions = 0;
    for (key, value) in page {
        let is_region = matches!(key.parse().map(|parsed| parsed.kind), Ok(KeyKind::Region { .. }));
        if is_region {
            // One that cannot be read names blocks that nobody would ever free: it stays, and is told of.
            let region = RegionRecord::decode(value).map_err(|_| FsError::Io)?;
            if regions == REGIONS_PER_CHANGE_MAX {
                return Ok(());
            }
            regions += 1;
            let own = region.named().into_iter().filter(|named| named.birth > record.epoch);
            let runs: SmallVec<[Run; 4]> =
                own.map(|named| Run { placement: named.placement, blocks: named.blocks }).collect();
            turn.give_up(&runs)?;
        }
        turn.write_plain(key.clone(), None);
    }
    Ok(())
}

async fn is_unhung<K: kv::Engine, C: chunk::Store>(house: &Filesystem<K, C>, root: InodeId) -> Result<bool, Failure> {
    let record = house.inode(root, &mut Seen::default()).await?;
    Ok(record.is_none_or(|record| record.links == 0))
}

fn is_in(inode: InodeId, (shard, tree): (&Shard, TreeId)) -> bool {
    (inode.shard, inode.tree) == (shard.id, tree)
}

/// Most owners that a clone counts; those of more stay counted above it until they are counted anew.
const OWNERS_MAX: usize = 4096;
/// Keys that one change removes.
const PAGE_KEYS: usize = 256;
/// Pages of one round: other work comes between.
const PAGES_PER_ROUND: usize = 16;
