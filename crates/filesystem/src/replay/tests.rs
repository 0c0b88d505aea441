//! Every operation that must not be done twice: done, a crash, and asked again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chunk::MemoryStore;
use kv::{Direction, Engine, MemoryEngine, Scan, View};
use testkit::{ManualClock, block_on};
use vfs::{
    AttributeIo, Attributes, Case, ClientId, CreateHow, CreateRequest, Failure, FsError, InodeId, LinkRequest,
    LookupName, LookupRequest, MkdirRequest, MknodRequest, Name, Namespace, NodeKind, OpContext, RemoveKind,
    RemoveRequest, RenameRequest, ReplayKey, SetAttributes, SetattrRequest, ShardId, SymlinkRequest, Timestamp, Via,
    ZoneId,
};

use super::*;
use crate::{Parts, Settings};

type House = Filesystem<MemoryEngine, MemoryStore>;

/// Engines that outlast their houses: what is not committed when one is dropped is lost.
struct Rig {
    engine: MemoryEngine,
    chunks: MemoryStore,
    clock: Arc<ManualClock>,
}

const ROOT: InodeId = InodeId { shard: ShardId::ROOT, tree: vfs::TreeId::LIVE, number: vfs::InodeNumber::ROOT };

impl Rig {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::ticking(Duration::from_nanos(1)));
        Self { engine: MemoryEngine::default(), chunks: MemoryStore::default(), clock }
    }

    async fn open(&self) -> House {
        let clock = Arc::clone(&self.clock) as Arc<dyn vfs::Clock>;
        let (engine, chunks) = (self.engine.clone(), self.chunks.clone());
        let settings = Settings { memory_bytes: 4 << 20, ballast_bytes: 0, ..Settings::default() };
        Filesystem::open(Parts { engine, chunks, clock, settings, seed: [3; 64] }).await.unwrap()
    }

    async fn check(&self) {
        let report = meta::check::check(&self.engine.view().await.unwrap()).await.unwrap();
        assert!(report.is_clean(), "{report:#?}");
    }

    async fn stored(&self) -> usize {
        let range = keys::reply_range(ShardId::ROOT);
        let scan = Scan { start: range.start, end: range.end, limit: usize::MAX, direction: Direction::Forward };
        self.engine.view().await.unwrap().scan(scan).await.unwrap().len()
    }
}

fn asked(slot: u32, request: u64) -> OpContext {
    let ctx = OpContext::internal(ROOT);
    OpContext { client: ClientId(7), zone: ZoneId(3), replay_key: Some(ReplayKey { slot, request }), ..ctx }
}

fn named(name: &str) -> Name {
    Name::try_from(name).unwrap()
}

/// What one of the requests below came to: the inode that it told of, if any.
type Answer = Result<Option<InodeId>, Failure>;

fn inode_of(attributes: &Attributes) -> Option<InodeId> {
    Some(attributes.inode)
}

async fn create(house: &House, ctx: &OpContext, name: &str) -> Answer {
    let request = CreateRequest { parent: ROOT, name: named(name), how: CreateHow::Guarded(SetAttributes::default()) };
    house.create(ctx, request).await.map(|reply| inode_of(&reply.attributes))
}

async fn remove_as(house: &House, ctx: &OpContext, (name, kind): (&str, RemoveKind)) -> Answer {
    let request = RemoveRequest { parent: ROOT, name: named(name), kind };
    house.remove(ctx, request).await.map(|reply| inode_of(&reply.removed))
}

async fn remove(house: &House, ctx: &OpContext, name: &str) -> Answer {
    remove_as(house, ctx, (name, RemoveKind::File)).await
}

async fn find(house: &House, name: &str) -> Result<Attributes, FsError> {
    let request = LookupRequest { parent: ROOT, name: LookupName::Child(named(name)), case: Case::Sensitive };
    let found = house.lookup(&OpContext::internal(ROOT), request).await;
    found.map(|found| found.attributes).map_err(|failure| failure.error)
}

/// Every kind of request, in an order in which each has something to do. The one at `step` is done.
async fn do_step(house: &House, ctx: &OpContext, (step, guard): (u32, Timestamp)) -> Answer {
    let attributes = SetAttributes::default();
    let (parent, target) = (ROOT, Bytes::from_static(b"target"));
    match step {
        0 => create(house, ctx, "file").await,
        1 => {
            let request = MkdirRequest { parent, name: named("directory"), attributes };
            house.mkdir(ctx, request).await.map(|reply| inode_of(&reply.attributes))
        }
        2 => {
            let request = SymlinkRequest { parent, name: named("symlink"), target, attributes };
            house.symlink(ctx, request).await.map(|reply| inode_of(&reply.attributes))
        }
        3 => {
            let request = MknodRequest { parent, name: named("fifo"), kind: NodeKind::Fifo, attributes };
            house.mknod(ctx, request).await.map(|reply| inode_of(&reply.attributes))
        }
        4 => {
            let inode = find(house, "file").await.unwrap().inode;
            let request = LinkRequest { inode, parent, name: named("second"), replace: false };
            house.link(ctx, request).await.map(|reply| inode_of(&reply.attributes))
        }
        5 => {
            let names = (named("second"), named("third"));
            let request = RenameRequest {
                from_parent: ROOT,
                from_name: names.0,
                to_parent: ROOT,
                to_name: names.1,
                replace: true,
            };
            house.rename(ctx, request).await.map(|_| None)
        }
        6 => remove(house, ctx, "third").await,
        7 => remove_as(house, ctx, ("directory", RemoveKind::Directory)).await,
        8 => remove(house, ctx, "fifo").await,
        9 => set(house, ctx, (SetAttributes { mode: Some(0o600), ..attributes }, guard)).await,
        10 => set(house, ctx, (SetAttributes { size: Some(10_000), ..attributes }, guard)).await,
        _ => {
            let how = CreateHow::Unchecked(SetAttributes { size: Some(5), ..attributes });
            let reply = house.create(ctx, CreateRequest { parent, name: named("file"), how }).await?;
            assert!(!reply.created);
            Ok(inode_of(&reply.attributes))
        }
    }
}

/// SETATTR of the file as long as it was last changed at `guard`.
async fn set(house: &House, ctx: &OpContext, (attributes, guard): (SetAttributes, Timestamp)) -> Answer {
    let inode = find(house, "file").await.unwrap().inode;
    let request = SetattrRequest { inode, via: Via::Anonymous, attributes, guard: Some(guard) };
    house.setattr(ctx, request).await.map(|reply| inode_of(&reply.change.after))
}

/// When the file was last changed, if there is one.
async fn changed(house: &House) -> Timestamp {
    find(house, "file").await.map_or_else(|_| Timestamp::default(), |file| file.changed)
}

const STEPS: u32 = 12;

#[test]
fn every_kind_is_answered_again_after_a_crash_and_changes_nothing() {
    block_on(async {
        let rig = Rig::new();
        for step in 0..STEPS {
            let house = rig.open().await;
            let step = (step, changed(&house).await);
            let ctx = asked(step.0, 100 + u64::from(step.0));
            let first = do_step(&house, &ctx, step).await.unwrap();
            drop(house);
            let house = rig.open().await;
            let before = rig.engine.view().await.unwrap().version();
            assert_eq!(do_step(&house, &ctx, step).await.unwrap(), first, "step {step:?}");
            assert_eq!(do_step(&house, &ctx, step).await.unwrap(), first, "step {step:?}, once more");
            house.flush_all().await.unwrap();
            assert_eq!(rig.engine.view().await.unwrap().version(), before, "step {step:?} was done again");
            rig.check().await;
        }
        assert_eq!(rig.stored().await, STEPS as usize);
    });
}

#[test]
fn without_a_key_or_under_another_one_a_request_is_done_again() {
    block_on(async {
        let rig = Rig::new();
        create(&rig.open().await, &asked(5, 1), "file").await.unwrap();
        let ctx = asked(5, 1);
        let others = [
            OpContext { replay_key: None, ..ctx.clone() },
            OpContext { client: ClientId(8), ..ctx.clone() },
            OpContext { zone: ZoneId(4), ..ctx.clone() },
            asked(6, 1),
            asked(5, 2),
        ];
        let house = rig.open().await;
        for other in &others {
            assert_eq!(create(&house, other, "file").await.unwrap_err().error, FsError::Exists, "{other:?}");
        }
        // None of them changed anything, so the slot still answers the one that did.
        assert!(create(&house, &ctx, "file").await.is_ok());
        // The same number for another kind of request is another request.
        assert_eq!(remove(&house, &ctx, "nothing").await.unwrap_err().error, FsError::NotFound);
    });
}

#[test]
fn another_request_in_the_slot_is_done_and_takes_its_place() {
    block_on(async {
        let rig = Rig::new();
        create(&rig.open().await, &asked(5, 1), "first").await.unwrap();
        let house = rig.open().await;
        create(&house, &asked(5, 2), "second").await.unwrap();
        assert_eq!(create(&house, &asked(5, 1), "first").await.unwrap_err().error, FsError::Exists);
        drop(house);
        let house = rig.open().await;
        assert!(create(&house, &asked(5, 2), "second").await.is_ok());
        assert_eq!(create(&house, &asked(5, 1), "first").await.unwrap_err().error, FsError::Exists);
        assert_eq!(rig.stored().await, 1);
    });
}

#[test]
fn refusals_and_what_changes_nothing_are_not_stored() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        create(&house, &asked(0, 1), "file").await.unwrap();
        assert_eq!(rig.stored().await, 1);
        assert!(create(&house, &asked(1, 1), "file").await.is_err());
        assert!(remove(&house, &asked(2, 1), "nothing").await.is_err());
        assert!(set(&house, &asked(3, 1), (SetAttributes::default(), Timestamp::default())).await.is_err());
        let guard = changed(&house).await;
        set(&house, &asked(4, 1), (SetAttributes::default(), guard)).await.unwrap();
        let how = CreateHow::Unchecked(SetAttributes::default());
        let taken = CreateRequest { parent: ROOT, name: named("file"), how };
        house.create(&asked(5, 1), taken).await.unwrap();
        create(&house, &OpContext::internal(ROOT), "without a key").await.unwrap();
        house.flush_all().await.unwrap();
        assert_eq!(rig.stored().await, 1);
        drop(house);
        // A refusal changed nothing: what was missing may be there now.
        let house = rig.open().await;
        create(&house, &OpContext::internal(ROOT), "nothing").await.unwrap();
        assert!(remove(&house, &asked(2, 1), "nothing").await.is_ok());
    });
}

#[test]
fn what_was_made_and_is_gone_is_not_made_again() {
    block_on(async {
        let rig = Rig::new();
        create(&rig.open().await, &asked(1, 1), "file").await.unwrap();
        let house = rig.open().await;
        remove(&house, &OpContext::internal(ROOT), "file").await.unwrap();
        assert_eq!(create(&house, &asked(1, 1), "file").await.unwrap_err().error, FsError::NotFound);
        assert_eq!(find(&house, "file").await, Err(FsError::NotFound));
    });
}

#[test]
fn outcomes_are_forgotten_ten_minutes_after_the_start() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        for slot in 0..3000 {
            create(&house, &asked(slot, 1), &format!("old {slot}")).await.unwrap();
        }
        drop(house);
        rig.clock.advance(Duration::from_secs(100_000));
        let house = rig.open().await;
        rig.clock.advance(KEPT - Duration::from_secs(1));
        while house.background_round().await {}
        assert_eq!((rig.stored().await, house.replies.entries()), (3000, 3000));
        create(&house, &asked(10, 2), "new").await.unwrap();
        assert!(create(&house, &asked(11, 1), "old 11").await.is_ok());
        rig.clock.advance(Duration::from_secs(1));
        assert_eq!(create(&house, &asked(11, 1), "old 11").await.unwrap_err().error, FsError::Exists);
        while house.background_round().await {}
        assert_eq!((rig.stored().await, house.replies.entries()), (1, 0), "only what is new stays");
        rig.clock.advance(KEPT);
        while house.background_round().await {}
        assert_eq!(rig.stored().await, 0, "also what was done in this life");
        rig.check().await;
    });
}

#[test]
fn a_slot_that_is_written_while_old_outcomes_are_removed_keeps_the_new_one() {
    block_on(async {
        let rig = Rig::new();
        create(&rig.open().await, &asked(1, 1), "old").await.unwrap();
        rig.clock.advance(2 * KEPT);
        let house = rig.open().await;
        rig.clock.advance(KEPT);
        house.replies.begin_sweep(house.clock.monotonic(), || house.shards.ids());
        let page = house.replies.begin_page().unwrap();
        assert!(house.replies.begin_page().is_none(), "one at a time");
        // As if the page had been read before this.
        let slot = SlotId { shard: ShardId::ROOT, client: ClientId(7), slot: 1 };
        assert!(!page.is_rewritten(&slot));
        create(&house, &asked(1, 2), "new").await.unwrap();
        assert!(page.is_rewritten(&slot));
        drop(page);
        let page = house.replies.begin_page().expect("given up half-way, it is looked at again");
        house.reload().await.unwrap();
        assert!(page.is_rewritten(&slot), "nothing is known after a reload");
        drop(page);
        while house.background_round().await {}
        drop(house);
        assert!(create(&rig.open().await, &asked(1, 2), "new").await.is_ok());
    });
}

#[test]
fn outcomes_survive_a_reload() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        create(&house, &asked(1, 1), "file").await.unwrap();
        house.reload().await.unwrap();
        assert!(create(&house, &asked(1, 1), "file").await.is_ok());
    });
}

#[test]
fn unknown_outcomes_are_passed_over_and_removed() {
    block_on(async {
        let rig = Rig::new();
        drop(rig.open().await);
        let record = ReplyRecord { request: 1, checksum: 3, outcome: Bytes::from_static(b"\x02from later") };
        let puts = vec![(keys::reply(ShardId::ROOT, ClientId(7), 1).to_bytes(), record.encode())];
        rig.engine.commit(kv::Batch { puts, ..kv::Batch::default() }).await.unwrap();
        let house = rig.open().await;
        assert!(create(&house, &asked(1, 1), "file").await.is_ok());
        assert_eq!(find(&house, "file").await.map(|_| ()), Ok(()), "it was done");
        rig.check().await;
        rig.clock.advance(2 * KEPT);
        while house.background_round().await {}
        assert_eq!(rig.stored().await, 0);
    });
}

#[test]
fn of_too_many_the_newest_are_kept() {
    let done = |seconds| {
        let outcome = Outcome { kind: Kind::Changed, seconds, inode: vfs::InodeNumber(1) };
        Done { id: RequestId { request: 1, checksum: 1 }, outcome }
    };
    let slot = |slot| SlotId { shard: ShardId::ROOT, client: ClientId(1), slot };
    let mut left: Vec<_> = (0..1000_u32).map(|at| (slot(at), done(i64::from(at * 7919 % 1000)))).collect();
    keep_newest(&mut left, 1000);
    assert_eq!(left.len(), 1000);
    keep_newest(&mut left, 10);
    let mut kept: Vec<_> = left.iter().map(|(_, done)| done.outcome.seconds).collect();
    kept.sort_unstable();
    assert_eq!(kept, (990..1000).collect::<Vec<_>>());
}
