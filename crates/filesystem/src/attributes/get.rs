//! GETATTR, ACCESS and FSSTAT.

use meta::records::InodeRecord;
use vfs::{
    AccessReply, AccessRequest, Attributes, Failure, FileSystemStatistics, FileType, GetattrReply, InodeId, OpContext,
    StatFsReply,
};

use super::{effective, of_stream};
use crate::Filesystem;
use crate::access::allowed;
use crate::cache::Seen;
use crate::file::Pending;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_getattr(&self, _ctx: &OpContext, inode: InodeId) -> Result<GetattrReply, Failure> {
        Ok(GetattrReply { attributes: self.settled_attributes(inode).await? })
    }

    pub(crate) async fn do_access(&self, ctx: &OpContext, request: AccessRequest) -> Result<AccessReply, Failure> {
        let attributes = self.settled_attributes(request.inode).await?;
        Ok(AccessReply { granted: allowed(&attributes, &ctx.credentials, request.wanted), attributes })
    }

    pub(crate) async fn do_stat_fs(&self, _ctx: &OpContext, inode: InodeId) -> Result<StatFsReply, Failure> {
        let attributes = self.settled_attributes(inode).await?;
        let record = self.live(inode, &mut Seen::default()).await?;
        let room = self.room().map_err(Failure::from)?;
        // An inode takes about this much of the store, so room for bytes is room for so many inodes.
        let free_files = room.available_bytes / INODE_BYTES_TYPICAL;
        let statistics = FileSystemStatistics {
            total_bytes: room.total_bytes,
            free_bytes: room.free_bytes,
            available_bytes: room.available_bytes,
            total_files: room.total_bytes / INODE_BYTES_TYPICAL,
            free_files,
            available_files: free_files,
        };
        let statistics = match inode.tree.is_past() {
            true => statistics,
            false => self.contained((inode, &record), statistics).await?,
        };
        Ok(StatFsReply { statistics, attributes })
    }

    /// The attributes of an inode once everything they show is durable.
    ///
    /// Errors: `StaleHandle`, `Io`.
    pub(crate) async fn settled_attributes(&self, inode: InodeId) -> Result<Attributes, Failure> {
        let mut seen = Seen::default();
        let record = self.live(inode, &mut seen).await?;
        let mut attributes = self.attributes(inode, &record);
        if let Some(file) = attributes.stream_of
            && let Some(record) = self.inode(file, &mut seen).await?
        {
            attributes = of_stream(attributes, self.attributes(file, &record));
        }
        self.settle(seen.0).await?;
        Ok(attributes)
    }

    /// The attributes that clients see: the record with what writes have changed since.
    pub(crate) fn attributes(&self, inode: InodeId, record: &InodeRecord) -> Attributes {
        if record.file_type != FileType::Regular {
            return effective(inode, record, Pending::default());
        }
        let Some(file) = self.files.peek(inode) else { return effective(inode, record, Pending::default()) };
        let data = file.data();
        // A flush publishes the record while it holds the data: read again what belongs to this pending state.
        let current = self.records.inodes.get_near(&inode).and_then(|slot| slot.value);
        effective(inode, current.as_deref().unwrap_or(record), data.shown())
    }
}

/// What an inode with its names and counters takes of the metadata store, roughly.
const INODE_BYTES_TYPICAL: u64 = 1024;
