//! IOCTL, and what goes in and out by control code.

mod control_code;
mod copy;
mod message;
mod negotiation;
mod network;
mod objects;
mod pipes;
mod ranges;
mod snapshots;

pub use control_code::ControlCode;
pub use copy::{
    Chunk, CopyChunkRequest, CopyChunkResponse, DuplicateExtents, DuplicateExtentsEx, DuplicateFlags, ResumeKey,
    ResumeKeyResponse,
};
pub use message::{IoctlFlags, IoctlRequest, IoctlResponse};
pub use negotiation::{ValidateNegotiateRequest, ValidateNegotiateResponse};
pub use network::{InterfaceCapabilities, NetworkInterface, SocketAddress};
pub use objects::{Compression, Integrity, ObjectId, ReparseBuffer, SetIntegrity, SymlinkReparse};
pub use pipes::{PipePeek, PipeWait};
pub use ranges::{AllocatedRange, LevelTrim, SetSparse, TrimRange, TrimResponse, ZeroData};
pub use snapshots::SnapshotArray;
