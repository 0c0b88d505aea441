//! The SMB door: SMB 2.0.2 to 3.1.1 over TCP, onto `vfs`.
//!
//! The road of a request: `connection` cuts frames from a stream, its machine decrypts, verifies and takes them apart;
//! `dispatch` does the requests of a frame one after the other, with one file per command (decode, ask vfs, encode); and
//! the machine chains, signs or encrypts the answers. Nothing here makes a thread, a runtime or a task: [`Server`] gives
//! out futures, and the roof runs them.

mod answer;
mod app_instance;
mod attributes;
mod audit;
mod change_notify;
mod channel_sequence;
mod close;
mod connection;
mod create;
mod descriptors;
mod dispatch;
mod door;
mod durable;
mod extended_attributes;
mod flush;
mod ioctl;
mod lock;
mod lock_sequence;
mod metrics;
mod open_table;
mod oplock_break;
mod pattern;
mod pipe;
mod query_directory;
mod query_info;
mod read;
mod serve;
mod session;
mod set_info;
mod settings;
mod snapshots;
mod status;
mod symlink;
#[cfg(test)]
mod tests;
mod tree;
mod users;
mod waits;
mod write;

pub use admission::ConnectionSettings;
pub use metrics::OperationFigures;
pub use serve::{Server, ServerParts, SessionFigures};
pub use settings::{Protection, Settings};
pub use users::{Asked, Exchange, Users};
