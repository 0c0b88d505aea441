//! Where doors put what is to be recorded.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::record::AuditRecord;

/// A bounded queue of events of one zone; it outlives reloads. Who empties it looks now and then: waking somebody would cost
/// the door a system call for each.
#[derive(Debug, Default)]
pub struct AuditMailbox {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    records: Vec<AuditRecord>,
    bytes: usize,
    lost: u64,
}

impl AuditMailbox {
    /// Puts an event in; it is counted as lost where there is no room.
    pub fn put(&self, record: AuditRecord) {
        let bytes = record.object.bytes() + record.to.bytes();
        let mut state = self.state();
        if state.records.len() >= RECORDS_MAX || state.bytes + bytes > BYTES_MAX {
            state.lost += 1;
            return;
        }
        state.bytes += bytes;
        state.records.push(record);
    }

    /// Takes everything out, in exchange for an empty list, and says how many were lost since the last time.
    pub fn take(&self, records: &mut Vec<AuditRecord>) -> u64 {
        records.clear();
        let mut state = self.state();
        std::mem::swap(&mut state.records, records);
        state.bytes = 0;
        std::mem::take(&mut state.lost)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events that wait: what a zone does in 50 ms at 160,000 events a second.
const RECORDS_MAX: usize = 8192;
/// Bytes of names of all of them.
const BYTES_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use vfs::Timestamp;

    use super::*;
    use crate::audit::{AuditEvent, AuditObject, AuditUser};

    fn record(name: &[u8]) -> AuditRecord {
        AuditRecord {
            time: Timestamp { seconds: 0, nanoseconds: 0 },
            door: "nfs",
            client: [192, 0, 2, 1].into(),
            session: 1,
            request: 2,
            user: AuditUser::default(),
            event: AuditEvent::Delete,
            operation: "REMOVE",
            status: "NFS3_OK",
            is_success: true,
            object: AuditObject::Asked(AuditObject::bounded(name)),
            to: AuditObject::None,
        }
    }

    #[test]
    fn a_flood_is_counted_and_costs_no_memory() {
        let mailbox = AuditMailbox::default();
        for _ in 0..RECORDS_MAX + 5 {
            mailbox.put(record(b"a"));
        }
        let mut taken = vec![record(b"left over")];
        assert_eq!((mailbox.take(&mut taken), taken.len()), (5, RECORDS_MAX));
        assert_eq!(taken.first().map(|first| &first.object), Some(&record(b"a").object));
        assert_eq!((mailbox.take(&mut taken), taken.len()), (0, 0));
        for _ in 0..RECORDS_MAX {
            mailbox.put(record(&[b'x'; 10_000]));
        }
        let lost = mailbox.take(&mut taken);
        assert_eq!((lost, taken.len()), (RECORDS_MAX as u64 - 1024, 1024), "long names are cut, and bounded together");
        mailbox.put(record(b"b"));
        assert_eq!((mailbox.take(&mut taken), taken.len()), (0, 1));
    }
}
