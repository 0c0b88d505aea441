//! What quotas cost a WRITE of 4 KiB and a CREATE, in process, counted in instructions by
//! `perf stat -e instructions:u` of the release build's test `quotas_cost_little`, once for each place (`BERTH_QUOTA_PLACE`: none, nested,
//! elsewhere, which is compared with crowd: the same directories without quotas) and for two counts of each operation (`BERTH_QUOTA_WRITES` over what is dirty, `BERTH_QUOTA_APPENDS`,
//! `BERTH_QUOTA_CREATES`): the difference is theirs.

use std::sync::Arc;

use pages::Payload;
use testkit::{ManualClock, block_on};
use vfs::{
    Admin, CreateHow, CreateRequest, FileIo, InodeId, MkdirRequest, Name, Namespace, OpContext, Principal, QuotaDomain,
    QuotaGuard, QuotaLimits, QuotaSettings, SetAttributes, SetQuotaRequest, ShardId, Stability, Via, WriteRequest,
};

use crate::house::{Engines, House};

/// A directory eight deep, with a quota on each above it, and those of a user and a group on the last; or elsewhere.
struct Place {
    house: House,
    deepest: InodeId,
    file: InodeId,
}

impl Place {
    async fn new(nested: bool, (others, limited): (usize, bool)) -> Self {
        let house = Engines::default().open(Arc::new(ManualClock::standing())).await;
        let mut deepest = InodeId::root_of(ShardId::ROOT);
        for number in 0..8 {
            deepest = mkdir(&house, deepest, number).await;
            if nested {
                limit(&house, deepest).await;
            }
        }
        let elsewhere = mkdir(&house, InodeId::root_of(ShardId::ROOT), 1 << 20).await;
        for number in 0..others {
            let other = mkdir(&house, elsewhere, number).await;
            if limited {
                limit(&house, other).await;
            }
        }
        if nested {
            for domain in [QuotaDomain::User(Principal::Unix(0)), QuotaDomain::Group(Principal::Unix(0))] {
                limit_of(&house, deepest, domain).await;
            }
        }
        let file = create(&house, deepest, "file").await;
        Self { house, deepest, file }
    }

    /// Writes over what is dirty after the first time.
    async fn write(&self, count: u64) {
        for number in 0..count {
            self.write_at(number % 256 * 4096).await;
        }
    }

    /// Writes behind what is there.
    async fn append(&self, count: u64) {
        for number in 0..count {
            self.write_at((256 + number) * 4096).await;
        }
    }

    async fn write_at(&self, offset: u64) {
        let data = Payload::from(bytes::Bytes::from_static(&[7; 4096]));
        let request =
            WriteRequest { inode: self.file, via: Via::Anonymous, offset, data, stability: Stability::Unstable };
        self.house.write(&ctx(), request).await.unwrap();
    }

    async fn create(&self, count: u64) {
        for number in 0..count {
            create(&self.house, self.deepest, &format!("new-{number}")).await;
        }
    }
}

#[test]
#[ignore = "is measured from outside"]
fn quotas_cost_little() {
    let said = |name: &str| std::env::var(name).unwrap_or_default();
    let count = |name: &str| said(name).parse().unwrap_or(0);
    block_on(async {
        let (nested, others) = match said("BERTH_QUOTA_PLACE").as_str() {
            "nested" => (true, (0, false)),
            "elsewhere" => (false, (10_000, true)),
            "crowd" => (false, (10_000, false)),
            _ => (false, (0, false)),
        };
        let place = Place::new(nested, others).await;
        place.write(count("BERTH_QUOTA_WRITES")).await;
        place.append(count("BERTH_QUOTA_APPENDS")).await;
        place.create(count("BERTH_QUOTA_CREATES")).await;
    });
}

fn ctx() -> OpContext {
    OpContext::internal(InodeId::root_of(ShardId::ROOT))
}

async fn mkdir(house: &House, parent: InodeId, number: usize) -> InodeId {
    let name = Name::try_from(number.to_string().as_str()).unwrap();
    let request = MkdirRequest { parent, name, attributes: SetAttributes::default() };
    house.mkdir(&ctx(), request).await.unwrap().attributes.inode
}

async fn create(house: &House, parent: InodeId, name: &str) -> InodeId {
    let how = CreateHow::Guarded(SetAttributes::default());
    let request = CreateRequest { parent, name: Name::try_from(name).unwrap(), how };
    house.create(&ctx(), request).await.unwrap().attributes.inode
}

async fn limit(house: &House, directory: InodeId) {
    limit_of(house, directory, QuotaDomain::Directory).await;
}

async fn limit_of(house: &House, directory: InodeId, domain: QuotaDomain) {
    let bytes = QuotaLimits { hard: Some(1 << 40), ..QuotaLimits::default() };
    let inodes = QuotaLimits { hard: Some(1 << 30), ..QuotaLimits::default() };
    let settings = QuotaSettings { bytes, inodes, enforced: true, ..QuotaSettings::default() };
    let request = SetQuotaRequest { directory, domain, settings: Some(settings), guard: QuotaGuard::Any };
    house.set_quota(&ctx(), request).await.unwrap();
}
