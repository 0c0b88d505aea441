//! Views: whole, unchanging, and holding every commit acknowledged before them.

use super::{bytes, deletes, join_all, puts, range, value};
use crate::{Engine, Version, View};

/// Runs every test of this file.
///
/// # Panics
/// When the engine does not conform.
pub async fn all<E: Engine, F: AsyncFnMut() -> E>(factory: &mut F) {
    a_new_store_is_empty(&factory().await).await;
    a_view_holds_what_was_acknowledged(&factory().await).await;
    a_view_does_not_change(&factory().await).await;
    a_deleted_key_stays_in_older_views(&factory().await).await;
    views_never_see_half_a_batch(&factory().await).await;
    versions_rise(&factory().await).await;
    many_keys_are_read_in_the_order_asked(&factory().await).await;
}

async fn a_new_store_is_empty(engine: &impl Engine) {
    let view = engine.view().await.unwrap();
    assert_eq!(view.get(b"a").await.unwrap(), None);
    assert_eq!(view.scan(range([0], [255])).await.unwrap(), vec![]);
}

async fn a_view_holds_what_was_acknowledged(engine: &impl Engine) {
    for round in 0..50_u32 {
        let version = engine.commit(puts([("key", round.to_string())])).await.unwrap();
        let view = engine.view().await.unwrap();
        assert!(view.version() >= version);
        assert_eq!(view.get(b"key").await.unwrap(), Some(bytes(round.to_string())));
    }
}

async fn a_view_does_not_change(engine: &impl Engine) {
    let mut views = Vec::new();
    for round in 0..20_u32 {
        engine.commit(puts([("a", round.to_string()), ("b", round.to_string())])).await.unwrap();
        engine.commit(puts([(format!("new{round:02}"), "x")])).await.unwrap();
        views.push((round, engine.view().await.unwrap()));
    }
    for (round, view) in &views {
        let expected = Some(bytes(round.to_string()));
        assert_eq!(view.get(b"a").await.unwrap(), expected);
        assert_eq!(view.get(b"b").await.unwrap(), expected);
        let added = view.scan(range("new", "nex")).await.unwrap();
        assert_eq!(added.len(), usize::try_from(*round).unwrap() + 1);
        assert_eq!(view.get(format!("new{:02}", round + 1).as_bytes()).await.unwrap(), None);
    }
}

async fn a_deleted_key_stays_in_older_views(engine: &impl Engine) {
    engine.commit(puts([("a", "1"), ("b", "2")])).await.unwrap();
    let before = engine.view().await.unwrap();
    engine.commit(deletes(["a", "absent"])).await.unwrap();
    let after = engine.view().await.unwrap();
    engine.commit(puts([("a", "3")])).await.unwrap();
    assert_eq!(before.get(b"a").await.unwrap(), Some(bytes("1")));
    assert_eq!(before.scan(range("a", "z")).await.unwrap().len(), 2);
    assert_eq!(after.get(b"a").await.unwrap(), None);
    assert_eq!(after.scan(range("a", "z")).await.unwrap(), vec![(bytes("b"), bytes("2"))]);
    assert_eq!(value(engine, "a").await, Some(bytes("3")));
}

/// Each batch moves all keys to one value; a view in which they differ has seen half of it.
async fn views_never_see_half_a_batch(engine: &impl Engine) {
    let batch = |round: u32| puts((0..20).map(move |key| (format!("k{key:02}"), round.to_string())));
    engine.commit(batch(0)).await.unwrap();
    for round in 0..20 {
        let step = async |step: u32| match step % 2 {
            0 => check_whole(engine).await,
            _ => drop(engine.commit(batch(round * 4 + step)).await.unwrap()),
        };
        join_all((0..8).map(step)).await;
    }
    check_whole(engine).await;
}

async fn check_whole(engine: &impl Engine) {
    let view = engine.view().await.unwrap();
    let entries = view.scan(range("k", "l")).await.unwrap();
    assert_eq!(entries.len(), 20);
    assert!(entries.iter().all(|(_, value)| *value == entries[0].1), "a view holds half a batch: {entries:?}");
}

async fn versions_rise(engine: &impl Engine) {
    let mut last = engine.view().await.unwrap().version();
    for round in 0..20_u32 {
        let version = engine.commit(puts([("a", round.to_string())])).await.unwrap();
        assert!(version > last, "{version:?} after {last:?}");
        assert!(engine.view().await.unwrap().version() >= version);
        last = version;
    }
    let outcomes = join_all((0..8_u32).map(|at| engine.commit(puts([(format!("b{at}"), "x")])))).await;
    let mut versions: Vec<Version> = outcomes.into_iter().map(Result::unwrap).collect();
    versions.sort_unstable();
    assert!(versions[0] > last);
    versions.dedup();
    assert_eq!(versions.len(), 8, "two commits share a version");
}

async fn many_keys_are_read_in_the_order_asked(engine: &impl Engine) {
    engine.commit(puts([("a", "1"), ("b", "2"), ("c", "3")])).await.unwrap();
    let view = engine.view().await.unwrap();
    let found = view.get_many(&["c", "absent", "a", "c"].map(bytes)).await.unwrap();
    assert_eq!(found, vec![Some(bytes("3")), None, Some(bytes("1")), Some(bytes("3"))]);
    assert_eq!(view.get_many(&[]).await.unwrap(), vec![]);
}
