//! A zone on an IPv6 address, from the port mapper to the file.

use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use bytes::Bytes;
use integration::client::{CallFailure, Client};
use integration::{Gateway, Site, skip};
use nfs_wire::mount::v3 as mount3;
use nfs_wire::portmap::rpcbind::{BindString, Binding, v3 as rpcbind};
use nfs_wire::portmap::{Getport, Mapping, PROTOCOL_TCP};
use nfs_wire::rpc::{MOUNT_PROGRAM, NFS_PROGRAM, OpaqueAuth, call_message, reply_result};

const HERE: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

const ZONE: &str = "name = \"six\"\nbase = \"/tenants/six\"\naddresses = [\"::1\"]\n\n\
                    [[export]]\npaths = [\"/projects\"]\nread_write_clients = [\"2001:db8:5::/48\", \"::1/128\"]\nmap_root = \"off\"\n\n\
                    [[export]]\npaths = [\"/elsewhere\"]\nread_write_clients = [\"2001:db8::/32\"]\n";

#[test]
fn a_zone_on_ipv6_is_served_end_to_end() {
    if TcpListener::bind((HERE, 0)).is_err() {
        skip("a zone on IPv6", "this machine has no ::1");
        return;
    }
    let site = Site::new(None).unwrap();
    fs::write(site.config().parent().unwrap().join("zones/six.toml"), ZONE).unwrap();
    let gateway = Gateway::start(&site).unwrap();
    let mapper = SocketAddr::new(HERE, site.portmap_port());
    assert_eq!(find(mapper, (NFS_PROGRAM, "tcp6")), universal(site.nfs_port()));
    assert_eq!(find(mapper, (MOUNT_PROGRAM, "tcp6")), universal(site.nfs_port()));
    assert_eq!(find(mapper, (NFS_PROGRAM, "tcp")), "", "nothing of this zone is on IPv4");
    assert_eq!(find_by_datagram(mapper), u32::from(site.nfs_port()));

    let address = SocketAddr::new(HERE, site.nfs_port());
    let mut client = Client::connect_from(HERE, address).unwrap();
    let refused = client.mount("/elsewhere").unwrap_err();
    assert!(matches!(refused, CallFailure::MountRefused(mount3::Mountstat3::Acces)), "{refused}");
    let root = client.mount("/projects").unwrap();
    let file = client.create(&root, "six", 0o644).unwrap();
    assert_eq!(Client::connect(address).unwrap().lookup(&root, "six").unwrap(), file);

    // showmount -e, showmount -a
    let exports = client.call::<mount3::Export>(&()).unwrap().into_vec();
    let shown = |path: &[u8]| exports.iter().find(|export| export.dir[..] == *path);
    let groups = shown(b"/projects").unwrap().groups.iter().map(|group| group.name.to_vec()).collect::<Vec<_>>();
    assert!(groups.iter().any(|group| group[..] == *b"2001:db8:5::/48"), "{groups:?}");
    let mounts = client.call::<mount3::Dump>(&()).unwrap().into_vec();
    assert_eq!(mounts.iter().map(|mount| &mount.hostname[..]).collect::<Vec<_>>(), [b"::1"]);
    gateway.stop().unwrap();
}

/// Where the port mapper says that version 3 of a program is.
fn find(mapper: SocketAddr, (program, netid): (u32, &'static str)) -> String {
    let (address, owner) = (BindString::default(), BindString::default());
    let asked = Binding { program, version: 3, netid: BindString::from_static(netid), address, owner };
    let found = Client::connect_from(HERE, mapper).unwrap().call::<rpcbind::Getaddr>(&asked).unwrap();
    String::from_utf8(found.to_vec()).unwrap()
}

fn find_by_datagram(mapper: SocketAddr) -> u32 {
    let socket = UdpSocket::bind((HERE, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let asked = Mapping { program: NFS_PROGRAM, version: 3, protocol: PROTOCOL_TCP, port: 0 };
    socket.send_to(&call_message::<Getport>(7, OpaqueAuth::none(), &asked), mapper).unwrap();
    let mut answer = [0; 1000];
    let (length, _) = socket.recv_from(&mut answer).unwrap();
    reply_result::<Getport>(7, Bytes::copy_from_slice(&answer[..length])).unwrap()
}

fn universal(port: u16) -> String {
    let [high, low] = port.to_be_bytes();
    format!("::1.{high}.{low}")
}
