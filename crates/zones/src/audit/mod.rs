//! What a zone records of what its clients do: which events, and the mailbox that doors put them in.
//!
//! A door looks whether the zone has a [`Trail`], and if so puts a record in once the outcome is known. It never waits:
//! where the mailbox is full, the event is counted as lost. Who empties it writes.

mod event;
mod mailbox;
mod record;
mod rules;
mod trail;

pub use event::AuditEvent;
pub use mailbox::AuditMailbox;
pub use record::{AuditObject, AuditRecord, AuditUser};
pub use rules::{AuditOutcomes, AuditRules};
pub use trail::Trail;
