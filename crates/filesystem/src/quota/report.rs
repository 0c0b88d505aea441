//! How large the file system looks from a directory of which a quota says so.

use meta::records::InodeRecord;
use vfs::{Failure, FileSystemStatistics, FileType, InodeId};

use crate::Filesystem;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
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
