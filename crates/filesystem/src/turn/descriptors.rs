//! Descriptors: each is stored once in a shard, with the number of inodes that point at it.

use std::sync::Arc;

use meta::records::{
    DESCRIPTOR_BYTES_MAX, DescriptorRecord, DescriptorRef, InodeRecord, decode_descriptor, encode_descriptor,
};
use vfs::acl::SecurityDescriptor;
use vfs::{FsError, InodeId, TreeId};

use super::{Step, Stop, Turn};
use crate::cache::Miss;

impl<K: kv::Engine, C: chunk::Store> Turn<'_, K, C> {
    /// Makes the record of an inode point at a descriptor, or at none.
    ///
    /// Errors: `InvalidArgument` (it is too long).
    pub(crate) fn point_at(
        &mut self,
        (tree, record): (TreeId, &mut InodeRecord),
        to: Option<&SecurityDescriptor>,
    ) -> Step<()> {
        let old = record.descriptor.take();
        let Some(to) = to else { return old.map_or(Ok(()), |old| self.leave_descriptor(tree, &old)) };
        let bytes = encode_descriptor(to);
        if bytes.len() > DESCRIPTOR_BYTES_MAX {
            return Err(FsError::InvalidArgument.into());
        }
        let hash = *blake3::hash(&bytes).as_bytes();
        if let Some(same) = old.as_ref().filter(|old| old.hash == hash && old.loaded.is_some()) {
            record.descriptor = Some(same.clone());
            return Ok(());
        }
        let stored = self.descriptor(tree, hash)?.unwrap_or_else(|| {
            let born = self.clock().current;
            Arc::new(DescriptorRecord { born, references: 0, descriptor: bytes })
        });
        // In a clone they are not counted: what its origin points at is there, and what it adds goes with it.
        if tree == TreeId::LIVE || stored.references == 0 {
            let references = stored.references + 1;
            self.put_descriptor((tree, hash), DescriptorRecord { references, ..(*stored).clone() });
        }
        let known = &self.house.records.known_descriptors;
        let shared = known.find(&hash).unwrap_or_else(|| known.share(hash, Arc::new(to.clone())));
        record.descriptor = Some(DescriptorRef { hash, loaded: Some(shared) });
        old.map_or(Ok(()), |old| self.leave_descriptor(tree, &old))
    }

    /// Removes an inode record, and with it what it points at.
    pub(crate) fn drop_inode(&mut self, inode: InodeId) -> Step<()> {
        if let Some(record) = self.inode(inode)? {
            self.drop_xattrs(inode, &record)?;
            if let Some(descriptor) = &record.descriptor {
                self.leave_descriptor(inode.tree, descriptor)?;
            }
        }
        self.writes.inodes.put(inode, None);
        Ok(())
    }

    /// One inode less points at a descriptor, which goes with the last.
    fn leave_descriptor(&mut self, tree: TreeId, descriptor: &DescriptorRef) -> Step<()> {
        if tree != TreeId::LIVE {
            return Ok(());
        }
        // Where it is damaged there is nothing to count; `berth check` tells.
        let Some(stored) = self.descriptor(tree, descriptor.hash)? else { return Ok(()) };
        let references = stored.references.saturating_sub(1);
        self.put_descriptor((tree, descriptor.hash), DescriptorRecord { references, ..(*stored).clone() });
        Ok(())
    }

    fn descriptor(&mut self, tree: TreeId, hash: [u8; 32]) -> Step<Option<Arc<DescriptorRecord>>> {
        let key = (self.shard.id, tree, hash);
        if let Some(written) = self.writes.descriptors.find(&key) {
            return Ok(written);
        }
        let slot = self.house.records.descriptors.get(&key).ok_or(Stop::Miss(Miss::Descriptor(key)))?;
        self.seen.note(slot.version);
        self.writes.descriptors.read(key, slot.value.clone());
        Ok(slot.value)
    }

    /// Writes a descriptor that was read before, or a new one; one that nothing points at goes.
    fn put_descriptor(&mut self, (tree, hash): (TreeId, [u8; 32]), record: DescriptorRecord) {
        let born = self.clock().current;
        let new = (record.references > 0).then(|| Arc::new(DescriptorRecord { born, ..record }));
        self.writes.descriptors.put((self.shard.id, tree, hash), new);
    }
}

/// The descriptor of a record; one that cannot be read is none.
pub(crate) fn descriptor_of(record: &DescriptorRecord) -> Option<SecurityDescriptor> {
    decode_descriptor(&record.descriptor).ok()
}
