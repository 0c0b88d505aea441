//! Expectations and tokens.

use super::{bytes, join_all, puts, value};
use crate::{Batch, Engine, KvError, Token};

/// Runs every test of this file.
///
/// # Panics
/// When the engine does not conform.
pub async fn all<E: Engine, F: AsyncFnMut() -> E>(factory: &mut F) {
    expectations_hold_or_nothing_is_applied(&factory().await).await;
    the_first_broken_expectation_is_named(&factory().await).await;
    an_empty_value_is_not_an_absent_key(&factory().await).await;
    one_of_many_rivals_wins(&factory().await).await;
    the_token_is_stored_with_the_batch(&factory().await).await;
    a_batch_of_nothing_is_a_commit(&factory().await).await;
}

fn expecting(expect: &[(&str, Option<&str>)], batch: Batch) -> Batch {
    let expect = expect.iter().map(|(key, value)| (bytes(key), value.map(bytes))).collect();
    Batch { expect, ..batch }
}

async fn expectations_hold_or_nothing_is_applied(engine: &impl Engine) {
    let absent = expecting(&[("a", None)], puts([("a", "1"), ("other", "1")]));
    engine.commit(absent.clone()).await.unwrap();
    assert_eq!(engine.commit(absent).await, Err(KvError::Conflict(0)));

    engine.commit(expecting(&[("a", Some("1"))], puts([("a", "2")]))).await.unwrap();
    let mut stale = expecting(&[("a", Some("1"))], puts([("a", "3"), ("new", "x")]));
    stale.deletes = vec![bytes("other")];
    stale.token = Some(Token { key: bytes("token"), value: bytes("t") });
    assert_eq!(engine.commit(stale).await, Err(KvError::Conflict(0)));

    assert_eq!(value(engine, "a").await, Some(bytes("2")));
    assert_eq!(value(engine, "other").await, Some(bytes("1")));
    assert_eq!(value(engine, "new").await, None);
    assert_eq!(value(engine, "token").await, None);
}

async fn the_first_broken_expectation_is_named(engine: &impl Engine) {
    engine.commit(puts([("a", "1"), ("b", "2")])).await.unwrap();
    let batch = expecting(&[("a", Some("1")), ("b", None), ("c", Some("x"))], puts([("d", "4")]));
    assert_eq!(engine.commit(batch).await, Err(KvError::Conflict(1)));
    let batch = expecting(&[("a", Some("1")), ("c", None), ("b", Some("2"))], puts([("d", "4")]));
    engine.commit(batch).await.unwrap();
    assert_eq!(value(engine, "d").await, Some(bytes("4")));
}

async fn an_empty_value_is_not_an_absent_key(engine: &impl Engine) {
    engine.commit(puts([("a", "")])).await.unwrap();
    assert_eq!(value(engine, "a").await, Some(bytes("")));
    let outcome = engine.commit(expecting(&[("a", None)], puts([("b", "1")]))).await;
    assert_eq!(outcome, Err(KvError::Conflict(0)));
    engine.commit(expecting(&[("a", Some(""))], puts([("b", "1")]))).await.unwrap();
}

async fn one_of_many_rivals_wins(engine: &impl Engine) {
    let rivals = (0..16).map(|rival| engine.commit(expecting(&[("lock", None)], puts([("lock", rival.to_string())]))));
    let outcomes = join_all(rivals).await;
    let winners: Vec<usize> = (0..16).filter(|rival| outcomes[*rival].is_ok()).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(KvError::Conflict(0)))), "{outcomes:?}");
    assert_eq!(value(engine, "lock").await, Some(bytes(winners[0].to_string())));
}

async fn the_token_is_stored_with_the_batch(engine: &impl Engine) {
    let token = Token { key: bytes("token"), value: bytes("owner 1") };
    let batch = Batch { token: Some(token), ..puts([("a", "1")]) };
    engine.commit(batch.clone()).await.unwrap();
    assert_eq!(value(engine, "token").await, Some(bytes("owner 1")));
    let again = Token { key: bytes("token"), value: bytes("owner 2") };
    engine.commit(Batch { token: Some(again), ..batch }).await.unwrap();
    assert_eq!(value(engine, "token").await, Some(bytes("owner 2")));
}

async fn a_batch_of_nothing_is_a_commit(engine: &impl Engine) {
    let first = engine.commit(Batch::default()).await.unwrap();
    let second = engine.commit(Batch::default()).await.unwrap();
    assert!(second > first);
}
