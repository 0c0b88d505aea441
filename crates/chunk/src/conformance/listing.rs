//! Segments are listed in order, in pages.

use std::collections::BTreeMap;

use super::{ALICE, BOB, Engine, pattern, place, places};
use crate::{Placed, Store};

pub(super) async fn all<E: Engine>(engine: &E) {
    pages_in_order(&engine.fresh().await).await;
    capacity_tells_of_room(&engine.fresh().await).await;
}

async fn pages_in_order<S: Store>(store: &S) {
    assert_eq!(store.list(None, 10).await.expect("list"), Vec::new(), "an empty store lists nothing");
    let mut placed: Vec<(_, Placed)> = Vec::new();
    for mark in 0..12 {
        let owner = if mark % 2 == 0 { ALICE } else { BOB };
        placed.extend(place(store, owner, pattern(mark, 40)).await.into_iter().map(|run| (owner, run)));
    }
    let mut expected = BTreeMap::new();
    for (owner, run) in &placed {
        for place in places(&[*run]) {
            let blocks = expected.entry(place.segment()).or_insert((*owner, 0));
            blocks.1 = blocks.1.max(place.block() + 1);
        }
    }
    for limit in [1, 2, 3, 1000] {
        let mut listed = Vec::new();
        loop {
            let page = store.list(listed.last().map(|(id, _)| *id), limit).await.expect("list");
            assert!(page.len() <= limit, "a page of {limit} held {}", page.len());
            if page.is_empty() {
                break;
            }
            listed.extend(page.into_iter().map(|found| (found.segment, (found.owner, found.blocks))));
        }
        assert_eq!(listed, expected.clone().into_iter().collect::<Vec<_>>(), "pages of {limit}");
    }
}

async fn capacity_tells_of_room<S: Store>(store: &S) {
    let before = store.capacity().expect("capacity");
    assert!(before.total_bytes > 0 && before.free_bytes <= before.total_bytes, "{before:?}");
    place(store, ALICE, pattern(1, 1)).await;
    let after = store.capacity().expect("capacity");
    assert!(after.free_bytes <= after.total_bytes, "{after:?}");
}
