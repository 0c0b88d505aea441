//! What is served, as told when ready.

use std::net::IpAddr;
use std::path::Path;

use serde::Serialize;
use zones::Zone;

use crate::settings::Ports;

/// The line of `berth demo --json`; programs read it.
#[derive(Debug, Serialize)]
pub(crate) struct Ready {
    ready: bool,
    zones: Vec<ReadyZone>,
    admin: String,
}

#[derive(Debug, Serialize)]
struct ReadyZone {
    name: String,
    address: IpAddr,
    nfs_port: u16,
    mount_port: u16,
    portmap_port: u16,
    exports: Vec<String>,
    smb_port: u16,
    shares: Vec<String>,
    users: Vec<ReadyUser>,
}

/// A user who may log on over SMB.
#[derive(Debug, Serialize)]
pub(crate) struct ReadyUser {
    name: String,
    password: String,
    uid: u32,
}

impl ReadyUser {
    pub(crate) fn new(name: &str, password: &str, uid: u32) -> Self {
        Self { name: name.to_owned(), password: password.to_owned(), uid }
    }
}

impl Ready {
    /// Tells of these zones at these ports with their users, and of the admin socket. A zone with several addresses is told
    /// once for each.
    pub(crate) fn new<'a>(
        zones: impl IntoIterator<Item = &'a Zone>,
        (ports, admin): (Ports, &Path),
        users: impl Fn(&Zone) -> Vec<ReadyUser>,
    ) -> Self {
        let users = &users;
        let told = zones.into_iter().flat_map(|zone| {
            zone.definition().addresses().iter().map(move |address| ReadyZone {
                name: zone.name().to_owned(),
                address: *address,
                nfs_port: ports.nfs,
                mount_port: ports.nfs,
                portmap_port: ports.portmap.unwrap_or(0),
                exports: zone.exports().iter().map(|export| text(export.path())).collect(),
                smb_port: ports.smb,
                shares: zone.shares().iter().map(|share| share.name().to_owned()).collect(),
                users: users(zone),
            })
        });
        Self { ready: true, zones: told.collect(), admin: format!("unix:{}", admin.display()) }
    }

    /// As one line of JSON, without the newline.
    pub(crate) fn line(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
