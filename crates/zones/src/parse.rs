//! From a zone file's text to a [`ZoneDefinition`]: every check of a single file.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;
use toml::Spanned;
use vfs::{Flavor, Name};

use crate::client::{ClientLists, ClientMatch};
use crate::error::{ConfigErrors, Findings};
use crate::export::{Export, Mappings, Rules};
use crate::load::HostResolver;
use crate::mapping::Mapping;
use crate::path::parse_configured;
use crate::settings::{ExportTable, MapSetting, Text, Texts, ZoneFile};
use crate::zone::ZoneDefinition;

/// Parses the text of one zone file; `file` only names it in errors.
///
/// Errors: what TOML or an unknown, missing or mistyped key makes unreadable; else everything that is wrong.
pub fn parse(file: &Path, text: &str, resolve: &HostResolver) -> Result<ZoneDefinition, ConfigErrors> {
    let mut findings = Findings::new(file, text);
    let written = match toml::from_str::<ZoneFile>(text) {
        Ok(written) => written,
        Err(error) => {
            findings.add_syntax(&error);
            return findings.finish(None);
        }
    };
    let mut reader = Reader { findings, resolve };
    let zone = reader.zone(file, &written);
    reader.findings.finish(Some(zone))
}

struct Reader<'a> {
    findings: Findings<'a>,
    resolve: &'a HostResolver,
}

/// An export and the place in the file that its path stands at.
struct Placed {
    key: String,
    span: Range<usize>,
    export: Export,
}

impl Reader<'_> {
    fn zone(&mut self, file: &Path, written: &ZoneFile) -> ZoneDefinition {
        let name = self.name(&written.name);
        let base = self.path("base", &written.base).unwrap_or_default();
        let addresses = self.addresses(&written.addresses);
        let mut placed = Vec::new();
        for (index, table) in written.export.iter().enumerate() {
            placed.extend(self.exports(&name, &format!("export[{index}]"), table));
        }
        self.refuse_twins(&placed);
        ZoneDefinition {
            file: file.to_owned(),
            id: ZoneDefinition::id_of(&name),
            name,
            base,
            addresses,
            force_overlap: written.force_overlap,
            exports: placed.into_iter().map(|placed| Arc::new(placed.export)).collect(),
        }
    }

    fn name(&mut self, written: &Text) -> String {
        let name = written.get_ref();
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > ZONE_NAME_BYTES_MAX || !name.bytes().all(is_legal) {
            let reason = format!(
                "\"{}\" is no zone name: 1 to {ZONE_NAME_BYTES_MAX} letters, digits, \"-\", \"_\" and \".\"",
                name.escape_default()
            );
            self.findings.add(written.span(), "name", reason);
        }
        name.clone()
    }

    fn path(&mut self, key: &str, written: &Text) -> Option<Vec<Name>> {
        match parse_configured(written.get_ref()) {
            Ok(components) => Some(components),
            Err(reason) => {
                self.findings.add(
                    written.span(),
                    key,
                    format!("{reason}; write an absolute path such as \"/projects\""),
                );
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

    fn exports(&mut self, zone: &str, key: &str, table: &ExportTable) -> Vec<Placed> {
        let rules = self.rules(key, table);
        let mappings = Mappings {
            root: self.mapping(&format!("{key}.map_root"), table.map_root.as_ref(), Some(Mapping::ANONYMOUS)),
            non_root: self.mapping(&format!("{key}.map_non_root"), table.map_non_root.as_ref(), None),
            all: self.mapping(&format!("{key}.map_all"), table.map_all.as_ref(), None),
        };
        if table.paths.get_ref().is_empty() {
            self.findings.add(table.paths.span(), format!("{key}.paths"), "empty: an export has at least one path");
        }
        let mut placed = Vec::new();
        for (index, path) in table.paths.get_ref().iter().enumerate() {
            let key = format!("{key}.paths[{index}]");
            let Some(components) = self.path(&key, path) else { continue };
            let export = Export::new(zone, components, rules.clone(), mappings);
            placed.push(Placed { key, span: path.span(), export });
        }
        placed
    }

    fn rules(&mut self, key: &str, table: &ExportTable) -> Rules {
        let lists = ClientLists {
            clients: self.clients(&format!("{key}.clients"), &table.clients),
            read_only: self.clients(&format!("{key}.read_only_clients"), &table.read_only_clients),
            read_write: self.clients(&format!("{key}.read_write_clients"), &table.read_write_clients),
            root: self.clients(&format!("{key}.root_clients"), &table.root_clients),
        };
        let flavors = self.flavors(&format!("{key}.security"), table.security.as_ref());
        Rules { lists, read_only: table.read_only, all_dirs: table.all_dirs, flavors }
    }

    fn clients(&mut self, key: &str, written: &[Text]) -> Vec<ClientMatch> {
        let mut clients = Vec::new();
        for (index, text) in written.iter().enumerate() {
            match parse_client(text.get_ref(), self.resolve) {
                Ok(networks) => clients.push(ClientMatch { written: text.get_ref().clone(), networks }),
                Err(reason) => self.findings.add(text.span(), format!("{key}[{index}]"), reason),
            }
        }
        clients
    }

    fn mapping(&mut self, key: &str, written: Option<&Spanned<MapSetting>>, unset: Option<Mapping>) -> Option<Mapping> {
        let Some(written) = written else { return unset };
        match Mapping::parse(written.get_ref()) {
            Ok(mapping) => mapping,
            Err(reason) => {
                self.findings.add(written.span(), key, reason);
                unset
            }
        }
    }

    fn flavors(&mut self, key: &str, written: Option<&Texts>) -> Vec<Flavor> {
        let Some(written) = written else { return vec![Flavor::Sys] };
        if written.get_ref().is_empty() {
            self.findings.add(written.span(), key, "empty: allowed are \"sys\" and \"none\"");
        }
        let mut flavors = Vec::new();
        for (index, text) in written.get_ref().iter().enumerate() {
            let key = format!("{key}[{index}]");
            match parse_flavor(text.get_ref()) {
                Ok(flavor) if flavors.contains(&flavor) => self.findings.add(text.span(), key, "named twice"),
                Ok(flavor) => flavors.push(flavor),
                Err(reason) => self.findings.add(text.span(), key, reason),
            }
        }
        flavors
    }

    /// Refuses two exports of one path that would serve some client equally, and two paths with one number.
    fn refuse_twins(&mut self, placed: &[Placed]) {
        let mut by_id: HashMap<_, Vec<&Placed>> = HashMap::new();
        for second in placed {
            let earlier = by_id.entry(second.export.id()).or_default();
            for first in earlier.iter() {
                if let Some(reason) = twin_fault(first, second) {
                    self.findings.add(second.span.clone(), &second.key, reason);
                }
            }
            earlier.push(second);
        }
    }
}

fn twin_fault(first: &Placed, second: &Placed) -> Option<String> {
    let path = String::from_utf8_lossy(second.export.path());
    if first.export.path() != second.export.path() {
        let other = String::from_utf8_lossy(first.export.path());
        return Some(format!("\"{path}\" gives the same export number as \"{other}\": rename one"));
    }
    let clients = first.export.ambiguity(&second.export)?;
    Some(format!(
        "\"{path}\" is exported twice for {clients} (also by {}): name different clients, or merge the exports",
        first.key
    ))
}

fn parse_address(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text.parse().map_err(|_| format!("\"{}\" is no IP address", text.escape_default()))?;
    if address.is_unspecified() || address.is_multicast() {
        return Err(format!("{address} is no address that a client can connect to; name the zone's own"));
    }
    Ok(address.to_canonical())
}

fn parse_flavor(text: &str) -> Result<Flavor, String> {
    match text {
        "sys" => Ok(Flavor::Sys),
        "none" => Ok(Flavor::None),
        other => Err(format!("unknown flavor \"{}\": allowed are \"sys\" and \"none\"", other.escape_default())),
    }
}

/// The networks of an entry of a client list: an address, a CIDR, or the addresses of a host name.
fn parse_client(text: &str, resolve: &HostResolver) -> Result<Vec<IpNet>, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(vec![IpNet::from(address.to_canonical())]);
    }
    if text.contains('/') {
        return parse_network(text).map(|network| vec![network]);
    }
    if !is_host_name(text) {
        let shown = text.escape_default();
        return Err(format!(
            "\"{shown}\" is no client: allowed are host names, IP addresses and CIDR networks (no netgroups, no \
             wildcards; leave all lists empty for everyone)"
        ));
    }
    match resolve(text) {
        Ok(addresses) if addresses.is_empty() => Err(format!("host name \"{text}\" has no address")),
        Ok(addresses) => Ok(addresses.into_iter().map(|address| IpNet::from(address.to_canonical())).collect()),
        Err(error) => Err(format!("host name \"{text}\" cannot be resolved: {error}")),
    }
}

fn parse_network(text: &str) -> Result<IpNet, String> {
    let network: IpNet = text.parse().map_err(|_| format!("\"{}\" is no CIDR network", text.escape_default()))?;
    if network.trunc() != network {
        return Err(format!("\"{text}\" has address bits beyond its prefix; did you mean \"{}\"?", network.trunc()));
    }
    Ok(network)
}

/// RFC 1123 2.1: letters, digits, hyphens and dots; not digits alone, which would be a mistyped address.
fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_legal = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        is_legal && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= HOST_NAME_BYTES_MAX
        && text.split('.').all(is_label)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Longest name of a zone, in bytes.
const ZONE_NAME_BYTES_MAX: usize = 64;
/// Longest host name (RFC 1035 2.3.4).
const HOST_NAME_BYTES_MAX: usize = 253;
