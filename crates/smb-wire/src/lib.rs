//! SMB 2.0.2 to 3.1.1 as types over borrowed bytes: encode and decode, bytes only.
//!
//! No sockets, no clock, no file system, no keys: a server cuts received bytes into frames ([`frame`]), takes off the
//! transform ([`transform`]), walks the compound ([`compound`]) and decodes each body by the command of its [`Header`].
//! Names, blobs and payloads borrow from the message. Both directions exist for every message, so that tests and load
//! generators can be clients.
//!
//! Lenient where the specification says "ignore": reserved fields, unknown flags, unknown contexts, unknown numbers.
//! Strict where nothing can be made of the bytes: sizes of structures, lengths and offsets. No decoder panics, and none
//! allocates.

pub mod catalogue;
pub mod change_notify;
pub mod close;
pub mod codec;
pub mod compound;
pub mod create;
pub mod dtyp;
pub mod error_response;
pub mod frame;
pub mod info;
pub mod ioctl;
pub mod lock;
pub mod negotiate;
pub mod oplock_break;
pub mod pipe;
pub mod query_directory;
pub mod query_info;
pub mod read;
pub mod session_setup;
pub mod smb1;
pub mod transform;
pub mod tree_connect;
pub mod write;

mod cancel;
mod channel;
mod command;
mod echo;
mod file_id;
mod flush;
mod header;
mod logoff;
mod output;
mod status;
mod tree_disconnect;

pub use cancel::CancelRequest;
pub use channel::Channel;
pub use command::Command;
pub use echo::{EchoRequest, EchoResponse};
pub use file_id::FileId;
pub use flush::{FlushRequest, FlushResponse};
pub use header::{HEADER_BYTES, Header, HeaderFlags, Protocol, Recipient, SIGNATURE_AT};
pub use logoff::{LogoffRequest, LogoffResponse};
pub use output::{OutputInPlace, OutputResponse};
pub use status::Status;
pub use tree_disconnect::{TreeDisconnectRequest, TreeDisconnectResponse};
