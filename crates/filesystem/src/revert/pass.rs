//! Passes over what differs: what is looked at next, and when there is nothing more.

use std::collections::VecDeque;
use std::time::Duration;

use vfs::{ChangedEntry, ChangesCursor, ChangesRequest, Cookie, Failure, FsError, LeftOut, Name, Revert, RevertState};

use super::Aim;
use super::table::leave_out;
use crate::Filesystem;
use crate::gc::IntentKey;

/// How far a revert is. All of it may be forgotten: what still differs is found again.
#[derive(Debug, Default)]
pub(super) struct Progress {
    is_in_contents: bool,
    /// Where the next page begins, unless the last was the last.
    cursor: Option<ChangesCursor>,
    is_last: bool,
    /// What is to be looked at of this page; the first may have been begun.
    page: VecDeque<ChangedEntry>,
    /// How far the first of them was looked at.
    pub(super) place: Place,
    /// Passes over names since contents were given last, and changes of this one.
    passes: u32,
    changed: u64,
    /// Contents were given, and no name was changed since.
    has_contents: bool,
    /// How often what is in the way was waited for.
    waits: u32,
    pub(super) left_out: Vec<LeftOut>,
}

/// How far a directory was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Place {
    /// At its beginning.
    #[default]
    First,
    /// Behind this of the entries that are there.
    There(Cookie),
    /// Behind this of those that were.
    Then(Cookie),
}

/// Some of a revert, done at once.
pub(super) struct Pass<'h, K: kv::Engine, C: chunk::Store> {
    pub(super) house: &'h Filesystem<K, C>,
    pub(super) aim: Aim,
    /// The epoch that the snapshot shows.
    pub(super) epoch: vfs::Epoch,
    /// Changes and looks that may still be made.
    left: u64,
    /// Changes that were made.
    pub(super) changes: u64,
    pub(super) left_out: Vec<LeftOut>,
    /// Where the entry that is looked at was, for what is left out below it.
    at: Vec<Name>,
    /// Whether what is in the way is waited for.
    is_patient: bool,
}

/// Why something is not done.
#[derive(Debug)]
pub(super) enum Halt {
    /// It is enough for once.
    Enough,
    Failed(Failure),
}

pub(super) type Outcome<T> = Result<T, Halt>;

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<FsError> for Halt {
    fn from(error: FsError) -> Self {
        Self::Failed(error.into())
    }
}

/// What comes after a step.
enum Next {
    GoOn,
    /// Something is in the way, or the store is busy.
    Wait(Duration),
    End(RevertState),
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Does some of a revert. Says whether there was any.
    pub(crate) async fn revert_round(&self) -> bool {
        let Some((key, told, progress)) = self.reverts.take(self.clock.monotonic()) else { return false };
        if let Err(failure) = self.revert_some(key, &told, progress).await {
            tracing::warn!(?key, ?failure, "a revert does not go on yet");
        }
        true
    }

    async fn revert_some(&self, key: IntentKey, told: &Revert, mut progress: Progress) -> Result<(), Failure> {
        let Some((aim, epoch)) = self.aim_of(told) else {
            // It is tried again if it cannot be ended now.
            self.reverts.put_back(key, (told.state, 0), (progress, self.clock.monotonic() + WAIT));
            return self.end_revert(key, RevertState::Failed).await;
        };
        let left_out = std::mem::take(&mut progress.left_out);
        let mut pass = Pass {
            house: self,
            aim,
            epoch,
            left: CHANGES_PER_ROUND,
            changes: 0,
            left_out,
            at: Vec::new(),
            is_patient: true,
        };
        let next = pass.go_on(&mut progress).await;
        progress.left_out = pass.left_out;
        let changes = pass.changes;
        let state = if progress.is_in_contents { RevertState::Contents } else { RevertState::Names };
        match next {
            Next::End(how) => {
                self.reverts.put_back(key, (state, changes), (progress, self.clock.monotonic() + WAIT));
                self.end_revert(key, how).await
            }
            Next::GoOn => {
                self.reverts.put_back(key, (state, changes), (progress, Duration::ZERO));
                Ok(())
            }
            Next::Wait(rest) => {
                let state = if rest >= REST { RevertState::Waiting } else { state };
                self.reverts.put_back(key, (state, changes), (progress, self.clock.monotonic() + rest));
                Ok(())
            }
        }
    }

    /// What one goes back to, if both are there.
    fn aim_of(&self, told: &Revert) -> Option<(Aim, vfs::Epoch)> {
        let (top, past) = (told.directory, told.past);
        let known = self.known(past)?;
        self.require_written(top).ok()?;
        Some((Aim { top, past, root: self.root_of(top)? }, known.record.epoch))
    }
}

impl<K: kv::Engine, C: chunk::Store> Pass<'_, K, C> {
    async fn go_on(&mut self, progress: &mut Progress) -> Next {
        while self.left > 0 {
            if progress.page.is_empty()
                && let Some(next) = self.next_page(progress).await
            {
                return next;
            }
            let Some(entry) = progress.page.front().cloned() else { continue };
            let before = self.changes;
            self.at.clone_from(entry.old_path.as_ref().unwrap_or(&entry.path));
            self.is_patient = progress.waits < WAITS_MAX;
            let outcome = self.change_back(&entry, progress).await;
            progress.changed += self.changes - before;
            match self.or_leave_out(None, outcome) {
                Err(Halt::Enough) => return Next::GoOn,
                Err(Halt::Failed(_)) => {
                    progress.waits += 1;
                    return Next::Wait(WAIT);
                }
                Ok(()) => {}
            }
            (progress.waits, progress.place) = (0, Place::First);
            progress.page.pop_front();
        }
        Next::GoOn
    }

    async fn change_back(&mut self, entry: &ChangedEntry, progress: &mut Progress) -> Outcome<()> {
        if progress.is_in_contents {
            return self.give_contents(entry).await;
        }
        self.put_names(entry, &mut progress.place).await
    }

    /// Takes the next page, of the next pass if there is no other. Says if it is not gone on now.
    async fn next_page(&mut self, progress: &mut Progress) -> Option<Next> {
        if progress.is_last {
            return self.next_pass(progress);
        }
        self.left = self.left.saturating_sub(1);
        let (from, after) = (self.aim.past, progress.cursor.clone());
        let request = ChangesRequest { from, to: None, after, limit: PAGE_ENTRIES };
        match self.house.do_changes(request).await {
            Ok(page) => {
                progress.page = page.entries.into();
                progress.is_last = page.next.is_none();
                progress.cursor = page.next;
                None
            }
            Err(failure) if is_passing(failure.error) => Some(Next::Wait(WAIT)),
            Err(failure) => {
                tracing::warn!(?failure, aim = ?self.aim, "a revert ends: what differs cannot be told any more");
                Some(Next::End(RevertState::Failed))
            }
        }
    }

    fn next_pass(&mut self, progress: &mut Progress) -> Option<Next> {
        let (was_in_contents, changed) = (progress.is_in_contents, std::mem::take(&mut progress.changed));
        (progress.is_last, progress.cursor, progress.is_in_contents) = (false, None, false);
        if was_in_contents {
            progress.has_contents = true;
            return None;
        }
        progress.passes += 1;
        let is_settled = changed == 0 || progress.passes >= PASSES_MAX;
        if !is_settled {
            progress.has_contents = false;
            self.left_out.clear();
            return None;
        }
        if !progress.has_contents {
            progress.is_in_contents = true;
            return None;
        }
        if self.left_out.is_empty() {
            return Some(Next::End(RevertState::Done));
        }
        *progress = Progress::default();
        progress.left_out = self.left_out.clone();
        Some(Next::Wait(REST))
    }

    /// What could not be changed is left out, unless it is waited for: of what is looked at, or of a name in it.
    pub(super) fn or_leave_out(&mut self, name: Option<&Name>, outcome: Outcome<()>) -> Outcome<()> {
        match outcome {
            Err(Halt::Failed(failure)) if !(self.is_patient && is_passing(failure.error)) => {
                let path = self.at.iter().chain(name).cloned().collect();
                leave_out(&mut self.left_out, LeftOut { path, error: failure.error });
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Before each list of entries.
    pub(super) fn may_look(&mut self) -> Outcome<()> {
        if self.left == 0 {
            return Err(Halt::Enough);
        }
        self.left -= 1;
        Ok(())
    }

    /// Before each change: whether another may be made now.
    pub(super) fn may_change(&mut self) -> Outcome<()> {
        if self.left == 0 {
            return Err(Halt::Enough);
        }
        self.left -= 1;
        self.changes += 1;
        Ok(())
    }
}

/// Whether it helps to wait a little.
fn is_passing(error: FsError) -> bool {
    matches!(error, FsError::Breaking(_) | FsError::Delay | FsError::Io | FsError::LockConflict | FsError::Grace)
}

/// Changes of one round: enough to be quick, few enough for other work to come in between.
const CHANGES_PER_ROUND: u64 = 64;
/// Entries that are asked for together.
const PAGE_ENTRIES: usize = 64;
/// Passes over names until contents are given: what clients change meanwhile would keep it at that for ever.
const PASSES_MAX: u32 = 8;
/// How long what is in the way is waited for, and how often.
const WAIT: Duration = Duration::from_millis(100);
const WAITS_MAX: u32 = 100;
/// When what could not be changed is tried again.
const REST: Duration = Duration::from_secs(30);
