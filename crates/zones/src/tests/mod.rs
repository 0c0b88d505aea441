//! Zone files in, decisions and messages out.

mod access;
mod aliases;
mod audit;
mod description;
mod errors;
mod files;
mod named_files;
mod netgroups;
mod never_panics;
mod passwords;
mod shares;

use std::io;
use std::net::IpAddr;
use std::path::Path;

use testkit::{ManualClock, block_on};
use vfs::{Credentials, Identity, InodeId, InodeNumber, ShardId};

use crate::{Asker, ConfigErrors, Refusal, Sources, Zone, ZoneDefinition, parse_with};

/// A file with nothing but what it must have.
const PLAIN: &str = "name = \"contoso\"\nbase = \"/tenants/contoso\"\naddresses = [\"127.0.0.1\"]\n";

/// What the host name `backup` stands for.
const BACKUP: [&str; 2] = ["10.9.9.9", "fd00::9"];

fn resolve(host: &str) -> io::Result<Vec<IpAddr>> {
    match host {
        "backup" => Ok(BACKUP.map(|text| text.parse().unwrap()).to_vec()),
        "empty" => Ok(Vec::new()),
        _ => Err(io::Error::other("unknown host")),
    }
}

fn parse_text(text: &str) -> Result<ZoneDefinition, ConfigErrors> {
    parse_beside(text, &[])
}

/// Parses a zone file beside which these files lie.
fn parse_beside(text: &str, files: &[(&str, &str)]) -> Result<ZoneDefinition, ConfigErrors> {
    let read = |file: &Path, bytes_max: u64| {
        let found = files.iter().find(|(name, _)| file == Path::new("zones").join(name));
        let (_, text) = found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))?;
        assert!(text.len() as u64 <= bytes_max, "larger than {bytes_max} bytes");
        Ok(text.as_bytes().to_vec())
    };
    parse_with(Path::new("zones/contoso.toml"), text, Sources { resolve: &resolve, read: &read, read_secret: &read })
}

/// Messages of a zone file beside which these files lie.
fn refusals_beside(text: &str, files: &[(&str, &str)]) -> Vec<String> {
    parse_beside(text, files).expect_err("the files are refused").0.iter().map(ToString::to_string).collect()
}

/// The plain zone with these exports, served at an inode of its own.
fn zone(exports: &str) -> Zone {
    zone_beside(exports, &[])
}

/// As [`zone`], with more keys and with files beside it.
fn zone_beside(text: &str, files: &[(&str, &str)]) -> Zone {
    let definition = parse_beside(&format!("{PLAIN}{text}"), files).unwrap_or_else(|errors| panic!("{errors}"));
    let root = InodeId { number: InodeNumber(7), ..InodeId::root_of(ShardId(3)) };
    Zone::new(definition, root)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Who `identity` becomes at the zone's first export.
fn credentials(zone: &Zone, identity: &Identity, client: &str) -> Result<Credentials, Refusal> {
    let asker = Asker { identity, client: ip(client), clock: &ManualClock::standing() };
    block_on(zone.admit(&zone.exports()[0], asker)).map(|admitted| admitted.credentials)
}
