//! Quotas against an oracle of their own: it knows every file and counts all of them anew at each step.
//!
//! `BERTH_QUOTA_OPERATIONS` operations (2000) of each of `BERTH_QUOTA_SEEDS` seeds (6) from `BERTH_QUOTA_FIRST_SEED` on.

mod cost;
mod oracle;

use std::collections::BTreeMap;
use std::sync::Arc;

use oracle::{Counted, Oracle, Place, Sums};
use pages::Payload;
use testkit::{ManualClock, Random, block_on};
use vfs::{
    Admin, AttributeIo, CloneRangeRequest, CommitRequest, CreateHow, CreateRequest, FileIo, FsError, InodeId,
    LinkRequest, MkdirRequest, Name, Namespace, OpContext, Principal, Quota, QuotaBasis, QuotaDomain, QuotaGuard,
    QuotaLimits, QuotaSettings, QuotaUsage, RangeRequest, RemoveKind, RemoveRequest, RenameRequest, SetAttributes,
    SetQuotaRequest, SetattrRequest, ShardId, Stability, Via, WriteRequest, XattrChange,
};

use crate::house::{Engines, House};

/// The house, what the oracle knows of it, and the inodes of both.
struct Run {
    engines: Engines,
    house: House,
    clock: Arc<ManualClock>,
    oracle: Oracle,
    random: Random,
    seed: u64,
    step: u64,
    /// Whether all owners are counted where they have limits.
    is_ready: bool,
}

#[test]
fn quotas_are_what_an_oracle_counts() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |value| value.parse().unwrap());
    let (first, seeds) = (number("BERTH_QUOTA_FIRST_SEED", 1), number("BERTH_QUOTA_SEEDS", 6));
    let operations = number("BERTH_QUOTA_OPERATIONS", 2000);
    for seed in first..first + seeds {
        block_on(async {
            let mut run = Run::new(seed).await;
            for step in 0..operations {
                run.step = step;
                run.step().await;
                if step % 1000 == 999 {
                    run.prove().await;
                }
            }
            run.prove().await;
        });
    }
}

type Done = Result<(), FsError>;

impl Run {
    async fn new(seed: u64) -> Self {
        let engines = Engines { engine: kv::MemoryEngine::new().with_journal_bytes(1 << 22), ..Engines::default() };
        let clock = Arc::new(ManualClock::standing());
        let house = engines.open(Arc::clone(&clock)).await;
        let oracle = Oracle::new(InodeId::root_of(ShardId::ROOT));
        Self { engines, house, clock, oracle, random: Random::new(seed), seed, step: 0, is_ready: true }
    }

    fn ctx() -> OpContext {
        OpContext::internal(InodeId::root_of(ShardId::ROOT))
    }

    async fn step(&mut self) {
        match self.random.below(100) {
            0..8 => self.make_directory().await,
            8..22 => self.create().await,
            22..47 => self.write().await,
            47..50 => self.clone_range().await,
            50..58 => self.resize().await,
            58..64 => self.link().await,
            64..76 => self.rename().await,
            76..85 => self.remove().await,
            85..89 => self.set_quota().await,
            89..91 => self.give_away().await,
            91..94 => self.attribute().await,
            94..96 => self.punch().await,
            96..99 => self.rest().await,
            _ => self.restart().await,
        }
    }

    /// What the house said must be what the oracle says; then the oracle goes on with it. Before all owners are counted the
    /// house may let more pass.
    fn agree(&mut self, what: &str, done: Done, after: Oracle) -> bool {
        let excused = after.excused.clone();
        let expected = if self.oracle.forbids(&after, &excused) { Err(FsError::QuotaExceeded) } else { Ok(()) };
        if self.is_ready || done.is_err() {
            assert_eq!(done, expected, "seed {} step {}: {what}", self.seed, self.step);
        }
        if done.is_ok() {
            self.oracle = after;
            self.oracle.excused = Sums::new();
        }
        done.is_ok()
    }

    fn name(&mut self) -> String {
        format!("n{}", self.random.below(12))
    }

    async fn make_directory(&mut self) {
        let (parent, name) = (self.oracle.any_directory(&mut self.random), self.name());
        if self.oracle.find(parent, &name).is_some() || self.oracle.depth(parent) > 9 || self.oracle.directories() > 40
        {
            return;
        }
        let request = MkdirRequest { parent, name: named(&name), attributes: SetAttributes::default() };
        let made = self.house.mkdir(&Self::ctx(), request).await;
        let inode = made.as_ref().map_or_else(|_| InodeId::default(), |made| made.attributes.inode);
        let mut after = self.oracle.clone();
        after.add_directory(parent, &name, inode);
        self.agree("mkdir", made.map(drop).map_err(|failure| failure.error), after);
    }

    async fn create(&mut self) {
        let (parent, name) = (self.oracle.any_directory(&mut self.random), self.name());
        if self.oracle.find(parent, &name).is_some() || self.oracle.files() > 120 {
            return;
        }
        let size = if self.random.chance(20) { self.random.below(9000) } else { 0 };
        let how = CreateHow::Guarded(SetAttributes { size: Some(size), ..SetAttributes::default() });
        let made = self.house.create(&Self::ctx(), CreateRequest { parent, name: named(&name), how }).await;
        let inode = made.as_ref().map_or_else(|_| InodeId::default(), |made| made.attributes.inode);
        let mut after = self.oracle.clone();
        after.add_file((parent, &name), inode, size);
        self.agree("create", made.map(drop).map_err(|failure| failure.error), after);
    }

    async fn write(&mut self) {
        let Some(inode) = self.oracle.any_file(&mut self.random) else { return };
        let offset = if self.random.chance(10) { self.random.below(1 << 20) } else { self.random.below(30_000) };
        let length = usize::try_from(1 + self.random.below(9000)).unwrap();
        let stability = if self.random.chance(20) { Stability::File } else { Stability::Unstable };
        let data = Payload::from(vec![7; length]);
        let request = WriteRequest { inode, via: Via::Anonymous, offset, data, stability };
        let done = self.house.write(&Self::ctx(), request).await.map(drop).map_err(|failure| failure.error);
        let mut after = self.oracle.clone();
        after.write(inode, (offset, length as u64));
        self.agree("write", done, after);
    }

    async fn resize(&mut self) {
        let Some(inode) = self.oracle.any_file(&mut self.random) else { return };
        let size = self.random.below(40_000);
        let attributes = SetAttributes { size: Some(size), ..SetAttributes::default() };
        let mut after = self.oracle.clone();
        after.resize(inode, size);
        let done = self.set(inode, attributes).await;
        self.agree("resize", done, after);
    }

    async fn set(&self, inode: InodeId, attributes: SetAttributes) -> Done {
        let request = SetattrRequest { inode, via: Via::Anonymous, attributes, guard: None };
        self.house.setattr(&Self::ctx(), request).await.map(drop).map_err(|failure| failure.error)
    }

    /// What somebody owns counts for them.
    async fn give_away(&mut self) {
        let Some(inode) = self.oracle.any_file(&mut self.random) else { return };
        let [owner, group] = [(); 2].map(|()| u32::try_from(self.random.below(3)).unwrap());
        let (user, others) = (Principal::Unix(owner), Principal::Unix(group));
        let set = SetAttributes { owner: Some(user), group: Some(others), ..SetAttributes::default() };
        let done = self.set(inode, set).await;
        let mut after = self.oracle.clone();
        after.give(inode, (owner, group));
        self.agree("chown", done, after);
    }

    async fn attribute(&mut self) {
        let Some(inode) = self.oracle.any_file(&mut self.random) else { return };
        let length = usize::try_from(self.random.below(3000)).unwrap();
        let value = self.random.chance(70).then(|| vec![1; length].into());
        let bytes = if value.is_some() { vfs::xattr_list_bytes(std::iter::once((1, length))) } else { 0 };
        let change = XattrChange { name: bytes::Bytes::from_static(b"x"), value };
        let done = self.set(inode, SetAttributes { xattrs: vec![change], ..SetAttributes::default() }).await;
        let mut after = self.oracle.clone();
        after.set_attributes(inode, bytes as u64);
        self.agree("xattr", done, after);
    }

    async fn punch(&mut self) {
        let Some(inode) = self.oracle.any_file(&mut self.random) else { return };
        let (offset, length) = (4096 * self.random.below(8), 4096 * (1 + self.random.below(8)));
        let request = RangeRequest { inode, via: Via::Anonymous, offset, length };
        let done = self.house.deallocate(&Self::ctx(), request).await.map(drop).map_err(|failure| failure.error);
        let mut after = self.oracle.clone();
        after.punch(inode, (offset, length));
        self.agree("punch", done, after);
    }

    async fn clone_range(&mut self) {
        let (source, target) = (self.oracle.any_file(&mut self.random), self.oracle.any_file(&mut self.random));
        let Some((source, target)) = source.zip(target) else { return };
        let blocks = self.oracle.size(source) / 4096;
        let from = self.random.below(blocks + 1);
        let length = self.random.below(blocks - from + 1);
        let to = self.random.below(20);
        let is_split = source != target || from + length <= to || to + length <= from;
        if length == 0 || !is_split {
            return;
        }
        let [source_offset, target_offset, length] = [from, to, length].map(|blocks| blocks * 4096);
        let (source_via, target_via) = (Via::Anonymous, Via::Anonymous);
        let request = CloneRangeRequest {
            source,
            source_via,
            source_offset,
            target,
            target_via,
            target_offset,
            length,
            heeds_locks: true,
        };
        let done = self.house.clone_range(&Self::ctx(), request).await.map(drop).map_err(|failure| failure.error);
        let mut after = self.oracle.clone();
        after.clone_range((source, source_offset), (target, target_offset), length);
        self.agree("clone", done, after);
    }

    async fn link(&mut self) {
        let Some(inode) = self.oracle.any_file(&mut self.random) else { return };
        let (parent, name) = (self.oracle.any_directory(&mut self.random), self.name());
        if self.oracle.find(parent, &name).is_some() {
            return;
        }
        let request = LinkRequest { inode, parent, name: named(&name), replace: false };
        let done = self.house.link(&Self::ctx(), request).await.map(drop).map_err(|failure| failure.error);
        let mut after = self.oracle.clone();
        after.add_link(inode, (parent, &name));
        self.agree("link", done, after);
    }

    async fn remove(&mut self) {
        let Some((parent, name)) = self.oracle.any_entry(&mut self.random) else { return };
        let mut after = self.oracle.clone();
        if !after.remove((parent, &name)) {
            return;
        }
        let request = RemoveRequest { parent, name: named(&name), kind: RemoveKind::Any };
        let done = self.house.remove(&Self::ctx(), request).await.map(drop).map_err(|failure| failure.error);
        assert!(self.agree("remove", done, after), "deletes win");
    }

    async fn rename(&mut self) {
        let Some((from_parent, from_name)) = self.oracle.any_entry(&mut self.random) else { return };
        let (to_parent, to_name) = (self.oracle.any_directory(&mut self.random), self.name());
        let mut after = self.oracle.clone();
        let Some(inode) = self.oracle.find(from_parent, &from_name) else { return };
        if !after.rename((from_parent, &from_name), (to_parent, &to_name)) {
            return;
        }
        let crosses = self.oracle.crosses(inode, (from_parent, to_parent));
        let (from_name, to_name) = (named(&from_name), named(&to_name));
        let request = RenameRequest { from_parent, from_name, to_parent, to_name, replace: true };
        let done = self.house.rename(&Self::ctx(), request).await.map(drop).map_err(|failure| failure.error);
        if crosses && (self.is_ready || done == Err(FsError::CrossDevice)) {
            return assert_eq!(done, Err(FsError::CrossDevice), "seed {} step {}", self.seed, self.step);
        }
        self.agree("rename", done, after);
    }

    async fn set_quota(&mut self) {
        let directory = self.oracle.any_directory(&mut self.random);
        let (is_group, id) = (self.random.chance(50), u32::try_from(self.random.below(3)).unwrap());
        let (whom, domain) = match (self.random.below(4), is_group) {
            (0 | 1, _) => (None, QuotaDomain::Directory),
            (2, true) => (Some((true, None)), QuotaDomain::EveryGroup),
            (2, false) => (Some((false, None)), QuotaDomain::EveryUser),
            (_, true) => (Some((true, Some(id))), QuotaDomain::Group(Principal::Unix(id))),
            (_, false) => (Some((false, Some(id))), QuotaDomain::User(Principal::Unix(id))),
        };
        let counted = (directory, whom.map(|(is_group, id)| (is_group, id.unwrap_or(0))));
        let used = self.oracle.sums().get(&counted).copied().unwrap_or_default();
        let is_removed = self.random.chance(30);
        let settings = (!is_removed).then(|| self.settings(&used));
        let request = SetQuotaRequest { directory, domain, settings, guard: QuotaGuard::Any };
        let set = self.house.set_quota(&Self::ctx(), request).await;
        let is_there = self.oracle.quotas.contains_key(&(directory, whom));
        let expected = if is_removed && !is_there { Err(FsError::NotFound) } else { Ok(()) };
        let at = (self.seed, self.step);
        assert_eq!(set.map(drop).map_err(|failure| failure.error), expected, "{at:?}");
        match settings {
            Some(settings) => self.oracle.quotas.insert((directory, whom), settings),
            None => self.oracle.quotas.remove(&(directory, whom)),
        };
        self.is_ready &= whom.is_none();
        if self.random.chance(50) {
            self.count_owners().await;
        }
    }

    /// Until all owners are counted.
    async fn count_owners(&mut self) {
        while self.house.background_round().await {}
        let quotas = self.house.quotas(&Self::ctx(), InodeId::root_of(ShardId::ROOT)).await.unwrap();
        assert!(quotas.iter().all(|quota| quota.is_ready), "seed {} step {}", self.seed, self.step);
        self.is_ready = true;
    }

    /// Limits near what is used, so that much is refused and much is not.
    fn settings(&mut self, used: &Place) -> QuotaSettings {
        let basis = self.random.pick(&[QuotaBasis::Application, QuotaBasis::Logical, QuotaBasis::Physical]);
        let bytes = if basis == QuotaBasis::Application { used.bytes } else { used.blocks * 4096 };
        let hard =
            |random: &mut Random, used: u64, room: u64| Some((used + random.below(room)).saturating_sub(room / 5));
        let bytes = QuotaLimits { hard: hard(&mut self.random, bytes, 100_000), ..QuotaLimits::default() };
        let inodes = QuotaLimits { hard: hard(&mut self.random, used.inodes, 25), ..QuotaLimits::default() };
        let inodes = if self.random.chance(50) { inodes } else { QuotaLimits::default() };
        QuotaSettings { basis, bytes, inodes, enforced: self.random.chance(90), ..QuotaSettings::default() }
    }

    async fn rest(&mut self) {
        match self.random.below(3) {
            0 => self.house.flush_all().await.unwrap(),
            1 => drop(self.house.background_round().await),
            _ => self.commit_all().await,
        }
    }

    async fn commit_all(&self) {
        for inode in self.oracle.all_files() {
            let request = CommitRequest { inode, via: Via::Anonymous, offset: 0, length: 0 };
            self.house.commit(&Self::ctx(), request).await.unwrap();
        }
    }

    /// Everything is stable, most of it in the journal only; then the power is cut.
    async fn restart(&mut self) {
        self.commit_all().await;
        if self.random.chance(30) {
            return self.house.reload().await.unwrap();
        }
        self.engines.chunks.power_cut();
        self.house = self.engines.open(Arc::clone(&self.clock)).await;
    }

    /// Every counter is what the oracle counts, and the store proves itself.
    async fn prove(&mut self) {
        let root = InodeId::root_of(ShardId::ROOT);
        let before = self.house.quotas(&Self::ctx(), root).await.unwrap();
        let sums = self.oracle.sums();
        let (seed, step) = (self.seed, self.step);
        for (counted, usage) in shown(&before, self.is_ready) {
            let Place { inodes, bytes, blocks } = sums.get(&counted).copied().unwrap_or_default();
            let found = (usage.inodes, usage.application_bytes);
            assert_eq!(found, (inodes, bytes), "seed {seed} step {step}: {counted:?}");
            assert!(usage.logical_bytes >= blocks * 4096);
        }
        self.count_owners().await;
        self.house.flush_all().await.unwrap();
        let after = self.house.quotas(&Self::ctx(), root).await.unwrap();
        let all = shown(&after, true);
        let binding = self.oracle.binding(&sums).map(|(counted, _)| counted);
        assert!(binding.into_iter().all(|counted| all.contains_key(&counted)), "seed {seed} step {step}");
        for (counted, usage) in all {
            let Place { inodes, bytes, blocks } = sums.get(&counted).copied().unwrap_or_default();
            let found = (usage.inodes, usage.application_bytes, usage.logical_bytes, usage.physical_bytes);
            assert_eq!(found, (inodes, bytes, blocks * 4096, blocks * 4096), "seed {seed} step {step}: {counted:?}");
        }
        self.engines.check().await;
    }
}

/// What is told to be used, by whom.
fn shown(quotas: &[Quota], with_owners: bool) -> BTreeMap<Counted, QuotaUsage> {
    let whom = |quota: &Quota| match quota.domain {
        QuotaDomain::Directory => Some(None),
        QuotaDomain::User(Principal::Unix(id)) if with_owners => Some(Some((false, id))),
        QuotaDomain::Group(Principal::Unix(id)) if with_owners => Some(Some((true, id))),
        _ => None,
    };
    quotas.iter().filter_map(|quota| Some(((quota.directory, whom(quota)?), quota.usage))).collect()
}

fn named(name: &str) -> Name {
    Name::try_from(name).unwrap()
}
