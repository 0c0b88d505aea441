//! Access zones: which local address, base directory, exports and identity mapping belong together.
//!
//! A zone file is parsed into a [`ZoneDefinition`]; with the inode of its base directory it becomes a [`Zone`], and the
//! [`Registry`] shows doors one immutable set of zones at a time. Nothing here does I/O while requests are served: host
//! names are resolved and files are read by [`load`] and [`parse`] only.
//!
//! The road of a request: `registry.zone_for(local address)`, then `zone.export(id from the handle, client)`, then
//! `zone.admit(export, asker)`, which may wait for the zone's provider of groups.

mod accounts;
mod admit;
mod audit;
mod client;
mod conflicts;
mod describe;
pub mod document;
pub mod edit;
mod error;
mod export;
mod groups;
mod lines;
mod load;
mod logon;
mod mapping;
mod netgroup;
mod notification;
mod parse;
mod passwords;
mod path;
mod period;
mod presentation;
mod registry;
mod report;
mod schedule;
mod settings;
mod share;
mod sids;
mod sources;
mod stable_id;
#[cfg(test)]
mod tests;
mod zone;

pub use admit::{Admitted, Asker, Refusal};
pub use audit::{AuditEvent, AuditMailbox, AuditObject, AuditOutcomes, AuditRecord, AuditRules, AuditUser, Trail};
pub use client::ClientAccess;
pub use error::{ConfigError, ConfigErrors};
pub use export::{Export, ExportId};
pub use groups::{GroupProvider, Lookup, ProviderError};
pub use load::{Replaced, find_document, load, load_replaced, load_with, new_zone_file};
pub use logon::{AccountFiles, LocalUser, Logon};
pub use mapping::{NOBODY, NOGROUP};
pub use notification::{MailTo, Notification, QuotaLimit, QuotaMoment, Webhook};
pub use parse::{parse, parse_with};
pub use passwords::{Password, StoredHash};
pub use period::{Period, parse_duration};
pub use presentation::{FileIds, Sizes, TransferSizes};
pub use registry::Registry;
pub use report::{ReportFormat, ReportSchedule};
pub use schedule::SnapshotSchedule;
pub use share::{Share, ShareId};
pub use sids::{Persona, ZoneSids};
pub use sources::{FileReader, HostResolver, Sources, system_reader, system_resolver, system_secret_reader};
pub use zone::{MountTarget, Zone, ZoneDefinition};
