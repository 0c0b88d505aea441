//! MOUNT and portmap.

use std::net::SocketAddr;

use nfs_wire::mount::v3::{MountResult, Mountstat3};
use nfs_wire::mount::{v1, v3};
use nfs_wire::portmap::rpcbind::{self, BindString, Binding};
use nfs_wire::portmap::{self, Mapping, PROTOCOL_TCP, PROTOCOL_UDP, parse_universal_address};
use nfs_wire::rpc::{MOUNT_PROGRAM, NFS_PROGRAM, PORTMAP_PROGRAM};

use super::harness::{CONTOSO, Client, FABRIKAM, House, path, zone};
use crate::caller::{Caller, Role};
use crate::settings::Settings;

fn refusal(client: &Client<'_>, asked: &str) -> Mountstat3 {
    match client.call::<v3::Mnt>(&path(asked)) {
        MountResult::Failed(status) => status,
        MountResult::Ok(_) => panic!("{asked} was mounted"),
    }
}

#[test]
fn an_export_is_mounted_with_its_flavors() {
    let house = House::with(&[&zone("contoso", CONTOSO, "security = [\"sys\", \"none\"]")]);
    let client = house.client(CONTOSO);
    for asked in ["/projects", "/projects/", "//projects/."] {
        let MountResult::Ok(mounted) = client.call::<v3::Mnt>(&path(asked)) else { panic!("{asked}") };
        let flavors: Vec<u32> = mounted.auth_flavors.iter().map(|flavor| flavor.0).collect();
        assert_eq!(flavors, [1, 0]);
        assert!(client.getattr(&mounted.fhandle).is_ok());
    }
}

#[test]
fn refusals_are_precise() {
    let house = House::with(&[&zone("contoso", CONTOSO, "all_dirs = true"), &zone("fabrikam", FABRIKAM, "")]);
    let client = house.client(CONTOSO);
    let root = client.mount();
    client.create(&root, "file");
    client.symlink(&root, "link", "/");
    client.symlink(&root, "up", "..");
    for (asked, status) in [
        ("/", Mountstat3::Noent),
        ("/nothing", Mountstat3::Noent),
        ("", Mountstat3::Noent),
        ("projects", Mountstat3::Noent),
        ("/tenants/contoso/projects", Mountstat3::Noent),
        ("/projects/nothing", Mountstat3::Noent),
        ("/projects/file", Mountstat3::Notdir),
        ("/projects/file/x", Mountstat3::Notdir),
        ("/projects/link", Mountstat3::Notdir),
        ("/projects/link/tenants", Mountstat3::Notdir),
        ("/projects/up", Mountstat3::Notdir),
        ("/projects/..", Mountstat3::Acces),
        ("/projects/../../fabrikam/projects", Mountstat3::Acces),
    ] {
        assert_eq!(refusal(&client, asked), status, "{asked}");
    }
    assert_eq!(refusal(&client, &format!("/projects/{}", "x".repeat(256))), Mountstat3::Nametoolong);
    assert_eq!(refusal(&client, &"/x".repeat(600)), Mountstat3::Nametoolong);
}

#[test]
fn directories_below_are_mounted_only_where_the_export_says_so() {
    let house = House::with(&[&zone("contoso", CONTOSO, "all_dirs = true"), &zone("fabrikam", FABRIKAM, "")]);
    let client = house.client(CONTOSO);
    let root = client.mount();
    let dir = client.mkdir(&root, "dir");
    let MountResult::Ok(mounted) = client.call::<v3::Mnt>(&path("/projects/dir")) else { panic!("not mounted") };
    assert_eq!(mounted.fhandle, dir);
    let other = house.client(FABRIKAM);
    other.mkdir(&other.mount(), "dir");
    assert_eq!(refusal(&other, "/projects/dir"), Mountstat3::Acces);
}

#[test]
fn only_named_clients_mount() {
    let house = House::with(&[&zone("contoso", CONTOSO, "clients = [\"198.51.100.7\"]")]);
    assert_eq!(refusal(&house.client(CONTOSO), "/projects"), Mountstat3::Acces);
    house.client_from(CONTOSO, "198.51.100.7").mount();
    let exports = house.client(CONTOSO).call::<v3::Export>(&());
    let groups: Vec<_> = exports[0].groups.iter().map(|group| group.name.to_vec()).collect();
    assert_eq!((&exports[0].dir[..], groups), (&b"/projects"[..], vec![b"198.51.100.7".to_vec()]));
}

#[test]
fn mounts_are_listed_per_zone_until_they_end() {
    let house = House::new();
    let (client, other) = (house.client(CONTOSO), house.client_from(CONTOSO, "192.0.2.99"));
    client.mount();
    other.mount();
    house.client(FABRIKAM).mount();
    let listed = || client.call::<v3::Dump>(&()).iter().map(|entry| entry.hostname.to_vec()).collect::<Vec<_>>();
    assert_eq!(listed(), [b"192.0.2.10".to_vec(), b"192.0.2.99".to_vec()]);
    client.call::<v3::Umnt>(&path("/projects"));
    assert_eq!(listed(), [b"192.0.2.99".to_vec()]);
    other.call::<v1::Umntall>(&());
    assert!(listed().is_empty());
}

#[test]
fn version_1_lists_and_gives_no_handles() {
    let house = House::new();
    let client = house.client(CONTOSO);
    client.call::<v1::Null>(&());
    assert_eq!(client.call::<v1::Export>(&()).len(), 1);
    assert_eq!(client.call::<v1::Exportall>(&()), client.call::<v3::Export>(&()));
    assert_eq!(client.call::<v1::Mnt>(&path("/nothing")), v1::FhStatus::Failed(2));
    assert_eq!(client.call::<v1::Mnt>(&path("/projects")), v1::FhStatus::Failed(13));
    assert!(client.call::<v1::Dump>(&()).is_empty());
}

fn ports() -> House {
    let settings = Settings { nfs_port: 12_049, portmap_port: 10_111, ..Settings::default() };
    House::with_settings(&[&zone("contoso", CONTOSO, ""), &zone("fabrikam", FABRIKAM, "")], settings)
}

#[test]
fn ports_are_told() {
    let house = ports();
    let client = house.client(CONTOSO).portmap();
    let port =
        |program, version, protocol| client.call::<portmap::Getport>(&Mapping { program, version, protocol, port: 0 });
    client.call::<portmap::Null>(&());
    assert_eq!(port(NFS_PROGRAM, 3, PROTOCOL_TCP), 12_049);
    assert_eq!(port(MOUNT_PROGRAM, 3, PROTOCOL_TCP), 12_049);
    assert_eq!(port(MOUNT_PROGRAM, 1, PROTOCOL_TCP), 12_049);
    assert_eq!(port(PORTMAP_PROGRAM, 2, PROTOCOL_UDP), 10_111);
    for protocol in [PROTOCOL_TCP, PROTOCOL_UDP] {
        for (program, version) in [(MOUNT_PROGRAM, 3), (100_021, 4), (100_024, 1)] {
            assert_eq!(port(program, version, protocol), 12_049);
        }
    }
    for (program, version, protocol) in
        [(NFS_PROGRAM, 3, PROTOCOL_UDP), (NFS_PROGRAM, 4, PROTOCOL_TCP), (100_021, 3, PROTOCOL_TCP)]
    {
        assert_eq!(port(program, version, protocol), 0);
    }
    let listed = client.call::<portmap::Dump>(&());
    assert!(listed.iter().all(|mapping| {
        port(mapping.program, mapping.version, mapping.protocol) == mapping.port && mapping.port != 0
    }));
    assert_eq!(listed.len(), 21);
    let mapping = Mapping { program: 200_000, version: 1, protocol: PROTOCOL_TCP, port: 1 };
    assert!(!client.call::<portmap::Set>(&mapping) && !client.call::<portmap::Unset>(&mapping));
    assert_eq!(port(200_000, 1, PROTOCOL_TCP), 0);
}

/// The address of a datagram may be forged: lists, which are longer than the question, go to clients only.
#[test]
fn datagrams_list_nothing_to_strangers() {
    let clients = "clients = [\"192.0.2.0/24\"]";
    let house = House::with(&[&zone("contoso", CONTOSO, clients)]);
    let listed = |peer: &str, is_datagram| {
        let client = house.client_from(CONTOSO, peer);
        let (local, peer) = (client.caller.local, SocketAddr::new(client.caller.client, 700));
        let caller = if is_datagram {
            |local, peer, session| Caller::of_datagram(Role::Portmap, local, peer, session)
        } else {
            |local, peer, session| Caller::new(Role::Portmap, local, peer, session)
        };
        let client = Client { caller: caller(local, peer, client.caller.session), ..client };
        let entries = client.call::<rpcbind::v4::Getaddrlist>(&Binding {
            program: NFS_PROGRAM,
            version: 3,
            netid: BindString::from_static("tcp"),
            address: BindString::default(),
            owner: BindString::default(),
        });
        let bindings = client.call::<rpcbind::v3::Dump>(&());
        let ask = Mapping { program: NFS_PROGRAM, version: 3, protocol: PROTOCOL_TCP, port: 0 };
        assert_ne!(client.call::<portmap::Getport>(&ask), 0, "one port is told to everyone");
        [client.call::<portmap::Dump>(&()).iter().count(), bindings.iter().count(), entries.iter().count()]
    };
    assert_eq!(listed("198.51.100.1", true), [0, 0, 0]);
    let all = listed("192.0.2.10", true);
    assert!(all.iter().all(|count| *count > 0), "{all:?}");
    assert_eq!(listed("198.51.100.1", false), all);
}

#[test]
fn rpcbind_tells_the_address_of_the_zone() {
    let house = ports();
    let client = house.client(FABRIKAM).portmap();
    let binding = |program, version| Binding {
        program,
        version,
        netid: BindString::from_static("tcp"),
        address: BindString::default(),
        owner: BindString::default(),
    };
    let nfs: SocketAddr = "127.0.0.2:12049".parse().unwrap();
    let address = |found: BindString| parse_universal_address(&found);
    assert_eq!(address(client.call::<rpcbind::v3::Getaddr>(&binding(NFS_PROGRAM, 3))), Some(nfs));
    assert_eq!(address(client.call::<rpcbind::v3::Getaddr>(&binding(NFS_PROGRAM, 4))), None);
    assert_eq!(address(client.call::<rpcbind::v4::Getaddr>(&binding(NFS_PROGRAM, 4))), Some(nfs));
    assert_eq!(address(client.call::<rpcbind::v4::Getversaddr>(&binding(NFS_PROGRAM, 4))), None);
    assert_eq!(address(client.call::<rpcbind::v4::Getversaddr>(&binding(NFS_PROGRAM, 3))), Some(nfs));
    let seen_at = |address| Binding { address: BindString::from_static(address), ..binding(NFS_PROGRAM, 3) };
    for (hint, host) in [("192.0.2.1.0.111", "192.0.2.1"), ("0.0.0.0.0.111", "127.0.0.2"), ("::1.0.111", "127.0.0.2")] {
        let found = address(client.call::<rpcbind::v4::Getaddr>(&seen_at(hint))).unwrap();
        assert_eq!(found, SocketAddr::new(host.parse().unwrap(), 12_049), "the client found the mapper at {hint}");
    }
    assert_eq!(client.call::<rpcbind::v4::Getaddrlist>(&binding(PORTMAP_PROGRAM, 4)).len(), 2);
    assert_eq!(client.call::<rpcbind::v3::Dump>(&()).len(), 21);
    assert_eq!(client.call::<rpcbind::v4::Dump>(&()).len(), 21);
    assert_eq!(client.call::<rpcbind::v3::Gettime>(&()), 1_700_000_000);
    assert!(!client.call::<rpcbind::v3::Set>(&binding(NFS_PROGRAM, 3)));
    assert!(!client.call::<rpcbind::v4::Unset>(&binding(NFS_PROGRAM, 3)));
}
