//! Turns what a client sends as its token into a [`vfs::Identity`]: what was claimed or proved, before any mapping.
//!
//! One module per exchange. AUTH_NONE and AUTH_SYS are plain functions, since they prove nothing and keep no state;
//! exchanges of several messages (SPNEGO, NTLM, Kerberos) join as state machines without I/O and clock. What an
//! identity may become is the zone's business, not this crate's.

pub mod auth_none;
pub mod auth_sys;
pub mod flavor;
mod secret;
pub mod smb;

pub use vfs::Flavor;
