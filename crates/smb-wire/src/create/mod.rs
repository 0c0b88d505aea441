//! CREATE.

mod contexts;
mod lease;
mod options;
mod request;
mod request_contexts;
mod response;
mod response_contexts;

pub use contexts::{CreateContext, CreateContexts};
pub use lease::{LeaseContext, LeaseFlags, LeaseState, ParentLease};
pub use options::{
    CreateAction, CreateDisposition, CreateOptions, CreateResponseFlags, ImpersonationLevel, OplockLevel, ShareAccess,
};
pub use request::CreateRequest;
pub use request_contexts::{
    AaplQuery, AppInstanceVersion, CreateRequestContext, DurableFlags, DurableReconnect, DurableRequest,
};
pub use response::CreateResponse;
pub use response_contexts::{CreateResponseContext, DiskId, DurableGranted, MaximalAccess};
