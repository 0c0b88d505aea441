//! A configuration on disk: settings, two zones, free ports.

use std::fs;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// One access zone of the test site; its one export is `/projects`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    /// Name, also of the file that describes it.
    pub name: &'static str,
    /// The local address at which its tenants arrive.
    pub address: &'static str,
}

/// The zone on 127.0.0.1.
pub const CONTOSO: Zone = Zone { name: "contoso", address: "127.0.0.1" };

/// The zone on 127.0.0.2.
pub const FABRIKAM: Zone = Zone { name: "fabrikam", address: "127.0.0.2" };

/// A folder with `berth.toml` and `zones/`, and the ports it names.
#[derive(Debug)]
pub struct Site {
    folder: tempfile::TempDir,
    data: PathBuf,
    ports: Ports,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    nfs: u16,
    smb: u16,
    portmap: u16,
}

impl Site {
    /// Writes a configuration whose store is `data`; without one the store lies beside the configuration.
    pub fn new(data: Option<&Path>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("berth-site-").tempdir()?;
        let data = data.map_or_else(|| folder.path().join("data"), Path::to_owned);
        let [nfs, smb, portmap] = free_ports()?;
        let site = Self { folder, data, ports: Ports { nfs, smb, portmap } };
        site.write().context("cannot write the configuration of the test site")?;
        Ok(site)
    }

    /// The settings file for `berth serve --config`.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("berth.toml")
    }

    /// The store.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Where the gateway's own messages go.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("gateway.log")
    }

    /// The port of NFS, MOUNT and NLM.
    #[must_use]
    pub fn nfs_port(&self) -> u16 {
        self.ports.nfs
    }

    /// The port of SMB.
    #[must_use]
    pub fn smb_port(&self) -> u16 {
        self.ports.smb
    }

    /// The portmapper's port.
    #[must_use]
    pub fn portmap_port(&self) -> u16 {
        self.ports.portmap
    }

    /// Adds text to the end of the settings; before the gateway starts.
    pub fn add_settings(&self, text: &str) -> Result<()> {
        append(&self.config(), text)
    }

    /// Adds lines to `[nfs]`; before the gateway starts.
    pub fn add_to_nfs(&self, lines: &str) -> Result<()> {
        self.add_after("[nfs]\n", lines)
    }

    /// Adds lines above all sections of the settings; before the gateway starts.
    pub fn add_to_top(&self, lines: &str) -> Result<()> {
        self.add_after("", lines)
    }

    fn add_after(&self, place: &str, lines: &str) -> Result<()> {
        let settings = fs::read_to_string(self.config())?;
        Ok(fs::write(self.config(), settings.replacen(place, &format!("{place}{lines}"), 1))?)
    }

    /// Adds keys of the zone, above its exports, to a zone's file; before the gateway starts.
    pub fn add_keys_to_zone(&self, zone: Zone, lines: &str) -> Result<()> {
        let file = self.folder.path().join("zones").join(format!("{}.toml", zone.name));
        let text = fs::read_to_string(&file)?;
        Ok(fs::write(&file, text.replacen("[[export]]", &format!("{lines}\n[[export]]"), 1))?)
    }

    /// Adds text, such as one more `[[export]]`, to the end of a zone's file; before the gateway starts.
    pub fn add_to_zone(&self, zone: Zone, text: &str) -> Result<()> {
        append(&self.folder.path().join("zones").join(format!("{}.toml", zone.name)), text)
    }

    /// Bytes that the disk holds for the blocks of files: what was written and not freed, and the room made ahead.
    pub fn stored_bytes(&self) -> Result<u64> {
        let segments = fs::read_dir(self.data.join("blocks/segments"))?;
        let allocated = |entry: std::io::Result<fs::DirEntry>| match entry?.metadata() {
            Ok(metadata) => Ok(metadata.blocks() * 512),
            // A segment of which nothing is left is removed while we look.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error.into()),
        };
        segments.map(allocated).sum()
    }

    /// The NFS address of a zone.
    pub fn address(&self, zone: Zone) -> Result<SocketAddr> {
        Ok(SocketAddr::new(zone.address.parse::<IpAddr>()?, self.ports.nfs))
    }

    fn write(&self) -> Result<()> {
        let zones = self.folder.path().join("zones");
        fs::create_dir_all(&zones)?;
        fs::create_dir_all(&self.data)?;
        let Ports { nfs, smb, portmap } = self.ports;
        let settings = format!(
            "data = {:?}\nzones = {:?}\n\n[nfs]\nport = {nfs}\n\n[smb]\nport = {smb}\n\n[portmap]\nport = {portmap}\n",
            self.data, zones
        );
        fs::write(self.config(), settings)?;
        for zone in [CONTOSO, FABRIKAM] {
            fs::write(zones.join(format!("{}.toml", zone.name)), describe(zone))?;
        }
        Ok(())
    }
}

fn describe(zone: Zone) -> String {
    let Zone { name, address } = zone;
    format!(
        "name = \"{name}\"\nbase = \"/tenants/{name}\"\naddresses = [\"{address}\"]\n\n\
         [[export]]\npaths = [\"/projects\"]\nmap_root = \"off\"\n"
    )
}

fn append(file: &Path, text: &str) -> Result<()> {
    let mut content = fs::read_to_string(file)?;
    content.push('\n');
    content.push_str(text);
    Ok(fs::write(file, content)?)
}

/// Ports that nothing listened on at this moment, on both zones' addresses. All are held until the last is found: the
/// kernel would give one again.
fn free_ports() -> Result<[u16; 3]> {
    let (mut held, mut ports) = (Vec::new(), Vec::new());
    for _ in 0..PORT_TRIES {
        let listener = TcpListener::bind((CONTOSO.address, 0))?;
        let port = listener.local_addr()?.port();
        if let Ok(other) = TcpListener::bind((FABRIKAM.address, port)) {
            held.push(other);
            ports.push(port);
        }
        held.push(listener);
        if let Ok(found) = ports.as_slice().try_into() {
            return Ok(found);
        }
    }
    anyhow::bail!("no ports are free on both {} and {}", CONTOSO.address, FABRIKAM.address)
}

const PORT_TRIES: u32 = 100;
