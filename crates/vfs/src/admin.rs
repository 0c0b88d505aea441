//! What administration asks: roots of zones now; snapshots, quotas, policies and jobs join here.

use std::future::Future;

use crate::{Attributes, Epoch, Failure, FsError, Name, OpContext, SetAttributes, ShardId};

/// The base directory of an access zone, which is made when it does not exist.
#[derive(Clone, Debug)]
pub struct ZoneRootRequest {
    /// Path of the base in the one namespace; empty is the root.
    pub base: Vec<Name>,
    /// Attributes of the directories that are made.
    pub attributes: SetAttributes,
}

/// The base directory of an access zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneRootReply {
    /// The directory.
    pub attributes: Attributes,
}

/// A step of a shard's snapshot clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochReply {
    /// The epoch that ended: what was current then stays readable under it.
    pub ended: Epoch,
}

/// What administration asks.
pub trait Admin: Send + Sync + 'static {
    /// Finds or makes the base directory of a zone. One that is made becomes the root of a shard of its own; one that
    /// exists keeps its shard.
    ///
    /// Errors, in order: `NotDirectory` (something else stands in the way), `TooDeep`, `NoSpace`, `Io`.
    fn zone_root(
        &self,
        ctx: &OpContext,
        request: ZoneRootRequest,
    ) -> impl Future<Output = Result<ZoneRootReply, Failure>> + Send;

    /// Ends the current epoch of a shard: what is there now is kept for readers of that epoch. Snapshots stand on it.
    ///
    /// Errors, in order: `NotFound` (no such shard), `NoSpace`, `Io`; `NotSupported` by houses that cannot.
    fn take_epoch(
        &self,
        _ctx: &OpContext,
        _shard: ShardId,
    ) -> impl Future<Output = Result<EpochReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }
}
