//! Which events a zone records, and how much of them is kept.

use super::event::AuditEvent;

/// `[audit]` of a zone file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditRules {
    events: u16,
    outcomes: AuditOutcomes,
    pub(crate) file_bytes: u64,
    pub(crate) files: u32,
}

/// How something ended that is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditOutcomes {
    /// However it ended.
    All,
    /// It was done.
    Success,
    /// It was not.
    Failure,
}

impl AuditRules {
    pub(crate) fn new(events: &[AuditEvent], outcomes: AuditOutcomes, (file_bytes, files): (u64, u32)) -> Self {
        let events = events.iter().fold(0, |bits, event| bits | event.bit());
        Self { events, outcomes, file_bytes, files }
    }

    /// Whether an event that ended so is recorded.
    #[must_use]
    pub fn wants(&self, event: AuditEvent, is_success: bool) -> bool {
        let of_outcome = match self.outcomes {
            AuditOutcomes::All => true,
            AuditOutcomes::Success => is_success,
            AuditOutcomes::Failure => !is_success,
        };
        of_outcome && self.events & event.bit() != 0
    }

    /// Bytes from which on a new file is begun.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// How many files are kept, with the one that is written.
    #[must_use]
    pub fn files(&self) -> u32 {
        self.files
    }
}
