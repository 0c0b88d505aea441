//! Replay: which records of the log count, and whether something is missing between them.

use std::path::Path;

use kv::KvError;

use super::buffer::AlignedBuffer;
use super::device::LogDevice;
use super::record::{self, Chain, HEADER_BYTES, Record};
use super::ring::Geometry;
use super::slot::Slot;
use super::{BLOCK_BYTES, WRITE_BYTES_MAX};
use crate::errors::from_io;

/// Where the log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogEnd {
    /// Where the next write goes.
    pub(crate) head: u64,
    /// The last group, or the one before the start.
    pub(crate) group: u64,
}

/// Hands every record from the slot's start on to `apply`, in order.
///
/// Errors: `Damaged`, `Io`, and what `apply` answers.
pub(crate) fn replay(
    log: LogFile<'_>,
    slot: &Slot,
    mut apply: impl FnMut(&Record<'_>) -> Result<(), KvError>,
) -> Result<LogEnd, KvError> {
    let mut reader = Reader::new(log, slot);
    let mut end = End { position: slot.start, group: slot.previous_group, epoch: 0 };
    while let Some(position) = reader.next(&end)? {
        let Some(record) = reader.record_at(position)? else { break };
        apply(&record)?;
        end = End { position: record.end(), group: record.chain.group, epoch: record.chain.epoch };
    }
    reader.refuse_later_writes(&end)?;
    Ok(LogEnd { head: end.position.next_multiple_of(BLOCK_BYTES), group: end.group })
}

/// A log and its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogFile<'a> {
    pub(crate) device: &'a dyn LogDevice,
    pub(crate) path: &'a Path,
}

/// The end of the chain so far.
#[derive(Clone, Copy, Debug)]
struct End {
    position: u64,
    group: u64,
    epoch: u64,
}

struct Reader<'a> {
    log: LogFile<'a>,
    geometry: Geometry,
    store_id: u128,
    epoch_max: u64,
    window: AlignedBuffer,
    window_offset: u64,
}

impl<'a> Reader<'a> {
    fn new(log: LogFile<'a>, slot: &Slot) -> Self {
        Self {
            log,
            geometry: Geometry::new(slot.log_bytes),
            store_id: slot.store_id,
            epoch_max: slot.epoch,
            window: AlignedBuffer::new(WINDOW_BYTES),
            window_offset: 0,
        }
    }

    /// Position of the record that follows: in the same write, at the next block, or at the start of the next lap.
    fn next(&mut self, end: &End) -> Result<Option<u64>, KvError> {
        let block = end.position.next_multiple_of(BLOCK_BYTES);
        for position in [end.position, block, self.geometry.next_lap(end.position)] {
            let epoch_max = self.epoch_max;
            let follows = self.record_at(position)?.is_some_and(|record| {
                let chain = record.chain;
                let starts_where_it_may = position == end.position || chain.write_position == position;
                let epoch_fits = (end.epoch..=epoch_max).contains(&chain.epoch);
                chain.previous_group == end.group && starts_where_it_may && epoch_fits
            });
            if follows {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    /// The record of this position, if a whole one of this lap is there.
    fn record_at(&mut self, position: u64) -> Result<Option<Record<'_>>, KvError> {
        let left = usize::try_from(self.geometry.left_in_lap(position)).unwrap_or(usize::MAX).min(WRITE_BYTES_MAX);
        let store_id = self.store_id;
        let offset = self.geometry.offset(position);
        let is_ours = |chain: Chain| chain.position == position && chain.store_id == store_id;
        let header = self.bytes_at(offset, HEADER_BYTES.min(left))?;
        if !record::peek(header).is_some_and(is_ours) {
            return Ok(None);
        }
        Ok(Record::decode(self.bytes_at(offset, left)?))
    }

    /// Bytes of the file, read in large windows; they must lie in one lap.
    fn bytes_at(&mut self, offset: u64, len: usize) -> Result<&[u8], KvError> {
        let within = |start: u64| usize::try_from(offset.checked_sub(start)?).ok();
        let is_held = within(self.window_offset).is_some_and(|at| at + len <= self.window.len());
        if !is_held {
            self.fill_window(offset)?;
        }
        let at = within(self.window_offset).unwrap_or(usize::MAX);
        Ok(self.window.bytes().get(at..at.saturating_add(len)).unwrap_or_default())
    }

    fn fill_window(&mut self, offset: u64) -> Result<(), KvError> {
        let start = offset - offset % BLOCK_BYTES;
        let file_bytes = self.geometry.offset(0) + self.geometry.area_bytes();
        let len = usize::try_from(file_bytes.saturating_sub(start)).unwrap_or(usize::MAX);
        self.window.set_len(len);
        self.window_offset = start;
        let read = self.log.device.read_at(self.window.bytes_mut(), start);
        read.map_err(|error| {
            self.window.clear();
            from_io("cannot read", self.log.path, &error)
        })
    }

    /// Looks for a whole record of a write later than the one that was in flight at the end.
    fn refuse_later_writes(&mut self, end: &End) -> Result<(), KvError> {
        let first_block = end.position.next_multiple_of(BLOCK_BYTES);
        let next_lap = self.geometry.next_lap(end.position);
        let lap_start = next_lap - self.geometry.area_bytes();
        for block in (0..self.geometry.area_bytes()).step_by(BLOCK_STEP) {
            for position in [lap_start + block, next_lap + block] {
                let Some(chain) = self.later_chain(position, end)? else { continue };
                let may_be_in_flight = chain.write_position <= first_block || chain.write_position == next_lap;
                if !may_be_in_flight || chain.position == chain.write_position {
                    return Err(self.damaged(end, position));
                }
            }
        }
        Ok(())
    }

    fn later_chain(&mut self, position: u64, end: &End) -> Result<Option<Chain>, KvError> {
        if position < end.position {
            return Ok(None);
        }
        let chain = self.record_at(position)?.map(|record| record.chain);
        Ok(chain.filter(|chain| chain.epoch >= end.epoch && chain.group > end.group))
    }

    fn damaged(&self, end: &End, later: u64) -> KvError {
        let path = self.log.path.display();
        let (ended, later) = (self.geometry.offset(end.position), self.geometry.offset(later));
        let group = end.group;
        KvError::Damaged(format!(
            "{path}: the record after group {group}, from byte {ended} on, is unreadable, but a later one at byte {later} is whole"
        ))
    }
}

const WINDOW_BYTES: usize = 4 * 1024 * 1024;
#[expect(clippy::cast_possible_truncation, reason = "4096 fits every usize")]
const BLOCK_STEP: usize = BLOCK_BYTES as usize;
