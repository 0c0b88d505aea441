//! The gateways that the suite plays on, and what lies there.

use std::net::IpAddr;

use anyhow::{Context, Result, anyhow};
use nfs_wire::nfs3::{FileHandle, MkdirArgs};

use super::case::{Setting, at, mode, symlink, write};
use super::client::{Answer, ProtocolClient, Stop, User};
use super::{Nfs3ClientCrate, NfsRsCrate, Own};
use crate::client::Client;
use crate::{CONTOSO, Gateway, Site};

/// A gateway and what lies there.
#[derive(Debug)]
pub struct Stage {
    site: Site,
    gateway: Gateway,
    /// What tests find besides their own folder.
    pub places: Places,
}

/// Handles that every test may use.
#[derive(Debug)]
pub struct Places {
    /// The root of `/projects`, which everyone may write to.
    pub projects: FileHandle,
    /// Another export.
    pub archive: FileHandle,
    /// Objects of an export that the clients under test may only read.
    pub read_only: Objects,
    /// Objects of an export that does not serve the clients under test.
    pub barred: Objects,
    /// What the folder of a test on the full stage holds.
    pub prepared: Objects,
}

/// A folder with a file, a symbolic link and a folder in it: `file`, `link`, `folder`.
#[derive(Debug)]
pub struct Objects {
    /// The folder that holds them.
    pub root: FileHandle,
    /// A file of root, mode 0644, with some bytes.
    pub file: FileHandle,
    /// A symbolic link.
    pub link: FileHandle,
    /// An empty folder of root, mode 0755.
    pub folder: FileHandle,
}

/// Which implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Implementation {
    /// The crate `nfs3_client`.
    Nfs3Client,
    /// The crate `nfs-rs`.
    NfsRs,
    /// Our own.
    Own,
}

impl Implementation {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 3] = [Self::Nfs3Client, Self::NfsRs, Self::Own];

    /// The name of the crate.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nfs3Client => "nfs3_client",
            Self::NfsRs => "nfs-rs",
            Self::Own => "own",
        }
    }
}

impl Stage {
    /// Starts a gateway and prepares its places; for [`Setting::Full`] takes all its room away then.
    pub fn start(setting: Setting) -> Result<Self> {
        let site = Site::new(None)?;
        site.add_to_zone(CONTOSO, EXPORTS)?;
        let mut gateway = Gateway::start(&site)?;
        let places = prepare(&site).map_err(|stop| anyhow!("{stop}")).context("cannot prepare the stage")?;
        if setting == Setting::Full {
            gateway.stop()?;
            site.add_settings(NO_ROOM)?;
            gateway = Gateway::start(&site)?;
        }
        Ok(Self { site, gateway, places })
    }

    /// A new connection.
    pub fn client(&self, implementation: Implementation, user: User) -> Result<Box<dyn ProtocolClient>> {
        let address = self.site.address(CONTOSO)?;
        let client: Answer<Box<dyn ProtocolClient>> = match implementation {
            Implementation::Nfs3Client => Nfs3ClientCrate::connect(address, user).map(|client| Box::new(client) as _),
            Implementation::NfsRs => {
                NfsRsCrate::connect(address, user, "/projects").map(|client| Box::new(client) as _)
            }
            Implementation::Own => return self.own(user).map(|client| Box::new(client) as _),
        };
        client.map_err(|stop| anyhow!("{} cannot connect: {stop}", implementation.name()))
    }

    /// A new connection of our own client.
    pub fn own(&self, user: User) -> Result<Own> {
        let mut client = Client::connect(self.site.address(CONTOSO)?)?;
        client.act_as(user.uid, user.gid);
        Ok(Own::new(client))
    }

    /// Stops the gateway; an error unless the store is sound then.
    pub fn close(self) -> Result<()> {
        self.gateway.stop()?;
        Gateway::check(&self.site).map(drop)
    }
}

fn prepare(site: &Site) -> Answer<Places> {
    let address = site.address(CONTOSO).map_err(Stop::broken)?;
    let steward: IpAddr = STEWARD.parse().map_err(Stop::broken)?;
    let mut client = Own::new(Client::connect_from(steward, address).map_err(Stop::broken)?);
    let projects = client.mnt("/projects")?.root;
    let archive = client.mnt("/archive")?.root;
    let read_only = client.mnt("/read-only")?.root;
    let barred = client.mnt("/barred")?.root;
    let args = MkdirArgs { place: at(&projects, "prepared"), attributes: mode(0o755) };
    let prepared = client.mkdir(&args)?.object.unwrap_or_default();
    Ok(Places {
        projects,
        archive,
        read_only: objects(&mut client, read_only)?,
        barred: objects(&mut client, barred)?,
        prepared: objects(&mut client, prepared)?,
    })
}

fn objects(client: &mut Own, root: FileHandle) -> Answer<Objects> {
    let how = nfs_wire::nfs3::CreateHow::Guarded(mode(0o644));
    let create = nfs_wire::nfs3::CreateArgs { place: at(&root, "file"), how };
    let file = client.create(&create)?.object.unwrap_or_default();
    client.write(&write(&file, 0, b"what lies here"))?;
    let link = client.symlink(&symlink(at(&root, "link"), "file"))?.object.unwrap_or_default();
    let mkdir = MkdirArgs { place: at(&root, "folder"), attributes: mode(0o755) };
    let folder = client.mkdir(&mkdir)?.object.unwrap_or_default();
    Ok(Objects { root, file, link, folder })
}

/// Where the one comes from who may write everywhere.
const STEWARD: &str = "127.0.0.9";

const EXPORTS: &str = r#"
[[export]]
paths = ["/archive"]
all_dirs = true
map_root = "off"

[[export]]
paths = ["/read-only"]
clients = ["127.0.0.0/8"]
read_only = true
read_write_clients = ["127.0.0.9"]
map_root = "off"

[[export]]
paths = ["/barred"]
clients = ["127.0.0.9"]
map_root = "off"
"#;

/// More than any disk has: the most that can be set.
const NO_ROOM: &str = "[blocks]\nfree_bytes_min = 1125899906842624\n";
