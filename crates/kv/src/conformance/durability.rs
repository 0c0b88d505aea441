//! `reopen` and `close`: what was acknowledged stays, and numbering goes on.

use super::{bytes, deletes, puts, range, scan, value};
use crate::{Engine, View};

/// Runs every test of this file.
///
/// # Panics
/// When the engine does not conform.
pub async fn all<E: Engine, F: AsyncFnMut() -> E>(factory: &mut F) {
    reopen_keeps_everything(&factory().await).await;
    reopen_of_an_empty_store(&factory().await).await;
    versions_rise_over_a_reopen(&factory().await).await;
    many_reopens_lose_nothing(&factory().await).await;
    close_flushes(&factory().await).await;
}

async fn reopen_keeps_everything(engine: &impl Engine) {
    engine.commit(puts([("a", "1"), ("b", ""), ("c", "3")])).await.unwrap();
    engine.commit(puts([("a", "2")])).await.unwrap();
    engine.commit(deletes(["c"])).await.unwrap();
    let before = scan(engine, range([0], [255])).await;
    engine.reopen().await.unwrap();
    assert_eq!(scan(engine, range([0], [255])).await, before);
    assert_eq!(before, vec![(bytes("a"), bytes("2")), (bytes("b"), bytes(""))]);
}

async fn reopen_of_an_empty_store(engine: &impl Engine) {
    engine.reopen().await.unwrap();
    assert_eq!(scan(engine, range([0], [255])).await, vec![]);
    engine.commit(puts([("a", "1")])).await.unwrap();
    assert_eq!(value(engine, "a").await, Some(bytes("1")));
}

async fn versions_rise_over_a_reopen(engine: &impl Engine) {
    let mut last = engine.commit(puts([("a", "1")])).await.unwrap();
    for round in 0..3 {
        engine.reopen().await.unwrap();
        assert!(engine.view().await.unwrap().version() >= last);
        let version = engine.commit(puts([("a", round.to_string())])).await.unwrap();
        assert!(version > last);
        last = version;
    }
}

async fn many_reopens_lose_nothing(engine: &impl Engine) {
    for round in 0..10 {
        for step in 0..5 {
            engine.commit(puts([(format!("{round:02}{step}"), "x")])).await.unwrap();
        }
        engine.reopen().await.unwrap();
        assert_eq!(scan(engine, range("0", "a")).await.len(), (round + 1) * 5);
    }
}

async fn close_flushes(engine: &impl Engine) {
    engine.commit(puts([("a", "1")])).await.unwrap();
    engine.close().await.unwrap();
    engine.reopen().await.unwrap();
    assert_eq!(value(engine, "a").await, Some(bytes("1")));
}
