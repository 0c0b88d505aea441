//! Quotas of users and groups.

use std::sync::atomic::{AtomicU64, Ordering};

use meta::records::OwnersRecord;
use vfs::{OwnerQuotasRequest, Principal, Quota};

use super::*;

fn user(id: u32) -> QuotaDomain {
    QuotaDomain::User(Principal::Unix(id))
}

impl House {
    async fn limit_owner(&self, directory: InodeId, domain: QuotaDomain, settings: QuotaSettings) {
        let request = SetQuotaRequest { directory, domain, settings: Some(settings), guard: QuotaGuard::Any };
        self.0.set_quota(&Self::ctx(), request).await.unwrap();
    }

    async fn give(&self, inode: InodeId, id: u32) -> Done {
        let attributes = SetAttributes { owner: Some(Principal::Unix(id)), ..SetAttributes::default() };
        let request = SetattrRequest { inode, via: Via::Anonymous, attributes, guard: None };
        self.0.setattr(&Self::ctx(), request).await.map(drop).map_err(|failure| failure.error)
    }

    async fn owned(&self, directory: InodeId, domain: &QuotaDomain) -> Option<Quota> {
        let quotas = self.0.quotas(&Self::ctx(), directory).await.unwrap();
        quotas.into_iter().find(|quota| quota.directory == directory && quota.domain == *domain)
    }

    async fn bytes_of(&self, directory: InodeId, id: u32) -> u64 {
        self.owned(directory, &user(id)).await.unwrap().usage.application_bytes
    }

    /// Counts pages of owners, at most so many. Says whether there is more.
    async fn count_pages(&self, pages: usize) -> bool {
        let shard = self.0.shards.find(ShardId::ROOT).unwrap();
        for _ in 0..pages {
            let next = shard.quotas.active().and_then(|ledger| ledger.owners().unfinished());
            let Some(next) = next else { return false };
            self.0.owners_page(&shard, next).await.unwrap();
        }
        true
    }
}

#[test]
fn what_a_user_owns_counts_whoever_writes_it() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let directory = house.mkdir(ROOT, "d").await.unwrap();
        house.limit_owner(directory, user(7), hard_only(1000)).await;
        let below = house.mkdir(directory, "e").await.unwrap();
        let (mine, other) = (house.create(below, "f").await.unwrap(), house.create(below, "g").await.unwrap());
        house.give(mine, 7).await.unwrap();
        house.write(mine, 0, 600).await.unwrap();
        house.write(other, 0, 5000).await.unwrap();
        assert_eq!(house.write(mine, 600, 401).await, OVER);
        assert_eq!(house.give(other, 7).await, OVER, "what is given away counts for who gets it");
        house.resize(other, 400).await.unwrap();
        house.give(other, 7).await.unwrap();
        assert_eq!(house.write(mine, 600, 1).await, OVER);
        house.rename((below, "g"), (ROOT, "g")).await.unwrap();
        house.write(mine, 600, 400).await.unwrap();
        assert_eq!(house.rename((ROOT, "g"), (below, "g")).await, OVER);
        assert_eq!(house.bytes_of(directory, 7).await, 1000);
        drop(house);
        let house = rig.open().await;
        house.limit_owner(directory, user(7), hard_only(2000)).await;
        house.remove(below, "f").await.unwrap();
        house.remove(directory, "e").await.unwrap();
        house.remove(ROOT, "d").await.unwrap();
        assert!(house.0.quotas(&House::ctx(), ROOT).await.unwrap().is_empty(), "they went with their directory");
        drop(house);
        rig.check().await;
    });
}

/// What is not flushed counts for the new owner, or place, from that moment.
#[test]
fn what_is_reserved_goes_along() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let directory = house.mkdir(ROOT, "d").await.unwrap();
        for id in [7, 8] {
            house.limit_owner(directory, user(id), hard_only(1000)).await;
        }
        let file = house.create(directory, "f").await.unwrap();
        house.give(file, 7).await.unwrap();
        house.write(file, 0, 900).await.unwrap();
        house.give(file, 8).await.unwrap();
        assert_eq!([house.bytes_of(directory, 7).await, house.bytes_of(directory, 8).await], [0, 900]);
        assert_eq!(house.write(file, 900, 101).await, OVER);
        house.rename((directory, "f"), (ROOT, "f")).await.unwrap();
        assert_eq!(house.bytes_of(directory, 8).await, 0);
        house.write(file, 900, 200).await.unwrap();
        assert_eq!(house.rename((ROOT, "f"), (directory, "f")).await, OVER);
        house.resize(file, 50).await.unwrap();
        house.write(file, 50, 10).await.unwrap();
        house.rename((ROOT, "f"), (directory, "f")).await.unwrap();
        assert_eq!(house.bytes_of(directory, 8).await, 60);
        let request = OwnerQuotasRequest { inode: file, domain: user(8) };
        let told = house.0.owner_quotas(&House::ctx(), request).await.unwrap();
        let told: Vec<_> = told.iter().map(|quota| (quota.directory, quota.usage.application_bytes)).collect();
        assert_eq!(told, [(directory, 60)]);
        drop(house);
        rig.check().await;
    });
}

#[test]
fn owners_without_limits_of_their_own_have_those_for_all() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let directory = house.mkdir(ROOT, "d").await.unwrap();
        house.limit_owner(directory, QuotaDomain::EveryUser, hard_only(100)).await;
        house.limit_owner(directory, user(8), hard_only(300)).await;
        let files = [7, 8, 9].map(|id| (id, format!("f{id}")));
        for (id, name) in &files {
            let file = house.create(directory, name).await.unwrap();
            house.give(file, *id).await.unwrap();
            house.write(file, 0, 100).await.unwrap();
            assert_eq!(house.write(file, 100, 1).await, if *id == 8 { Ok(()) } else { OVER });
        }
        let linked = house.owned(directory, &user(9)).await.unwrap();
        assert_eq!(
            (linked.is_linked, linked.settings.bytes.hard, linked.usage.application_bytes),
            (true, Some(100), 100)
        );
        assert!(!house.owned(directory, &user(8)).await.unwrap().is_linked);
        let request = |domain| SetQuotaRequest { directory, domain, settings: None, guard: QuotaGuard::Any };
        assert!(house.0.set_quota(&House::ctx(), request(user(9))).await.is_err(), "it has none of its own");
        house.0.set_quota(&House::ctx(), request(user(8))).await.unwrap();
        assert_eq!(house.owned(directory, &user(8)).await.unwrap().settings.bytes.hard, Some(100));
        house.0.set_quota(&House::ctx(), request(QuotaDomain::EveryUser)).await.unwrap();
        house.0.flush_all().await.unwrap();
        while house.0.background_round().await {}
        assert!(!house.0.has_quotas(), "nobody counts any more");
        rig.check().await;
    });
}

/// Between pages files are made, given away, moved in and out, and removed; once the power is cut.
#[test]
fn what_is_there_is_counted_while_it_changes() {
    block_on(async {
        let rig = Rig::new();
        let mut house = rig.open().await;
        let directory = house.mkdir(ROOT, "d").await.unwrap();
        let below = house.mkdir(directory, "e").await.unwrap();
        for number in 0..600 {
            let parent = if number % 3 == 0 { ROOT } else { below };
            let file = house.create(parent, &format!("f{number}")).await.unwrap();
            house.give(file, number % 2).await.unwrap();
            house.resize(file, 10).await.unwrap();
        }
        house.limit_owner(directory, QuotaDomain::EveryUser, hard_only(1 << 30)).await;
        assert!(!house.owned(directory, &QuotaDomain::EveryUser).await.unwrap().is_ready);
        let mut page = 0;
        while house.count_pages(1).await {
            for number in [page * 50 + 1, 599 - page * 31] {
                let (here, there) = if number % 3 == 0 { (ROOT, below) } else { (below, ROOT) };
                let name = format!("f{number}");
                house.rename((here, &name), (there, &name)).await.ok();
                let made = house.create(below, &format!("new-{page}-{number}")).await.unwrap();
                house.give(made, 1).await.unwrap();
                house.remove(below, &format!("f{}", number + 3)).await.ok();
            }
            if page == 4 {
                house.0.flush_all().await.unwrap();
                drop(house);
                rig.check().await;
                house = rig.open().await;
            }
            page += 1;
        }
        assert!(page > 8, "{page}");
        assert!(house.owned(directory, &QuotaDomain::EveryUser).await.unwrap().is_ready);
        let usage = house.0.shards.find(ShardId::ROOT).unwrap();
        let counted = usage.quotas.active().unwrap().owners().counted(directory);
        assert_eq!(counted, Some(OwnersRecord::READY));
        // Every owner is held against the records there.
        rig.check().await;
    });
}

#[test]
fn a_full_directory_does_not_cross_and_others_do() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let directory = house.mkdir(ROOT, "d").await.unwrap();
        house.limit_owner(directory, user(7), hard_only(1000)).await;
        let (full, empty) =
            (house.mkdir(directory, "full").await.unwrap(), house.mkdir(directory, "empty").await.unwrap());
        house.create(full, "f").await.unwrap();
        house.rename((directory, "full"), (empty, "full")).await.unwrap();
        assert_eq!(house.rename((directory, "empty"), (ROOT, "empty")).await, Err(FsError::CrossDevice));
        house.rename((empty, "full"), (directory, "full")).await.unwrap();
        house.rename((directory, "empty"), (ROOT, "empty")).await.unwrap();
        drop(house);
        rig.check().await;
    });
}

#[test]
fn a_soft_limit_for_all_runs_out_for_each_by_itself() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let directory = house.mkdir(ROOT, "d").await.unwrap();
        let bytes = QuotaLimits { soft: Some(100), ..QuotaLimits::default() };
        let settings = QuotaSettings { bytes, grace_seconds: 60, enforced: true, ..QuotaSettings::default() };
        house.limit_owner(directory, QuotaDomain::EveryUser, settings).await;
        let file = house.create(directory, "f").await.unwrap();
        house.give(file, 7).await.unwrap();
        house.write(file, 0, 200).await.unwrap();
        house.0.flush_all().await.unwrap();
        drop(house);
        let house = rig.open().await;
        assert!(house.owned(directory, &user(7)).await.unwrap().bytes_since.is_some(), "it is remembered");
        house.write(file, 200, 10).await.unwrap();
        rig.clock.advance(Duration::from_secs(61));
        assert_eq!(house.write(file, 210, 10).await, OVER);
        let other = house.create(directory, "g").await.unwrap();
        house.write(other, 0, 200).await.unwrap();
        house.resize(file, 50).await.unwrap();
        assert!(house.owned(directory, &user(7)).await.unwrap().bytes_since.is_none());
        house.write(file, 50, 100).await.unwrap();
        drop(house);
        rig.check().await;
    });
}

/// Writers of many files of one user, who also move and give them away.
#[test]
fn writers_at_once_never_pass_the_limit_of_their_user() {
    const LIMIT: u64 = 2_000_000;
    let rig = Rig::new();
    let (house, directory) = block_on(async {
        let house = Arc::new(rig.open().await);
        let directory = house.mkdir(ROOT, "d").await.unwrap();
        house.limit_owner(directory, user(7), hard_only(LIMIT)).await;
        (house, directory)
    });
    let sum = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for number in 0..64_u64 {
            let (house, sum) = (Arc::clone(&house), &sum);
            scope.spawn(move || block_on(fill_own(&house, directory, (number, sum))));
        }
    });
    block_on(async {
        let used = house.bytes_of(directory, 7).await;
        assert_eq!(used, sum.into_inner());
        let file = house.create(directory, "last").await.unwrap();
        house.give(file, 7).await.unwrap();
        house.write(file, 0, usize::try_from(LIMIT - used).unwrap()).await.unwrap();
        assert_eq!(house.write(file, LIMIT - used, 1).await, OVER);
        house.0.flush_all().await.unwrap();
        assert_eq!(house.bytes_of(directory, 7).await, LIMIT);
        drop(house);
        rig.check().await;
    });
}

async fn fill_own(house: &House, directory: InodeId, (number, sum): (u64, &AtomicU64)) {
    let name = format!("f{number}");
    let file = house.create(directory, &name).await.unwrap();
    house.give(file, 7).await.unwrap();
    // All begin where nothing was moved yet.
    let (mut size, mut step) = (0, number * 16);
    loop {
        let length = 1 + (step * 7919) % 5000;
        match house.write(file, size, usize::try_from(length).unwrap()).await {
            Ok(()) => size += length,
            Err(FsError::QuotaExceeded) => break,
            Err(error) => panic!("{error:?}"),
        }
        step += 1;
        let done = match step % 16 {
            0 => house.0.flush(file).await.map(drop).map_err(|failure| failure.error),
            5 => house.commit(file).await,
            9 => house.give(file, 8).await,
            10 => house.give(file, 7).await,
            12 => house.rename((directory, &name), (ROOT, &name)).await,
            13 => house.rename((ROOT, &name), (directory, &name)).await,
            _ => Ok(()),
        };
        assert!(house.bytes_of(directory, 7).await <= 2_000_000);
        if done == OVER && matches!(step % 16, 10 | 13) {
            // Others have taken the room: what was written counts elsewhere.
            return;
        }
        done.unwrap();
    }
    // Where it counts elsewhere nothing refuses it.
    assert!(!matches!(step % 16, 9 | 12));
    sum.fetch_add(size, Ordering::Relaxed);
}

fn hard_only(bytes: u64) -> QuotaSettings {
    QuotaSettings { container: false, ..hard(bytes) }
}
