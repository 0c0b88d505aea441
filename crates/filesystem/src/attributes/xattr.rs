//! Reading of extended attributes.

use vfs::acl::AccessMask;
use vfs::{Failure, FsError, OpContext, XattrListReply, XattrListRequest};

use crate::Filesystem;
use crate::access::granted;
use crate::cache::{Miss, Seen};
use crate::turn::{Scratch, shown};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_xattr_list(
        &self,
        ctx: &OpContext,
        request: XattrListRequest,
    ) -> Result<XattrListReply, Failure> {
        let XattrListRequest { inode, via } = request;
        for _ in 0..RACES_MAX {
            let mut seen = Seen::default();
            let record = self.live(inode, &mut seen).await?;
            let attributes = self.attributes(inode, &record);
            let open = self.attributes_open_of(ctx, (inode, via))?;
            let rights =
                open.map_or_else(|| granted(&attributes, &ctx.credentials, AccessMask::READ_EA), |open| open.granted());
            if !rights.contains(AccessMask::READ_EA) {
                return Err(Failure::with(FsError::AccessDenied, attributes));
            }
            let mut entries = Vec::new();
            if record.xattr_bytes > 0 {
                let Some(slot) = self.records.xattrs.get(&inode) else {
                    self.load(Miss::Xattrs(inode), &mut Scratch::default()).await?;
                    continue;
                };
                seen.note(slot.version);
                entries = slot.value.iter().map(shown).collect();
            }
            self.settle(seen.0).await?;
            return Ok(XattrListReply { entries, attributes });
        }
        Err(FsError::Delay.into())
    }
}

/// Times they are looked for again because they were pushed out meanwhile.
const RACES_MAX: usize = 64;
