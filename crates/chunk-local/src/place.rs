//! Placing: append to the owner's segment.

use std::io;
use std::sync::Arc;

use chunk::{ChunkError, Owner, Placed, Placement, SegmentId};
use pages::{BLOCK_SIZE, Payload};
use uring::{Create, File};

use crate::align::align;
use crate::error::io_error;
use crate::layout::{SegmentHeader, block_offset, segment_file_name};
use crate::segment::{Room, Run, Segment};
use crate::store::{Shared, Writer, lock};

impl Shared {
    pub(crate) async fn place(self: &Arc<Self>, owner: Owner, blocks: Payload) -> Result<Vec<Placed>, ChunkError> {
        if !blocks.len().is_multiple_of(BLOCK_SIZE) {
            return Err(ChunkError::Unaligned(blocks.len()));
        }
        let data = if self.settings.direct { align(blocks, &self.pool) } else { blocks };
        let mut done = Placements { shared: self, placed: Vec::new() };
        let mut from = 0;
        while from < data.len() {
            let rest = data.slice(from, data.len() - from);
            let placed = self.place_run(owner, &rest).await?;
            from += placed.blocks as usize * BLOCK_SIZE;
            done.placed.push(placed);
        }
        Ok(std::mem::take(&mut done.placed))
    }

    /// Places as much from the start of `data` as one segment takes; after an I/O error once more, elsewhere.
    async fn place_run(self: &Arc<Self>, owner: Owner, data: &Payload) -> Result<Placed, ChunkError> {
        match self.try_place_run(owner, data).await {
            Err(ChunkError::Io(why)) => {
                tracing::warn!(%why, "placing blocks in another segment");
                self.try_place_run(owner, data).await
            }
            outcome => outcome,
        }
    }

    async fn try_place_run(self: &Arc<Self>, owner: Owner, data: &Payload) -> Result<Placed, ChunkError> {
        let wanted = u32::try_from(data.len() / BLOCK_SIZE).unwrap_or(u32::MAX);
        let mut reservation = self.reserve(owner, wanted).await?;
        let Run { start, blocks } = reservation.run;
        let part = data.slice(0, blocks as usize * BLOCK_SIZE);
        let outcome = reservation.file.write_at(part, block_offset(start)).await;
        let segment = Arc::clone(&reservation.segment);
        if let Err(error) = outcome {
            segment.seal();
            return Err(io_error("writing", segment.id, &error));
        }
        if !reservation.written() {
            return Err(ChunkError::Io(format!("segment {}: a sync failed", segment.id.0)));
        }
        lock(&self.unsynced).insert(segment.id, Arc::clone(&segment));
        Ok(Placed { placement: Placement::new(segment.id, start), blocks })
    }

    /// The next blocks of the owner's segment, at most `wanted`.
    async fn reserve(self: &Arc<Self>, owner: Owner, wanted: u32) -> Result<Reservation, ChunkError> {
        let writer = self.writer(owner);
        let mut active = writer.lock().await;
        loop {
            let Some(segment) = active.as_ref() else {
                *active = Some(self.create_segment(owner).await?);
                continue;
            };
            match segment.reserve(wanted, self.settings.piece_blocks()) {
                Room::Reserved(run, file) => return Reservation::new(self, segment, (run, file)),
                Room::Grow(blocks, file) => self.grow(segment, &file, blocks).await?,
                Room::Full => {
                    self.retire(segment);
                    *active = None;
                }
            }
        }
    }

    fn writer(&self, owner: Owner) -> Writer {
        let mut writers = lock(&self.writers);
        if writers.len() >= self.settings.writers_max && !writers.contains_key(&owner) {
            // Nobody holds the lock of an idle one; if none is idle, there are more for a while.
            let idle = writers.iter().find(|(_, writer)| Arc::strong_count(writer) == 1);
            let idle = idle.map(|(owner, _)| *owner).and_then(|owner| writers.remove(&owner));
            if let Some(segment) = idle.and_then(|writer| writer.try_lock().ok()?.take()) {
                self.retire(&segment);
            }
        }
        Arc::clone(writers.entry(owner).or_default())
    }

    async fn create_segment(&self, owner: Owner) -> Result<Arc<Segment>, ChunkError> {
        let blocks_max = self.settings.segment_blocks();
        let (id, file, allocated) = match self.reuse() {
            Some((id, file)) => (id, file, blocks_max),
            None => self.make_file(blocks_max).await?,
        };
        let unborn = Unborn { shared: self, id };
        let header = SegmentHeader { store_id: self.settings.store_id, segment: id, owner, blocks_max };
        let header = align(header.encode().into(), &self.pool);
        file.write_at(header, 0).await.map_err(|error| io_error("making", id, &error))?;
        std::mem::forget(unborn);
        let segment = Arc::new(Segment::fresh(id, owner, blocks_max, (file, allocated)));
        lock(&self.segments).insert(id, Arc::clone(&segment));
        Ok(segment)
    }

    /// A new file, and for how many blocks it has room.
    async fn make_file(&self, blocks_max: u32) -> Result<(SegmentId, File, u32), ChunkError> {
        let allocated = self.settings.piece_blocks().min(blocks_max);
        self.make_room(block_offset(allocated)).await?;
        let id = self.next_id().map_err(|error| io_error("making a", SegmentId(0), &error))?;
        let file = self.open_file(id, Create::New).map_err(|error| io_error("making", id, &error))?;
        let unborn = Unborn { shared: self, id };
        let extended = extend(&file, 0, block_offset(allocated)).await;
        // Behind the growth: who asks for the count first and the file system then misses nothing.
        self.space.grown(block_offset(allocated));
        extended.map_err(|error| io_error("making", id, &error))?;
        std::mem::forget(unborn);
        Ok((id, file, allocated))
    }

    async fn grow(&self, segment: &Segment, file: &File, blocks: u32) -> Result<(), ChunkError> {
        let from = file.length().map_err(|error| io_error("growing", segment.id, &error))?;
        let length = block_offset(blocks).saturating_sub(from);
        self.make_room(length).await?;
        // Nothing is left to do when an earlier caller was dropped after the file had grown.
        let outcome = if length == 0 { Ok(()) } else { extend(file, from, length).await };
        self.space.grown(length);
        let outcome = outcome.map_err(|error| io_error("growing", segment.id, &error));
        match &outcome {
            Ok(()) => segment.grown(blocks),
            Err(error) if error.is_retryable() => drop(segment.seal()),
            Err(_) => {}
        }
        outcome
    }

    /// Seals a segment, cuts its spare room off, and removes it if it is empty already. Failures cost room only.
    fn retire(&self, segment: &Segment) {
        let spare = segment.seal();
        let outcome = spare.map_or(Ok(()), |(file, blocks)| file.set_length(block_offset(blocks)));
        if let Err(error) = outcome.and_then(|()| self.remove_if_garbage(segment)) {
            tracing::warn!(segment = segment.id.0, %error, "a sealed segment keeps room it does not need");
        }
    }

    pub(crate) fn discard_file(&self, id: SegmentId) {
        if let Err(error) = self.entries.remove(&segment_file_name(id)) {
            tracing::warn!(segment = id.0, %error, "an unused segment file stays until the next start");
        }
    }
}

/// Makes room, so that a lack of it is found before data is written.
async fn extend(file: &File, from: u64, length: u64) -> io::Result<()> {
    match file.allocate(from, length).await {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => file.set_length(from + length),
        outcome => outcome,
    }
}

/// A file that is no segment yet; removed when its making fails or nobody waits for it any more.
struct Unborn<'a> {
    shared: &'a Shared,
    id: SegmentId,
}

impl Drop for Unborn<'_> {
    fn drop(&mut self) {
        self.shared.discard_file(self.id);
    }
}

/// Blocks that are being written; given back when the write fails or nobody waits for it any more.
struct Reservation {
    shared: Arc<Shared>,
    segment: Arc<Segment>,
    run: Run,
    file: File,
    settled: bool,
}

impl Reservation {
    fn new(shared: &Arc<Shared>, segment: &Arc<Segment>, taken: (Run, File)) -> Result<Self, ChunkError> {
        let (run, file) = taken;
        if let Err(error) = shared.space.take(u64::from(run.blocks)) {
            segment.released(run);
            return Err(error);
        }
        let (shared, segment) = (Arc::clone(shared), Arc::clone(segment));
        Ok(Self { shared, segment, run, file, settled: false })
    }

    /// Whether the written blocks count; otherwise they were given back.
    fn written(&mut self) -> bool {
        self.settled = true;
        let counts = self.segment.written(self.run);
        if !counts {
            self.shared.space.give_back(u64::from(self.run.blocks));
        }
        counts
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.settled {
            self.segment.released(self.run);
            self.shared.space.give_back(u64::from(self.run.blocks));
        }
    }
}

/// Runs placed so far for one call; freed when the call ends without telling of them.
struct Placements<'a> {
    shared: &'a Shared,
    placed: Vec<Placed>,
}

impl Drop for Placements<'_> {
    fn drop(&mut self) {
        for placed in self.placed.drain(..) {
            let run = Run { start: placed.placement.block(), blocks: placed.blocks };
            self.shared.forget(placed.placement.segment(), run);
        }
    }
}
