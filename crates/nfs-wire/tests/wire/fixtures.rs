//! Every message against bytes written down from the specifications: the layout, and for the ones whose fields could
//! be swapped unnoticed, the meaning.

use nfs_wire::catalogue::MESSAGES;
use nfs_wire::nfs3::*;
use nfs_wire::nlm4::{self, Nlm4Stats, TestReply};
use nfs_wire::nsm;
use nfs_wire::portmap::Mapping;
use nfs_wire::rpc::{AuthFlavor, AuthSys, CallHeader};
use nfs_wire::rquota;
use nfs_wire::xdr::{self, Decode, Decoder};

use crate::hex::{self, fixture};

fn decode<T: Decode>(stem: &str) -> T {
    xdr::from_bytes(fixture(stem)).unwrap()
}

#[test]
fn every_fixture_decodes_and_encodes_to_the_same_bytes() {
    for fixture in hex::all() {
        let message = MESSAGES.iter().find(|message| message.name == fixture.message);
        let message = message.unwrap_or_else(|| panic!("{} is in no catalogue", fixture.stem));
        assert_eq!((message.recode)(fixture.bytes.clone()), Ok(fixture.bytes), "{}", fixture.stem);
    }
}

#[test]
fn every_message_has_a_fixture() {
    let fixtures = hex::all();
    for message in MESSAGES {
        assert!(fixtures.iter().any(|fixture| fixture.message == message.name), "{}", message.name);
    }
}

#[test]
fn call_header_and_credential() {
    let call = CallHeader::decode_call(&mut Decoder::new(fixture("rpc-call"))).unwrap();
    assert_eq!((call.xid, call.program, call.version, call.procedure), (0x1234_abcd, 100_003, 3, 1));
    assert_eq!((call.credential.flavor, call.verifier.flavor), (AuthFlavor::SYS, AuthFlavor::NONE));
    let sys = AuthSys::from_credential(&call.credential).unwrap();
    assert_eq!((sys.stamp, sys.uid, sys.gid, &sys.gids[..]), (0x1122_3344, 1000, 100, &[100, 4, 27][..]));
    assert_eq!(&sys.machine_name[..], b"client-a");
}

#[test]
fn fattr3() {
    let attributes = decode::<GetattrResult>("nfs3-GETATTR-result").into_result().unwrap().obj_attributes;
    let time = |seconds, nanoseconds| Nfstime3 { seconds, nanoseconds };
    let expected = Fattr3 {
        file_type: Ftype3::Regular,
        mode: 0o644,
        nlink: 1,
        uid: 1000,
        gid: 100,
        size: 0x1_0000_2000,
        used: 0x1_0000_3000,
        rdev: Specdata3 { specdata1: 8, specdata2: 1 },
        fsid: 0xabcd_ef01_0203_0405,
        fileid: 0x1122_3344_5566_7788,
        atime: time(0x6553_f100, 1),
        mtime: time(0x6553_f101, 999_999_999),
        ctime: time(0x6553_f102, 2),
    };
    assert_eq!(attributes, expected);
}

#[test]
fn sattr3_and_guard() {
    let args = decode::<SetattrArgs>("nfs3-SETATTR-args");
    let expected = Sattr3 {
        mode: Some(0o4755),
        uid: None,
        gid: Some(100),
        size: Some(0x1_0000_0001),
        atime: SetTime::ServerTime,
        mtime: SetTime::ClientTime(Nfstime3 { seconds: 0x6553_f101, nanoseconds: 3 }),
    };
    assert_eq!(args.new_attributes, expected);
    assert_eq!(args.guard, Some(Nfstime3 { seconds: 0x6553_f102, nanoseconds: 2 }));
}

#[test]
fn lookup_tells_the_object_before_the_directory() {
    let ok = decode::<LookupResult>("nfs3-LOOKUP-result").into_result().unwrap();
    assert_eq!(ok.obj_attributes.unwrap().file_type, Ftype3::Regular);
    assert_eq!(ok.dir_attributes.unwrap().file_type, Ftype3::Directory);
    assert_eq!(decode::<LookupResult>("nfs3-LOOKUP-result.NOENT").failure(), Some(Nfsstat3::Noent));
}

#[test]
fn read_and_write() {
    let read = decode::<ReadResult>("nfs3-READ-result").into_result().unwrap();
    assert_eq!((read.count, read.eof, &read.data[..]), (5, true, &b"hello"[..]));
    let write = decode::<WriteArgs>("nfs3-WRITE-args");
    assert_eq!((write.offset, write.count, write.stable), (1 << 32, 6, StableHow::FileSync));
    assert_eq!((&write.data[..], write.file.len()), (&b"abcdef"[..], 32));
    let wrote = decode::<WriteResult>("nfs3-WRITE-result").into_result().unwrap();
    assert_eq!((wrote.count, wrote.committed, wrote.verf), (6, StableHow::FileSync, [1, 2, 3, 4, 5, 6, 7, 8]));
    let before = wrote.file_wcc.before.unwrap();
    assert_eq!((before.size, before.mtime.seconds, before.ctime.nanoseconds), (0x2000, 5, 8));
}

#[test]
fn a_write_shares_the_memory_of_its_record() {
    let record = fixture("nfs3-WRITE-args");
    let write = xdr::from_bytes::<WriteArgs>(record.clone()).unwrap();
    let place = record.len() - 8;
    assert_eq!(write.data.as_ptr(), record[place..].as_ptr());
}

#[test]
fn create_modes() {
    assert!(matches!(decode::<CreateArgs>("nfs3-CREATE-args").how, CreateHow::Unchecked(_)));
    assert!(matches!(decode::<CreateArgs>("nfs3-CREATE-args.GUARDED").how, CreateHow::Guarded(_)));
    let exclusive = decode::<CreateArgs>("nfs3-CREATE-args.EXCLUSIVE");
    assert_eq!(exclusive.how, CreateHow::Exclusive([1, 2, 3, 4, 5, 6, 7, 8]));
    assert_eq!(&exclusive.place.name[..], b"file.txt");
}

#[test]
fn rename_goes_from_to() {
    let args = decode::<RenameArgs>("nfs3-RENAME-args");
    assert_eq!((&args.from.name[..], &args.to.name[..]), (&b"old"[..], &b"new name"[..]));
    let body = decode::<RenameResult>("nfs3-RENAME-result").into_result().unwrap();
    assert!(body.fromdir_wcc.before.is_some() && body.todir_wcc.before.is_none());
}

#[test]
fn directories() {
    let args = decode::<ReaddirplusArgs>("nfs3-READDIRPLUS-args");
    assert_eq!((args.dircount, args.maxcount), (8192, 32768));
    let list = decode::<ReaddirResult>("nfs3-READDIR-result").into_result().unwrap();
    let names: Vec<_> = list.entries.iter().map(|entry| (entry.fileid, &entry.name[..], entry.cookie)).collect();
    assert_eq!(names, [(1, &b"."[..], 1 << 33), (2, &b".."[..], 2 << 33), (3, &b"a name"[..], 3 << 33)]);
    assert!(list.eof);
    let plus = decode::<ReaddirplusResult>("nfs3-READDIRPLUS-result").into_result().unwrap();
    assert!(plus.entries[0].name_attributes.is_some() && plus.entries[0].name_handle.is_some());
    assert!(plus.entries[1].name_attributes.is_none() && plus.entries[1].name_handle.is_none());
    assert!(!plus.eof);
}

#[test]
fn file_system_figures() {
    let stat = decode::<FsstatResult>("nfs3-FSSTAT-result").into_result().unwrap();
    assert_eq!((stat.tbytes, stat.fbytes, stat.abytes), (1 << 40, 1 << 39, 1 << 38));
    assert_eq!((stat.tfiles, stat.ffiles, stat.afiles, stat.invarsec), (1000, 900, 800, 0));
    let info = decode::<FsinfoResult>("nfs3-FSINFO-result").into_result().unwrap();
    assert_eq!((info.rtmax, info.rtpref, info.rtmult), (1 << 20, 1 << 19, 4096));
    assert_eq!((info.wtmax, info.wtpref, info.wtmult, info.dtpref), (1 << 20, 1 << 18, 512, 65536));
    assert_eq!((info.maxfilesize, info.time_delta.nanoseconds, info.properties), (i64::MAX as u64, 1, 0x1b));
    let conf = decode::<PathconfResult>("nfs3-PATHCONF-result").into_result().unwrap();
    assert_eq!((conf.linkmax, conf.name_max), (32000, 255));
    assert!(conf.no_trunc && conf.chown_restricted && !conf.case_insensitive && conf.case_preserving);
}

#[test]
fn device_numbers() {
    let MknodData::CharacterDevice(device) = decode::<MknodArgs>("nfs3-MKNOD-args").what else {
        panic!("a character device");
    };
    assert_eq!((device.spec.specdata1, device.spec.specdata2), (1, 3));
}

#[test]
fn a_mapping() {
    let expected = Mapping { program: 100_003, version: 3, protocol: 6, port: 0 };
    assert_eq!(decode::<Mapping>("portmap2-GETPORT-args"), expected);
}

#[test]
fn a_lock_and_the_flags_around_it() {
    let args = decode::<nlm4::LockArgs>("nlm4-LOCK-args");
    assert_eq!((args.block, args.exclusive, args.reclaim, args.state), (true, false, true, 7));
    assert_eq!((&args.cookie[..], &args.lock.caller_name[..]), (&[0, 0, 0, 42][..], &b"client-a"[..]));
    assert_eq!((args.lock.fh.len(), &args.lock.oh[..], args.lock.svid), (32, &b"7@client-a"[..], 8000));
    assert_eq!((args.lock.offset, args.lock.len), (0x1_0000_0002, 0x3_0000_0004));
    let cancel = decode::<nlm4::CancelArgs>("nlm4-CANCEL-args");
    assert_eq!((cancel.block, cancel.exclusive), (false, true));
    assert!(decode::<nlm4::TestArgs>("nlm4-TEST-args").exclusive);
    assert_eq!(decode::<nlm4::StatusResult>("nlm4-LOCK-result").status, Nlm4Stats::Blocked);
}

#[test]
fn only_a_denied_test_tells_the_holder() {
    let denied = decode::<nlm4::TestResult>("nlm4-TEST-result.DENIED");
    let TestReply::Denied(holder) = denied.reply else { panic!("a holder") };
    assert_eq!((holder.exclusive, holder.svid, holder.offset, holder.len), (true, u32::MAX, 0x1_0000_0002, 0));
    let granted = decode::<nlm4::TestResult>("nlm4-TEST-result");
    assert_eq!(granted.reply, TestReply::Status(Nlm4Stats::Granted));
}

#[test]
fn a_share_denies_to_others_and_accesses_itself() {
    let args = decode::<nlm4::ShareArgs>("nlm4-SHARE-args");
    assert_eq!((args.share.mode, args.share.access), (nlm4::Fsh4Mode::DenyWrite, nlm4::Fsh4Access::Read));
    let result = decode::<nlm4::ShareResult>("nlm4-SHARE-result");
    assert_eq!((result.status, result.sequence), (Nlm4Stats::Denied, 0));
    let mut bytes = fixture("nlm4-SHARE-args").to_vec();
    let mode_at = bytes.len() - 12;
    bytes[mode_at + 3] = 4;
    let refused = xdr::from_bytes::<nlm4::ShareArgs>(bytes.into());
    assert_eq!(refused, Err(xdr::DecodeError::InvalidEnum { name: "fsh4_mode", value: 4 }));
}

#[test]
fn monitoring() {
    let args = decode::<nsm::MonitorArgs>("nsm1-MON-args");
    assert_eq!((&args.id.name[..], &args.id.caller.name[..]), (&b"client-a"[..], &b"server"[..]));
    let caller = (args.id.caller.program, args.id.caller.version, args.id.caller.procedure);
    assert_eq!((caller, args.private[0]), ((100_021, 4, 16), 0x10));
    let failed = decode::<nsm::MonitorResult>("nsm1-MON-result");
    assert_eq!((failed.status, failed.state), (nsm::MonitorStatus::Failure, u32::MAX));
    let notify = decode::<nsm::NotifyArgs>("nsm1-NOTIFY-args");
    assert_eq!((&notify.name[..], notify.state), (&b"client-a"[..], 7));
}

#[test]
fn remote_quotas() {
    let user = decode::<rquota::v1::GetquotaArgs>("rquota1-GETQUOTA-args");
    assert_eq!((&user.path[..], user.uid), (&b"/projects"[..], 1000));
    let group = decode::<rquota::v2::GetquotaArgs>("rquota2-GETQUOTA-args");
    assert_eq!((&group.path[..], group.kind, group.id), (&b"/projects"[..], rquota::v2::GROUP, 100));
    let told = rquota::Rquota {
        block_bytes: 1024,
        active: true,
        blocks_hard: 100,
        blocks_soft: 80,
        blocks: 85,
        files_hard: 10,
        files_soft: 8,
        files: 9,
        blocks_time_left: 3600,
        files_time_left: 1800,
    };
    assert_eq!(decode::<rquota::QuotaResult>("rquota1-GETQUOTA-result"), rquota::QuotaResult::Ok(told));
    assert_eq!(decode::<rquota::QuotaResult>("rquota1-GETQUOTA-result.EPERM"), rquota::QuotaResult::NotPermitted);
}

#[test]
fn an_opaque_owner_has_at_most_1024_bytes() {
    let oversized = [&[0, 0, 4, 1][..], &[1; 1028]].concat();
    let result = xdr::from_bytes::<nlm4::StatusResult>(oversized.into());
    assert_eq!(result, Err(xdr::DecodeError::TooLong { length: 1025, maximum: 1024 }));
}

#[test]
fn padding_may_hold_anything_but_booleans_may_not() {
    let mut bytes = fixture("nfs3-WRITE-args").to_vec();
    *bytes.last_mut().unwrap() = 0xff;
    assert_eq!(xdr::from_bytes::<WriteArgs>(bytes.into()).unwrap().data, "abcdef");
    let mut bytes = fixture("nfs3-READ-result.IO").to_vec();
    *bytes.last_mut().unwrap() = 2;
    assert_eq!(xdr::from_bytes::<ReadResult>(bytes.into()), Err(xdr::DecodeError::InvalidBool(2)));
}

#[test]
fn a_handle_of_65_bytes_is_refused_and_a_long_name_is_not() {
    let mut bytes = vec![0, 0, 0, 65];
    bytes.extend([1; 68]);
    let result = xdr::from_bytes::<GetattrArgs>(bytes.into());
    assert_eq!(result, Err(xdr::DecodeError::TooLong { length: 65, maximum: 64 }));
    let mut bytes = vec![0, 0, 0, 0, 0, 0, 1, 0];
    bytes.extend([b'n'; 256]);
    assert_eq!(xdr::from_bytes::<DirOpArgs>(bytes.into()).unwrap().name.len(), 256);
}
