//! The house limits: the largest batch is taken, anything above is refused whole.

use super::{bytes, deletes, puts, value};
use crate::limits::{BATCH_BYTES_MAX, BATCH_KEYS_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX};
use crate::{Batch, Engine, KvError, Token};

/// Runs every test of this file.
///
/// # Panics
/// When the engine does not conform.
pub async fn all<E: Engine, F: AsyncFnMut() -> E>(factory: &mut F) {
    the_largest_entries_are_kept(&factory().await).await;
    the_largest_batches_are_kept(&factory().await).await;
    anything_larger_is_refused_whole(&factory().await).await;
}

async fn the_largest_entries_are_kept(engine: &impl Engine) {
    let key = vec![0xff; KEY_BYTES_MAX];
    let large: Vec<u8> = (0..VALUE_BYTES_MAX).map(|at| u8::try_from(at % 251).unwrap()).collect();
    engine.commit(puts([(&key, &large)])).await.unwrap();
    assert_eq!(value(engine, &key).await, Some(bytes(&large)));
    engine.commit(puts([(&[0_u8][..], &[][..])])).await.unwrap();
    assert_eq!(value(engine, [0]).await, Some(bytes("")));
    let expect = vec![(bytes(&key), Some(bytes(&large)))];
    engine.commit(Batch { expect, ..deletes([&key]) }).await.unwrap();
    assert_eq!(value(engine, &key).await, None);
}

async fn the_largest_batches_are_kept(engine: &impl Engine) {
    let many = puts((0..BATCH_KEYS_MAX).map(|key| (format!("many{key:05}"), "v")));
    engine.commit(many).await.unwrap();
    assert_eq!(value(engine, format!("many{:05}", BATCH_KEYS_MAX - 1)).await, Some(bytes("v")));

    let count = BATCH_BYTES_MAX / VALUE_BYTES_MAX;
    let entry = |key: usize| (format!("big{key:05}"), vec![7_u8; VALUE_BYTES_MAX - 8]);
    let big = puts((0..count).map(entry));
    assert_eq!(big.size_bytes(), BATCH_BYTES_MAX);
    engine.commit(big).await.unwrap();
    assert_eq!(value(engine, format!("big{:05}", count - 1)).await, Some(bytes(vec![7_u8; VALUE_BYTES_MAX - 8])));
}

async fn anything_larger_is_refused_whole(engine: &impl Engine) {
    let long_key = vec![1; KEY_BYTES_MAX + 1];
    let long_value = vec![1; VALUE_BYTES_MAX + 1];
    let mut refused = vec![
        puts([("", "empty key")]),
        puts([(&long_key, "v")]),
        puts([("k", &long_value)]),
        deletes([&long_key]),
        deletes((0..=BATCH_KEYS_MAX).map(|key| key.to_string())),
        puts((0..17).map(|key| (key.to_string(), vec![0_u8; VALUE_BYTES_MAX]))),
    ];
    let token = Token { key: bytes(&long_key), value: bytes("v") };
    refused.push(Batch { token: Some(token), ..Batch::default() });
    refused.push(Batch { expect: vec![(bytes(&long_key), None)], ..Batch::default() });
    for mut batch in refused {
        batch.puts.push((bytes("witness"), bytes("x")));
        let outcome = engine.commit(batch).await;
        assert!(matches!(outcome, Err(KvError::TooLarge(_))), "{outcome:?}");
    }
    assert_eq!(value(engine, "witness").await, None);
}
