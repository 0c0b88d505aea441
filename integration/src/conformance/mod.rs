//! A conformance suite of NFSv3 and MOUNT 3 at the level of the protocol: every procedure, its success and each status
//! that RFC 1813 names for it, asked by clients that others have written and by our own.
//!
//! The arguments are the plain structs of `nfs-wire`; what foreign clients decode is carried over field by field, so that
//! two mistakes of our own cannot hide each other.

mod case;
mod cases;
pub mod client;
mod nfs3_client;
mod nfs_rs;
mod own;
mod play;
pub mod specification;
mod stage;
pub mod table;

pub use case::{Case, Scene, Setting};
pub use nfs_rs::NfsRsCrate;
pub use nfs3_client::Nfs3ClientCrate;
pub use own::Own;
pub use play::{Finding, Verdict, play};
pub use stage::{Implementation, Objects, Places, Stage};
