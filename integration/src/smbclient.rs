//! Samba's command-line client: SMB in user space, no mount, no root.

use std::process::Command;

use anyhow::Result;

use crate::command::{Finished, Limit, is_installed, run};
use crate::site::{Site, Zone};

/// `smbclient` at one share, as one user, in one version of the protocol.
#[derive(Clone, Debug)]
pub struct Smbclient {
    /// The address of the zone.
    pub host: &'static str,
    /// The port of SMB.
    pub port: u16,
    /// The share.
    pub share: &'static str,
    /// Name and password, with `%` between them.
    pub user: &'static str,
    /// Its name for the protocol, such as `SMB3_11`; no other is spoken.
    pub version: &'static str,
    /// Whether everything is encrypted.
    pub encrypted: bool,
}

impl Smbclient {
    /// A client for a zone of the site; the reason when it is not installed.
    pub fn find(site: &Site, zone: Zone, (share, user): (&'static str, &'static str)) -> Result<Self, String> {
        if !is_installed("smbclient") {
            return Err("smbclient missing (Debian: smbclient)".to_owned());
        }
        let (host, port) = (zone.address, site.smb_port());
        Ok(Self { host, port, share, user, version: "SMB3_11", encrypted: false })
    }

    /// Connects and does these commands of its own language, one behind the other with `;` between them.
    pub fn run(&self, commands: &str) -> Result<Finished> {
        let mut command = Command::new("smbclient");
        command.arg(format!("//{}/{}", self.host, self.share)).arg(format!("--user={}", self.user));
        command.arg(format!("--port={}", self.port)).arg(format!("--max-protocol={}", self.version));
        command.arg(format!("--option=client min protocol={}", self.version));
        if self.encrypted {
            command.arg("--client-protection=encrypt");
        }
        run(command.arg("--command").arg(commands), Limit::seconds(SMBCLIENT_LIMIT))
    }
}

const SMBCLIENT_LIMIT: u64 = 60;
