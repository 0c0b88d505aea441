//! Zones as documents: shown, changed to a state that is wished for, taken away.

pub(crate) mod answer;
mod boundary;
mod fault;
pub(crate) mod order;
mod preconditions;
mod wish;

use admin_api::Problem;
use futures_util::future::BoxFuture;
use zones::document::Document;

pub(crate) use self::answer::{missing, named, show};
pub use self::fault::Fault;
pub(crate) use self::fault::wrong;
pub(crate) use self::order::{delete, put};
pub(crate) use self::preconditions::{Preconditions, etag};

/// The zone files of a gateway. The roof implements it.
pub trait ZoneDocuments: Send + Sync {
    /// The file of the zone of this name as it is now; `None` when there is none.
    fn read(&self, name: String) -> BoxFuture<'_, Result<Option<Document>, Fault>>;

    /// Makes one change while no other is made: decides, reads all zones as if it were made, serves them, and writes the
    /// file. When this fails, files and zones are as before. Goes on when the future is dropped.
    fn change(&self, change: ZoneChange) -> BoxFuture<'_, Result<Changed, Fault>>;
}

/// A change of one zone that is asked for.
pub struct ZoneChange {
    /// The zone.
    pub name: String,
    /// What is to become of its file, which is `None` when it has none.
    pub decide: Decide,
}

/// Decides what is to become of a file.
pub type Decide = Box<dyn FnOnce(Option<&Document>) -> Result<Decision, Problem> + Send>;

/// What is to become of the file of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is to stand in it; `None`: it is to go.
    pub text: Option<String>,
    /// Only find out whether that is right.
    pub is_dry_run: bool,
}

/// A change that was made, or could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The text before; `None`: there was no file.
    pub old: Option<String>,
    /// The text after; `None`: the file is gone.
    pub new: Option<String>,
    /// What is not right in the file but refuses nothing.
    pub warnings: Vec<String>,
    /// Whether it was made.
    pub is_applied: bool,
}

impl std::fmt::Debug for ZoneChange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ZoneChange").field("name", &self.name).finish_non_exhaustive()
    }
}
