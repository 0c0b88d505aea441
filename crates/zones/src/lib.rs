//! Access zones: which local address, base directory, exports and identity mapping belong together.
//!
//! A zone file is parsed into a [`ZoneDefinition`]; with the inode of its base directory it becomes a [`Zone`], and the
//! [`Registry`] shows doors one immutable set of zones at a time. Nothing here does I/O while requests are served: host
//! names are resolved and files are read by [`load`] only.
//!
//! The road of a request: `registry.zone_for(local address)`, then `zone.export(id from the handle, client)`, then
//! `export.admit(identity, client)`.

mod client;
mod conflicts;
mod error;
mod export;
mod load;
mod mapping;
mod parse;
mod path;
mod registry;
mod settings;
mod squash;
mod stable_id;
#[cfg(test)]
mod tests;
mod zone;

pub use client::ClientAccess;
pub use error::{ConfigError, ConfigErrors};
pub use export::{Export, ExportId};
pub use load::{HostResolver, load, load_with, system_resolver};
pub use mapping::{NOBODY, NOGROUP};
pub use parse::parse;
pub use registry::Registry;
pub use squash::{Admitted, Refusal};
pub use zone::{MountTarget, Zone, ZoneDefinition};
