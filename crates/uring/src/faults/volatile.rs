//! What a file holds that a power cut may take.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::{BLOCK, coin, random};

/// The changes of a file since its last sync.
#[derive(Debug)]
pub(super) struct Volatile {
    /// Length at the last sync.
    length: u64,
    /// Blocks changed since the last sync, as they were then; shorter where the file ended.
    before: BTreeMap<u64, Vec<u8>>,
    /// Blocks that a failed sync covered, as they were before.
    doomed: BTreeMap<u64, Vec<u8>>,
}

impl Volatile {
    /// Nothing has changed yet in a file of this length.
    pub(super) fn new(length: u64) -> Self {
        Self { length, before: BTreeMap::new(), doomed: BTreeMap::new() }
    }

    /// Keeps what the blocks of a range hold before they change, once since the last sync.
    pub(super) fn remember(&mut self, file: &File, (offset, length): (u64, u64)) -> io::Result<()> {
        for block in offset / BLOCK..offset.saturating_add(length).div_ceil(BLOCK) {
            if self.before.contains_key(&block) {
                continue;
            }
            let before = self.doomed.remove(&block).map_or_else(|| read_block(file, block), Ok)?;
            self.before.insert(block, before);
        }
        Ok(())
    }

    /// A sync failed.
    pub(super) fn doom(&mut self) {
        let before = std::mem::take(&mut self.before);
        self.doomed.extend(before);
    }

    /// A sync went well, and the file is this long.
    pub(super) fn synced(&mut self, length: Option<u64>) {
        self.before.clear();
        self.length = length.unwrap_or(self.length);
    }

    /// A durable write of this range went well; what else changed may still be lost.
    pub(super) fn range_synced(&mut self, (offset, length): (u64, u64)) {
        let end = offset.saturating_add(length);
        self.before.retain(|block, _| block * BLOCK < offset || (block + 1) * BLOCK > end);
        self.length = self.length.max(end);
    }

    /// Takes what the seed chooses, and all that is doomed.
    pub(super) fn lose(self, path: &Path, seed: &mut u64) -> io::Result<()> {
        let file = File::options().read(true).write(true).open(path)?;
        for (block, before) in self.doomed {
            put_back(&file, block, &before, |_| true)?;
        }
        for (block, before) in self.before {
            match random(seed) % 8 {
                0..=2 => put_back(&file, block, &before, |_| true)?,
                3 => put_back(&file, block, &before, |_| coin(seed))?,
                _ => {}
            }
        }
        if file.metadata()?.len() > self.length && coin(seed) {
            file.set_len(self.length)?;
        }
        Ok(())
    }
}

/// Puts those sectors of a block back that are chosen, as far as the file reaches.
fn put_back(file: &File, block: u64, before: &[u8], mut is_chosen: impl FnMut(u64) -> bool) -> io::Result<()> {
    let length = file.metadata()?.len();
    for sector in 0..BLOCK / SECTOR {
        let start = block * BLOCK + sector * SECTOR;
        let count = length.saturating_sub(start).min(SECTOR);
        if count == 0 || !is_chosen(sector) {
            continue;
        }
        let known = before.iter().skip(usize::try_from(sector * SECTOR).unwrap_or(usize::MAX)).copied();
        let bytes: Vec<u8> = known.chain(std::iter::repeat(0)).take(usize::try_from(count).unwrap_or(0)).collect();
        file.write_all_at(&bytes, start)?;
    }
    Ok(())
}

fn read_block(file: &File, block: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; pages::BLOCK_SIZE];
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, block * BLOCK + done as u64)? {
            0 => break,
            count => done += count,
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}

/// What a device writes whole.
const SECTOR: u64 = 512;
