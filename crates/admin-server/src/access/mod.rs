//! Who asks, and what they may.

mod admit;
mod caller;
mod token;

pub(crate) use self::admit::{Gate, admit, only_cluster_admins};
pub(crate) use self::caller::Caller;
pub use self::caller::Origin;
pub use self::token::{Token, TokenHash, TokenMistake, is_token_name};

use futures_util::future::BoxFuture;

/// The file of tokens. The roof implements it.
pub trait TokenFile: Send + Sync {
    /// Its text as it is now, so that a token that is taken away opens nothing any more.
    ///
    /// Errors: it cannot be read, why.
    fn read(&self) -> BoxFuture<'_, Result<String, String>>;
}
