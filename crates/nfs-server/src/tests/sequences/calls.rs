//! Every call there is, made of what a guest knows.

use bytes::Bytes;
use nfs_wire::mount::{DirPath, v1, v3};
use nfs_wire::nfs3::*;
use nfs_wire::portmap::rpcbind::{self, BindString, Binding};
use nfs_wire::portmap::{self, Mapping, PROTOCOL_TCP, PROTOCOL_UDP};
use nfs_wire::rpc::{MOUNT_PROGRAM, NFS_PROGRAM, NLM_PROGRAM, Procedure};

use super::guest::Guest;

/// Makes the record of one call.
pub(super) type Make = fn(&mut Guest) -> Bytes;

/// Calls to the NFS port, by how often they are made.
pub(super) const NFS_CALLS: &[(u64, Make)] = &[
    (1, |guest| guest.record::<Null>(&())),
    (4, |guest| with_handle::<Getattr>(guest, |object| GetattrArgs { object })),
    (5, setattr),
    (6, lookup),
    (3, |guest| with_handle_and_word::<Access>(guest, |object, access| AccessArgs { object, access })),
    (2, |guest| with_handle::<Readlink>(guest, |symlink| ReadlinkArgs { symlink })),
    (5, read),
    (7, write),
    (9, create),
    (5, mkdir),
    (3, symlink),
    (2, mknod),
    (4, remove),
    (3, rmdir),
    (6, rename),
    (4, link),
    (4, readdir),
    (5, readdirplus),
    (1, |guest| with_handle::<Fsstat>(guest, |fsroot| FsstatArgs { fsroot })),
    (1, |guest| with_handle::<Fsinfo>(guest, |fsroot| FsinfoArgs { fsroot })),
    (1, |guest| with_handle::<Pathconf>(guest, |object| PathconfArgs { object })),
    (3, commit),
    (5, |guest| with_path::<v3::Mnt>(guest)),
    (1, |guest| with_path::<v3::Umnt>(guest)),
    (1, |guest| with_path::<v1::Mnt>(guest)),
    (1, |guest| guest.record::<v3::Dump>(&())),
    (1, |guest| guest.record::<v3::Umntall>(&())),
    (1, |guest| guest.record::<v3::Export>(&())),
    (1, |guest| guest.record::<v1::Exportall>(&())),
];

/// Calls to the portmap port.
pub(super) const PORTMAP_CALLS: &[(u64, Make)] = &[
    (1, |guest| guest.record::<portmap::Null>(&())),
    (2, with_mapping::<portmap::Set>),
    (2, with_mapping::<portmap::Unset>),
    (4, with_mapping::<portmap::Getport>),
    (1, |guest| guest.record::<portmap::Dump>(&())),
    (2, with_binding::<rpcbind::v3::Set>),
    (4, with_binding::<rpcbind::v3::Getaddr>),
    (1, |guest| guest.record::<rpcbind::v3::Dump>(&())),
    (4, with_binding::<rpcbind::v4::Getaddr>),
    (4, with_binding::<rpcbind::v4::Getversaddr>),
    (4, with_binding::<rpcbind::v4::Getaddrlist>),
    (1, |guest| guest.record::<rpcbind::v4::Gettime>(&())),
];

fn with_handle<P: Procedure>(guest: &mut Guest, args: fn(FileHandle) -> P::Args) -> Bytes {
    let handle = guest.handle();
    guest.record::<P>(&args(handle))
}

fn with_handle_and_word<P: Procedure>(guest: &mut Guest, args: fn(FileHandle, u32) -> P::Args) -> Bytes {
    let (handle, word) = (guest.handle(), guest.word());
    guest.record::<P>(&args(handle, word))
}

fn attributes(guest: &mut Guest) -> Sattr3 {
    let random = &mut guest.random;
    let mut mode = Some(u32::try_from(random.below(0o10000)).unwrap());
    mode = mode.filter(|_| random.chance(80));
    let [uid, gid] = [(); 2].map(|()| random.chance(10).then(|| random.pick(&[0, 1000, u32::MAX])));
    let size = random.chance(15).then(|| guest.long());
    let [atime, mtime] = [(); 2].map(|()| match guest.random.below(10) {
        0 => SetTime::ServerTime,
        1 => SetTime::ClientTime(Nfstime3 { seconds: guest.word(), nanoseconds: guest.word() }),
        _ => SetTime::DontChange,
    });
    Sattr3 { mode, uid, gid, size, atime, mtime }
}

fn setattr(guest: &mut Guest) -> Bytes {
    let (object, new_attributes) = (guest.handle(), attributes(guest));
    let guard = guest.random.chance(10).then(|| Nfstime3 { seconds: guest.word(), nanoseconds: guest.word() });
    guest.record::<Setattr>(&SetattrArgs { object, new_attributes, guard })
}

fn lookup(guest: &mut Guest) -> Bytes {
    let what = guest.place();
    guest.record::<Lookup>(&LookupArgs { what })
}

fn read(guest: &mut Guest) -> Bytes {
    let (file, offset, count) = (guest.handle(), guest.long(), guest.word());
    guest.record::<Read>(&ReadArgs { file, offset, count })
}

fn write(guest: &mut Guest) -> Bytes {
    let (file, offset, data) = (guest.handle(), guest.long(), guest.bytes(300));
    let data = if guest.random.chance(3) { Bytes::from(vec![7; guest.index(100_000)]) } else { data };
    let count = u32::try_from(data.len()).unwrap();
    // A count that is not that of the data is the client's fault.
    let count = if guest.random.chance(5) { guest.word() } else { count };
    let stable = [StableHow::Unstable, StableHow::DataSync, StableHow::FileSync][guest.index(3)];
    guest.record::<Write>(&WriteArgs { file, offset, count, stable, data })
}

fn create(guest: &mut Guest) -> Bytes {
    let (place, attributes) = (guest.place(), attributes(guest));
    let how = match guest.random.below(3) {
        0 => CreateHow::Unchecked(attributes),
        1 => CreateHow::Guarded(attributes),
        _ => CreateHow::Exclusive(guest.random.below(3).to_be_bytes()),
    };
    guest.record::<Create>(&CreateArgs { place, how })
}

fn mkdir(guest: &mut Guest) -> Bytes {
    let (place, attributes) = (guest.place(), attributes(guest));
    guest.record::<Mkdir>(&MkdirArgs { place, attributes })
}

fn symlink(guest: &mut Guest) -> Bytes {
    let (place, symlink_attributes) = (guest.place(), attributes(guest));
    let target = if guest.random.chance(5) { guest.bytes(8000) } else { guest.bytes(40) };
    let symlink = SymlinkData { symlink_attributes, symlink_data: NfsPath::new(target).unwrap() };
    guest.record::<Symlink>(&SymlinkArgs { place, symlink })
}

fn mknod(guest: &mut Guest) -> Bytes {
    let (place, dev_attributes) = (guest.place(), attributes(guest));
    let spec = Specdata3 { specdata1: guest.word(), specdata2: guest.word() };
    let what = match guest.random.below(5) {
        0 => MknodData::CharacterDevice(DeviceData { dev_attributes, spec }),
        1 => MknodData::BlockDevice(DeviceData { dev_attributes, spec }),
        2 => MknodData::Socket(dev_attributes),
        3 => MknodData::Fifo(dev_attributes),
        _ => MknodData::Regular,
    };
    guest.record::<Mknod>(&MknodArgs { place, what })
}

fn remove(guest: &mut Guest) -> Bytes {
    let object = guest.place();
    guest.record::<Remove>(&RemoveArgs { object })
}

fn rmdir(guest: &mut Guest) -> Bytes {
    let object = guest.place();
    guest.record::<Rmdir>(&RmdirArgs { object })
}

fn rename(guest: &mut Guest) -> Bytes {
    let (from, to) = (guest.place(), guest.place());
    guest.record::<Rename>(&RenameArgs { from, to })
}

fn link(guest: &mut Guest) -> Bytes {
    let (file, link) = (guest.handle(), guest.place());
    guest.record::<Link>(&LinkArgs { file, link })
}

/// Where to list: from the beginning, or from where an earlier listing was.
fn listing(guest: &mut Guest) -> (FileHandle, u64, Verifier) {
    let place = guest.index(guest.cookies.len());
    match guest.cookies.get(place).cloned() {
        Some(found) if guest.random.chance(50) => found,
        _ if guest.random.chance(10) => (guest.handle(), guest.long(), guest.random.bits().to_be_bytes()),
        _ => (guest.handle(), 0, [0; 8]),
    }
}

fn readdir(guest: &mut Guest) -> Bytes {
    let ((dir, cookie, cookieverf), count) = (listing(guest), guest.word());
    guest.record::<Readdir>(&ReaddirArgs { dir, cookie, cookieverf, count })
}

fn readdirplus(guest: &mut Guest) -> Bytes {
    let ((dir, cookie, cookieverf), dircount, maxcount) = (listing(guest), guest.word(), guest.word());
    guest.record::<Readdirplus>(&ReaddirplusArgs { dir, cookie, cookieverf, dircount, maxcount })
}

fn commit(guest: &mut Guest) -> Bytes {
    let (file, offset, count) = (guest.handle(), guest.long(), guest.word());
    guest.record::<Commit>(&CommitArgs { file, offset, count })
}

fn with_path<P: Procedure<Args = DirPath>>(guest: &mut Guest) -> Bytes {
    let path: Bytes = match guest.random.below(10) {
        0 => guest.bytes(30),
        1 => Bytes::from(vec![b'/'; guest.index(DirPath::MAX_BYTES)]),
        2 => Bytes::from_static(b"/projects/../../fabrikam/projects"),
        3 => [&b"/projects/"[..], &guest.name()].concat().into_iter().take(DirPath::MAX_BYTES).collect(),
        _ => Bytes::from_static(b"/projects"),
    };
    guest.record::<P>(&DirPath::new(path).unwrap())
}

fn with_mapping<P: Procedure<Args = Mapping>>(guest: &mut Guest) -> Bytes {
    let program = guest.random.pick(&[NFS_PROGRAM, MOUNT_PROGRAM, NLM_PROGRAM, 7]);
    let (version, protocol) = (guest.random.pick(&[1, 3, 4]), guest.random.pick(&[PROTOCOL_TCP, PROTOCOL_UDP, 0]));
    let port = guest.word();
    guest.record::<P>(&Mapping { program, version, protocol, port })
}

fn with_binding<P: Procedure<Args = Binding>>(guest: &mut Guest) -> Bytes {
    let program = guest.random.pick(&[NFS_PROGRAM, MOUNT_PROGRAM, NLM_PROGRAM, 7]);
    let version = guest.random.pick(&[1, 3, 4]);
    let netid = guest.random.pick(&[&b"tcp"[..], b"udp", b"tcp6", b"", b"local"]);
    let address = guest.random.pick(&[&b"192.0.2.9.0.111"[..], b"", b"::1.0.111", b"255.255.255.255.255.256", b"."]);
    let text = |text: &[u8]| BindString::new(text.to_vec()).unwrap();
    let owner = BindString::new(guest.bytes(20)).unwrap();
    guest.record::<P>(&Binding { program, version, netid: text(netid), address: text(address), owner })
}
