//! What quotas refuse is told once for each client that was refused.

use super::*;

fn times(house: &House) -> Vec<(InodeId, QuotaDomain, u64)> {
    let refused = house.0.quota_refusals(ROOT);
    refused.into_iter().map(|one| (one.directory, one.domain, one.times)).collect()
}

#[test]
fn who_is_refused_is_counted_and_who_succeeds_at_second_sight_is_not() {
    block_on(async {
        let house = Rig::new().open().await;
        let dir = house.mkdir(ROOT, "d").await.unwrap();
        let file = house.create(dir, "f").await.unwrap();
        let limits = QuotaLimits { hard: Some(3 * 4096), ..QuotaLimits::default() };
        let settings = QuotaSettings {
            basis: QuotaBasis::Logical,
            bytes: limits,
            inodes: QuotaLimits { hard: Some(2), ..QuotaLimits::default() },
            enforced: true,
            ..QuotaSettings::default()
        };
        house
            .0
            .set_quota(
                &House::ctx(),
                SetQuotaRequest {
                    directory: dir,
                    domain: QuotaDomain::Directory,
                    settings: Some(settings),
                    guard: QuotaGuard::Any,
                },
            )
            .await
            .unwrap();
        assert_eq!(house.write(file, 0, 4 * 4096).await, Err(FsError::QuotaExceeded));
        assert_eq!(times(&house), [], "nobody asked before");
        house.write(file, 0, 2 * 4096).await.unwrap();
        house.0.flush_all().await.unwrap();
        house.write(file, 0, 2 * 4096).await.unwrap();
        // Dirty blocks count twice until they are looked at closely.
        house.write(file, 2 * 4096, 4096).await.unwrap();
        assert_eq!(times(&house), []);
        for _ in 0..1000 {
            assert_eq!(house.write(file, 3 * 4096, 1).await, Err(FsError::QuotaExceeded));
        }
        assert_eq!(house.create(dir, "g").await, Err(FsError::QuotaExceeded));
        assert_eq!(times(&house), [(dir, QuotaDomain::Directory, 1001)]);
        assert_eq!(times(&house), []);
    });
}
