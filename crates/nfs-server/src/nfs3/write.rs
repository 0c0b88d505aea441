//! WRITE (RFC 1813 3.3.7).

use nfs_wire::nfs3::{StableHow, WccData, Write, WriteArgs, WriteOk};
use pages::Payload;
use vfs::{Stability, Vfs, Via, WriteRequest};

use super::Answer;
use super::attributes::wcc;
use super::call::{Call, Refused};

impl<V: Vfs> Answer<V> for Write {
    type Resok = WriteOk;
    type Resfail = WccData;

    async fn answer(call: &Call<'_, V>, args: WriteArgs) -> Result<WriteOk, Refused> {
        let file = call.open_to_change(&args.file).await?;
        // Count and data may differ: what both allow is written, and the reply says how much that was.
        let count = args.count.min(call.door.settings.io_bytes_max);
        let length = usize::try_from(count).unwrap_or(usize::MAX).min(args.data.len());
        let request = WriteRequest {
            inode: file.inode,
            via: Via::Anonymous,
            offset: args.offset,
            data: Payload::from(args.data.slice(..length)),
            stability: stability(args.stable),
        };
        let reply = call.door.vfs.write(&file.ctx, request).await?;
        Ok(WriteOk {
            file_wcc: wcc(&reply.change),
            count: reply.count,
            committed: stable_how(reply.stability),
            verf: reply.verifier.0,
        })
    }
}

fn stability(wire: StableHow) -> Stability {
    match wire {
        StableHow::Unstable => Stability::Unstable,
        StableHow::DataSync => Stability::Data,
        StableHow::FileSync => Stability::File,
    }
}

fn stable_how(stability: Stability) -> StableHow {
    match stability {
        Stability::Unstable => StableHow::Unstable,
        Stability::Data => StableHow::DataSync,
        Stability::File => StableHow::FileSync,
    }
}
