//! The quotas, as the window asks the house for them.

use std::sync::Arc;

use admin_server::QuotaStore;
use futures_util::future::BoxFuture;
use vfs::{Case, FsError, InodeId, Name, OpContext, Quota, SetQuotaRequest, Vfs, WalkRequest};

/// The quotas of a house.
#[derive(Debug)]
pub(crate) struct HouseQuotas<V>(pub(crate) Arc<V>);

impl<V: Vfs> QuotaStore for HouseQuotas<V> {
    fn directory(&self, root: InodeId, path: Vec<Name>) -> BoxFuture<'_, Result<InodeId, FsError>> {
        Box::pin(async move {
            let request = WalkRequest { start: root, path, case: Case::Sensitive };
            let reply = self.0.walk(&OpContext::internal(root), request).await.map_err(|failure| failure.error)?;
            if reply.attributes.is_directory() { Ok(reply.attributes.inode) } else { Err(FsError::NotDirectory) }
        })
    }

    fn below(&self, root: InodeId) -> BoxFuture<'_, Result<Vec<Quota>, FsError>> {
        Box::pin(async move { self.0.quotas(&OpContext::internal(root), root).await.map_err(|failure| failure.error) })
    }

    fn set(&self, request: SetQuotaRequest) -> BoxFuture<'_, Result<(), FsError>> {
        Box::pin(async move {
            let ctx = OpContext::internal(request.directory);
            self.0.set_quota(&ctx, request).await.map(drop).map_err(|failure| failure.error)
        })
    }
}
