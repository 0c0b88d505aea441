//! Scans: byte order, both directions, bounds and limits.

use super::{bytes, deletes, keys, puts, range, scan, value};
use crate::{Direction, Engine, Scan};

/// Runs every test of this file.
///
/// # Panics
/// When the engine does not conform.
pub async fn all<E: Engine, F: AsyncFnMut() -> E>(factory: &mut F) {
    the_start_is_in_and_the_end_is_out(&factory().await).await;
    a_limit_cuts_from_the_near_end(&factory().await).await;
    empty_ranges_are_empty(&factory().await).await;
    binary_keys_sort_by_unsigned_bytes(&factory().await).await;
    deleted_keys_do_not_count_against_the_limit(&factory().await).await;
    overwritten_keys_appear_once(&factory().await).await;
    scans_equal_a_sorted_model(&factory().await).await;
}

fn backward(scan: Scan) -> Scan {
    Scan { direction: Direction::Backward, ..scan }
}

async fn the_start_is_in_and_the_end_is_out(engine: &impl Engine) {
    engine.commit(puts(["a", "b", "c", "d"].map(|key| (key, key)))).await.unwrap();
    assert_eq!(keys(&scan(engine, range("b", "d")).await), [b"b", b"c"]);
    assert_eq!(keys(&scan(engine, backward(range("b", "d"))).await), [b"c", b"b"]);
    assert_eq!(keys(&scan(engine, range("", "a")).await), [] as [&[u8]; 0]);
    assert_eq!(keys(&scan(engine, range("", "aa")).await), [b"a"]);
    assert_eq!(keys(&scan(engine, range("c0", "z")).await), [b"d"]);
    assert_eq!(keys(&scan(engine, backward(range("", "z"))).await), [b"d", b"c", b"b", b"a"]);
}

async fn a_limit_cuts_from_the_near_end(engine: &impl Engine) {
    engine.commit(puts(["a", "b", "c", "d"].map(|key| (key, key)))).await.unwrap();
    let two = Scan { limit: 2, ..range("a", "z") };
    assert_eq!(keys(&scan(engine, two.clone()).await), [b"a", b"b"]);
    assert_eq!(keys(&scan(engine, backward(two)).await), [b"d", b"c"]);
    assert_eq!(scan(engine, Scan { limit: 0, ..range("a", "z") }).await, vec![]);
}

async fn empty_ranges_are_empty(engine: &impl Engine) {
    engine.commit(puts([("a", "1"), ("b", "2")])).await.unwrap();
    assert_eq!(scan(engine, range("a", "a")).await, vec![]);
    assert_eq!(scan(engine, range("b", "a")).await, vec![]);
    assert_eq!(scan(engine, backward(range("b", "a"))).await, vec![]);
    assert_eq!(scan(engine, range("a0", "a1")).await, vec![]);
}

async fn binary_keys_sort_by_unsigned_bytes(engine: &impl Engine) {
    let sorted: [&[u8]; 8] = [&[0], &[0, 0], &[0, 255], &[1], &[127, 255], &[128], &[255], &[255, 0]];
    let mut shuffled = sorted;
    shuffled.reverse();
    shuffled.swap(1, 4);
    engine.commit(puts(shuffled.map(|key| (key, key)))).await.unwrap();
    assert_eq!(keys(&scan(engine, range("", [255, 255])).await), sorted);
    let found = scan(engine, range([0, 0], [128])).await;
    assert_eq!(keys(&found), sorted[1..5]);
    for key in sorted {
        assert_eq!(value(engine, key).await, Some(bytes(key)));
    }
}

async fn deleted_keys_do_not_count_against_the_limit(engine: &impl Engine) {
    engine.commit(puts((0..100).map(|key| (format!("{key:03}"), "x")))).await.unwrap();
    engine.commit(deletes((0..98).map(|key| format!("{key:03}")))).await.unwrap();
    let two = Scan { limit: 2, ..range("0", "1") };
    assert_eq!(keys(&scan(engine, two.clone()).await), [b"098", b"099"]);
    assert_eq!(keys(&scan(engine, backward(two)).await), [b"099", b"098"]);
}

async fn overwritten_keys_appear_once(engine: &impl Engine) {
    for round in 0..5 {
        engine.commit(puts([("a", round.to_string()), ("b", round.to_string())])).await.unwrap();
    }
    let expected = vec![(bytes("a"), bytes("4")), (bytes("b"), bytes("4"))];
    assert_eq!(scan(engine, range("a", "c")).await, expected);
}

async fn scans_equal_a_sorted_model(engine: &impl Engine) {
    let mut model = std::collections::BTreeMap::new();
    for round in 0..60_u32 {
        let key = (round.wrapping_mul(2_654_435_761) % 1000).to_be_bytes();
        engine.commit(puts([(key, round.to_be_bytes())])).await.unwrap();
        model.insert(bytes(key), bytes(round.to_be_bytes()));
    }
    for start in (0..1000_u32).step_by(130) {
        for end in (start + 1..1000).step_by(170) {
            let wanted = range(start.to_be_bytes(), end.to_be_bytes());
            let mut expected: Vec<_> = model
                .range(wanted.start.clone()..wanted.end.clone())
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            assert_eq!(scan(engine, wanted.clone()).await, expected);
            expected.reverse();
            expected.truncate(3);
            assert_eq!(scan(engine, Scan { limit: 3, ..backward(wanted) }).await, expected);
        }
    }
}
