//! The two slots at the start of the log: where replay starts.

use std::path::Path;

use kv::KvError;

use super::buffer::AlignedBuffer;
use super::device::LogDevice;
use super::field::{read_u32, read_u64, read_u128};
use super::{BLOCK_BYTES, checksum};
use crate::errors::from_io;

/// The content of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) store_id: u128,
    /// The higher one of two counts.
    pub(crate) generation: u64,
    /// Raised at every open.
    pub(crate) epoch: u64,
    /// Where replay starts.
    pub(crate) start: u64,
    /// The group before the first one to replay.
    pub(crate) previous_group: u64,
    /// Size of the file.
    pub(crate) log_bytes: u64,
    /// Bytes from the start of the file that were zero-filled, or more.
    pub(crate) prepared_bytes: u64,
    /// Number of the log; 0 for that of a store that never had one apart.
    pub(crate) log_number: u64,
}

impl Slot {
    /// The newer of the two valid slots.
    ///
    /// Errors: `Damaged` when neither is valid, `Io`.
    pub(crate) fn read(device: &dyn LogDevice, path: &Path, store_id: u128) -> Result<Self, KvError> {
        let mut buffer = AlignedBuffer::new(SLOT_BYTES);
        buffer.set_len(SLOT_BYTES);
        let (mut newest, mut of_another): (Option<Self>, Option<Self>) = (None, None);
        for index in 0..2 {
            device
                .read_at(buffer.bytes_mut(), index * BLOCK_BYTES)
                .map_err(|error| from_io("cannot read", path, &error))?;
            let found = Self::decode(buffer.bytes());
            newest = newest.max_by_generation(found.filter(|slot| slot.store_id == store_id));
            of_another = of_another.or_else(|| found.filter(|slot| slot.store_id != store_id));
        }
        newest.ok_or_else(|| {
            let path = path.display();
            KvError::Damaged(match of_another {
                Some(other) => format!("{path} is the log of store {:032x}, not of {store_id:032x}", other.store_id),
                None => format!("{path}: neither slot at the start of the log belongs to this store"),
            })
        })
    }

    /// Writes it durably over the older slot.
    pub(crate) fn write(&self, device: &dyn LogDevice, path: &Path) -> Result<(), KvError> {
        let mut buffer = AlignedBuffer::new(SLOT_BYTES);
        self.encode(&mut buffer);
        let offset = self.generation % 2 * BLOCK_BYTES;
        device.write_at_durable(buffer.bytes(), offset).map_err(|error| from_io("cannot write", path, &error))
    }

    fn encode(&self, buffer: &mut AlignedBuffer) {
        let mut tail = Vec::with_capacity(SLOT_BYTES);
        let is_numbered = self.log_number > 0;
        tail.extend(if is_numbered { FORMAT_NUMBERED } else { FORMAT }.to_le_bytes());
        tail.extend(self.store_id.to_le_bytes());
        for field in [self.generation, self.epoch, self.start, self.previous_group, self.log_bytes, self.prepared_bytes]
        {
            tail.extend(field.to_le_bytes());
        }
        if is_numbered {
            tail.extend(self.log_number.to_le_bytes());
        }
        buffer.push(&MAGIC);
        buffer.push(&checksum(&tail).to_le_bytes());
        buffer.push(&tail);
        buffer.pad(SLOT_BYTES);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (end, log_number) = match read_u32(bytes, 12)? {
            FORMAT => (80, 0),
            FORMAT_NUMBERED => (88, read_u64(bytes, 80)?),
            _ => return None,
        };
        if bytes.get(..8)? != MAGIC || read_u32(bytes, 8)? != checksum(bytes.get(12..end)?) {
            return None;
        }
        Some(Self {
            store_id: read_u128(bytes, 16)?,
            generation: read_u64(bytes, 32)?,
            epoch: read_u64(bytes, 40)?,
            start: read_u64(bytes, 48)?,
            previous_group: read_u64(bytes, 56)?,
            log_bytes: read_u64(bytes, 64)?,
            prepared_bytes: read_u64(bytes, 72)?,
            log_number,
        })
    }
}

trait Newest {
    fn max_by_generation(self, other: Self) -> Self;
}

impl Newest for Option<Slot> {
    fn max_by_generation(self, other: Self) -> Self {
        self.into_iter().chain(other).max_by_key(|slot| slot.generation)
    }
}

const MAGIC: [u8; 8] = *b"BERTHLOG";
const FORMAT: u32 = 1;
/// With the number of the log, which `FORMAT` does not have.
const FORMAT_NUMBERED: u32 = 2;
const SLOT_BYTES: usize = 4096;
