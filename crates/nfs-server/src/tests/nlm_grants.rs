//! NLM: waiting, and being told.

use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use nfs_wire::nfs3::FileHandle;
use nfs_wire::nlm4::{self, Nlm4Stats, StatusResult, TestReply};
use vfs::limits::MAILBOX_EVENTS_MAX;
use vfs::{FsError, Opens};

use super::harness::{CONTOSO, House, mode};
use super::nlm_harness::{ALL, EXCLUSIVE, Locker, SHARED, cookie, netobj};
use super::outside::{Does, Errands, Outside};
use crate::callback::Transport;
use crate::dispatch::handle;

const A: &str = "192.0.2.1";
const B: &str = "192.0.2.2";
const C: &str = "192.0.2.3";
const GRANTED: Nlm4Stats = Nlm4Stats::Granted;
const DENIED: Nlm4Stats = Nlm4Stats::Denied;
const BLOCKED: Nlm4Stats = Nlm4Stats::Blocked;

fn file(house: &House) -> FileHandle {
    let client = house.client(CONTOSO);
    let file = client.create(&client.mount(), "file");
    client.setattr(&file, mode(0o666));
    file
}

fn locker<'a>(house: &'a House, peer: &str) -> Locker<'a> {
    Locker::new(house.client_from(CONTOSO, peer), "vm", 1)
}

/// A holds the whole file, B waits for it.
fn one_waits(house: &House) -> FileHandle {
    let file = file(house);
    assert_eq!(locker(house, A).lock(&file, EXCLUSIVE, ALL), GRANTED);
    assert_eq!(locker(house, B).wait(&file, EXCLUSIVE, ALL), BLOCKED);
    file
}

#[test]
fn who_waited_is_called_back_from_the_address_it_came_to() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = one_waits(&house);
    errands.run();
    assert!(outside.got().is_empty());
    locker(&house, A).unlock(&file, ALL);
    errands.run();
    let [call] = &outside.got()[..] else { panic!("one call is made") };
    assert_eq!(call.route.transport, Transport::Tcp);
    assert_eq!(call.route.from, CONTOSO.parse::<std::net::IpAddr>().unwrap());
    assert_eq!(call.route.to, "192.0.2.2:4001".parse::<SocketAddr>().unwrap());
    let args = call.args::<nlm4::Granted>();
    assert_eq!((args.exclusive, args.lock), (true, locker(&house, B).range(&file, ALL)), "as it was asked for");
    assert_eq!(locker(&house, C).lock(&file, SHARED, ALL), DENIED, "it is held");
    assert_eq!(locker(&house, B).unlock(&file, ALL), GRANTED);
    assert_eq!(locker(&house, C).lock(&file, SHARED, ALL), GRANTED);
}

#[test]
fn a_waiter_that_asks_again_is_one_waiter() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = one_waits(&house);
    assert_eq!(locker(&house, B).wait(&file, EXCLUSIVE, ALL), BLOCKED);
    assert_eq!(locker(&house, B).lock(&file, EXCLUSIVE, ALL), DENIED, "a question beside it");
    assert_eq!(house.vfs.lock_entries(10).len(), 2);
    locker(&house, A).unlock(&file, ALL);
    errands.run();
    assert_eq!(outside.got().len(), 1);
}

#[test]
fn who_asks_again_after_the_grant_is_answered_and_not_called() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = one_waits(&house);
    locker(&house, A).unlock(&file, ALL);
    assert_eq!(locker(&house, B).wait(&file, EXCLUSIVE, ALL), GRANTED);
    errands.run();
    assert!(outside.got().is_empty());
    // What was told of the first grant does not stand for a second.
    locker(&house, B).unlock(&file, ALL);
    locker(&house, A).lock(&file, EXCLUSIVE, ALL);
    locker(&house, B).wait(&file, EXCLUSIVE, ALL);
    errands.run();
    assert!(outside.got().is_empty());
    locker(&house, A).unlock(&file, ALL);
    errands.run();
    assert_eq!(outside.got().len(), 1);
}

#[test]
fn calls_are_repeated_until_they_are_answered() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = one_waits(&house);
    outside.listens(B, Transport::Udp, 0);
    outside.next(B, &[Does::Mumbles, Does::Says(Nlm4Stats::DeniedGracePeriod), Does::Mumbles]);
    locker(&house, A).unlock(&file, ALL);
    errands.run();
    let calls = outside.got();
    assert_eq!(calls.len(), 4);
    let cookies: Vec<_> = calls.iter().map(|call| call.args::<nlm4::Granted>().cookie).collect();
    assert!(cookies.windows(2).all(|pair| pair[0] == pair[1]), "it is one grant");
    assert_eq!(outside.paused(), Duration::from_secs(1 + 2 + 4));
    assert_eq!(locker(&house, C).lock(&file, SHARED, ALL), DENIED);
}

#[test]
fn a_client_that_does_not_answer_holds_up_nobody_for_ever() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = one_waits(&house);
    locker(&house, C).wait(&file, EXCLUSIVE, ALL);
    outside.always(B, Does::Sleeps);
    locker(&house, A).unlock(&file, ALL);
    errands.run();
    assert!(outside.paused() <= Duration::from_secs(60), "{:?}", outside.paused());
    let [call] = &outside.got()[..] else { panic!("the next one is told") };
    assert_eq!(call.route.to.ip(), C.parse::<std::net::IpAddr>().unwrap());
    assert_eq!(locker(&house, B).lock(&file, SHARED, ALL), DENIED);
}

#[test]
fn a_client_that_does_not_want_it_gives_it_back() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = one_waits(&house);
    outside.next(B, &[Does::Says(DENIED)]);
    locker(&house, A).unlock(&file, ALL);
    errands.run();
    assert_eq!(outside.got().len(), 1);
    assert_eq!(locker(&house, C).lock(&file, EXCLUSIVE, ALL), GRANTED);
}

/// It took the lock with the first call, whose answer was lost: it waits no more, and so denies the second.
#[test]
fn a_denial_of_a_repetition_is_none() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = one_waits(&house);
    outside.next(B, &[Does::Mumbles, Does::Says(DENIED)]);
    locker(&house, A).unlock(&file, ALL);
    errands.run();
    assert_eq!(locker(&house, C).lock(&file, EXCLUSIVE, ALL), DENIED);
    assert_eq!(locker(&house, B).cancel(&file, EXCLUSIVE, ALL), GRANTED, "it was not so");
    assert_eq!(locker(&house, C).lock(&file, EXCLUSIVE, ALL), GRANTED);
}

#[test]
fn an_acknowledgement_ends_the_calls() {
    for (status, held) in [(GRANTED, DENIED), (DENIED, GRANTED)] {
        let (house, outside) = (House::new(), Outside::new());
        let mut errands = Errands::of(&house, &outside);
        let file = one_waits(&house);
        outside.always(B, Does::Hangs);
        locker(&house, A).unlock(&file, ALL);
        errands.run();
        let result = StatusResult { cookie: outside.got()[0].args::<nlm4::Granted>().cookie, status };
        house.client_from(CONTOSO, C).call::<nlm4::GrantedRes>(&StatusResult { status: DENIED, ..result.clone() });
        assert_eq!(locker(&house, C).lock(&file, SHARED, ALL), DENIED, "others have no say");
        for cookie in [cookie(), netobj(&[0; 8])] {
            house.client_from(CONTOSO, B).call::<nlm4::GrantedRes>(&StatusResult { cookie, status: DENIED });
        }
        house.client_from(CONTOSO, B).call::<nlm4::GrantedRes>(&result);
        assert_eq!(locker(&house, C).lock(&file, EXCLUSIVE, ALL), held);
    }
}

#[test]
fn what_is_cancelled_is_not_granted() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = one_waits(&house);
    let b = locker(&house, B);
    assert_eq!(b.cancel(&file, SHARED, ALL), GRANTED, "nothing like that waits");
    assert_eq!(house.vfs.lock_entries(10).len(), 2);
    assert_eq!(b.cancel(&file, EXCLUSIVE, ALL), GRANTED);
    assert_eq!(b.cancel(&file, EXCLUSIVE, ALL), GRANTED, "once more");
    locker(&house, A).unlock(&file, ALL);
    errands.run();
    assert!(outside.got().is_empty() && house.vfs.lock_entries(10).is_empty());
    // Granted, but not told yet.
    locker(&house, A).lock(&file, EXCLUSIVE, ALL);
    b.wait(&file, EXCLUSIVE, ALL);
    locker(&house, A).unlock(&file, ALL);
    assert_eq!(b.cancel(&file, EXCLUSIVE, ALL), GRANTED);
    errands.run();
    assert!(outside.got().is_empty() && house.vfs.lock_entries(10).is_empty());
    // An unlock takes a request back as well.
    locker(&house, A).lock(&file, EXCLUSIVE, ALL);
    b.wait(&file, EXCLUSIVE, ALL);
    assert_eq!(b.unlock(&file, ALL), GRANTED);
    locker(&house, A).unlock(&file, ALL);
    errands.run();
    assert!(outside.got().is_empty() && house.vfs.lock_entries(10).is_empty());
}

#[test]
fn a_client_that_is_freed_waits_no_more() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = one_waits(&house);
    locker(&house, B).free_all("vm");
    locker(&house, A).unlock(&file, ALL);
    errands.run();
    assert!(outside.got().is_empty() && house.vfs.lock_entries(10).is_empty());
}

#[test]
fn udp_is_called_where_tcp_is_not_served() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = one_waits(&house);
    outside.listens(B, Transport::Tcp, 0);
    outside.listens(B, Transport::Udp, 4045);
    locker(&house, A).unlock(&file, ALL);
    errands.run();
    let [call] = &outside.got()[..] else { panic!("one call is made") };
    assert_eq!((call.route.transport, call.route.to.port()), (Transport::Udp, 4045));
}

#[test]
fn ports_are_asked_for_once_a_minute() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = file(&house);
    let mut grant = || {
        locker(&house, A).lock(&file, EXCLUSIVE, ALL);
        locker(&house, B).wait(&file, EXCLUSIVE, ALL);
        locker(&house, A).unlock(&file, ALL);
        errands.run();
        locker(&house, B).unlock(&file, ALL);
        outside.mappers_asked()
    };
    assert_eq!([grant(), grant()], [1, 1]);
    house.clock.advance(Duration::from_secs(61));
    assert_eq!(grant(), 2);
    outside.next(B, &[Does::Sleeps]);
    assert!(grant() > 2, "it may have moved");
}

#[test]
fn a_dead_client_holds_up_no_others() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = file(&house);
    let (a, dead, c) = (locker(&house, A), locker(&house, B), locker(&house, C));
    outside.always(B, Does::Hangs);
    a.lock(&file, EXCLUSIVE, ALL);
    for at in 0..20 {
        assert_eq!(dead.wait(&file, EXCLUSIVE, (at, 1)), BLOCKED);
    }
    assert_eq!(c.wait(&file, EXCLUSIVE, (100, 1)), BLOCKED);
    a.unlock(&file, ALL);
    errands.run();
    assert_eq!(outside.hanging(), 4, "so many calls to one client at once");
    assert!(outside.got().iter().any(|call| call.route.to.ip() == c.client.caller.client));
}

/// A mailbox holds so many events only; whoever is not told asks the house again.
#[test]
fn more_grants_than_a_mailbox_holds_are_all_told() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = file(&house);
    locker(&house, A).lock(&file, EXCLUSIVE, ALL);
    let waiters = MAILBOX_EVENTS_MAX + 100;
    for number in 0..waiters {
        let client = [B, C][number % 2];
        let svid = u32::try_from(number).unwrap();
        let waiter = Locker { svid, ..locker(&house, client) };
        assert_eq!(waiter.wait(&file, SHARED, ALL), BLOCKED);
    }
    locker(&house, A).unlock(&file, ALL);
    errands.run();
    errands.run();
    errands.run();
    assert_eq!(outside.got().len(), waiters);
}

#[test]
fn waits_of_one_client_are_bounded() {
    let house = House::new();
    let file = file(&house);
    locker(&house, A).lock(&file, EXCLUSIVE, ALL);
    let wait = |client, number| locker(&house, client).wait(&file, EXCLUSIVE, (number, 1));
    assert!((0..1024).all(|number| wait(B, number) == BLOCKED));
    assert_eq!(wait(B, 2000), Nlm4Stats::DeniedNolocks);
    assert_eq!(wait(B, 7), BLOCKED, "one that waits already");
    assert_eq!(wait(C, 2000), BLOCKED);
}

#[test]
fn messages_are_answered_by_calls() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = file(&house);
    let (a, b) = (locker(&house, A), locker(&house, B));
    a.client.call::<nlm4::LockMsg>(&a.lock_args(&file, ALL));
    b.client.call::<nlm4::LockMsg>(&b.lock_args(&file, ALL));
    let test = nlm4::TestArgs { cookie: cookie(), exclusive: true, lock: b.range(&file, ALL) };
    b.client.call::<nlm4::TestMsg>(&test);
    b.client.call::<nlm4::GrantedMsg>(&test);
    b.client.call::<nlm4::CancelMsg>(&nlm4::CancelArgs {
        cookie: cookie(),
        block: true,
        exclusive: true,
        lock: b.range(&file, ALL),
    });
    b.client.call::<nlm4::UnlockMsg>(&nlm4::UnlockArgs { cookie: cookie(), lock: b.range(&file, ALL) });
    errands.run();
    let calls = outside.got();
    let to_a: Vec<_> = calls.iter().filter(|call| call.route.to.ip() == a.client.caller.client).collect();
    assert_eq!(to_a[0].args::<nlm4::LockRes>(), StatusResult { cookie: cookie(), status: GRANTED });
    let find = |is: fn(&super::outside::Got) -> bool| calls.iter().rfind(|call| is(call)).unwrap();
    let status = |status| StatusResult { cookie: cookie(), status };
    assert_eq!(find(|call| call.is::<nlm4::LockRes>()).args::<nlm4::LockRes>(), status(DENIED));
    assert_eq!(find(|call| call.is::<nlm4::CancelRes>()).args::<nlm4::CancelRes>(), status(GRANTED));
    assert_eq!(find(|call| call.is::<nlm4::UnlockRes>()).args::<nlm4::UnlockRes>(), status(GRANTED));
    assert_eq!(find(|call| call.is::<nlm4::GrantedRes>()).args::<nlm4::GrantedRes>(), status(DENIED));
    let tested = find(|call| call.is::<nlm4::TestRes>()).args::<nlm4::TestRes>();
    assert!(matches!(tested.reply, TestReply::Denied(_)));
    assert_eq!(calls.len(), 6);
    // Answers to calls that were never made.
    b.client.call::<nlm4::LockRes>(&status(GRANTED));
    b.client.call::<nlm4::TestRes>(&tested);
}

/// A client that takes calls and never answers has so many `_RES` calls due, however many it asks for.
#[test]
fn answers_to_messages_are_bounded_until_they_were_sent() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = file(&house);
    let (b, c) = (locker(&house, B), locker(&house, C));
    let send = |from: &Locker<'_>| from.client.call::<nlm4::LockMsg>(&from.lock_args(&file, ALL));
    outside.always(B, Does::Hangs);
    for _ in 0..5 {
        (0..20).for_each(|_| send(&b));
        errands.run();
    }
    assert_eq!(house.door.locks.due(), 16);
    outside.always(C, Does::Mumbles);
    send(&c);
    assert_eq!(house.door.locks.due(), 17, "others have a share of their own");
    errands.run();
    assert_eq!(house.door.locks.due(), 16, "sent is sent");
    drop(errands);
    assert_eq!(house.door.locks.due(), 0);
}

/// B waits as a user who may write the file, and A gives it back; then nobody may.
fn granted_and_forbidden(house: &House) -> FileHandle {
    let file = file(house);
    assert_eq!(locker(house, A).lock(&file, EXCLUSIVE, ALL), GRANTED);
    assert_eq!(user(house).wait(&file, EXCLUSIVE, ALL), BLOCKED);
    locker(house, A).unlock(&file, ALL);
    house.client(CONTOSO).setattr(&file, mode(0));
    file
}

fn user(house: &House) -> Locker<'_> {
    Locker::new(house.client_from(CONTOSO, B).user(1000, 1000, &[]), "vm", 1)
}

#[test]
fn a_lock_that_may_not_be_had_any_more_is_held_by_nobody() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = granted_and_forbidden(&house);
    errands.run();
    assert!(outside.got().is_empty());
    assert_eq!(locker(&house, C).lock(&file, EXCLUSIVE, ALL), GRANTED);
}

#[test]
fn a_request_that_is_refused_at_last_waits_no_more() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = file(&house);
    assert_eq!(locker(&house, A).lock(&file, EXCLUSIVE, ALL), GRANTED);
    assert_eq!(user(&house).wait(&file, EXCLUSIVE, ALL), BLOCKED);
    house.client(CONTOSO).setattr(&file, mode(0));
    assert_eq!(user(&house).wait(&file, EXCLUSIVE, ALL), Nlm4Stats::Failed);
    assert_eq!(house.vfs.lock_entries(10).len(), 1);
    locker(&house, A).unlock(&file, ALL);
    errands.run();
    assert!(outside.got().is_empty() && house.vfs.lock_entries(10).is_empty());
}

#[test]
fn a_request_that_is_granted_when_it_is_refused_is_given_back() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = granted_and_forbidden(&house);
    assert_eq!(user(&house).wait(&file, EXCLUSIVE, ALL), Nlm4Stats::Failed);
    errands.run();
    assert!(outside.got().is_empty());
    assert_eq!(locker(&house, C).lock(&file, EXCLUSIVE, ALL), GRANTED);
}

#[test]
fn a_house_that_cannot_say_is_asked_again() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = one_waits(&house);
    locker(&house, A).unlock(&file, ALL);
    house.vfs.refuse_all(Some(FsError::Io));
    errands.run();
    assert!(outside.got().is_empty());
    house.vfs.refuse_all(None);
    errands.run();
    assert_eq!(outside.got().len(), 1);
}

/// The port of the client is being asked for when its thread gives up.
#[test]
fn a_grant_that_does_not_stand_any_more_is_not_told() {
    for asks_again in [false, true] {
        let (house, outside) = (House::new(), Outside::new());
        let mut errands = Errands::of(&house, &outside);
        let file = one_waits(&house);
        outside.next(B, &[Does::Hangs; 4]);
        let busy = locker(&house, B);
        for _ in 0..4 {
            busy.client.call::<nlm4::TestMsg>(&nlm4::TestArgs {
                cookie: cookie(),
                exclusive: true,
                lock: busy.range(&file, ALL),
            });
        }
        errands.run();
        assert_eq!((outside.got().len(), outside.hanging()), (4, 4), "no slot is left");
        locker(&house, A).unlock(&file, ALL);
        errands.run();
        let b = locker(&house, B);
        assert_eq!(b.cancel(&file, EXCLUSIVE, ALL), GRANTED);
        assert_eq!(locker(&house, C).lock(&file, EXCLUSIVE, ALL), GRANTED);
        if asks_again {
            assert_eq!(b.wait(&file, EXCLUSIVE, ALL), BLOCKED);
        }
        outside.wake_hanging();
        errands.run();
        assert!(!outside.got().iter().any(super::outside::Got::is::<nlm4::Granted>), "it is the lock of C");
    }
}

/// The record of the client goes durably; meanwhile it is there again.
#[test]
fn who_asks_again_while_it_is_being_forgotten_waits() {
    let (house, outside) = (House::new(), Outside::new());
    let mut errands = Errands::of(&house, &outside);
    let file = one_waits(&house);
    house.vfs.free_slowly();
    let b = locker(&house, B);
    let name = nlm4::NotifyArgs { name: nfs_wire::xdr::Opaque::from_static("vm"), state: 0 };
    let mut freeing = pin!(handle(&house.door, &b.client.caller, b.client.record::<nlm4::FreeAll>(&name)));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(freeing.as_mut().poll(&mut cx).is_pending());
    assert_eq!(locker(&house, B).wait(&file, EXCLUSIVE, ALL), BLOCKED);
    assert!(matches!(freeing.as_mut().poll(&mut cx), Poll::Ready(_)));
    locker(&house, A).unlock(&file, ALL);
    errands.run();
    assert_eq!(outside.got().len(), 1);
}

#[test]
fn clients_keep_their_numbers_when_keys_are_added() {
    let house = House::new();
    let file = file(&house);
    assert_eq!(locker(&house, A).lock(&file, EXCLUSIVE, ALL), GRANTED);
    let restarted = house.restarted(&[(1, [7; 32]), (2, [8; 32])]);
    assert_eq!(locker(&restarted, A).lock(&file, EXCLUSIVE, ALL), GRANTED);
    assert_eq!(house.vfs.lock_clients().len(), 1);
    let stranger = house.restarted(&[(1, [9; 32])]);
    let number = |house: &House| {
        let zone = house.door.registry.zone_for(CONTOSO.parse().unwrap()).unwrap();
        house.door.locks.client_id(zone.id(), A.parse().unwrap(), b"vm")
    };
    assert!(number(&house) == number(&restarted) && number(&house) != number(&stranger));
}
