//! Remote quotas.

use nfs_wire::nfs3::{FileHandle, Sattr3};
use nfs_wire::rpc::{AcceptStat, ReplyBody};
use nfs_wire::rquota::{QuotaPath, QuotaResult, Rquota, v1, v2};
use testkit::block_on;
use vfs::{Admin, OpContext, Principal, QuotaDomain, QuotaGuard, QuotaLimits, QuotaSettings, SetQuotaRequest};

use super::harness::{CONTOSO, Client, FABRIKAM, House, open, zone};
use crate::reply::Outcome;

const ALICE: u32 = 1001;

fn user(id: u32) -> QuotaDomain {
    QuotaDomain::User(Principal::Unix(id))
}

/// A directory below the export with 3 KiB of alice's, whose limit is 1 MiB and ten files.
fn house() -> House {
    let house = House::with(&[&zone("contoso", CONTOSO, "all_dirs = true"), &zone("fabrikam", FABRIKAM, "")]);
    let client = house.client(CONTOSO);
    let root = client.mount();
    let dir = client.mkdir(&root, "dir");
    let file = client.create(&dir, "file");
    client.write(&file, 0, &[7; 3000]);
    client.setattr(&file, Sattr3 { uid: Some(ALICE), ..Sattr3::default() });
    let bytes = QuotaLimits { hard: Some(1 << 20), ..QuotaLimits::default() };
    let inodes = QuotaLimits { hard: Some(10), ..QuotaLimits::default() };
    limit(&house, (&dir, user(ALICE)), QuotaSettings { bytes, inodes, enforced: true, ..QuotaSettings::default() });
    house
}

fn limit(house: &House, (at, domain): (&FileHandle, QuotaDomain), settings: QuotaSettings) {
    let directory = house.door.keys.open(at).unwrap().inode;
    let request = SetQuotaRequest { directory, domain, settings: Some(settings), guard: QuotaGuard::Any };
    block_on(house.vfs.set_quota(&OpContext::internal(directory), request)).unwrap();
}

fn ask(client: &Client<'_>, path: &str, uid: u32) -> QuotaResult {
    let path = QuotaPath::new(path.as_bytes().to_vec()).unwrap();
    client.call::<v1::Getquota>(&v1::GetquotaArgs { path, uid })
}

#[test]
fn a_user_is_told_what_it_may_use_in_a_directory() {
    let house = house();
    let told = Rquota {
        block_bytes: 1024,
        active: true,
        blocks_hard: 1024,
        blocks_soft: 0,
        blocks: 3,
        files_hard: 10,
        files_soft: 0,
        files: 1,
        blocks_time_left: 0,
        files_time_left: 0,
    };
    let alice = house.client(CONTOSO).user(ALICE, 100, &[]);
    assert_eq!(ask(&alice, "/projects/dir", ALICE), QuotaResult::Ok(told));
    assert_eq!(ask(&alice, "/projects", ALICE), QuotaResult::None, "it is another directory");
    assert_eq!(ask(&alice, "/nowhere", ALICE), QuotaResult::None);
    assert_eq!(ask(&alice, "/projects/dir", 0), QuotaResult::NotPermitted);
    assert_eq!(ask(&house.client(CONTOSO), "/projects/dir", ALICE), QuotaResult::Ok(told), "root may ask about all");
    assert_eq!(ask(&house.client(FABRIKAM), "/projects/dir", ALICE), QuotaResult::None, "another tenant may not");
}

#[test]
fn groups_are_told_by_version_2_and_the_tightest_limit_of_many() {
    let house = house();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let dir = client.lookup(&root, "dir").unwrap();
    for (at, hard) in [(&root, 1 << 30), (&dir, 1 << 40)] {
        let bytes = QuotaLimits { hard: Some(hard), ..QuotaLimits::default() };
        limit(&house, (at, QuotaDomain::EveryGroup), QuotaSettings { bytes, ..QuotaSettings::default() });
    }
    let args = |kind| v2::GetquotaArgs { path: QuotaPath::from_static("/projects/dir"), kind, id: 100 };
    let member = house.client(CONTOSO).user(ALICE, 7, &[100]);
    let QuotaResult::Ok(told) = member.call::<v2::Getquota>(&args(v2::GROUP)) else { panic!("nothing was told") };
    assert_eq!((told.blocks_hard, told.active), (1 << 20, false));
    assert_eq!(member.call::<v2::Getactivequota>(&args(v2::GROUP)), QuotaResult::None, "it does not bind");
    assert_eq!(member.call::<v2::Getquota>(&args(v2::USER)), QuotaResult::NotPermitted);
    assert_eq!(member.call::<v2::Getquota>(&args(9)), QuotaResult::None);
    let other = house.client(CONTOSO).user(ALICE, 7, &[]);
    assert_eq!(other.call::<v2::Getquota>(&args(v2::GROUP)), QuotaResult::NotPermitted);
}

#[test]
fn nothing_else_is_there() {
    let house = house();
    let client = house.client(CONTOSO);
    client.call::<v1::Null>(&());
    let mut record = client.record::<v1::Null>(&()).to_vec();
    // The number of the procedure (RFC 5531 9): SETQUOTA.
    record[20..24].copy_from_slice(&3_u32.to_be_bytes());
    let Outcome::Reply(reply) = client.send(record.into()) else { panic!("no answer") };
    let (header, _) = open(Outcome::Reply(reply));
    assert_eq!(
        header.body,
        ReplyBody::Accepted { verifier: nfs_wire::rpc::OpaqueAuth::none(), status: AcceptStat::ProcUnavail }
    );
}
