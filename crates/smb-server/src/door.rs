//! What all connections of the door share.

use std::fmt;
use std::sync::Arc;

use vfs::Vfs;

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
        let interrupt = || session.end_waits(None, Which::Session(session.id));
        if session.life.end(interrupt).await {
            self.facts.sessions.remove(session.id);
            self.vfs.end_session(session.session_id()).await;
        }
    }
}

impl<V> fmt::Debug for Door<V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Door").field("facts", &self.facts).finish_non_exhaustive()
    }
}
