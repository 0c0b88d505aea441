//! The whole tree at the end of a sequence.

use vfs::{FileType, InodeId, ReadRequest, Vfs, Via};

use super::generate::BORDERS;
use super::{Caller, Outcome, Register, Session};

/// Bytes read on each side of a border; sequences write nowhere else but for a few long writes.
const MARGIN_BYTES: u64 = 16 * 1024;

impl<V: Vfs> Session<'_, V> {
    /// Lists everything in both zones and reads every file where sequences write. One outcome per directory and read.
    pub async fn survey(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let mut directories = vec![self.inode(Register(0)), self.inode(Register(1))];
        while let Some(directory) = directories.pop() {
            let listing = self.list(Caller::Root, directory, (WHOLE_PAGE, true)).await;
            let files = self.below(&listing);
            outcomes.push(listing);
            for (inode, file_type) in files {
                match file_type {
                    FileType::Directory => directories.push(inode),
                    FileType::Regular => self.read_borders(inode, &mut outcomes).await,
                    _ => {}
                }
            }
        }
        outcomes
    }

    fn below(&self, listing: &Outcome) -> Vec<(InodeId, FileType)> {
        let stored = listing.entries.iter().filter(|entry| !matches!(entry.name.as_ref(), b"." | b".."));
        stored.filter_map(|entry| Some((self.inode_of(entry.inode)?, entry.file_type))).collect()
    }

    async fn read_borders(&mut self, inode: InodeId, outcomes: &mut Vec<Outcome>) {
        let ctx = Self::context(Caller::Root, inode);
        for border in BORDERS {
            let offset = border.saturating_sub(MARGIN_BYTES);
            let length = u32::try_from(2 * MARGIN_BYTES).unwrap_or_default();
            let request = ReadRequest { inode, via: Via::Anonymous, offset, length };
            let outcome = match self.house.read(&ctx, request).await {
                Ok(reply) if reply.data.is_empty() => break,
                Ok(reply) => Outcome { data: Some(reply.data.to_bytes()), ..Outcome::default() },
                Err(failure) => self.fail(&failure),
            };
            outcomes.push(outcome);
        }
    }
}

const WHOLE_PAGE: usize = 4096;
