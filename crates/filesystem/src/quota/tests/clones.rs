//! What clones count: whole files, from their first change on.

use vfs::{CloneTree, LookupName, LookupRequest, MakeCloneRequest, Principal, TakeSnapshotRequest};

use super::*;

impl House {
    /// A clone of a directory as it is now, which hangs in another.
    async fn clone_of(&self, source: InodeId, parent: InodeId, name: &str) -> Result<CloneTree, FsError> {
        let request = TakeSnapshotRequest { directory: source, name: named(&format!("of {name}")), expires: None };
        let snapshot = self.0.take_snapshot(&Self::ctx(), request).await.unwrap();
        let request = MakeCloneRequest { source: snapshot.root, parent, entry: named(name), name: named(name) };
        self.0.make_clone(&Self::ctx(), request).await.map_err(|failure| failure.error)
    }

    async fn find(&self, parent: InodeId, name: &str) -> InodeId {
        let name = LookupName::Child(named(name));
        let request = LookupRequest { parent, name, case: vfs::Case::Sensitive };
        self.0.lookup(&Self::ctx(), request).await.unwrap().attributes.inode
    }

    async fn delete_clone(&self, clone: &CloneTree) -> Done {
        self.0.delete_clone(&Self::ctx(), ROOT, clone.tree).await.map_err(|failure| failure.error)
    }
}

fn bytes(hard: u64) -> QuotaSettings {
    let bytes = QuotaLimits { hard: Some(hard), ..QuotaLimits::default() };
    QuotaSettings { bytes, enforced: true, ..QuotaSettings::default() }
}

/// A directory with two files of 900 KiB, and one with a limit of 1 MiB in which a clone of it hangs.
async fn hung(house: &House) -> (InodeId, InodeId, CloneTree) {
    let (source, limited) = (house.mkdir(ROOT, "source").await.unwrap(), house.mkdir(ROOT, "limited").await.unwrap());
    for name in ["one", "two"] {
        let file = house.create(source, name).await.unwrap();
        house.write(file, 0, 900 << 10).await.unwrap();
    }
    house.limit(limited, bytes(1 << 20)).await;
    let clone = house.clone_of(source, limited, "clone").await.unwrap();
    (source, limited, clone)
}

#[test]
fn a_clone_counts_what_is_changed_in_it_and_stays_below_the_quota() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let (source, limited, clone) = hung(&house).await;
        assert_eq!(house.usage(limited).await.inodes, 2, "both directories");
        assert_eq!(house.usage(limited).await.application_bytes, 0);
        let [one, two] = [house.find(clone.root, "one").await, house.find(clone.root, "two").await];
        house.write(one, 5, 1).await.unwrap();
        assert_eq!(house.usage(limited).await.application_bytes, 900 << 10);
        assert_eq!(house.write(two, 5, 1).await, Err(FsError::QuotaExceeded), "before it is acknowledged");
        assert_eq!(house.usage(limited).await.application_bytes, 900 << 10);
        house.write(one, 900 << 10, 100 << 10).await.unwrap();
        assert_eq!(house.resize(two, 10).await, Ok(()), "what shrinks fits");
        house.remove(clone.root, "one").await.unwrap();
        assert_eq!(house.usage(limited).await.application_bytes, 10);
        house.remove(source, "two").await.unwrap();
        house.0.flush_all().await.unwrap();
        rig.check().await;
        house.delete_clone(&clone).await.unwrap();
        assert_eq!((house.usage(limited).await.inodes, house.usage(limited).await.application_bytes), (1, 0));
        while house.0.background_round().await {}
        rig.check().await;
    });
}

#[test]
fn owners_of_a_clone_are_counted_above_it_and_taken_back() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let (_, limited, clone) = hung(&house).await;
        let user = QuotaDomain::User(Principal::Unix(0));
        let settings = Some(bytes(1 << 30));
        let request = SetQuotaRequest { directory: limited, domain: user.clone(), settings, guard: QuotaGuard::Any };
        house.0.set_quota(&House::ctx(), request).await.unwrap();
        while house.0.background_round().await {}
        let owned = async || {
            let quotas = house.0.quotas(&House::ctx(), limited).await.unwrap();
            quotas.into_iter().find(|quota| quota.domain == user).unwrap().usage
        };
        let before = owned().await;
        let one = house.find(clone.root, "one").await;
        house.write(one, 0, 1).await.unwrap();
        assert_eq!(owned().await.application_bytes - before.application_bytes, 900 << 10);
        house.0.flush_all().await.unwrap();
        rig.check().await;
        // A limit that is set later counts what was there.
        let directory = clone.root;
        let request = SetQuotaRequest { directory, domain: user.clone(), settings, guard: QuotaGuard::Any };
        house.0.set_quota(&House::ctx(), request).await.unwrap();
        while house.0.background_round().await {}
        let quotas = house.0.quotas(&House::ctx(), clone.root).await.unwrap();
        let inside = quotas.iter().find(|quota| quota.directory == clone.root).unwrap();
        assert_eq!(inside.usage.application_bytes, 900 << 10);
        rig.check().await;
        house.delete_clone(&clone).await.unwrap();
        assert_eq!((owned().await.inodes, owned().await.application_bytes), (before.inodes - 1, 0));
        while house.0.background_round().await {}
        rig.check().await;
        let house = rig.open().await;
        assert_eq!(house.usage(limited).await.application_bytes, 0);
    });
}
