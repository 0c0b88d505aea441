//! Sequences of mostly good calls over one connection, with handles, names and cookies of earlier replies, some of them
//! spoilt, in any fragments and pieces. Each is answered as `rules` say, and nothing stays behind.
//!
//! `BERTH_FUZZ_SEQUENCES` sets how many (default 400) and `BERTH_FUZZ_SEED` which; a failure names the seed of its
//! house, with which `BERTH_FUZZ_SEQUENCES=64` repeats it.

mod calls;
mod guest;
mod locks;
mod rules;
mod stream;

use std::collections::HashMap;
use std::net::IpAddr;

use admission::ConnectionSettings;
use bytes::{Bytes, BytesMut};
use nfs_wire::nfs3::NFS3_OK;
use nfs_wire::nlm4;
use nfs_wire::rpc::NFS_PROGRAM;
use testkit::block_on;
use vfs::{OpContext, Opens};

use self::calls::{Make, NFS_CALLS, PORTMAP_CALLS};
use self::guest::Guest;
use self::locks::LOCK_CALLS;
use self::rules::{Answer, Expected, expected};
use self::stream::Session;
use super::harness::{CONTOSO, FABRIKAM, House, zone};
use crate::caller::{Caller, Role};
use crate::connection::Ended;
use crate::nfs3::must_not_be_repeated;
use crate::nlm4::free_clients;
use crate::settings::Settings;

/// Sequences on one store, which grows with them.
const SEQUENCES_PER_HOUSE: u64 = 64;
const REPLY_CACHE_BYTES_MAX: usize = 1 << 20;
const MOUNTS_MAX: usize = 2;
/// Above the step in which connections tell what they hold.
const IO_BYTES_MAX: u32 = 96 << 10;
const RECORD_BYTES_MAX: usize = 100 << 10;
const FRAGMENTS_MAX: usize = 8;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn settings() -> Settings {
    let connection = ConnectionSettings {
        record_bytes_max: RECORD_BYTES_MAX,
        fragments_max: FRAGMENTS_MAX,
        calls_per_turn_max: 3,
        ..ConnectionSettings::default()
    };
    Settings {
        io_bytes_max: IO_BYTES_MAX,
        io_bytes_preferred: IO_BYTES_MAX,
        reply_cache_bytes_max: REPLY_CACHE_BYTES_MAX,
        mounts_max: MOUNTS_MAX,
        connection,
        ..Settings::default()
    }
}

#[test]
fn fuzz_smoke_sequences_of_calls() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    let (count, first) = (setting("BERTH_FUZZ_SEQUENCES", 400), setting("BERTH_FUZZ_SEED", 1));
    let mut answered = 0;
    for (number, seed) in (0..count.div_ceil(SEQUENCES_PER_HOUSE)).zip(first..) {
        let sequences = SEQUENCES_PER_HOUSE.min(count - number * SEQUENCES_PER_HOUSE);
        let run = std::panic::AssertUnwindSafe(|| play(seed, sequences));
        answered += std::panic::catch_unwind(run).unwrap_or_else(|_| panic!("with BERTH_FUZZ_SEED={seed}"));
        // Timers of connections that are gone are taken out by the driver.
        runtime.block_on(tokio::task::yield_now());
    }
    println!("{count} sequences, {answered} calls answered");
    assert!(answered > count * 5, "most calls are to be answered, not {answered}");
}

/// A house and its guest, from beginning to end; returns how many calls were answered.
fn play(seed: u64, sequences: u64) -> u64 {
    let house = House::with_settings(&[&zone("contoso", CONTOSO, ""), &zone("fabrikam", FABRIKAM, "")], settings());
    let foreign = house.client(FABRIKAM).mount();
    let mut play = Play { guest: Guest::new(seed, foreign), answers: HashMap::new(), answered: 0 };
    for _ in 0..sequences {
        play.sequence(&house);
        assert_eq!(house.place.held().held(), 0, "bytes held without a connection");
    }
    for zone in house.door.registry.zones().iter() {
        let state = house.door.zone_state(zone.id());
        assert!(state.replies.bytes() <= REPLY_CACHE_BYTES_MAX && state.mounts.len() <= MOUNTS_MAX);
    }
    check_locks(&house, &play.guest);
    play.answered
}

/// When all clients are freed no lock is held and nobody waits.
fn check_locks(house: &House, guest: &Guest) {
    for zone in house.door.registry.zones().iter() {
        let ctx = OpContext { zone: zone.id(), ..OpContext::internal(zone.root()) };
        block_on(free_clients(&house.door, &ctx, house.vfs.lock_clients()));
        assert_eq!(house.door.locks.waits.all_waiting(zone.id()), []);
    }
    assert_eq!(house.vfs.lock_clients(), []);
    let client = house.client(CONTOSO);
    for fh in &guest.handles {
        let reply = client.call::<nlm4::Test>(&locks::test_of_all(fh)).reply;
        assert!(!matches!(reply, nlm4::TestReply::Denied(_)), "a lock is held by nobody: {reply:?}");
    }
}

struct Play {
    guest: Guest,
    /// What was answered to calls that must not be done twice.
    answers: HashMap<(IpAddr, Bytes), Bytes>,
    answered: u64,
}

impl Play {
    /// One connection from its beginning to its end.
    fn sequence(&mut self, house: &House) {
        let role = if self.guest.random.chance(5) { Role::Portmap } else { Role::Nfs };
        let peer = self.guest.random.pick(&["192.0.2.10", "192.0.2.11", "192.0.2.12", "2001:db8::1"]);
        let client = house.client_from(CONTOSO, peer);
        let client = if role == Role::Portmap { client.portmap() } else { client };
        let mut session = Session::open(house, &client.caller);
        for _ in 0..6 + self.guest.random.below(9) {
            self.burst(&client.caller, &mut session);
            if session.ended().is_some() {
                break;
            }
        }
        if session.ended().is_none() {
            self.leave(&mut session);
        }
    }

    /// A few calls at once, and what became of them.
    fn burst(&mut self, caller: &Caller, session: &mut Session<'_>) {
        let role = caller.role;
        let count = if self.guest.random.chance(20) { 1 + self.guest.random.below(6) } else { 1 };
        let records: Vec<Bytes> = (0..count).map(|_| self.record(role)).collect();
        let breaks_off = self.guest.random.below(400) == 0;
        let pieces = self.pieces(&records, breaks_off);
        let takes = self.guest.random.pick(&[usize::MAX, usize::MAX, 1000, 7]);
        session.set_write_bytes_max(if self.guest.random.chance(10) { 0 } else { takes });
        session.send(pieces);
        session.set_write_bytes_max(takes);
        session.send(Vec::new());
        let mut replies = session.replies().into_iter();
        let mut closes = false;
        for record in &records {
            match expected(role, record) {
                Expected::Silence => {}
                Expected::Close => {
                    closes = true;
                    break;
                }
                Expected::Answer(answer) => {
                    let reply = replies.next().unwrap_or_else(|| panic!("no answer to {record:02x?}"));
                    self.check(&answer, (caller.client, record), &reply);
                }
            }
        }
        assert_eq!(replies.next(), None, "more answers than calls");
        match session.ended() {
            None => assert!(!closes && !breaks_off, "the connection goes on after nonsense"),
            Some(Ended::Distrusted) => assert!(closes, "closed for {records:02x?}"),
            Some(Ended::Unreadable(_)) => assert!(breaks_off && !closes, "unreadable: {records:02x?}"),
            Some(other) => panic!("ended: {other}"),
        }
    }

    fn record(&mut self, role: Role) -> Bytes {
        let calls = match role {
            Role::Portmap => PORTMAP_CALLS,
            Role::Nfs if self.guest.random.chance(20) => LOCK_CALLS,
            Role::Nfs => NFS_CALLS,
        };
        // Nothing comes of nothing: the first call is MNT.
        let mount: Make = |guest| guest.record::<nfs_wire::mount::v3::Mnt>(&super::harness::path("/projects"));
        let is_new = self.guest.handles.is_empty() && self.guest.random.chance(70);
        let call = if is_new && role == Role::Nfs { mount } else { pick(&mut self.guest, calls) };
        let record = self.guest.next(call);
        // Longer ones have a test of their own.
        record.slice(..record.len().min(RECORD_BYTES_MAX))
    }

    /// The stream of the records: cut into fragments, those into pieces. One that breaks off ends in a fragment that
    /// is too long, or in one too many.
    fn pieces(&mut self, records: &[Bytes], breaks_off: bool) -> Vec<Bytes> {
        let mut stream = BytesMut::new();
        for record in records {
            self.put_record(&mut stream, record);
        }
        if breaks_off && self.guest.random.chance(50) {
            stream.extend_from_slice(&[0; 4].repeat(FRAGMENTS_MAX + 1));
        } else if breaks_off {
            stream.extend_from_slice(&u32::try_from(RECORD_BYTES_MAX + 1).unwrap().to_be_bytes());
        }
        let piece_max = self.guest.random.pick(&[usize::MAX, usize::MAX, 4096, 100, 5]);
        let mut pieces = Vec::new();
        while !stream.is_empty() {
            let length = 1 + self.guest.index(piece_max.min(stream.len()));
            pieces.push(stream.split_to(length.min(stream.len())).freeze());
        }
        pieces
    }

    fn put_record(&mut self, stream: &mut BytesMut, record: &[u8]) {
        let mut rest = record;
        let fragments = if self.guest.random.chance(70) { 1 } else { 1 + self.guest.index(FRAGMENTS_MAX) };
        for left in (0..fragments).rev() {
            let length = if left == 0 { rest.len() } else { self.guest.index(rest.len() + 1) };
            let (fragment, later) = rest.split_at(length);
            let flag = if left == 0 { 0x8000_0000 } else { 0 };
            stream.extend_from_slice(&(flag | u32::try_from(length).unwrap()).to_be_bytes());
            stream.extend_from_slice(fragment);
            rest = later;
        }
    }

    fn check(&mut self, answer: &Answer, (client, record): (IpAddr, &Bytes), reply: &Bytes) {
        self.answered += 1;
        let result = answer.check(reply);
        let Some(signature) = answer.signature else { return };
        if signature.program == NFS_PROGRAM && must_not_be_repeated(signature.number) {
            let before = self.answers.entry((client, record.clone())).or_insert_with(|| reply.clone());
            assert_eq!(before, reply, "another answer to a call that was repeated: {record:02x?}");
        }
        let Some(result) = result else { return };
        let is_ok = result.first_chunk::<4>().is_some_and(|status| u32::from_be_bytes(*status) == NFS3_OK);
        if answer.handle().is_some_and(|handle| handle[..] == self.guest.foreign[..]) {
            assert!(!is_ok, "procedure {} takes a handle of another zone", signature.number);
        }
        self.guest.learn((signature.program, signature.number), &result);
    }

    /// The client goes, between records or in the middle of one.
    fn leave(&mut self, session: &mut Session<'_>) {
        if self.guest.random.chance(30) {
            let length = self.guest.random.pick(&[1, 3, 200, 70_000]);
            let part = [&(90_000_u32).to_be_bytes()[..], &vec![0; length]].concat();
            session.send(vec![part.into()]);
        }
        session.close();
        assert!(matches!(session.ended(), Some(Ended::Closed)), "{:?}", session.ended());
    }
}

fn pick(guest: &mut Guest, calls: &[(u64, Make)]) -> Make {
    let mut place = guest.random.below(calls.iter().map(|(weight, _)| weight).sum());
    for (weight, call) in calls {
        match place.checked_sub(*weight) {
            Some(later) => place = later,
            None => return *call,
        }
    }
    unreachable!("the place lies below the sum of the weights")
}
