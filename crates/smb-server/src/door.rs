//! What all connections of the door share.

use std::fmt;
use std::sync::Arc;

use vfs::{CloseRequest, OpContext, OpenId, Vfs};

use crate::audit;
use crate::connection::Facts;
use crate::session::Session;
use crate::waits::Which;

/// The door: the house behind it, and what its connections go by.
pub(crate) struct Door<V> {
    pub(crate) vfs: Arc<V>,
    pub(crate) facts: Arc<Facts>,
}

impl<V: Vfs> Door<V> {
    /// Ends a session with everything that it holds; once.
    pub(crate) async fn end(&self, session: &Session) {
        if self.stop(session).await {
            self.vfs.end_session(session.session_id()).await;
        }
    }

    /// Ends a session whose connections were lost; once. What is durable waits for its client.
    pub(crate) async fn lose(&self, session: &Session) {
        if self.stop(session).await {
            self.park(session).await;
            self.vfs.end_session(session.session_id()).await;
        }
    }

    /// Ends an open of whatever session, or one that waits for its client; nobody is asked.
    pub(crate) async fn end_open(&self, session: u64, id: OpenId) {
        if let Some(waiting) = self.facts.parked.take(id) {
            return self.close_parked(&waiting).await;
        }
        let Some(session) = self.facts.sessions.find(session) else { return };
        // Of a session that ends everything is closed or parked at any rate.
        let Some(_under_way) = session.life.begin() else { return };
        let Some(open) = session.opens.get(id).filter(|open| session.opens.take(open)) else { return };
        session.end_waits(None, Which::Open { session: session.id, open: open.file_id.volatile });
        let ctx = OpContext { session: session.session_id(), ..OpContext::internal(open.inode) };
        let closed = self.vfs.close(&ctx, CloseRequest { open: id }).await;
        tracing::debug!(open = ?id, ?closed, "the application of an open has come up on another client");
    }

    async fn stop(&self, session: &Session) -> bool {
        let interrupt = || session.end_waits(None, Which::Session(session.id));
        let is_ended = session.life.end(interrupt).await;
        if let Some(listed) = is_ended.then(|| self.facts.sessions.remove(session.id)).flatten() {
            audit::logged_off(&self.facts, &listed);
        }
        is_ended
    }
}

impl<V> fmt::Debug for Door<V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Door").field("facts", &self.facts).finish_non_exhaustive()
    }
}
