//! Quotas of a zone: listed, shown, set and taken away.

pub(crate) mod answer;
pub(crate) mod order;
mod owner;
mod report;
pub(crate) mod report_answer;
mod report_csv;
mod report_html;
mod settings;

use futures_util::future::BoxFuture;
use vfs::{FsError, InodeId, Name, Quota, SetQuotaRequest};

pub use self::answer::shown as quota_shown;
pub(crate) use self::answer::{list, show};
pub(crate) use self::order::{delete, put};
pub use self::report::quota_report;
pub(crate) use self::report_answer::report;
pub use self::report_csv::quota_report_csv;
pub use self::report_html::quota_report_html;

/// The quotas of the house. The roof implements it.
pub trait QuotaStore: Send + Sync {
    /// A directory by its path below another.
    ///
    /// Errors, in order: `NotFound`, `NotDirectory`, `Io`.
    fn directory(&self, root: InodeId, path: Vec<Name>) -> BoxFuture<'_, Result<InodeId, FsError>>;

    /// All of a directory and below it.
    ///
    /// Errors: as the contract says.
    fn below(&self, root: InodeId) -> BoxFuture<'_, Result<Vec<Quota>, FsError>>;

    /// Sets or removes one.
    ///
    /// Errors: as the contract says.
    fn set(&self, request: SetQuotaRequest) -> BoxFuture<'_, Result<(), FsError>>;
}
