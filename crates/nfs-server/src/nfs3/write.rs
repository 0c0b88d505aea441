//! WRITE (RFC 1813 3.3.7).

use bytes::Bytes;
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
            data: Payload::from(kept(&args.data, length)),
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

/// The bytes to write. They may be kept for a while, and a slice keeps the buffer that the record was received in: a few
/// bytes are copied, so that they do not pin many.
fn kept(data: &Bytes, length: usize) -> Bytes {
    let is_little = length < COPIED_BYTES_MAX || length.saturating_mul(2) < data.len();
    if is_little { data.get(..length).map(Bytes::copy_from_slice).unwrap_or_default() } else { data.slice(..length) }
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

/// Below this a payload is copied: the buffer of a connection holds up to 256 KiB and more.
const COPIED_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_bytes_do_not_pin_the_buffer_they_came_in() {
        let record = Bytes::from(vec![7; 1 << 20]);
        for (length, is_copied) in [
            (0, true),
            (1, true),
            (65_535, true),
            (65_536, true),
            ((1 << 19) - 1, true),
            (1 << 19, false),
            (1 << 20, false),
        ] {
            let kept = kept(&record, length);
            assert_eq!(kept, record[..length]);
            assert_eq!(kept.as_ptr() != record.as_ptr(), is_copied, "{length} bytes");
        }
        let small = record.slice(..65_535);
        assert_ne!(kept(&small, small.len()).as_ptr(), record.as_ptr(), "a small record lies in a large buffer");
    }
}
