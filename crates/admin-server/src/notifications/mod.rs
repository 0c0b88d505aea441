//! What was told of the quotas of a zone.

pub(crate) mod answer;

use admin_api::Notification;
use futures_util::future::BoxFuture;

/// What was sent, and what was not. The roof implements it.
pub trait NotificationStore: Send + Sync {
    /// The last of a zone, newest first.
    ///
    /// Errors: it cannot be read, why.
    fn notifications(&self, zone: &str) -> BoxFuture<'_, Result<Vec<Notification>, String>>;
}
