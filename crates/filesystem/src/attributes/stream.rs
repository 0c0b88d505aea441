//! Streams as they are told: the attributes of one, and the list of all.

use vfs::{Attributes, Failure, FsError, InodeId, OpContext, StreamEntry, StreamListReply, StreamListRequest};

use crate::Filesystem;
use crate::cache::{Miss, Seen};
use crate::turn::Scratch;

/// The attributes of a stream: those of its file, but for what is its own.
pub(crate) fn of_stream(stream: Attributes, file: Attributes) -> Attributes {
    Attributes {
        inode: stream.inode,
        file_type: stream.file_type,
        size: stream.size,
        allocated_bytes: stream.allocated_bytes,
        modified: stream.modified.max(file.modified),
        changed: stream.changed.max(file.changed),
        change: stream.change.max(file.change),
        stream_of: stream.stream_of,
        ..file
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_stream_list(
        &self,
        ctx: &OpContext,
        request: StreamListRequest,
    ) -> Result<StreamListReply, Failure> {
        self.attributes_open_of(ctx, (request.inode, request.via))?;
        for _ in 0..RACES_MAX {
            let mut seen = Seen::default();
            let record = self.live(request.inode, &mut seen).await?;
            let mut entries = Vec::new();
            if record.streams > 0 {
                let Some(slot) = self.records.streams.get(&request.inode) else {
                    self.load(Miss::Streams(request.inode), &mut Scratch::default()).await?;
                    continue;
                };
                seen.note(slot.version);
                for (number, stream) in slot.value.iter() {
                    let attributes = self.stream_attributes(request.inode.sibling(*number), &mut seen).await?;
                    entries.extend(attributes.map(|Attributes { size, allocated_bytes, .. }| StreamEntry {
                        name: stream.name.clone(),
                        size,
                        allocated_bytes,
                    }));
                }
            }
            self.settle(seen.0).await?;
            return Ok(StreamListReply { entries });
        }
        Err(FsError::Delay.into())
    }

    async fn stream_attributes(&self, stream: InodeId, seen: &mut Seen) -> Result<Option<Attributes>, Failure> {
        let record = self.inode(stream, seen).await?.filter(|record| record.links > 0);
        Ok(record.map(|record| self.attributes(stream, &record)))
    }
}

/// Times they are looked for again because they were pushed out meanwhile.
const RACES_MAX: usize = 64;
