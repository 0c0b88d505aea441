//! The window as `berth` composes it.

use std::sync::{Arc, Mutex, PoisonError};

use admin_api::Health;
use tokio::time::MissedTickBehavior;

use crate::access::TokenFile;
use crate::audit::AuditLog;
use crate::documents::ZoneDocuments;
use crate::events::EventStore;
use crate::figures::{Condition, Figures, Sources};
use crate::history::{History, SAMPLE_INTERVAL, Sample, Span};
use crate::notifications::NotificationStore;
use crate::quotas::QuotaStore;
use crate::routes;
use crate::serve::{self, Listener, Scope};
use crate::snapshots::SnapshotStore;

/// What a window is made of.
#[derive(Clone)]
pub struct WindowParts {
    /// What is shown.
    pub sources: Arc<dyn Sources>,
    /// The zones, shown and changed.
    pub documents: Arc<dyn ZoneDocuments>,
    /// The quotas, shown and changed.
    pub quotas: Arc<dyn QuotaStore>,
    /// The snapshots, shown, taken and deleted.
    pub snapshots: Arc<dyn SnapshotStore>,
    /// What was recorded of what clients did.
    pub events: Arc<dyn EventStore>,
    /// What was told of quotas.
    pub notifications: Arc<dyn NotificationStore>,
    /// Who may ask over the network; `None`: nobody.
    pub tokens: Option<Arc<dyn TokenFile>>,
    /// Where changes are recorded; `None`: nowhere.
    pub audit: Option<Arc<dyn AuditLog>>,
}

/// The operator's window. Clones are the same window.
#[derive(Clone)]
pub struct Window {
    desk: Arc<Desk>,
}

/// What all requests share.
pub(crate) struct Desk {
    pub(crate) sources: Arc<dyn Sources>,
    pub(crate) documents: Arc<dyn ZoneDocuments>,
    pub(crate) quotas: Arc<dyn QuotaStore>,
    pub(crate) snapshots: Arc<dyn SnapshotStore>,
    pub(crate) events: Arc<dyn EventStore>,
    pub(crate) notifications: Arc<dyn NotificationStore>,
    pub(crate) tokens: Option<Arc<dyn TokenFile>>,
    pub(crate) audit: Option<Arc<dyn AuditLog>>,
    history: Mutex<History>,
}

impl Window {
    /// A window that nobody looks through yet.
    #[must_use]
    pub fn new(parts: WindowParts) -> Self {
        Self { desk: Arc::new(Desk::new(parts)) }
    }

    /// Answers requests until it is dropped.
    pub async fn serve(&self, listener: impl Listener, scope: Scope) {
        serve::serve(listener, routes::router(Arc::clone(&self.desk), scope)).await;
    }

    /// Takes a sample every second, for rates, until it is dropped.
    pub async fn sample(&self) {
        let mut ticks = tokio::time::interval(SAMPLE_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.desk.sample();
        }
    }
}

impl Desk {
    pub(crate) fn new(parts: WindowParts) -> Self {
        let WindowParts { sources, documents, quotas, snapshots, events, notifications, tokens, audit } = parts;
        Self { sources, documents, quotas, snapshots, events, notifications, tokens, audit, history: Mutex::default() }
    }

    /// Remembers how everything is now.
    pub(crate) fn sample(&self) {
        let sample = Sample::of(&self.sources.figures(), self.sources.now().1);
        self.history.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
    }

    /// How everything is, and what happened in the last seconds.
    pub(crate) fn figures(&self) -> (Figures, Span) {
        let figures = self.sources.figures();
        let now = Sample::of(&figures, self.sources.now().1);
        let span = self.history.lock().unwrap_or_else(PoisonError::into_inner).span(&now);
        (figures, span)
    }

    /// Whether everything is served.
    pub(crate) fn health(&self) -> Health {
        let conditions = self.sources.conditions();
        Health::new(conditions.iter().filter(|condition| condition.is_failure()).map(Condition::text).collect())
    }
}

impl std::fmt::Debug for WindowParts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("WindowParts").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Window {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Window").finish_non_exhaustive()
    }
}
