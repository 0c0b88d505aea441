//! `[audit]`: what is recorded of what clients do.

use super::Reader;
use crate::audit::{AuditEvent, AuditOutcomes, AuditRules};
use crate::settings::AuditTable;

impl Reader<'_> {
    pub(super) fn audit(&mut self, written: Option<&AuditTable>) -> Option<AuditRules> {
        let table = written?;
        let known = AuditEvent::ALL.map(|event| (event.name(), event));
        let mut events = Vec::new();
        if table.events.get_ref().is_empty() {
            let names = known.map(|(name, _)| format!("\"{name}\"")).join(", ");
            let reason = format!("empty: nothing would be recorded; name some of {names}, or leave [audit] out");
            self.findings.add(table.events.span(), "audit.events", reason);
        }
        for (index, text) in table.events.get_ref().iter().enumerate() {
            let key = format!("audit.events[{index}]");
            match self.one_of(&key, text, &known) {
                Some(event) if events.contains(&event) => self.findings.add(text.span(), key, "named twice"),
                event => events.extend(event),
            }
        }
        let outcomes = match &table.outcomes {
            Some(outcomes) => self.one_of("audit.outcomes", outcomes, &OUTCOMES)?,
            None => AuditOutcomes::All,
        };
        let mut sized = |key: &str, written, unsaid, max| match written {
            None => Some(unsaid),
            written => self.number(key, written, 1..=max),
        };
        let mebibytes = sized("audit.file_mib", table.file_mib.as_ref(), FILE_MIB, FILE_MIB_MAX)?;
        let files = sized("audit.files", table.files.as_ref(), FILES, FILES_MAX)?;
        Some(AuditRules::new(&events, outcomes, (u64::from(mebibytes) << 20, files)))
    }
}

const OUTCOMES: [(&str, AuditOutcomes); 3] =
    [("all", AuditOutcomes::All), ("success", AuditOutcomes::Success), ("failure", AuditOutcomes::Failure)];
/// Size of a file where nothing is said, and at most.
const FILE_MIB: u32 = 64;
const FILE_MIB_MAX: u32 = 4096;
/// Files that are kept where nothing is said, and at most.
const FILES: u32 = 10;
const FILES_MAX: u32 = 1000;
