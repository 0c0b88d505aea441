//! Leases: granted with opens, broken by whatever would make wrong what their clients cache (MS-SMB2 3.3.1.12).

use std::sync::Arc;
use std::task::Waker;

use vfs::{
    AcknowledgementRefusal, Awaited, BreakAcknowledgement, Disposition, Event, FsError, InodeId, LeaseBreak, LeaseKey,
    LeaseOwner, LeaseRequest, LeaseState, LockKind, LockOwner, LockRange, LockRequest, Mailbox, OpenId, OpenReply,
    OpenRequest, SessionId, Vfs, ZoneId,
};

use super::super::actor::{Actor, Scene};
use super::{creating, opening, sharing};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    they_are_granted_as_far_as_there_is_room(scene).await;
    who_has_no_open_breaks_them(scene).await;
    opens_break_them(scene).await;
    a_share_mode_that_is_cached_is_asked_for_first(scene).await;
    writes_and_locks_of_others_end_what_is_read(scene).await;
    who_only_looks_breaks_nothing(scene).await;
    names_are_kept_until_handles_are_given_back(scene).await;
    acknowledgements_are_those_of_who_was_asked(scene).await;
    a_key_is_that_of_one_file(scene).await;
    changes_in_a_directory_break_its_leases(scene).await;
}

const NONE: LeaseState = LeaseState::NONE;
const R: LeaseState = LeaseState { read: true, ..NONE };
pub(super) const RH: LeaseState = LeaseState { handle: true, ..R };
const RW: LeaseState = LeaseState { write: true, ..R };
pub(super) const RWH: LeaseState = LeaseState { write: true, ..RH };
const WAITS: Option<FsError> =
    Some(FsError::Breaking(InodeId { shard: vfs::ShardId(0), tree: vfs::TreeId::LIVE, number: vfs::InodeNumber(0) }));

/// A client with a key.
pub(super) struct Client {
    key: LeaseKey,
    pub(super) mailbox: Arc<Mailbox>,
}

impl Client {
    pub(super) fn new(key: u128) -> Self {
        Self { key: LeaseKey { zone: ZoneId(1), client: 7, key }, mailbox: Arc::default() }
    }

    pub(super) fn asks(&self, wanted: LeaseState, request: OpenRequest) -> OpenRequest {
        let lease = LeaseRequest { wanted, key: Some(self.key), parent: None, epoch: Some(10) };
        OpenRequest { lease: Some(lease), mailbox: Arc::clone(&self.mailbox), ..request }
    }

    fn asks_for_an_oplock(&self, wanted: LeaseState, request: OpenRequest) -> OpenRequest {
        let lease = LeaseRequest { wanted, key: None, parent: None, epoch: None };
        OpenRequest { lease: Some(lease), mailbox: Arc::clone(&self.mailbox), ..request }
    }

    /// The breaks that it was told of: what is left, and whether it has to answer.
    pub(super) fn told(&self) -> Vec<(LeaseState, bool)> {
        let (events, _) = self.mailbox.take(Waker::noop());
        let told = events.into_iter().map(|event| match event {
            Event::BreakLease(LeaseBreak { to, must_acknowledge, .. }) => (to, must_acknowledge),
            event => panic!("{event:?}"),
        });
        told.collect()
    }

    fn keeps(&self, kept: LeaseState) -> BreakAcknowledgement {
        BreakAcknowledgement { owner: LeaseOwner::Key(self.key), kept }
    }
}

impl<V: Vfs> Actor<'_, V> {
    pub(super) async fn leased(&self, request: OpenRequest) -> OpenReply {
        self.open(request).await.unwrap()
    }

    fn acknowledge(&self, acknowledgement: BreakAcknowledgement) -> Result<LeaseState, AcknowledgementRefusal> {
        self.house.acknowledge_break(&self.ctx, acknowledgement)
    }

    pub(super) async fn lock_by(&self, (inode, open): (InodeId, OpenId)) -> Result<(), FsError> {
        let (owner, range) = (LockOwner::Open(open), LockRange { offset: 0, length: 1 });
        let kind = LockKind::Exclusive;
        let request = LockRequest { inode, owner, range, kind, mandatory: true, wait: None, reclaim: false };
        self.house.lock(self.next(), request).await.map(drop).map_err(|failure| failure.error)
    }
}

/// A failure, whichever inode it is that is waited for.
fn refusal<T>(outcome: Result<T, FsError>) -> Option<FsError> {
    outcome.err().map(|error| if matches!(error, FsError::Breaking(_)) { WAITS.unwrap_or(error) } else { error })
}

async fn they_are_granted_as_far_as_there_is_room<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("leases granted", 0o755).await);
    let (one, two) = (Client::new(1), Client::new(2));
    let first = alice.leased(one.asks(RH, creating(root, "file", "rw"))).await;
    assert_eq!((first.lease.state, first.lease.epoch), (RH, Some(11)));
    let grown = alice.leased(one.asks(RWH, opening(root, "file", "rw"))).await;
    assert_eq!((grown.lease.state, grown.lease.epoch), (RWH, Some(12)), "under the same key");
    assert_eq!(alice.leased(one.asks(R, opening(root, "file", "r"))).await.lease.state, RWH, "it never shrinks");
    let looking = alice.leased(two.asks_for_an_oplock(RWH, opening(root, "file", "a"))).await;
    assert_eq!(looking.lease.state, NONE, "beside one that caches writes");
    assert_eq!((one.told(), alice.open(opening(root, "file", "r")).await.err().is_some()), (vec![], true));
    alice.house.end_session(alice.ctx.session).await;
    let second = alice.leased(two.asks(RWH, opening(root, "file", "r"))).await;
    assert_eq!(second.lease.state, RWH, "alone again");
    let directory = alice.leased(one.asks(RWH, OpenRequest { directory: Some(true), ..creating(root, "dir", "r") }));
    assert_eq!(directory.await.lease.state, RH, "nobody caches writes of a directory");
    alice.house.end_session(alice.ctx.session).await;
}

/// NFS, that is.
async fn who_has_no_open_breaks_them<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("leases without an open", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    alice.create(root, "other", 0o644).await.unwrap();
    let client = Client::new(3);
    for (act, told, waits) in [
        ("read", Some((RH, true)), true),
        ("write", Some((NONE, true)), true),
        ("truncate", Some((NONE, true)), true),
        ("rename", Some((RW, true)), true),
        ("rename over", Some((RW, true)), true),
        ("remove", Some((RW, true)), true),
        ("getattr", None, false),
        ("chmod", None, false),
    ] {
        let held = alice.leased(client.asks(RWH, opening(root, "file", "rwd"))).await;
        let attempt = async || match act {
            "read" => alice.read(file, 0, 1).await.map(drop),
            "write" => alice.write(file, 0, b"x").await.map(drop),
            "truncate" => alice.truncate(file, 0).await.map(drop),
            "rename" => alice.rename((root, "file"), (root, "file2")).await.map(drop),
            "rename over" => alice.rename((root, "other"), (root, "file")).await.map(drop),
            "remove" => alice.remove(root, "file").await.map(drop),
            "chmod" => alice.chmod(file, 0o644).await.map(drop),
            _ => alice.attributes(file).await.map(drop),
        };
        let outcome = attempt().await;
        assert_eq!(refusal(outcome), WAITS.filter(|_| waits), "{act}");
        assert_eq!(client.told(), Vec::from_iter(told), "{act}");
        let Some((left, _)) = told else {
            alice.close(held.open).await.unwrap();
            continue;
        };
        let waiting = Arc::<Mailbox>::default();
        assert_eq!(alice.house.await_break(file, &waiting), Ok(Awaited::Told));
        assert_eq!(refusal(attempt().await), WAITS, "{act} again");
        assert_eq!(alice.acknowledge(client.keeps(left)), Ok(left));
        assert_eq!(waiting.take(Waker::noop()).0, [Event::LeaseBroken { inode: file }]);
        assert_eq!(alice.house.await_break(file, &waiting), Ok(Awaited::Over));
        if act == "remove" {
            break;
        }
        attempt().await.unwrap();
        if act == "rename" {
            alice.rename((root, "file2"), (root, "file")).await.unwrap();
        }
        alice.close(held.open).await.unwrap();
        if act == "rename over" {
            // What was there goes with its last open.
            return who_has_no_open_breaks_them_by_removing(scene).await;
        }
    }
}

async fn who_has_no_open_breaks_them_by_removing<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("leases removing", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    alice.write(file, 0, b"data").await.unwrap();
    let client = Client::new(4);
    let held = alice.leased(client.asks(RWH, opening(root, "file", "rw"))).await;
    assert_eq!(refusal(alice.remove(root, "file").await), WAITS);
    assert_eq!(client.told(), [(RW, true)]);
    assert_eq!(alice.acknowledge(client.keeps(RW)), Ok(RW));
    alice.remove(root, "file").await.expect("its open lets others delete");
    assert_eq!(alice.read_by((file, held.open)).await.unwrap(), b"data", "and keeps what it has open");
    assert!(!alice.close(held.open).await.unwrap());
}

async fn opens_break_them<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("leases by opens", 0o755).await);
    alice.create(root, "file", 0o644).await.unwrap();
    let (one, two) = (Client::new(5), Client::new(6));
    let overwriting = |request| OpenRequest { disposition: Disposition::Overwrite, ..request };
    let held = alice.leased(one.asks(RWH, opening(root, "file", "rw"))).await;
    assert_eq!(refusal(alice.open(two.asks(RWH, opening(root, "file", "r"))).await), WAITS);
    assert_eq!(one.told(), [(RH, true)]);
    assert_eq!(refusal(alice.open(overwriting(opening(root, "file", "w"))).await), WAITS);
    assert_eq!(one.told(), [], "one thing after the other");
    let again = alice.leased(one.asks(R, opening(root, "file", "r"))).await;
    assert!(again.lease.is_breaking && again.lease.state == RWH, "{:?}", again.lease);
    assert_eq!(alice.acknowledge(one.keeps(RH)), Ok(RH));
    assert_eq!(one.told(), [(R, true)], "opens before reads");
    assert_eq!(alice.acknowledge(one.keeps(R)), Ok(R));
    assert_eq!(one.told(), [(NONE, false)]);
    let other = alice.leased(two.asks(RWH, opening(root, "file", "r"))).await;
    assert_eq!(other.lease.state, RH);
    alice.close(held.open).await.unwrap();
    alice.close(again.open).await.unwrap();
    // Who caches no writes is told, and not waited for.
    alice.opened(overwriting(opening(root, "file", "w"))).await;
    assert_eq!(two.told(), [(NONE, true)]);
    alice.house.end_session(alice.ctx.session).await;
    let held = alice.leased(one.asks_for_an_oplock(RWH, opening(root, "file", "rw"))).await;
    assert_eq!(refusal(alice.open(opening(root, "file", "r")).await), WAITS);
    assert_eq!(one.told(), [(R, true)], "an oplock is left with reading");
    alice.close(held.open).await.unwrap();
    alice.opened(opening(root, "file", "r")).await;
    alice.house.end_session(alice.ctx.session).await;
}

async fn a_share_mode_that_is_cached_is_asked_for_first<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("leases cached handles", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    let client = Client::new(8);
    let denying = || OpenRequest { share: sharing("r"), ..opening(root, "file", "r") };
    let held = alice.leased(client.asks(RH, denying())).await;
    assert_eq!(refusal(alice.open(opening(root, "file", "w")).await), WAITS);
    assert_eq!(client.told(), [(R, true)]);
    alice.close(held.open).await.unwrap();
    let writing = alice.opened(opening(root, "file", "w")).await;
    alice.close(writing).await.unwrap();
    alice.leased(client.asks(RH, denying())).await;
    assert_eq!(refusal(alice.write(file, 0, b"x").await), WAITS, "over NFS too");
    assert_eq!(client.told(), [(R, true)]);
    assert_eq!(alice.acknowledge(client.keeps(R)), Ok(R));
    let conflict = Some(FsError::ShareConflict);
    assert_eq!(refusal(alice.write(file, 0, b"x").await), conflict, "it is really open");
    assert_eq!(refusal(alice.open(opening(root, "file", "w")).await), conflict);
    alice.house.end_session(alice.ctx.session).await;
}

async fn writes_and_locks_of_others_end_what_is_read<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("leases reading", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    let (one, two) = (Client::new(9), Client::new(10));
    for act in ["write by an open", "write", "lock", "cut"] {
        alice.leased(one.asks(RH, opening(root, "file", "r"))).await;
        let writer = alice.leased(two.asks(RH, opening(root, "file", "rw"))).await;
        assert_eq!(writer.lease.state, RH);
        match act {
            "write by an open" => alice.write_by((file, writer.open), b"x").await.unwrap(),
            "write" => drop(alice.write(file, 0, b"x").await.unwrap()),
            "lock" => alice.lock_by((file, writer.open)).await.unwrap(),
            _ => drop(alice.truncate(file, 0).await.unwrap()),
        }
        assert_eq!(one.told(), [(NONE, true)], "{act}: told, and not waited for");
        let has_none = matches!(act, "write" | "cut");
        let expected = if has_none { vec![(NONE, true)] } else { vec![] };
        assert_eq!(two.told(), expected, "{act}: its own lease stays");
        alice.house.end_session(alice.ctx.session).await;
    }
}

async fn who_only_looks_breaks_nothing<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("leases looking", 0o755).await);
    alice.create(root, "file", 0o644).await.unwrap();
    let client = Client::new(11);
    let descriptor = || OpenRequest { access: vfs::acl::AccessMask::READ_CONTROL, ..opening(root, "file", "") };
    alice.leased(client.asks(RWH, opening(root, "file", "rw"))).await;
    alice.opened(opening(root, "file", "a")).await;
    alice.opened(opening(root, "file", "as")).await;
    alice.opened(descriptor()).await;
    assert_eq!(client.told(), []);
    alice.house.end_session(alice.ctx.session).await;
    alice.opened(opening(root, "file", "a")).await;
    let alone = alice.leased(client.asks_for_an_oplock(RWH, opening(root, "file", "rw"))).await;
    assert_eq!(alone.lease.state, RWH, "nor is it in the way");
    assert_eq!(refusal(alice.open(descriptor()).await), WAITS, "oplocks mind who looks at the descriptor");
    alice.house.end_session(alice.ctx.session).await;
    client.told();
}

async fn names_are_kept_until_handles_are_given_back<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("leases names", 0o755).await);
    let directory = alice.mkdir(root, "dir", 0o755).await.unwrap();
    alice.create(directory, "file", 0o644).await.unwrap();
    let client = Client::new(12);
    for act in ["rename", "mark", "delete on close", "rename above"] {
        let held = alice.leased(client.asks(RH, opening(directory, "file", "r"))).await;
        let other = match act {
            "rename above" => alice.opened(OpenRequest { directory: Some(true), ..opening(root, "dir", "d") }).await,
            _ => alice.opened(opening(directory, "file", "d")).await,
        };
        let attempt = async || match act {
            "rename" => alice.move_open(other, (directory, "file2"), false).await,
            "mark" => alice.mark(other, true).await,
            "rename above" => alice.move_open(other, (root, "new"), false).await,
            _ => {
                let deleting = OpenRequest { delete_on_close: true, ..opening(directory, "file", "d") };
                alice.open(deleting).await.map(drop)
            }
        };
        assert_eq!((refusal(attempt().await), client.told()), (WAITS, vec![(R, true)]), "{act}");
        alice.close(held.open).await.unwrap();
        attempt().await.unwrap();
        match act {
            "rename" => alice.move_open(other, (directory, "file"), false).await.unwrap(),
            "mark" => alice.mark(other, false).await.unwrap(),
            _ => {}
        }
        if act == "delete on close" {
            alice.house.end_session(alice.ctx.session).await;
            alice.create(directory, "file", 0o644).await.unwrap();
            continue;
        }
        alice.close(other).await.unwrap();
    }
}

async fn acknowledgements_are_those_of_who_was_asked<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("leases acknowledged", 0o755).await);
    alice.create(root, "file", 0o644).await.unwrap();
    let client = Client::new(13);
    let unknown = Err(AcknowledgementRefusal::Unknown);
    assert_eq!(alice.acknowledge(client.keeps(NONE)), unknown);
    let held = alice.leased(client.asks(RWH, opening(root, "file", "rw"))).await;
    assert_eq!(alice.acknowledge(client.keeps(RH)), Err(AcknowledgementRefusal::NotBreaking));
    assert_eq!(refusal(alice.open(opening(root, "file", "r")).await), WAITS);
    assert_eq!(alice.acknowledge(client.keeps(RW)), Err(AcknowledgementRefusal::TooMuch));
    let elsewhere = LeaseKey { zone: ZoneId(2), ..client.key };
    let foreign = BreakAcknowledgement { owner: LeaseOwner::Key(elsewhere), kept: RH };
    assert_eq!(alice.acknowledge(foreign), unknown, "another tenant's client may call itself the same");
    assert_eq!(alice.acknowledge(client.keeps(NONE)), Ok(NONE), "it may let go more");
    alice.close(held.open).await.unwrap();
    let held = alice.leased(client.asks_for_an_oplock(RWH, opening(root, "file", "rw"))).await;
    assert_eq!(refusal(alice.open(opening(root, "file", "r")).await), WAITS);
    let acknowledgement = BreakAcknowledgement { owner: LeaseOwner::Open(held.open), kept: R };
    let mut stranger = scene.alice();
    stranger.ctx.session = SessionId(99);
    assert_eq!(stranger.acknowledge(acknowledgement), unknown, "an open of another session");
    assert_eq!(alice.acknowledge(acknowledgement), Ok(R));
    alice.house.end_session(alice.ctx.session).await;
    client.told();
}

async fn a_key_is_that_of_one_file<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("leases keys", 0o755).await);
    alice.create(root, "file", 0o644).await.unwrap();
    alice.create(root, "other", 0o644).await.unwrap();
    let client = Client::new(14);
    let held = alice.leased(client.asks(R, opening(root, "file", "r"))).await;
    let invalid = Some(FsError::InvalidArgument);
    assert_eq!(refusal(alice.open(client.asks(R, opening(root, "other", "r"))).await), invalid);
    assert_eq!(refusal(alice.open(client.asks(R, creating(root, "new", "r"))).await), invalid);
    assert_eq!(alice.remove(root, "new").await.err(), Some(FsError::NotFound), "nothing was made");
    alice.close(held.open).await.unwrap();
    let other = alice.leased(client.asks(R, opening(root, "other", "r"))).await;
    alice.close(other.open).await.unwrap();
}

async fn changes_in_a_directory_break_its_leases<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("leases directories", 0o755).await);
    let directory = alice.mkdir(root, "dir", 0o755).await.unwrap();
    alice.create(directory, "old", 0o644).await.unwrap();
    let (client, other) = (Client::new(15), Client::new(16));
    for act in ["create", "rename", "remove", "make by an open", "its own"] {
        let held = alice.leased(client.asks(RH, opening(root, "dir", "r"))).await;
        assert_eq!(held.lease.state, RH, "{act}");
        match act {
            "create" => drop(alice.create(directory, "new", 0o644).await.unwrap()),
            "rename" => drop(alice.rename((directory, "new"), (directory, "newer")).await.unwrap()),
            "remove" => drop(alice.remove(directory, "newer").await.unwrap()),
            "make by an open" => drop(alice.opened(creating(directory, "made", "r")).await),
            _ => {
                let mut own = other.asks(R, creating(directory, "its own", "r"));
                own.lease = own.lease.map(|lease| LeaseRequest { parent: Some(client.key), ..lease });
                alice.leased(own).await;
            }
        }
        let expected = if act == "its own" { vec![] } else { vec![(NONE, true)] };
        assert_eq!(client.told(), expected, "{act}: told, and not waited for");
        alice.house.end_session(alice.ctx.session).await;
    }
}
