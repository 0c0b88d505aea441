//! Turns what a client sends as its token into a [`vfs::Identity`]: what was claimed or proved, before any mapping.
//!
//! One module per exchange. AUTH_NONE and AUTH_SYS are plain functions, since they prove nothing and keep no state;
//! exchanges of several messages ([`spnego`], [`ntlm`]) are state machines without I/O and clock, all of them
//! [`Mechanism`]s. What an identity may become is the zone's business, not this crate's. What SMB does with the key that
//! an exchange comes to is in [`smb`].

pub mod auth_none;
pub mod auth_sys;
pub mod brake;
pub mod flavor;
mod mechanism;
pub mod ntlm;
mod secret;
pub mod smb;
pub mod spnego;

pub use mechanism::{Established, Failure, Mechanism, Step, Who};
pub use secret::Key;
pub use vfs::Flavor;
