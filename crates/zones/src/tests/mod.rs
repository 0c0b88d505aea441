//! Zone files in, decisions and messages out.

mod access;
mod errors;
mod files;
mod never_panics;

use std::io;
use std::net::IpAddr;
use std::path::Path;

use vfs::{InodeId, InodeNumber, ShardId};

use crate::{ConfigErrors, Zone, ZoneDefinition, parse};

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
    parse(Path::new("zones/contoso.toml"), text, &resolve)
}

/// The plain zone with these exports, served at an inode of its own.
fn zone(exports: &str) -> Zone {
    let definition = parse_text(&format!("{PLAIN}{exports}")).unwrap_or_else(|errors| panic!("{errors}"));
    let root = InodeId { number: InodeNumber(7), ..InodeId::root_of(ShardId(3)) };
    Zone::new(definition, root)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
