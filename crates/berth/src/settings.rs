//! `berth.toml`: what an operator chooses, with its defaults, and what each crate gets of it.

use std::fmt::Display;
use std::fs;
use std::net::SocketAddr;
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use kv_local::LogPlace;
use serde::Deserialize;
use zones::{ConfigError, ConfigErrors};

use crate::admin::Identity;
use crate::data_directory::DataDirectory;
use crate::telemetry::LogSettings;

/// Everything an operator chooses, checked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The folder of the store.
    pub(crate) data: PathBuf,
    /// The folder of zone files.
    pub(crate) zones: PathBuf,
    /// Threads that serve connections.
    pub(crate) threads: usize,
    pub(crate) nfs: NfsSettings,
    pub(crate) smb: SmbSettings,
    pub(crate) portmap: PortmapSettings,
    pub(crate) memory: MemorySettings,
    pub(crate) metadata: MetadataSettings,
    pub(crate) blocks: BlockSettings,
    pub(crate) locks: LockSettings,
    pub(crate) admin: AdminSettings,
    pub(crate) log: LogSettings,
}

/// Where clients find the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    /// NFS and MOUNT.
    pub(crate) nfs: u16,
    /// SMB, at the addresses of zones with shares.
    pub(crate) smb: u16,
    /// Portmap and rpcbind; `None` is off.
    pub(crate) portmap: Option<u16>,
}

/// `berth.toml` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsFile {
    data: PathBuf,
    #[serde(default = "default_zones")]
    zones: PathBuf,
    threads: Option<usize>,
    #[serde(default)]
    nfs: NfsSettings,
    #[serde(default)]
    smb: SmbSettings,
    #[serde(default)]
    portmap: PortmapSettings,
    #[serde(default)]
    memory: MemorySettings,
    #[serde(default)]
    metadata: MetadataSettings,
    #[serde(default)]
    blocks: BlockSettings,
    #[serde(default)]
    locks: LockSettings,
    #[serde(default)]
    admin: AdminSettings,
    #[serde(default)]
    log: LogSettings,
}

/// `[nfs]`: the NFS door.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NfsSettings {
    /// TCP port of NFS and MOUNT.
    pub(crate) port: u16,
    /// Largest READ and WRITE, in bytes.
    pub(crate) io_bytes_max: u32,
    /// Connections at once.
    pub(crate) connections_max: usize,
    /// Of them at the addresses of one zone; half of them when not set.
    pub(crate) connections_per_zone_max: Option<usize>,
    /// Of them from one client (an IPv4 address, a /64 of IPv6); 4096, or as many as a zone has, when not set.
    pub(crate) connections_per_client_max: Option<usize>,
    /// Bytes of stored replies, for each zone.
    pub(crate) reply_cache_bytes: usize,
    /// Whether locks are changed by datagrams, and all locks of a client freed, from ports below 1024 only.
    pub(crate) reserved_lock_ports: bool,
    /// A connection without calls is closed after this many seconds.
    pub(crate) idle_timeout_s: u64,
    /// A connection on which no call was made yet is closed after this many seconds.
    pub(crate) first_call_timeout_s: u64,
}

/// `[smb]`: the SMB door.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SmbSettings {
    /// TCP port at the addresses of zones that have shares.
    pub(crate) port: u16,
    /// Connections at once.
    pub(crate) connections_max: usize,
    /// Whether sessions of users are signed; those of guests never are.
    pub(crate) signing: Protection,
    /// Whether sessions are encrypted; `required` refuses clients that cannot.
    pub(crate) encryption: Protection,
    /// Whether the door does what the conformance suite asks of a server under test. No settings file sets it.
    #[serde(skip)]
    pub(crate) torture: bool,
}

/// Whether something is up to the client.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protection {
    Offered,
    Required,
}

/// `[portmap]`: the port mapper.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PortmapSettings {
    /// TCP and UDP port; 0 is off.
    pub(crate) port: u16,
    /// Register with the rpcbind of this machine instead.
    pub(crate) register: bool,
}

/// `[memory]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MemorySettings {
    /// Memory for caches and dirty data; a quarter of the machine's when not set.
    pub(crate) budget_bytes: Option<u64>,
}

/// `[metadata]`: the metadata engine.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MetadataSettings {
    /// The folder of the log, on a device of its own; that of the store when not set.
    pub(crate) log: Option<PathBuf>,
    /// Size of the log, fixed when the store is made.
    pub(crate) log_bytes: u64,
}

/// `[blocks]`: the block store.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BlockSettings {
    /// Size of a new segment file.
    pub(crate) segment_bytes: u64,
    /// Room in the file system below which nothing is stored any more.
    pub(crate) free_bytes_min: u64,
}

/// `[locks]`: locks over the network.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LockSettings {
    /// For so many seconds after a start, at most, only locks held before may be taken.
    pub(crate) grace_s: u64,
}

/// `[admin]`: the operator's window.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AdminSettings {
    /// The Unix socket that commands such as `berth status` ask at; `admin.sock` in the folder of the store when not set.
    pub(crate) socket: Option<PathBuf>,
    /// Address and port that serve health and metrics, without any check of who asks; none when not set.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Address and port that serve who has a token, over TLS; none when not set. With it go the next three.
    pub(crate) listen: Option<SocketAddr>,
    /// The certificate shown there, and those up to one that clients trust (PEM).
    pub(crate) tls_certificate: Option<PathBuf>,
    /// Its key (PEM).
    pub(crate) tls_key: Option<PathBuf>,
    /// Who may ask there.
    pub(crate) tokens_file: Option<PathBuf>,
    /// The file that each change is recorded in; none when not set.
    pub(crate) audit_log: Option<PathBuf>,
}

/// What serves who has a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remote {
    pub(crate) listen: SocketAddr,
    pub(crate) identity: Identity,
    pub(crate) tokens: PathBuf,
}

impl Settings {
    /// Reads and checks a settings file. Relative folders are meant from the folder of the file.
    pub(crate) fn load(file: &Path) -> Result<Self, ConfigErrors> {
        let refuse = |error| ConfigError::about(file, "", format!("cannot read the settings: {error}"));
        Self::parse(file, &fs::read_to_string(file).map_err(refuse)?)
    }

    /// Parses and checks the text of a settings file.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Self, ConfigErrors> {
        let unreadable = |error| ConfigError::unreadable(file, text, &error);
        let written: SettingsFile = toml::from_str(text).map_err(unreadable)?;
        let beside = file.parent().unwrap_or_else(|| Path::new(""));
        let settings = Self {
            data: beside.join(written.data),
            zones: beside.join(written.zones),
            threads: written.threads.unwrap_or_else(cores),
            nfs: written.nfs,
            smb: written.smb,
            portmap: written.portmap,
            memory: written.memory,
            metadata: MetadataSettings {
                log: written.metadata.log.map(|path| absolute(beside, path)),
                ..written.metadata
            },
            blocks: written.blocks,
            locks: written.locks,
            admin: written.admin.beside(beside),
            log: written.log,
        };
        let wrong = settings.wrong();
        if wrong.is_empty() {
            return Ok(settings);
        }
        Err(ConfigErrors(wrong.into_iter().map(|(key, reason)| ConfigError::about(file, key, reason)).collect()))
    }

    /// The defaults for a store in this folder.
    pub(crate) fn for_data(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
            zones: default_zones(),
            threads: cores(),
            nfs: NfsSettings::default(),
            smb: SmbSettings::default(),
            portmap: PortmapSettings::default(),
            memory: MemorySettings::default(),
            metadata: MetadataSettings::default(),
            blocks: BlockSettings::default(),
            locks: LockSettings::default(),
            admin: AdminSettings::default(),
            log: LogSettings::default(),
        }
    }

    /// The socket of the operator's window, from the root of the file system.
    pub(crate) fn admin_socket(&self) -> PathBuf {
        let path = self.admin.socket.clone().unwrap_or_else(|| self.data.join(ADMIN_SOCKET));
        std::path::absolute(&path).unwrap_or(path)
    }

    /// Where clients find the services.
    pub(crate) fn ports(&self) -> Ports {
        let portmap = Some(self.portmap.port).filter(|port| *port != 0);
        Ports { nfs: self.nfs.port, smb: self.smb.port, portmap }
    }

    /// What the NFS door gets: beyond the memory budget, a quarter as much for calls in flight. Calls that have begun get `stop_timeout` when the gateway stops.
    pub(crate) fn for_nfs(&self, stop_timeout: Duration) -> nfs_server::Settings {
        let defaults = nfs_server::Settings::default();
        nfs_server::Settings {
            nfs_port: self.nfs.port,
            portmap_port: self.portmap.port,
            io_bytes_max: self.nfs.io_bytes_max,
            io_bytes_preferred: self.nfs.io_bytes_max,
            connections_max: self.nfs.connections_max,
            connections_per_zone_max: self.nfs.connections_per_zone_max(),
            connections_per_client_max: self.nfs.connections_per_client_max(),
            bytes_in_flight_max: usize::try_from(self.memory_bytes() / 4).unwrap_or(usize::MAX),
            reply_cache_bytes_max: self.nfs.reply_cache_bytes,
            reserved_lock_ports: self.nfs.reserved_lock_ports,
            connection: nfs_server::ConnectionSettings {
                record_bytes_max: self.nfs.io_bytes_max as usize + RECORD_HEADER_BYTES_MAX,
                idle_timeout: Duration::from_secs(self.nfs.idle_timeout_s),
                first_call_timeout: Duration::from_secs(self.nfs.first_call_timeout_s),
                stop_timeout,
                ..defaults.connection
            },
            ..defaults
        }
    }

    /// What the SMB door gets: as much for requests in flight as the NFS door.
    pub(crate) fn for_smb(&self, stop_timeout: Duration) -> smb_server::Settings {
        let defaults = smb_server::Settings::default();
        let (per_zone, per_client) = (defaults.connections_per_zone_max, defaults.connections_per_client_max);
        let connections_per_zone_max = per_zone.min(self.smb.connections_max.div_ceil(2));
        smb_server::Settings {
            signing: self.smb.signing.into(),
            encryption: self.smb.encryption.into(),
            torture: self.smb.torture,
            connections_max: self.smb.connections_max,
            connections_per_zone_max,
            connections_per_client_max: per_client.min(connections_per_zone_max),
            bytes_in_flight_max: usize::try_from(self.memory_bytes() / 4).unwrap_or(usize::MAX),
            connection: smb_server::ConnectionSettings { stop_timeout, ..defaults.connection },
            ..defaults
        }
    }

    /// What the metadata engine gets: an eighth of the memory for its cache, and up to a sixteenth for what it has not
    /// written to tables.
    pub(crate) fn for_metadata(&self, directory: &DataDirectory) -> kv_local::Settings {
        let memory = self.memory_bytes();
        let defaults = kv_local::Settings::new(directory.metadata());
        kv_local::Settings {
            log_bytes: self.metadata.log_bytes,
            log_place: self.metadata.log.clone().map_or(LogPlace::Beside, LogPlace::Apart),
            memtable_bytes: defaults.memtable_bytes.min(memory / 16),
            cache_bytes: memory / 8,
            ..defaults
        }
    }

    /// What the block store gets.
    pub(crate) fn for_blocks(&self, directory: &DataDirectory, store_id: u128) -> chunk_local::Settings {
        chunk_local::Settings {
            segment_bytes: self.blocks.segment_bytes,
            free_bytes_min: self.blocks.free_bytes_min,
            ..chunk_local::Settings::new(directory.blocks(), store_id)
        }
    }

    /// What the file system gets: five eighths of the memory.
    pub(crate) fn for_filesystem(&self) -> filesystem::Settings {
        filesystem::Settings {
            memory_bytes: self.memory_bytes() / 8 * 5,
            grace: Duration::from_secs(self.locks.grace_s),
            ..filesystem::Settings::default()
        }
    }

    /// What blocks are read into and kept in.
    pub(crate) fn for_pages(&self) -> pages::PoolSettings {
        let bytes_max = usize::try_from(self.memory_bytes() / 2).unwrap_or(usize::MAX);
        pages::PoolSettings { bytes_max, ..pages::PoolSettings::default() }
    }

    fn memory_bytes(&self) -> u64 {
        self.memory.budget_bytes.unwrap_or_else(|| (machine_memory_bytes() / 4).max(*BUDGET_BYTES.start()))
    }

    /// Every value that is out of its range, with its key.
    fn wrong(&self) -> Vec<(&'static str, String)> {
        let ranges = [
            check("threads", self.threads, THREADS),
            check("nfs.port", self.nfs.port, 1..=u16::MAX),
            check("nfs.io_bytes_max", self.nfs.io_bytes_max, IO_BYTES),
            check("nfs.connections_max", self.nfs.connections_max, CONNECTIONS),
            check(
                "nfs.connections_per_zone_max",
                self.nfs.connections_per_zone_max(),
                1..=self.nfs.connections_max.max(1),
            ),
            check(
                "nfs.connections_per_client_max",
                self.nfs.connections_per_client_max(),
                1..=self.nfs.connections_per_zone_max().max(1),
            ),
            check("nfs.reply_cache_bytes", self.nfs.reply_cache_bytes, REPLY_CACHE_BYTES),
            check("nfs.idle_timeout_s", self.nfs.idle_timeout_s, IDLE_TIMEOUT_S),
            check("nfs.first_call_timeout_s", self.nfs.first_call_timeout_s, FIRST_CALL_TIMEOUT_S),
            check("smb.port", self.smb.port, 1..=u16::MAX),
            check("smb.connections_max", self.smb.connections_max, CONNECTIONS),
            check("memory.budget_bytes", self.memory_bytes(), BUDGET_BYTES),
            check("metadata.log_bytes", self.metadata.log_bytes, LOG_BYTES),
            check("blocks.segment_bytes", self.blocks.segment_bytes, SEGMENT_BYTES),
            check("blocks.free_bytes_min", self.blocks.free_bytes_min, FREE_BYTES),
            check("locks.grace_s", self.locks.grace_s, GRACE_S),
        ];
        let mut wrong: Vec<_> = ranges.into_iter().flatten().collect();
        if !self.metadata.log_bytes.is_multiple_of(pages::BLOCK_SIZE as u64) {
            wrong.push(("metadata.log_bytes", format!("{} is no multiple of 4096", self.metadata.log_bytes)));
        }
        if self.portmap.register && self.portmap.port != 0 {
            let reason = "true wants port = 0: either rpcbind is the port mapper, or the gateway";
            wrong.push(("portmap.register", reason.to_owned()));
        }
        if self.portmap.port == self.nfs.port {
            wrong.push(("portmap.port", format!("{} is the port of [nfs] too; 0 is off", self.portmap.port)));
        }
        for (key, port) in [("nfs.port", self.nfs.port), ("portmap.port", self.portmap.port)] {
            if port == self.smb.port {
                wrong.push((key, format!("{port} is the port of [smb] too")));
            }
        }
        wrong.extend(self.admin.missing());
        let socket = self.admin_socket();
        if socket.as_os_str().len() > SOCKET_BYTES_MAX {
            let reason = format!(
                "{} is longer than the {SOCKET_BYTES_MAX} bytes that the system allows: name a shorter path",
                socket.display()
            );
            wrong.push(("admin.socket", reason));
        }
        if let Err(reason) = self.log.check() {
            wrong.push(("log.filter", format!("{reason}; allowed are filters such as \"info,nfs_server=debug\"")));
        }
        wrong
    }
}

impl AdminSettings {
    /// With paths as they are meant in a file of this folder.
    fn beside(self, folder: &Path) -> Self {
        let meant = |path: Option<PathBuf>| path.map(|path| folder.join(path));
        Self {
            socket: meant(self.socket),
            tls_certificate: meant(self.tls_certificate),
            tls_key: meant(self.tls_key),
            tokens_file: meant(self.tokens_file),
            audit_log: meant(self.audit_log),
            ..self
        }
    }

    /// What serves who has a token; `None` when nothing does.
    pub(crate) fn remote(&self) -> Option<Remote> {
        let (certificate, key) = (self.tls_certificate.clone()?, self.tls_key.clone()?);
        let (listen, tokens) = (self.listen?, self.tokens_file.clone()?);
        Some(Remote { listen, identity: Identity { certificate, key }, tokens })
    }

    /// The keys that are missing for others to make sense.
    fn missing(&self) -> Vec<(&'static str, String)> {
        let parts = [
            ("admin.tls_certificate", &self.tls_certificate),
            ("admin.tls_key", &self.tls_key),
            ("admin.tokens_file", &self.tokens_file),
        ];
        let missing = parts.into_iter().filter(|(_, path)| self.listen.is_some() && path.is_none());
        missing
            .map(|(key, _)| (key, "missing: admin.listen is for who has a token only, over TLS only".to_owned()))
            .collect()
    }
}

impl NfsSettings {
    fn connections_per_zone_max(&self) -> usize {
        self.connections_per_zone_max.unwrap_or_else(|| self.connections_max.div_ceil(2))
    }

    fn connections_per_client_max(&self) -> usize {
        let default = nfs_server::Settings::default().connections_per_client_max;
        self.connections_per_client_max.unwrap_or_else(|| default.min(self.connections_per_zone_max()))
    }
}

impl Default for NfsSettings {
    fn default() -> Self {
        let defaults = nfs_server::Settings::default();
        Self {
            port: defaults.nfs_port,
            io_bytes_max: defaults.io_bytes_max,
            connections_max: defaults.connections_max,
            connections_per_zone_max: None,
            connections_per_client_max: None,
            reply_cache_bytes: defaults.reply_cache_bytes_max,
            reserved_lock_ports: defaults.reserved_lock_ports,
            idle_timeout_s: defaults.connection.idle_timeout.as_secs(),
            first_call_timeout_s: defaults.connection.first_call_timeout.as_secs(),
        }
    }
}

impl Default for SmbSettings {
    fn default() -> Self {
        let defaults = smb_server::Settings::default();
        let (signing, encryption) = (Protection::Required, Protection::Offered);
        Self { port: SMB_PORT, connections_max: defaults.connections_max, signing, encryption, torture: false }
    }
}

impl From<Protection> for smb_server::Protection {
    fn from(protection: Protection) -> Self {
        match protection {
            Protection::Offered => Self::Offered,
            Protection::Required => Self::Required,
        }
    }
}

impl Default for PortmapSettings {
    fn default() -> Self {
        Self { port: nfs_server::Settings::default().portmap_port, register: false }
    }
}

impl Default for MetadataSettings {
    fn default() -> Self {
        Self { log: None, log_bytes: kv_local::Settings::new(PathBuf::new()).log_bytes }
    }
}

impl Default for BlockSettings {
    fn default() -> Self {
        let defaults = chunk_local::Settings::new(PathBuf::new(), 0);
        Self { segment_bytes: defaults.segment_bytes, free_bytes_min: defaults.free_bytes_min }
    }
}

impl Default for LockSettings {
    fn default() -> Self {
        Self { grace_s: filesystem::Settings::default().grace.as_secs() }
    }
}

fn check<T: PartialOrd + Display>(
    key: &'static str,
    value: T,
    range: RangeInclusive<T>,
) -> Option<(&'static str, String)> {
    let reason = || format!("{value} is out of range: allowed are {} to {}", range.start(), range.end());
    (!range.contains(&value)).then(|| (key, reason()))
}

/// From the root of the file system: the store remembers it.
fn absolute(beside: &Path, path: PathBuf) -> PathBuf {
    let path = beside.join(path);
    std::path::absolute(&path).unwrap_or(path)
}

fn default_zones() -> PathBuf {
    PathBuf::from("zones")
}

fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get).min(*THREADS.end())
}

fn machine_memory_bytes() -> u64 {
    let machine = rustix::system::sysinfo();
    // The widths of the fields differ from machine to machine.
    #[expect(clippy::useless_conversion, reason = "not useless where a word has 32 bits")]
    u64::from(machine.totalram).saturating_mul(u64::from(machine.mem_unit))
}

/// SMB over TCP (MS-SMB2 2.1).
const SMB_PORT: u16 = 445;
/// In the folder of the store.
const ADMIN_SOCKET: &str = "admin.sock";
/// `sun_path` of unix(7) without its zero.
const SOCKET_BYTES_MAX: usize = 107;
const THREADS: RangeInclusive<usize> = 1..=256;
const IO_BYTES: RangeInclusive<u32> = 8192..=1 << 20;
const CONNECTIONS: RangeInclusive<usize> = 1..=65_536;
const IDLE_TIMEOUT_S: RangeInclusive<u64> = 10..=86_400;
/// Without any, others could take what clients held before these hear of the restart.
const GRACE_S: RangeInclusive<u64> = 5..=600;
const FIRST_CALL_TIMEOUT_S: RangeInclusive<u64> = 1..=3600;
const BUDGET_BYTES: RangeInclusive<u64> = 64 << 20..=1 << 44;
const LOG_BYTES: RangeInclusive<u64> = 4 << 20..=1 << 36;
const SEGMENT_BYTES: RangeInclusive<u64> = 1 << 20..=1 << 36;
const REPLY_CACHE_BYTES: RangeInclusive<usize> = 64 << 10..=1 << 32;
/// 1 PiB and more on one file system is a slip of the pen.
const FREE_BYTES: RangeInclusive<u64> = 0..=1 << 50;
/// What a WRITE call holds beside its data, at most.
const RECORD_HEADER_BYTES_MAX: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, String> {
        Settings::parse(Path::new("etc/berth.toml"), text).map_err(|errors| errors.to_string())
    }

    fn refused(text: &str) -> String {
        parse(&format!("data = \"data\"\n{text}\n")).expect_err("the settings are refused")
    }

    #[test]
    fn only_the_store_must_be_named() {
        let settings = parse("data = \"/var/lib/berth\"\n").unwrap();
        assert_eq!(settings.data, Path::new("/var/lib/berth"));
        assert_eq!(settings.zones, Path::new("etc/zones"), "beside the file");
        assert_eq!(settings.ports(), Ports { nfs: 2049, smb: 445, portmap: Some(111) });
        assert!((1..=256).contains(&settings.threads));
    }

    #[test]
    fn sections_reach_their_crates() {
        let settings = parse(
            "data = \"d\"\nzones = \"z\"\nthreads = 3\n[nfs]\nport = 12049\nio_bytes_max = 65536\nidle_timeout_s = 60\nfirst_call_timeout_s = 7\n\
             [smb]\nport = 14450\nsigning = \"offered\"\nconnections_max = 10\n\
             [portmap]\nport = 0\n[memory]\nbudget_bytes = 134217728\n[metadata]\nlog_bytes = 8388608\n\
             [blocks]\nsegment_bytes = 2097152\nfree_bytes_min = 7\n[locks]\ngrace_s = 90\n\
             [log]\nfilter = \"warn\"\nformat = \"json\"\n",
        )
        .unwrap();
        assert_eq!((settings.data.as_path(), settings.zones.as_path()), (Path::new("etc/d"), Path::new("etc/z")));
        assert_eq!(settings.ports(), Ports { nfs: 12049, smb: 14450, portmap: None });
        let smb = settings.for_smb(Duration::from_secs(1));
        let limits = (smb.connections_max, smb.connections_per_zone_max, smb.connections_per_client_max);
        assert_eq!((smb.signing, limits), (smb_server::Protection::Offered, (10, 5, 5)));
        let nfs = settings.for_nfs(Duration::from_secs(1));
        assert_eq!((nfs.io_bytes_max, nfs.io_bytes_preferred), (65_536, 65_536));
        assert_eq!(nfs.connection.record_bytes_max, 65_536 + 8192);
        assert_eq!(nfs.connection.idle_timeout, Duration::from_secs(60));
        assert_eq!(nfs.connection.first_call_timeout, Duration::from_secs(7));
        assert_eq!(nfs.connection.stop_timeout, Duration::from_secs(1));
        assert_eq!(settings.for_filesystem().memory_bytes, 80 << 20);
        assert_eq!(settings.for_filesystem().grace, Duration::from_secs(90));
        assert_eq!(settings.for_pages().bytes_max, 64 << 20);
        let folder = tempfile::tempdir().unwrap();
        let directory = DataDirectory::create(folder.path()).unwrap();
        let metadata = settings.for_metadata(&directory);
        assert_eq!((metadata.log_bytes, metadata.cache_bytes, metadata.memtable_bytes), (8 << 20, 16 << 20, 8 << 20));
        assert_eq!(metadata.log_place, LogPlace::Beside);
        let apart = parse("data = \"d\"\n[metadata]\nlog = \"fast\"\n").unwrap().for_metadata(&directory);
        assert_eq!(apart.log_place, LogPlace::Apart(std::path::absolute("etc/fast").unwrap()));
        let blocks = settings.for_blocks(&directory, 5);
        assert_eq!((blocks.segment_bytes, blocks.free_bytes_min, blocks.store_id), (2 << 20, 7, 5));
    }

    #[test]
    fn messages_say_where_and_what_is_allowed() {
        assert_eq!(parse("").unwrap_err(), "etc/berth.toml:1: missing field `data`");
        assert_eq!(
            refused("[nfs]\nports = 1"),
            "etc/berth.toml:3: unknown field `ports`, expected one of `port`, `io_bytes_max`, `connections_max`, \
             `connections_per_zone_max`, `connections_per_client_max`, `reply_cache_bytes`, `reserved_lock_ports`, \
             `idle_timeout_s`, \
             `first_call_timeout_s`"
        );
        assert_eq!(
            refused("[nfs]\nport = 70000"),
            "etc/berth.toml:3: port: invalid value: integer `70000`, expected u16"
        );
        assert_eq!(
            refused("threads = 0\n[nfs]\nport = 0\n[metadata]\nlog_bytes = 4194305\n[memory]\nbudget_bytes = 1"),
            "etc/berth.toml: threads: 0 is out of range: allowed are 1 to 256\n\
             etc/berth.toml: nfs.port: 0 is out of range: allowed are 1 to 65535\n\
             etc/berth.toml: memory.budget_bytes: 1 is out of range: allowed are 67108864 to 17592186044416\n\
             etc/berth.toml: metadata.log_bytes: 4194305 is no multiple of 4096"
        );
        assert_eq!(
            refused("[portmap]\nport = 2049"),
            "etc/berth.toml: portmap.port: 2049 is the port of [nfs] too; 0 is off"
        );
        for out in [0, 4, 601] {
            assert_eq!(
                refused(&format!("[locks]\ngrace_s = {out}")),
                format!("etc/berth.toml: locks.grace_s: {out} is out of range: allowed are 5 to 600")
            );
        }
        assert_eq!(
            refused("[portmap]\nregister = true"),
            "etc/berth.toml: portmap.register: true wants port = 0: either rpcbind is the port mapper, or the gateway"
        );
        assert!(parse("data = \"d\"\n[portmap]\nport = 0\nregister = true").unwrap().portmap.register);
        assert!(refused("[log]\nfilter = \"a=b=c\"").starts_with("etc/berth.toml: log.filter: "));
        assert!(refused("[log]\nformat = \"xml\"").contains("unknown variant `xml`, expected `text` or `json`"));
    }

    #[test]
    fn the_window_is_beside_the_store_unless_it_is_said_where() {
        let settings = parse("data = \"/var/lib/berth\"\n").unwrap();
        assert_eq!(settings.admin_socket(), Path::new("/var/lib/berth/admin.sock"));
        assert_eq!(settings.admin.metrics_listen, None);
        let text = "data = \"d\"\n[admin]\nsocket = \"/run/berth/a.sock\"\nmetrics_listen = \"127.0.0.1:9469\"\n";
        let settings = parse(text).unwrap();
        assert_eq!(settings.admin_socket(), Path::new("/run/berth/a.sock"));
        assert_eq!(settings.admin.metrics_listen, Some("127.0.0.1:9469".parse().unwrap()));
        let long = "x".repeat(108);
        assert!(refused(&format!("[admin]\nsocket = \"/{long}\"")).contains("longer than the 107 bytes"));
        assert!(refused("[admin]\nmetrics_listen = \"9469\"").contains("invalid socket address"));
        let listen = "[admin]\nlisten = \"127.0.0.1:9470\"\ntls_key = \"k\"\n";
        assert_eq!(
            refused(listen),
            "etc/berth.toml: admin.tls_certificate: missing: admin.listen is for who has a token only, over TLS only\n\
             etc/berth.toml: admin.tokens_file: missing: admin.listen is for who has a token only, over TLS only"
        );
        let whole = format!("data = \"d\"\n{listen}tls_certificate = \"/c\"\ntokens_file = \"t\"\n");
        let Remote { listen, identity, tokens } = parse(&whole).unwrap().admin.remote().unwrap();
        assert_eq!((listen, tokens.as_path()), ("127.0.0.1:9470".parse().unwrap(), Path::new("etc/t")));
        assert_eq!(identity, Identity { certificate: "/c".into(), key: "etc/k".into() });
    }

    #[test]
    fn shares_of_connections_lie_within_each_other() {
        let shares = |text: &str| {
            let settings = parse(&format!("data = \"d\"\n[nfs]\n{text}\n")).unwrap().for_nfs(Duration::ZERO);
            (settings.connections_max, settings.connections_per_zone_max, settings.connections_per_client_max)
        };
        assert_eq!(shares(""), (16_384, 8192, 4096));
        assert_eq!(shares("connections_max = 100"), (100, 50, 50));
        assert_eq!(shares("connections_max = 1"), (1, 1, 1));
        assert_eq!(
            shares("connections_per_zone_max = 10000\nconnections_per_client_max = 10000"),
            (16_384, 10_000, 10_000)
        );
        assert_eq!(
            refused("[nfs]\nconnections_per_zone_max = 20000\nconnections_per_client_max = 20001"),
            "etc/berth.toml: nfs.connections_per_zone_max: 20000 is out of range: allowed are 1 to 16384\n\
             etc/berth.toml: nfs.connections_per_client_max: 20001 is out of range: allowed are 1 to 20000"
        );
        assert_eq!(
            refused("[nfs]\nreply_cache_bytes = 1\n[blocks]\nfree_bytes_min = 2000000000000000"),
            "etc/berth.toml: nfs.reply_cache_bytes: 1 is out of range: allowed are 65536 to 4294967296\n\
             etc/berth.toml: blocks.free_bytes_min: 2000000000000000 is out of range: allowed are 0 to 1125899906842624"
        );
    }

    #[test]
    fn the_settings_in_the_repository_are_right() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/berth.toml");
        let settings = Settings::load(&file).unwrap();
        assert_eq!(settings.ports(), Settings::for_data(Path::new("")).ports());
        assert_eq!(settings.nfs, NfsSettings::default());
        assert_eq!(settings.metadata, MetadataSettings::default());
        assert_eq!(settings.blocks, BlockSettings::default());
        assert_eq!(settings.locks, LockSettings { grace_s: 45 });
        assert_eq!(settings.locks, LockSettings::default());
        assert_eq!(settings.admin, AdminSettings::default());
        assert_eq!(settings.log, LogSettings::default());
    }
}
