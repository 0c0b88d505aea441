//! Which groups a user has, whatever its client says: providers, and the cache before them.
//!
//! AUTH_SYS carries at most 16 groups (RFC 5531 appendix A). A zone with `resolve_groups` takes the groups of a uid from
//! its provider instead.

mod cache;
mod local;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub(crate) use self::cache::{Found, GroupCache, Lifetimes};
pub(crate) use self::local::LocalProvider;

/// What a provider answers, later: all groups of a user, sorted and its own among them; `None` when it knows no such
/// user.
pub type Lookup = Pin<Box<dyn Future<Output = Result<Option<Arc<[u32]>>, ProviderError>> + Send>>;

/// Knows the groups of users.
pub trait GroupProvider: fmt::Debug + Send + Sync + 'static {
    /// Asks for the groups of a user, at most [`vfs::limits::GROUPS_MAX`]. It is polled on a serving thread, so it
    /// must not block; several calls may wait for one answer, and it may be dropped at any time.
    ///
    /// Errors: the provider could not be asked. That says nothing about the user.
    fn groups_of(&self, uid: u32) -> Lookup;
}

/// A provider could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the users of the zone cannot be asked: {0}")]
pub struct ProviderError(pub Arc<str>);
