//! The NFS door: NFSv3, MOUNT, NLM, NSM and portmap, onto `vfs`.
//!
//! The road of a call: `connection` cuts records from a stream and polls each call in place, `dispatch` does what RPC
//! asks, `nfs3` has one file per procedure (decode, ask vfs, encode), and the reply goes back as a return value. Nothing
//! here makes a thread, a runtime or a task: [`Server`] gives out futures, and the roof runs them.

mod callback;
mod caller;
mod connection;
mod datagrams;
mod dispatch;
mod door;
mod first_times;
mod handle;
mod metrics;
mod mount;
mod nfs3;
mod nlm4;
mod nsm;
mod portmap;
mod reply;
mod reply_cache;
mod rquota;
mod serve;
mod sessions;
mod settings;
mod status;
#[cfg(test)]
mod tests;

pub use admission::{ConnectionFigures, ConnectionSettings, LATENCY_BOUNDS_US, LatencyFigures, Spawner};
pub use callback::{Registration, Rpcbind};
pub use caller::Role;
pub use handle::{BadHandle, HANDLE_BYTES, HANDLE_KEYS_MAX, HandleKeys, HandleKeysError, HandleTarget, KEY_BYTES};
pub use metrics::{OperationFigures, ReplyCacheFigures, Share, ShareFigures, TrafficFigures};
pub use serve::{Server, ServerParts, ZoneFigures};
pub use sessions::SessionFigures;
pub use settings::Settings;
