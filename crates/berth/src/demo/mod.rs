//! `berth demo`: two zones on an embedded store, without any configuration.

mod zones;

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use ::zones::Zone;
use anyhow::Result;

use self::zones::{DemoUser, DemoZone, TORTURE_ZONES, ZONES, definitions, zone_named};
use crate::arguments::DemoArguments;
use crate::assemble::ZoneSource;
use crate::first_quotas::FirstQuota;
use crate::ready::{Ready, ReadyUser};
use crate::serve::Gateway;
use crate::settings::{BlockSettings, MetadataSettings, Protection, Settings};
use crate::telemetry;

/// Serves the demo until SIGTERM or Ctrl-C.
pub(crate) fn run(arguments: &DemoArguments) -> Result<()> {
    let mut settings = settings(&arguments.data);
    if !arguments.json {
        // People read the instructions; what is worth a warning comes anyway.
        "warn".clone_into(&mut settings.log.filter);
    }
    if arguments.torture {
        // Signing is what the client asks for, as with the server that the suite was written beside: some of its tests
        // read statuses that cannot be signed.
        (settings.smb.torture, settings.smb.signing) = (true, Protection::Offered);
    }
    telemetry::start(&settings.log)?;
    let source = if arguments.torture {
        ZoneSource {
            load: |_| definitions(&TORTURE_ZONES),
            folder: |_| None,
            export_mode: TORTURE_EXPORT_MODE,
            quotas: &[],
        }
    } else {
        ZoneSource { load: |_| definitions(&ZONES), folder: |_| None, export_mode: EXPORT_MODE, quotas: &QUOTAS }
    };
    let announce = if arguments.json { announce_json } else { announce_text };
    Gateway { settings, source, announce }.run()
}

fn settings(data: &Path) -> Settings {
    let mut settings = Settings::for_data(data);
    settings.nfs.port = NFS_PORT;
    settings.smb.port = SMB_PORT;
    settings.portmap.port = PORTMAP_PORT;
    // Small enough to begin at once on a notebook.
    settings.metadata = MetadataSettings { log: None, log_bytes: LOG_BYTES };
    settings.blocks = BlockSettings { free_bytes_min: FREE_BYTES_MIN, ..settings.blocks };
    settings
}

fn announce_json(settings: &Settings, zones: &[Arc<Zone>]) -> Result<()> {
    let ready = ready(settings, zones);
    let line = ready.line()?;
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}

fn ready(settings: &Settings, zones: &[Arc<Zone>]) -> Ready {
    let served = zones.iter().map(AsRef::as_ref);
    Ready::new(served, (settings.ports(), &settings.admin_socket()), |zone| {
        let user = |user: &DemoUser| ReadyUser::new(user.name, user.password, user.uid);
        described(settings, zone).users.iter().map(user).collect()
    })
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

/// How to mount the exports and shares of a zone.
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
    let described = described(settings, zone);
    let (address, port) = (described.address, settings.smb.port);
    for share in zone.shares().iter().map(|share| share.name()) {
        for DemoUser { name, password, .. } in described.users {
            text += &format!(
                "  SMB      mount -t cifs -o port={port},username={name},password={password} //{address}/{share} /mnt\n  \
                 Samba    smbclient -p {port} -U '{name}%{password}' //{address}/{share}\n"
            );
        }
    }
    text
}

/// What the demo says of a zone that it serves.
fn described(settings: &Settings, zone: &Zone) -> DemoZone {
    let zones = if settings.smb.torture { TORTURE_ZONES } else { ZONES };
    zone_named(&zones, zone.name()).unwrap_or(zones[0])
}

const NFS_PORT: u16 = 12049;
const SMB_PORT: u16 = 14450;
const PORTMAP_PORT: u16 = 10111;
/// Everyone may make files, nobody may remove those of others.
const EXPORT_MODE: u32 = 0o1777;
/// The suite removes as one user what another has made.
const TORTURE_EXPORT_MODE: u32 = 0o777;
/// One tenant has a limit, to see what its clients are told.
const QUOTAS: [FirstQuota; 1] = [FirstQuota { zone: "fabrikam", directory: "projects", bytes: 1 << 30 }];
const LOG_BYTES: u64 = 64 << 20;
const FREE_BYTES_MIN: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use vfs::{InodeId, ShardId};

    use super::*;

    fn served() -> Vec<Arc<Zone>> {
        let root = InodeId::root_of(ShardId(1));
        definitions(&ZONES).unwrap().into_iter().map(|definition| Arc::new(Zone::new(definition, root))).collect()
    }

    /// Programs wait for exactly this line.
    #[test]
    fn the_ready_line_never_changes() {
        let mut settings = settings(Path::new("berth-demo"));
        settings.admin.socket = Some("/d/admin.sock".into());
        let line = ready(&settings, &served()).line().unwrap();
        let zone = |name: &str, address: &str, user: &str| {
            format!(
                "{{\"name\":\"{name}\",\"address\":\"{address}\",\"nfs_port\":12049,\"mount_port\":12049,\
                 \"portmap_port\":10111,\"exports\":[\"/projects\"],\"smb_port\":14450,\"shares\":[\"projects\"],\
                 \"users\":[{user}]}}"
            )
        };
        let user =
            |password: &str, uid: u32| format!("{{\"name\":\"alice\",\"password\":\"{password}\",\"uid\":{uid}}}");
        let contoso = zone("contoso", "127.0.0.1", &user("Contoso.Alice1", 1042));
        let fabrikam = zone("fabrikam", "127.0.0.2", &user("Fabrikam.Alice1", 2042));
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
             nfs-ls 'nfs://127.0.0.2/projects?version=3&nfsport=12049&mountport=12049'\n  SMB      \
             mount -t cifs -o port=14450,username=alice,password=Fabrikam.Alice1 //127.0.0.2/projects /mnt\n  Samba    \
             smbclient -p 14450 -U 'alice%Fabrikam.Alice1' //127.0.0.2/projects\n"
        );
    }

    #[test]
    fn the_conformance_suite_finds_its_shares_and_users() {
        let zones = definitions(&TORTURE_ZONES).unwrap();
        let zone = Zone::new(zones[0].clone(), InodeId::root_of(ShardId(1)));
        for name in ["projects", "torture", "torture2", "torture3", "torture4", "hideunread"] {
            assert!(zone.share(name).is_some(), "{name}");
        }
        let known = |name| matches!(zone.logon(name), ::zones::Logon::With(_));
        assert!(known("alice") && known("peer") && known("peer2"));
    }

    #[test]
    fn root_of_a_client_is_root_in_the_demo() {
        let identity = vfs::Identity::Unix { uid: 0, gid: 0, groups: [].into_iter().collect() };
        let (zone, clock) = (&served()[0], testkit::ManualClock::standing());
        let asker = ::zones::Asker { identity: &identity, client: "127.0.0.1".parse().unwrap(), clock: &clock };
        let admitted = testkit::block_on(zone.admit(&zone.exports()[0], asker)).unwrap();
        assert!(admitted.credentials.superuser);
    }
}
