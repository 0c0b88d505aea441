//! What a zone that is recorded has.

use std::sync::Arc;

use super::event::AuditEvent;
use super::mailbox::AuditMailbox;
use super::record::AuditRecord;
use super::rules::AuditRules;

/// What of a zone is recorded, and where doors put it.
#[derive(Clone, Debug)]
pub struct Trail {
    rules: AuditRules,
    mailbox: Arc<AuditMailbox>,
}

impl Trail {
    pub(crate) fn new(rules: AuditRules, mailbox: Arc<AuditMailbox>) -> Self {
        Self { rules, mailbox }
    }

    /// Which events are recorded.
    #[must_use]
    pub fn rules(&self) -> &AuditRules {
        &self.rules
    }

    /// Where they wait to be written.
    #[must_use]
    pub fn mailbox(&self) -> &Arc<AuditMailbox> {
        &self.mailbox
    }

    /// Under which event something is recorded that is `event`, if anything, and ended so; `None`: not at all.
    #[must_use]
    pub fn recorded(&self, event: Option<AuditEvent>, is_success: bool, is_denied: bool) -> Option<AuditEvent> {
        let as_itself = event.filter(|event| self.rules.wants(*event, is_success));
        let as_denied = || (is_denied && self.rules.wants(AuditEvent::Denied, false)).then_some(AuditEvent::Denied);
        as_itself.or_else(as_denied)
    }

    /// Puts in what a door made of an event.
    pub fn put(&self, record: AuditRecord) {
        self.mailbox.put(record);
    }
}
