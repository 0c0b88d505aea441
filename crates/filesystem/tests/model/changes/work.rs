//! What a page costs, and which cursors are taken.

use std::sync::Arc;
use std::time::Duration;

use testkit::{ManualClock, block_on};
use vfs::{
    Admin, ChangeKind, ChangedEntry, ChangesCursor, ChangesRequest, CreateHow, CreateRequest, Failure, FsError,
    InodeId, MkdirRequest, Name, Namespace, OpContext, RemoveKind, RemoveRequest, RenameRequest, SetAttributes,
    ShardId, Snapshot, TakeSnapshotRequest, TreeId,
};

use super::all_changes;
use crate::house::{Engines, House};

/// Pages end where a bound of work is met, also in the middle of a directory, and nothing is told twice or left out.
#[test]
fn a_large_directory_is_told_in_pages_of_bounded_work() {
    block_on(async {
        let house = Engines::default().open(Arc::new(ManualClock::standing())).await;
        let root = InodeId::root_of(ShardId::ROOT);
        let full = mkdir(&house, root, "full").await;
        for number in 0..3000 {
            create(&house, full, &format!("old {number}")).await;
        }
        let aside = mkdir(&house, root, "aside").await;
        let older = take(&house, aside, "older").await;
        rename(&house, (root, "full"), (aside, "came")).await;
        let younger = take(&house, aside, "younger").await;
        rename(&house, (aside, "came"), (root, "full")).await;
        let youngest = take(&house, aside, "youngest").await;

        let came = all_changes(&house, (older.root, younger.root.tree), 1000).await;
        assert_eq!(count(&came, ChangeKind::Created), 3001);
        let went = all_changes(&house, (younger.root, youngest.root.tree), 1000).await;
        assert_eq!(count(&went, ChangeKind::Removed), 3001);
        let mut numbers: Vec<_> = came.iter().map(|entry| entry.inode).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), came.len());
        // What came and went is the same in the end, but for the times of the directory.
        let both = all_changes(&house, (older.root, youngest.root.tree), 1000).await;
        assert!(both.iter().all(|entry| entry.path.is_empty()), "{both:?}");
    });
}

/// Changes elsewhere in the zone cost looks, but no page more than it may.
#[test]
fn a_page_may_be_empty_and_not_the_last() {
    block_on(async {
        let clock = Arc::new(ManualClock::standing());
        let house = Engines::default().open(Arc::clone(&clock)).await;
        let root = InodeId::root_of(ShardId::ROOT);
        let (asked, elsewhere) = (mkdir(&house, root, "asked").await, mkdir(&house, root, "elsewhere").await);
        for number in 0..5000 {
            create(&house, elsewhere, &format!("file {number}")).await;
        }
        let older = take(&house, asked, "older").await;
        for number in 0..5000 {
            let name = named(&format!("file {number}"));
            let request = RemoveRequest { parent: elsewhere, name, kind: RemoveKind::File };
            house.remove(&OpContext::internal(root), request).await.unwrap();
        }
        clock.advance(Duration::from_secs(1));
        create(&house, asked, "new").await;
        let (mut pages, mut entries, mut after) = (0, Vec::new(), None);
        loop {
            let page = ask(&house, (older.root, TreeId::LIVE), after).await.unwrap();
            (pages, after) = (pages + 1, page.0);
            entries.extend(page.1);
            if after.is_none() {
                break;
            }
        }
        assert!(pages > 1, "{pages} page");
        assert_eq!(count(&entries, ChangeKind::Created), 1);
        assert_eq!(entries.len(), 2);
    });
}

#[test]
fn a_cursor_is_good_for_what_it_was_given_for() {
    block_on(async {
        let house = Engines::default().open(Arc::new(ManualClock::standing())).await;
        let root = InodeId::root_of(ShardId::ROOT);
        let below = mkdir(&house, root, "below").await;
        let older = take(&house, root, "older").await;
        create(&house, below, "a").await;
        create(&house, root, "b").await;
        let younger = take(&house, root, "younger").await;
        let request = ChangesRequest { from: older.root, to: Some(younger.root.tree), after: None, limit: 1 };
        let page = house.changes(&OpContext::internal(root), request).await.unwrap();
        let good = page.next.unwrap();
        let refused = async |from, to, cursor: &ChangesCursor| {
            let refused = ask(&house, (from, to), Some(cursor.clone())).await.unwrap_err();
            assert_eq!(refused.error, FsError::BadCookie);
        };
        refused(older.root, TreeId::LIVE, &good).await;
        refused(older.root.sibling(below.number), younger.root.tree, &good).await;
        for length in [0, 2, 3, 20, 42] {
            refused(older.root, younger.root.tree, &ChangesCursor(good.0.slice(..length))).await;
        }
        for place in 0..3 {
            let mut spoilt = good.0.to_vec();
            spoilt[place] = 9;
            refused(older.root, younger.root.tree, &ChangesCursor(spoilt.into())).await;
        }
        // Any other byte leads elsewhere in what may be told, or nowhere.
        for place in 3..good.0.len() {
            let mut spoilt = good.0.to_vec();
            spoilt[place] ^= 0xff;
            let told = ask(&house, (older.root, younger.root.tree), Some(ChangesCursor(spoilt.into()))).await;
            assert!(told.is_ok() || told.is_err_and(|failure| failure.error == FsError::BadCookie));
        }
    });
}

#[test]
fn what_cannot_be_compared_is_refused() {
    block_on(async {
        let house = Engines::default().open(Arc::new(ManualClock::standing())).await;
        let root = InodeId::root_of(ShardId::ROOT);
        let below = mkdir(&house, root, "below").await;
        let file = create(&house, root, "file").await;
        let older = take(&house, root, "older").await;
        let younger = take(&house, below, "younger").await;
        let refused = async |from, to| ask(&house, (from, to), None).await.unwrap_err().error;
        assert_eq!(refused(younger.root, older.root.tree).await, FsError::InvalidArgument);
        assert_eq!(refused(older.root, older.root.tree).await, FsError::InvalidArgument);
        assert_eq!(refused(older.root, TreeId(7)).await, FsError::InvalidArgument);
        assert_eq!(refused(root, older.root.tree).await, FsError::StaleHandle);
        // The root is not in a snapshot of what lies below it.
        assert_eq!(refused(older.root, younger.root.tree).await, FsError::StaleHandle);
        assert_eq!(refused(older.root.sibling(file.number), TreeId::LIVE).await, FsError::NotDirectory);
        let request = vfs::ChangedRangesRequest { from: older.root, to: None, offset: 0, limit: 1 };
        let refused = house.changed_ranges(&OpContext::internal(root), request).await.unwrap_err();
        assert_eq!(refused.error, FsError::WrongType);
        assert!(ask(&house, (older.root.sibling(below.number), younger.root.tree), None).await.is_ok());
    });
}

async fn ask(
    house: &House,
    (from, to): (InodeId, TreeId),
    after: Option<ChangesCursor>,
) -> Result<(Option<ChangesCursor>, Vec<ChangedEntry>), Failure> {
    let request = ChangesRequest { from, to: Some(to), after, limit: 1000 };
    let page = house.changes(&OpContext::internal(from), request).await?;
    Ok((page.next, page.entries))
}

fn count(entries: &[ChangedEntry], kind: ChangeKind) -> usize {
    entries.iter().filter(|entry| entry.kind == kind).count()
}

async fn take(house: &House, directory: InodeId, name: &str) -> Snapshot {
    let request = TakeSnapshotRequest { directory, name: named(name), expires: None };
    house.take_snapshot(&OpContext::internal(directory), request).await.unwrap()
}

async fn mkdir(house: &House, parent: InodeId, name: &str) -> InodeId {
    let request = MkdirRequest { parent, name: named(name), attributes: SetAttributes::default() };
    house.mkdir(&OpContext::internal(parent), request).await.unwrap().attributes.inode
}

async fn create(house: &House, parent: InodeId, name: &str) -> InodeId {
    let how = CreateHow::Guarded(SetAttributes::default());
    let request = CreateRequest { parent, name: named(name), how };
    house.create(&OpContext::internal(parent), request).await.unwrap().attributes.inode
}

async fn rename(house: &House, (from, from_name): (InodeId, &str), (to, to_name): (InodeId, &str)) {
    let (from_name, to_name) = (named(from_name), named(to_name));
    let request = RenameRequest { from_parent: from, from_name, to_parent: to, to_name, replace: false };
    house.rename(&OpContext::internal(from), request).await.unwrap();
}

fn named(text: &str) -> Name {
    Name::try_from(text).unwrap()
}
