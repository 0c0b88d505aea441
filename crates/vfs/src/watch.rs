//! Being told of changes.

use std::future::Future;
use std::sync::Arc;

use crate::{Cookie, Failure, FsError, InodeId, Mailbox, OpContext};

/// Kinds of change to hear of (MS-SMB2 2.2.35 `CompletionFilter` bits).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchFilter(pub u32);

/// A wish to hear of changes in a directory.
#[derive(Clone, Debug)]
pub struct WatchRequest {
    /// The directory.
    pub directory: InodeId,
    /// Everything below it too.
    pub recursive: bool,
    /// Which changes.
    pub filter: WatchFilter,
    /// Where [`crate::Event::Changed`] goes.
    pub mailbox: Arc<Mailbox>,
}

/// A watch that was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchReply {
    /// Names the watch in its events.
    pub watch: Cookie,
}

/// Being told of changes. A house that has no watches yet answers `NotSupported`.
pub trait Watch: Send + Sync + 'static {
    /// Sets a watch; it goes with its mailbox.
    ///
    /// Errors, in order: `StaleHandle`, `NotDirectory`, `AccessDenied`.
    fn watch(
        &self,
        _ctx: &OpContext,
        _request: WatchRequest,
    ) -> impl Future<Output = Result<WatchReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }
}
