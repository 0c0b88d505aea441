//! `berth demo`: two zones on an embedded store, without any configuration.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use zones::{ConfigErrors, Zone, ZoneDefinition};

use crate::arguments::DemoArguments;
use crate::assemble::ZoneSource;
use crate::ready::Ready;
use crate::serve::Gateway;
use crate::settings::{BlockSettings, MetadataSettings, Settings};
use crate::telemetry;

/// Serves the demo until SIGTERM or Ctrl-C.
pub(crate) fn run(arguments: &DemoArguments) -> Result<()> {
    let mut settings = settings(&arguments.data);
    if !arguments.json {
        // People read the instructions; what is worth a warning comes anyway.
        "warn".clone_into(&mut settings.log.filter);
    }
    telemetry::start(&settings.log)?;
    let source = ZoneSource { load: |_| zones(), export_mode: EXPORT_MODE };
    let announce = if arguments.json { announce_json } else { announce_text };
    Gateway { settings, source, announce }.run()
}

fn settings(data: &Path) -> Settings {
    let mut settings = Settings::for_data(data);
    settings.nfs.port = NFS_PORT;
    settings.portmap.port = PORTMAP_PORT;
    // Small enough to begin at once on a notebook.
    settings.metadata = MetadataSettings { log_bytes: LOG_BYTES };
    settings.blocks = BlockSettings { free_bytes_min: FREE_BYTES_MIN, ..settings.blocks };
    settings
}

fn zones() -> Result<Vec<ZoneDefinition>, ConfigErrors> {
    let described = ZONES.iter().map(|(name, address)| {
        let text = format!(
            "name = \"{name}\"\nbase = \"/tenants/{name}\"\naddresses = [\"{address}\"]\n\
             [[export]]\npaths = [\"/projects\"]\nmap_root = \"off\"\n"
        );
        zones::parse(Path::new(name), &text, &zones::system_resolver)
    });
    described.collect()
}

fn announce_json(settings: &Settings, zones: &[Arc<Zone>]) -> Result<()> {
    let ready = Ready::new(zones.iter().map(AsRef::as_ref), settings.ports(), &settings.admin_socket());
    let line = ready.line()?;
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}

fn announce_text(settings: &Settings, zones: &[Arc<Zone>]) -> Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "Berth serves a demo from {} (kept between runs).\n", settings.data.display())?;
    for zone in zones {
        writeln!(output, "{}", instructions(zone, settings))?;
    }
    writeln!(output, "How it is doing: berth status --socket {}", settings.admin_socket().display())?;
    writeln!(
        output,
        "Each zone sees its own files only. nolock: the kernel asks port 111 for the lock manager, and the demo"
    )?;
    writeln!(output, "tells it on port {PORTMAP_PORT} only; with nolock, locks stay on the client. Ctrl-C stops.")?;
    Ok(output.flush()?)
}

/// How to mount the exports of a zone.
fn instructions(zone: &Zone, settings: &Settings) -> String {
    let (name, port) = (zone.name(), settings.nfs.port);
    let mut text = format!("zone {name}\n");
    for (address, export) in
        zone.definition().addresses().iter().flat_map(|address| {
            zone.exports().iter().map(move |export| (address, String::from_utf8_lossy(export.path())))
        })
    {
        text += &format!(
            "  kernel   mount -t nfs -o vers=3,proto=tcp,port={port},mountport={port},mountproto=tcp,nolock \
             {address}:{export} /mnt\n  \
             libnfs   nfs-ls 'nfs://{address}{export}?version=3&nfsport={port}&mountport={port}'\n"
        );
    }
    text
}

const ZONES: [(&str, &str); 2] = [("contoso", "127.0.0.1"), ("fabrikam", "127.0.0.2")];
const NFS_PORT: u16 = 12049;
const PORTMAP_PORT: u16 = 10111;
/// Everyone may make files, nobody may remove those of others.
const EXPORT_MODE: u32 = 0o1777;
const LOG_BYTES: u64 = 64 << 20;
const FREE_BYTES_MIN: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use vfs::{InodeId, ShardId};

    use super::*;

    fn served() -> Vec<Arc<Zone>> {
        let root = InodeId::root_of(ShardId(1));
        zones().unwrap().into_iter().map(|definition| Arc::new(Zone::new(definition, root))).collect()
    }

    /// Programs wait for exactly this line.
    #[test]
    fn the_ready_line_never_changes() {
        let ports = settings(Path::new("berth-demo")).ports();
        let zones = served();
        let line = Ready::new(zones.iter().map(AsRef::as_ref), ports, Path::new("/d/admin.sock")).line().unwrap();
        let zone = |name: &str, address: &str| {
            format!(
                "{{\"name\":\"{name}\",\"address\":\"{address}\",\"nfs_port\":12049,\"mount_port\":12049,\
                 \"portmap_port\":10111,\"exports\":[\"/projects\"]}}"
            )
        };
        let (contoso, fabrikam) = (zone("contoso", "127.0.0.1"), zone("fabrikam", "127.0.0.2"));
        assert_eq!(
            line,
            format!("{{\"ready\":true,\"zones\":[{contoso},{fabrikam}],\"admin\":\"unix:/d/admin.sock\"}}")
        );
    }

    #[test]
    fn people_are_told_how_to_mount() {
        let text = instructions(&served()[1], &settings(Path::new("berth-demo")));
        assert_eq!(
            text,
            "zone fabrikam\n  kernel   mount -t nfs -o \
             vers=3,proto=tcp,port=12049,mountport=12049,mountproto=tcp,nolock 127.0.0.2:/projects /mnt\n  libnfs   \
             nfs-ls 'nfs://127.0.0.2/projects?version=3&nfsport=12049&mountport=12049'\n"
        );
    }

    #[test]
    fn root_of_a_client_is_root_in_the_demo() {
        let identity = vfs::Identity::Unix { uid: 0, gid: 0, groups: [].into_iter().collect() };
        let (zone, clock) = (&served()[0], testkit::ManualClock::standing());
        let asker = zones::Asker { identity: &identity, client: "127.0.0.1".parse().unwrap(), clock: &clock };
        let admitted = testkit::block_on(zone.admit(&zone.exports()[0], asker)).unwrap();
        assert!(admitted.credentials.superuser);
    }
}
