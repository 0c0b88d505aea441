//! From a zone file's text, and the files it names, to a [`ZoneDefinition`]: every check of a single zone.

mod audit;
mod clients;
mod exports;
mod identities;
mod notifications;
mod presentation;
mod schedules;
mod shares;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;
use vfs::{Name, SnapshotAccess};

use self::exports::Surroundings;
use crate::error::{ConfigError, ConfigErrors, Findings};
use crate::netgroup::Netgroups;
use crate::path::parse_configured;
use crate::settings::{Text, Texts, ZoneFile};
use crate::sources::{HostResolver, Sources, system_reader, system_secret_reader};
use crate::zone::ZoneDefinition;

/// Parses the text of one zone file. Files that it names (users, groups, netgroups) are read from the file system,
/// relative to the folder of `file`.
///
/// Errors: what TOML or an unknown, missing or mistyped key makes unreadable; else everything that is wrong.
pub fn parse(file: &Path, text: &str, resolve: &HostResolver) -> Result<ZoneDefinition, ConfigErrors> {
    parse_with(file, text, Sources { resolve, read: &system_reader, read_secret: &system_secret_reader })
}

/// [`parse`] with another way to read the files that the zone file names.
///
/// Errors: as `parse`.
pub fn parse_with(file: &Path, text: &str, sources: Sources<'_>) -> Result<ZoneDefinition, ConfigErrors> {
    let mut findings = Findings::new(file, text);
    let written = match toml::from_str::<ZoneFile>(text) {
        Ok(written) => written,
        Err(error) => {
            findings.add_syntax(&error);
            return findings.finish(None);
        }
    };
    let mut reader = Reader {
        file,
        findings,
        sources,
        netgroups: None,
        hosts: HashMap::new(),
        is_named_file_wrong: false,
        warnings: Vec::new(),
    };
    let zone = reader.zone(&written);
    reader.findings.finish(Some(zone))
}

struct Reader<'a> {
    file: &'a Path,
    findings: Findings<'a>,
    sources: Sources<'a>,
    netgroups: Option<Netgroups>,
    /// What host names stand for, or why for nothing: each is resolved once.
    hosts: HashMap<String, Result<Vec<IpNet>, String>>,
    /// A file that the zone file names is wrong, so that what stands in it is missing.
    is_named_file_wrong: bool,
    warnings: Vec<ConfigError>,
}

impl Reader<'_> {
    fn zone(&mut self, written: &ZoneFile) -> ZoneDefinition {
        let name = self.name(&written.name);
        let base = self.path("base", &written.base).unwrap_or_default();
        let addresses = self.addresses(&written.addresses);
        let identities = self.identities(written);
        self.netgroups = self.netgroups(written);
        let around =
            Surroundings { zone: &name, accounts: &identities.accounts, has_users: written.users_file.is_some() };
        let placed = self.all_exports(&around, &written.export);
        let shares = self.shares(&around, &written.share);
        let aliases = self.aliases(written, &placed);
        ZoneDefinition {
            file: self.file.to_owned(),
            id: ZoneDefinition::id_of(&name),
            name,
            base,
            addresses,
            force_overlap: written.force_overlap,
            snapshots: self.snapshots(written.snapshot_directory.as_ref()),
            schedules: self.schedules(&written.snapshot),
            notifications: self.notifications(&written.notification),
            reports: self.reports(&written.report),
            audit: self.audit(written.audit.as_ref()),
            identities,
            aliases,
            shares,
            exports: placed.into_iter().map(|placed| Arc::new(placed.export)).collect(),
            warnings: std::mem::take(&mut self.warnings),
        }
    }

    fn name(&mut self, written: &Text) -> String {
        let name = written.get_ref();
        if !is_zone_name(name) {
            let reason = format!(
                "\"{}\" is no zone name: 1 to {ZONE_NAME_BYTES_MAX} letters, digits, \"-\", \"_\" and \".\"",
                name.escape_default()
            );
            self.findings.add(written.span(), "name", reason);
        }
        name.clone()
    }

    fn snapshots(&mut self, written: Option<&Text>) -> SnapshotAccess {
        let Some(written) = written else { return SNAPSHOTS_DEFAULT };
        match written.get_ref().as_str() {
            "hidden" => SNAPSHOTS_DEFAULT,
            "listed" => SnapshotAccess { listed: true, ..SNAPSHOTS_DEFAULT },
            "off" => SnapshotAccess::NONE,
            other => {
                let reason = format!(
                    "\"{}\" is not one of \"hidden\" (entered by name in every directory), \"listed\" (in the root of exports and shares too), \"off\"",
                    other.escape_default()
                );
                self.findings.add(written.span(), "snapshot_directory", reason);
                SNAPSHOTS_DEFAULT
            }
        }
    }

    fn path(&mut self, key: &str, written: &Text) -> Option<Vec<Name>> {
        match parse_configured(written.get_ref()) {
            Ok(components) => Some(components),
            Err(reason) => {
                let reason = format!("{reason}; write an absolute path such as \"/projects\"");
                self.findings.add(written.span(), key, reason);
                None
            }
        }
    }

    fn addresses(&mut self, written: &Texts) -> Vec<IpAddr> {
        if written.get_ref().is_empty() {
            self.findings.add(written.span(), "addresses", "empty: without an address no client can reach the zone");
        }
        let mut addresses = Vec::new();
        for (index, text) in written.get_ref().iter().enumerate() {
            let key = format!("addresses[{index}]");
            match parse_address(text.get_ref()) {
                Ok(address) if addresses.contains(&address) => self.findings.add(text.span(), key, "named twice"),
                Ok(address) => addresses.push(address),
                Err(reason) => self.findings.add(text.span(), key, reason),
            }
        }
        addresses
    }
}

/// Nobody has to see `.snapshot` to enter it: what walks through whole trees would meet everything many times.
const SNAPSHOTS_DEFAULT: SnapshotAccess = SnapshotAccess { accessible: true, listed: false };

/// Whether a zone may be called so.
pub(crate) fn is_zone_name(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=ZONE_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_legal)
}

fn parse_address(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text.parse().map_err(|_| format!("\"{}\" is no IP address", text.escape_default()))?;
    if address.is_unspecified() || address.is_multicast() {
        return Err(format!("{address} is no address that a client can connect to; name the zone's own"));
    }
    Ok(address.to_canonical())
}

/// Longest name of a zone, in bytes.
const ZONE_NAME_BYTES_MAX: usize = 64;
