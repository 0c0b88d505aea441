//! NSM, and what is answered to datagrams.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use nfs_wire::mount::v3;
use nfs_wire::nfs3::{self, FileHandle};
use nfs_wire::nlm4::{self, Nlm4Stats};
use nfs_wire::nsm::{
    self, MonitorArgs, MonitorId, MonitorName, MonitorResult, MonitorState, MonitorStatus, MyId, NameArgs, NotifyArgs,
};
use nfs_wire::rpc::{AcceptStat, AuthStat, RejectStat, ReplyBody};
use nfs_wire::xdr::Opaque;

use super::harness::{CONTOSO, Client, FABRIKAM, House, mode, open, path, zone};
use super::nlm_harness::{ALL, EXCLUSIVE, Locker, cookie};
use super::outside::{Does, Errands, Notice, Outside};
use crate::callback::Network;
use crate::caller::{Caller, Role};
use crate::reply::Outcome;

const A: &str = "192.0.2.1";
const B: &str = "192.0.2.2";

fn file(house: &House) -> FileHandle {
    let client = house.client(CONTOSO);
    let file = client.create(&client.mount(), "file");
    client.setattr(&file, mode(0o666));
    file
}

fn locker<'a>(house: &'a House, peer: &str, name: &'static str) -> Locker<'a> {
    Locker::new(house.client_from(CONTOSO, peer), name, 1)
}

fn notify(house: &House, (local, peer): (&str, &str), (name, state): (&'static str, u32)) {
    let name = MonitorName::from_static(name);
    house.client_from(local, peer).call::<nsm::Notify>(&NotifyArgs { name, state });
}

/// Whether what one client holds of the first byte is still held after a notice.
fn holds_after(held_by: &[&'static str], ends: (&str, &str), notice: (&'static str, u32)) -> bool {
    let house = House::new();
    let file = file(&house);
    for (at, name) in (0..).zip(held_by) {
        assert_eq!(locker(&house, A, name).lock(&file, EXCLUSIVE, (at, 1)), Nlm4Stats::Granted);
    }
    notify(&house, ends, notice);
    locker(&house, B, "other").lock(&file, EXCLUSIVE, (0, 1)) == Nlm4Stats::Denied
}

#[test]
fn a_restart_frees_what_that_client_held() {
    let from_a = (CONTOSO, A);
    for (held_by, ends, notice, is_held) in [
        (&["vm"][..], from_a, ("vm", 9), false),
        (&["vm"], from_a, ("VM.contoso.example", 9), false),
        (&["vm.contoso.example"], from_a, ("vm", 9), false),
        (&["vm"], from_a, ("192.0.2.1", 9), false),
        (&["vm"], from_a, ("vm", 7), true),
        (&["vm", "vm2"], from_a, ("vm", 9), false),
        (&["vm", "vm2"], from_a, ("vm2", 9), true),
        (&["vm", "vm2"], from_a, ("neither", 9), true),
        (&["vm"], (CONTOSO, B), ("vm", 9), true),
        (&["vm"], (FABRIKAM, A), ("vm", 9), true),
        (&["192.0.2.1", "192.0.2.7"], from_a, ("192.0.2.7", 9), true),
    ] {
        assert_eq!(holds_after(held_by, ends, notice), is_held, "{held_by:?} {ends:?} {notice:?}");
    }
}

#[test]
fn nobody_is_watched_for_others() {
    let house = House::new();
    house.vfs.restart_locks(Duration::ZERO);
    let client = house.client(CONTOSO);
    let name = || MonitorName::from_static("host");
    let caller = || MyId { name: name(), program: 1, version: 1, procedure: 1 };
    let failed = MonitorResult { status: MonitorStatus::Failure, state: 3 };
    client.call::<nsm::Null>(&());
    client.call::<nsm::SimuCrash>(&());
    assert_eq!(client.call::<nsm::Stat>(&NameArgs { name: name() }), failed);
    let id = || MonitorId { name: name(), caller: caller() };
    assert_eq!(client.call::<nsm::Mon>(&MonitorArgs { id: id(), private: [0; 16] }), failed);
    assert_eq!(client.call::<nsm::Unmon>(&id()), MonitorState { state: 3 });
    assert_eq!(client.call::<nsm::UnmonAll>(&caller()), MonitorState { state: 3 });
}

#[test]
fn clients_of_the_last_life_are_told_and_take_their_locks_again() {
    let (house, outside) = (House::new(), Outside::new());
    let file = file(&house);
    locker(&house, A, "vm").lock(&file, EXCLUSIVE, ALL);
    locker(&house, B, "gone").lock(&file, EXCLUSIVE, ALL);
    house.vfs.restart_locks(Duration::from_secs(45));
    outside.next(A, &[Does::Mumbles, Does::Mumbles]);
    outside.always(B, Does::Sleeps);
    let mut errands = Errands::of(&house, &outside);
    errands.run();
    let calls = outside.got();
    assert_eq!(calls.len(), 3, "over UDP, over TCP, and once more");
    for call in &calls {
        assert_eq!(call.route.from, CONTOSO.parse::<std::net::IpAddr>().unwrap());
        assert_eq!(call.route.to.ip(), A.parse::<std::net::IpAddr>().unwrap());
        let told = NotifyArgs { name: MonitorName::from_static(CONTOSO), state: 3 };
        assert_eq!(call.args::<Notice>(), told);
    }
    assert!(outside.paused() < Duration::from_secs(20 * 60), "{:?}", outside.paused());
    assert_eq!(locker(&house, A, "vm").reclaim(&file, ALL), Nlm4Stats::Granted);
}

/// Clients of CONTOSO at which a file is locked when the house goes down: as many that are gone, and B.
fn restart_with_lost_clients(house: &House, outside: &Outside, does: Does) {
    let file = file(house);
    for number in 0..80 {
        let peer = format!("10.0.0.{number}");
        locker(house, &peer, "gone").lock(&file, EXCLUSIVE, (number, 1));
        outside.always(&peer, does);
    }
    locker(house, B, "vm").lock(&file, EXCLUSIVE, (100, 1));
    house.vfs.restart_locks(Duration::from_secs(45));
}

#[test]
fn those_who_are_there_are_told_before_it_is_waited_for_others() {
    let (house, outside) = (House::new(), Outside::new());
    restart_with_lost_clients(&house, &outside, Does::Sleeps);
    Errands::of(&house, &outside).run();
    let b: std::net::IpAddr = B.parse().unwrap();
    let routes = outside.routes();
    let told = routes.iter().position(|route| route.to.ip() == b && route.to.port() != 111).unwrap();
    assert!(routes[..=told].iter().all(|route| route.patience <= Duration::from_millis(500)));
    assert!(routes[told..].iter().any(|route| route.patience > Duration::from_millis(500)), "others are called again");
    assert_eq!(outside.got().len(), 1);
}

#[test]
fn clients_of_one_tenant_are_not_waited_for_by_another() {
    let (house, outside) = (House::new(), Outside::new());
    let client = house.client(FABRIKAM);
    let file = client.create(&client.mount(), "file");
    Locker::new(house.client_from(FABRIKAM, A), "vm", 1).lock(&file, EXCLUSIVE, ALL);
    restart_with_lost_clients(&house, &outside, Does::Hangs);
    Errands::of(&house, &outside).run();
    let fabrikam: std::net::IpAddr = FABRIKAM.parse().unwrap();
    assert!(outside.got().iter().any(|call| call.route.from == fabrikam));
}

#[test]
fn clients_that_are_gone_are_sought_for_a_quarter_of_an_hour() {
    let (house, outside) = (House::new(), Outside::new());
    let file = file(&house);
    for name in ["vm", "other"] {
        locker(&house, A, name).lock(&file, EXCLUSIVE, ALL);
    }
    house.vfs.restart_locks(Duration::from_secs(45));
    outside.always(A, Does::Sleeps);
    Errands::of(&house, &outside).run();
    let time = outside.now();
    assert!((Duration::from_secs(14 * 60)..Duration::from_secs(15 * 60 + 5)).contains(&time), "{time:?}");
    // Two names at one address: it is told once.
    assert!(outside.routes().len() < 50, "{}", outside.routes().len());
}

#[test]
fn clients_of_addresses_that_are_not_served_are_not_told() {
    let (house, outside) = (House::new(), Outside::new());
    locker(&house, A, "vm").lock(&file(&house), EXCLUSIVE, ALL);
    house.vfs.restart_locks(Duration::from_secs(45));
    house.reload(&[&zone("fabrikam", FABRIKAM, "")]);
    Errands::of(&house, &outside).run();
    assert!(outside.got().is_empty());
}

/// The same client, sending datagrams.
fn datagrams(client: Client<'_>) -> Client<'_> {
    datagrams_from(client, 700)
}

fn datagrams_from(client: Client<'_>, port: u16) -> Client<'_> {
    let peer = SocketAddr::new(client.caller.client, port);
    let caller = Caller::of_datagram(Role::Nfs, client.caller.local, peer, client.caller.session);
    Client { caller, ..client }
}

#[test]
fn locks_and_mounts_work_over_datagrams_and_files_do_not() {
    let house = House::new();
    let file = file(&house);
    let locker = Locker::new(datagrams(house.client_from(CONTOSO, A)), "vm", 1);
    assert_eq!(locker.lock(&file, EXCLUSIVE, ALL), Nlm4Stats::Granted);
    locker.client.call::<nlm4::Null>(&());
    locker.client.call::<nsm::Null>(&());
    assert!(matches!(locker.client.call::<v3::Mnt>(&path("/projects")), v3::MountResult::Ok(_)));
    for record in [
        locker.client.record::<nfs3::Null>(&()),
        locker.client.record::<nfs3::Getattr>(&nfs3::GetattrArgs { object: file }),
    ] {
        let (header, _) = open(locker.client.send(record));
        assert!(matches!(header.body, ReplyBody::Accepted { status: AcceptStat::ProgUnavail, .. }), "{header:?}");
    }
}

/// Who forges an address does not know the name.
#[test]
fn a_datagram_must_name_the_client_that_restarted() {
    for (name, is_held) in [("192.0.2.1", true), ("other", true), ("VM.contoso.example", false)] {
        let house = House::new();
        let file = file(&house);
        locker(&house, A, "vm").lock(&file, EXCLUSIVE, ALL);
        let notice = NotifyArgs { name: MonitorName::from_static(name), state: 9 };
        datagrams(house.client_from(CONTOSO, A)).call::<nsm::Notify>(&notice);
        let denied = locker(&house, B, "other").lock(&file, EXCLUSIVE, ALL) == Nlm4Stats::Denied;
        assert_eq!(denied, is_held, "{name}");
    }
}

fn is_too_weak(client: &Client<'_>, record: Bytes) -> bool {
    let (header, _) = open(client.send(record));
    header.body == ReplyBody::Denied(RejectStat::AuthError(AuthStat::TooWeak))
}

#[test]
fn users_of_a_machine_change_no_locks_by_datagrams() {
    let house = House::new();
    let file = file(&house);
    locker(&house, A, "vm").lock(&file, EXCLUSIVE, ALL);
    let locker = Locker::new(datagrams_from(house.client_from(CONTOSO, A), 1024), "vm", 1);
    let client = &locker.client;
    let (cookie, lock) = (cookie(), locker.range(&file, ALL));
    let unlock = nlm4::UnlockArgs { cookie: cookie.clone(), lock: lock.clone() };
    let cancel = nlm4::CancelArgs { cookie, block: true, exclusive: true, lock };
    let free_all = nlm4::NotifyArgs { name: Opaque::from_static("vm"), state: 0 };
    let notice = NotifyArgs { name: MonitorName::from_static("vm"), state: 9 };
    for record in [
        client.record::<nlm4::Lock>(&locker.lock_args(&file, ALL)),
        client.record::<nlm4::LockMsg>(&locker.lock_args(&file, ALL)),
        client.record::<nlm4::Unlock>(&unlock),
        client.record::<nlm4::Cancel>(&cancel),
        client.record::<nlm4::FreeAll>(&free_all),
        client.record::<nsm::Notify>(&notice),
    ] {
        assert!(is_too_weak(client, record));
    }
    locker.test(&file, EXCLUSIVE, ALL);
    client.call::<nlm4::Null>(&());
    client.call::<nsm::Null>(&());
    assert_eq!(self::locker(&house, B, "other").lock(&file, EXCLUSIVE, ALL), Nlm4Stats::Denied, "still held");
}

#[test]
fn users_of_a_machine_free_not_all_its_locks_over_streams() {
    let house = House::new();
    let client = house.client_from(CONTOSO, A);
    let peer = SocketAddr::new(client.caller.client, 40_000);
    let caller = Caller::new(Role::Nfs, client.caller.local, peer, client.caller.session);
    let locker = Locker::new(Client { caller, ..client }, "vm", 1);
    let file = file(&house);
    assert_eq!(locker.lock(&file, EXCLUSIVE, ALL), Nlm4Stats::Granted);
    let free_all = nlm4::NotifyArgs { name: Opaque::from_static("vm"), state: 0 };
    assert!(is_too_weak(&locker.client, locker.client.record::<nlm4::FreeAll>(&free_all)));
    let notice = NotifyArgs { name: MonitorName::from_static("vm"), state: 9 };
    assert!(is_too_weak(&locker.client, locker.client.record::<nsm::Notify>(&notice)));
}

/// The address of a datagram may be forged.
#[test]
fn datagrams_of_strangers_are_not_answered() {
    let house = House::with(&[&zone("contoso", CONTOSO, "clients = [\"192.0.2.0/24\"]")]);
    let ask = |peer: &str| {
        let client = datagrams(house.client_from(CONTOSO, peer));
        let records =
            [client.record::<nlm4::Null>(&()), client.record::<v3::Export>(&()), client.record::<nfs3::Null>(&())];
        records.map(|record| matches!(client.send(record), Outcome::Reply(_)))
    };
    assert_eq!(ask("192.0.2.1"), [true; 3]);
    assert_eq!(ask("198.51.100.1"), [false; 3]);
    assert_eq!(ask("::1"), [false; 3]);
}
