//! What a removal needs before the turn: the flush turn of a file that may lose its last name, so that its regions do
//! not change under the list that was made of them.

use std::sync::Arc;

use meta::Version;
use vfs::{Case, Failure, FileType, FsError, InodeId, Name, ShardId};

use crate::Filesystem;
use crate::cache::Seen;
use crate::file::FileState;
use crate::turn::{Scratch, Step, Turn};

/// The file that an entry names and that may go with it.
#[derive(Clone, Debug)]
pub(crate) struct Victim {
    /// The file.
    pub(crate) inode: InodeId,
    file: Arc<FileState>,
}

/// What a step is told about the victim that was prepared.
pub(crate) type Prepared<'v> = Option<&'v Victim>;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Runs a change that may take the last name of the file that `name` in `directory` names. The step gets the file
    /// whose flush turn is held and asks for another preparation when it finds another one.
    ///
    /// Errors: what the step fails with, `Io`.
    pub(crate) async fn mutate_removing<T>(
        &self,
        shard: ShardId,
        (directory, name, case): (InodeId, &Name, Case),
        mut step: impl FnMut(&mut Turn<'_, K, C>, Prepared<'_>) -> Step<T> + Send,
    ) -> Result<T, Failure> {
        let mut is_exact = false;
        for _ in 0..PREPARATIONS_MAX {
            let victim = self.victim(directory, (name, case)).await?;
            let flush_turn = match &victim {
                Some(victim) => Some(victim.file.flush_turn.lock().await),
                None => None,
            };
            if let Some(victim) = &victim {
                Box::pin(self.name_past(victim.inode, &victim.file)).await?;
            }
            let mut scratch = Scratch::default();
            let is_first = !is_exact;
            let mut prepared = |turn: &mut Turn<'_, K, C>| {
                turn.quota.try_first(is_first);
                step(turn, victim.as_ref())
            };
            let done: Result<Option<(T, Version)>, Failure> =
                self.mutate_once(shard, &mut scratch, &mut prepared).await;
            drop(flush_turn);
            let is_over = done.as_ref().is_err_and(|failure| failure.error == FsError::QuotaExceeded);
            if is_over && !std::mem::replace(&mut is_exact, true) {
                // What is dirty may take less than it may: then it fits.
                self.flush_reserved(shard).await?;
                continue;
            }
            if let Some((value, version)) = done? {
                self.settle(version).await?;
                return Ok(value);
            }
            if let Some(past) = scratch.past {
                Box::pin(self.flush(past)).await?;
            }
        }
        Err(FsError::Delay.into())
    }

    async fn victim(&self, directory: InodeId, (name, case): (&Name, Case)) -> Result<Option<Victim>, Failure> {
        let mut seen = Seen::default();
        let Some(found) = self.entry(directory, (name, case), &mut seen).await? else { return Ok(None) };
        let Some(record) = self.inode(found.target, &mut seen).await? else { return Ok(None) };
        if record.file_type != FileType::Regular || record.links != 1 {
            return Ok(None);
        }
        Ok(Some(Victim { inode: found.target, file: self.files.state(found.target) }))
    }
}

/// Times a change is prepared again because the entry went to another file meanwhile.
const PREPARATIONS_MAX: usize = 64;
