//! Setting, listing and loading quotas.

use kv::Direction;
use meta::MetaError;
use meta::keys::{self, KeyKind};
use meta::records::{DentryRecord, QuotaRecord, Record, UsageRecord};
use vfs::{
    Failure, FileType, FsError, InodeId, InodeNumber, Name, Quota, QuotaDomain, QuotaGuard, QuotaSettings, QuotaUsage,
    SetQuotaRequest, TreeId,
};

use super::domain::{Domain, used, with};
use crate::Filesystem;
use crate::cache::Seen;
use crate::load::kind_of;
use crate::shard::Shard;
use crate::turn::{Step, Turn};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_set_quota(&self, request: SetQuotaRequest) -> Result<Option<Quota>, Failure> {
        if request.settings.is_some_and(|settings| !settings.are_valid()) {
            return Err(FsError::InvalidArgument.into());
        }
        if request.domain != QuotaDomain::Directory {
            return Err(FsError::NotSupported.into());
        }
        let directory = request.directory;
        let record = self.live(directory, &mut Seen::default()).await?;
        if record.file_type != FileType::Directory {
            return Err(FsError::NotDirectory.into());
        }
        let shard = self.shard(directory.shard)?;
        // So that nobody ends what another begins.
        let _one_at_a_time = self.shards.setting_quotas.lock().await;
        if !self.shards.begin_quotas(&shard) {
            // Who has the turn now does not know of it yet.
            drop(shard.turn());
            self.reserve_dirty(&shard).await.map_err(|error| self.refuse(&error))?;
        }
        let set = self.mutate(directory.shard, |turn| set_in_turn(turn, &request)).await;
        self.shards.end_quotas(&shard);
        set?;
        if request.settings.is_none() {
            Ok(None)
        } else {
            self.quota_of(&shard, (InodeId::root_of(directory.shard), directory)).await
        }
    }

    pub(crate) async fn do_quotas(&self, below: InodeId) -> Result<Vec<Quota>, Failure> {
        self.live(below, &mut Seen::default()).await?;
        let shard = self.shard(below.shard)?;
        let directories: Vec<_> =
            shard.quotas.active().map_or_else(Vec::new, |ledger| ledger.domains().directories().collect());
        let mut quotas = Vec::with_capacity(directories.len());
        for directory in directories {
            if self.chain_of(directory).await?.contains(&below) {
                quotas.extend(self.quota_of(&shard, (below, directory)).await?);
            }
        }
        Ok(quotas)
    }

    async fn quota_of(&self, shard: &Shard, (below, directory): (InodeId, InodeId)) -> Result<Option<Quota>, Failure> {
        let path = self.path_of((below, directory)).await?;
        let Some(ledger) = shard.quotas.active() else { return Ok(None) };
        Ok(ledger.domains().get(directory).map(|Domain { record, used, .. }| Quota {
            directory,
            path,
            domain: QuotaDomain::Directory,
            settings: record.settings(),
            usage: with(used, ledger.held_below(directory)),
            bytes_since: record.soft_since,
            inodes_since: record.inodes_since,
        }))
    }

    /// A directory and all above it; empty when one of them is gone.
    pub(super) async fn chain_of(&self, directory: InodeId) -> Result<Vec<InodeId>, Failure> {
        let (mut chain, mut at) = (vec![directory], directory);
        while at.number != InodeNumber::ROOT {
            let Some(record) = self.inode(at, &mut Seen::default()).await? else { return Ok(Vec::new()) };
            at = at.sibling(record.home_parent);
            chain.push(at);
        }
        Ok(chain)
    }

    /// The names that lead from one directory, or the root of the shard, to another.
    async fn path_of(&self, (below, directory): (InodeId, InodeId)) -> Result<Vec<Name>, Failure> {
        let (mut names, mut at) = (Vec::new(), directory);
        while at.number != InodeNumber::ROOT && at != below {
            let record = self.live(at, &mut Seen::default()).await?;
            let parent = at.sibling(record.home_parent);
            let key = keys::dentry(parent, record.home_cookie);
            let stored = self.meta.read(&key).await.map_err(|error| self.refuse(&error))?;
            let entry = stored.map(|value| DentryRecord::decode_at(&key, &value)).transpose();
            let entry = entry.map_err(|error| self.refuse(&error))?.ok_or(FsError::StaleHandle)?;
            names.push(entry.name);
            at = parent;
        }
        names.reverse();
        Ok(names)
    }

    /// Brings the quotas of a shard into its ledger, and reserves what is dirty: at a start, before anybody changes it.
    ///
    /// # Errors
    /// `Engine`, `Failed`, `Damaged`.
    pub(crate) async fn load_quotas(&self, shard: &Shard) -> Result<(), MetaError> {
        let range = keys::quota_range(shard.id, TreeId::LIVE);
        let found = self.meta.scan(&range, QUOTAS_MAX, Direction::Forward).await?;
        let mut domains = Vec::with_capacity(found.len());
        for (key, value) in found {
            let KeyKind::Quota { directory, domain: QuotaDomain::Directory } = kind_of(&key)? else { continue };
            let directory = InodeId::root_of(shard.id).sibling(directory);
            let record = QuotaRecord::decode_at(&key, &value)?;
            domains.push((directory, Domain::new(record, self.stored_usage(directory).await?)));
        }
        if domains.is_empty() {
            return Ok(());
        }
        self.shards.begin_quotas(shard);
        if let Some(mut ledger) = shard.quotas.active() {
            domains.into_iter().for_each(|(directory, domain)| ledger.put(directory, Some(domain)));
        }
        self.reserve_dirty(shard).await
    }

    async fn stored_usage(&self, directory: InodeId) -> Result<QuotaUsage, MetaError> {
        let key = keys::usage(directory);
        let stored = self.meta.read(&key).await?;
        let usage = stored.map(|value| UsageRecord::decode_at(&key, &value)).transpose()?;
        Ok(used(&usage.unwrap_or_default()))
    }
}

fn set_in_turn<K: kv::Engine, C: chunk::Store>(turn: &mut Turn<'_, K, C>, request: &SetQuotaRequest) -> Step<()> {
    let directory = request.directory;
    turn.directory(directory)?;
    let usage = used(&turn.usage(directory)?);
    let shard = turn.shard;
    let (old, count) = match shard.quotas.active() {
        Some(ledger) => (ledger.domains().get(directory).cloned(), ledger.domains().len()),
        None => (None, 0),
    };
    let is_meant = match (request.guard, &old) {
        (QuotaGuard::Any, _) | (QuotaGuard::Absent, None) => true,
        (QuotaGuard::Is(known), Some(old)) => old.record.settings() == known,
        (QuotaGuard::Absent, Some(_)) | (QuotaGuard::Is(_), None) => false,
    };
    let domain = match (&request.settings, old) {
        _ if !is_meant => return Err(FsError::NotSync.into()),
        (None, None) => return Err(FsError::NotFound.into()),
        (Some(_), None) if count >= QUOTAS_MAX => return Err(FsError::NoSpace.into()),
        (None, Some(_)) => None,
        (Some(settings), old) => Some(domain(settings, old, usage)),
    };
    turn.quota.set = Some((directory, domain));
    Ok(())
}

/// The quota as it is to be: a limit that is exceeded already stays so since when it was.
fn domain(settings: &QuotaSettings, old: Option<Domain>, used: QuotaUsage) -> Domain {
    let stored = old.map(|old| old.stored).unwrap_or_default();
    let since =
        QuotaRecord { soft_since: stored.soft_since, inodes_since: stored.inodes_since, ..QuotaRecord::new(settings) };
    Domain { record: since, stored, used }
}

/// Most quotas of a shard.
pub(super) const QUOTAS_MAX: usize = 65_536;
