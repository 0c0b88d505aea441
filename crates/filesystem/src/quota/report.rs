//! How large the file system looks from a directory of which a quota says so, and what binds an owner there.

use meta::records::InodeRecord;
use meta::records::OwnersRecord;
use vfs::{
    Failure, FileSystemStatistics, FileType, FsError, InodeId, OwnerQuotasRequest, Quota, QuotaDomain, QuotaUsage,
};

use super::domain::{used_by, with};
use crate::Filesystem;
use crate::cache::{Miss, OwnerKey, Seen};
use crate::turn::Scratch;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_owner_quotas(&self, request: OwnerQuotasRequest) -> Result<Vec<Quota>, Failure> {
        let OwnerQuotasRequest { inode, domain } = request;
        let (is_group, owner) = match &domain {
            QuotaDomain::User(owner) => (false, owner.clone()),
            QuotaDomain::Group(owner) => (true, owner.clone()),
            _ => return Err(FsError::InvalidArgument.into()),
        };
        let record = self.live(inode, &mut Seen::default()).await?;
        let Some(shard) = self.shards.find(inode.shard).filter(|_| self.has_quotas()) else { return Ok(Vec::new()) };
        let is_directory = record.file_type == FileType::Directory;
        let home = if is_directory { inode } else { inode.sibling(record.home_parent) };
        let mut quotas = Vec::new();
        for directory in self.chain_of(home).await? {
            let key = (directory, is_group, owner.clone());
            let binds = |used| shard.quotas.active().and_then(|ledger| ledger.owners().domain(&key, used));
            if binds(QuotaUsage::default()).is_none() {
                continue;
            }
            let used = self.used_by_owner(&key).await?;
            let Some(ledger) = shard.quotas.active() else { break };
            let Some(limits) = ledger.owners().domain(&key, used) else { continue };
            quotas.push(Quota {
                directory,
                path: Vec::new(),
                domain: domain.clone(),
                settings: limits.record.settings(),
                usage: with(&limits.used, ledger.owners().held(&key)),
                bytes_since: limits.record.soft_since,
                inodes_since: limits.record.inodes_since,
                is_ready: ledger.owners().counted(directory) == Some(OwnersRecord::READY),
                is_linked: limits.record.linked,
            });
        }
        Ok(quotas)
    }

    async fn used_by_owner(&self, key: &OwnerKey) -> Result<QuotaUsage, Failure> {
        for _ in 0..LOADS_MAX {
            if let Some(slot) = self.records.owners.get(key) {
                return Ok(used_by(slot.value.as_deref()));
            }
            self.load(Miss::Owner(key.clone()), &mut Scratch::default()).await?;
        }
        Err(FsError::Delay.into())
    }

    /// The figures as they look from an inode: the lowest directory above it that is a container is the whole, and no more is
    /// free than all containers above leave.
    ///
    /// Errors: `Io`.
    pub(crate) async fn contained(
        &self,
        (inode, record): (InodeId, &InodeRecord),
        whole: FileSystemStatistics,
    ) -> Result<FileSystemStatistics, Failure> {
        let Some(shard) = self.shards.find(inode.shard).filter(|_| self.has_quotas()) else { return Ok(whole) };
        let mut home = inode;
        if record.file_type != FileType::Directory {
            home = inode.sibling(record.home_parent);
        }
        let chain = self.chain_of(home).await?;
        let Some(ledger) = shard.quotas.active() else { return Ok(whole) };
        let containers = chain.iter().rev().filter_map(|directory| {
            let settings = ledger.domains().get(*directory)?.record.settings();
            Some((settings, ledger.usage(*directory)?)).filter(|_| settings.container)
        });
        Ok(containers.fold(whole, |mut shown, (settings, usage)| {
            if let Some(limit) = settings.bytes.shown() {
                let left = limit.saturating_sub(usage.bytes(settings.basis));
                shown.total_bytes = limit.min(whole.total_bytes);
                shown.free_bytes = shown.free_bytes.min(left);
                shown.available_bytes = shown.available_bytes.min(left);
            }
            if let Some(limit) = settings.inodes.shown() {
                let left = limit.saturating_sub(usage.inodes);
                shown.total_files = limit.min(whole.total_files);
                shown.free_files = shown.free_files.min(left);
                shown.available_files = shown.available_files.min(left);
            }
            shown
        }))
    }
}

/// Times that a record may be pushed out of memory before it is looked at.
const LOADS_MAX: usize = 64;
