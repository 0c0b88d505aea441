//! What was recorded of what clients of a zone did.

pub(crate) mod answer;
mod asked;

use admin_api::ZoneEvents;
use futures_util::future::BoxFuture;

pub use self::asked::{EventsAsked, EventsFrom, EventsPlace};

/// The records of zones. The roof implements it.
pub trait EventStore: Send + Sync {
    /// Some events of a zone; none where nothing was recorded.
    ///
    /// Errors: it cannot be read, why.
    fn events(&self, zone: &str, asked: EventsAsked) -> BoxFuture<'_, Result<ZoneEvents, String>>;
}
