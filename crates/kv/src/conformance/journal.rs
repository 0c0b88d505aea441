//! The journal: entries are durable with their batch, in order, and stay until they are released.

use bytes::Bytes;

use super::{bytes, join_all, puts, range, scan, value};
use crate::limits::{JOURNAL_ENTRY_BYTES_MAX, VALUE_BYTES_MAX};
use crate::{Batch, Engine, JournalEntry, KvError};

/// Runs every test of this file.
///
/// # Panics
/// When the engine does not conform.
pub async fn all<E: Engine, F: AsyncFnMut() -> E>(factory: &mut F) {
    entries_come_back_in_order(&factory().await).await;
    no_view_shows_an_entry(&factory().await).await;
    a_batch_that_is_refused_leaves_no_entry(&factory().await).await;
    entries_come_in_pages(&factory().await).await;
    released_entries_may_go_and_others_never(&factory().await).await;
    entries_outlive_much_that_is_written_behind_them(&factory().await).await;
    entries_of_many_batches_at_once_are_kept(&factory().await).await;
    an_entry_has_a_longest(&factory().await).await;
}

fn entry(sequence: u64, content: impl AsRef<[u8]>) -> JournalEntry {
    JournalEntry { sequence, bytes: bytes(content) }
}

fn keeping(entries: impl IntoIterator<Item = JournalEntry>) -> Batch {
    Batch { journal: entries.into_iter().collect(), ..Batch::default() }
}

async fn journal(engine: &impl Engine) -> Vec<JournalEntry> {
    engine.journal(0, usize::MAX).await.unwrap()
}

async fn entries_come_back_in_order(engine: &impl Engine) {
    assert_eq!(journal(engine).await, []);
    let with_put = Batch { journal: vec![entry(3, "three"), entry(7, "")], ..puts([("a", "1")]) };
    engine.commit(with_put).await.unwrap();
    engine.commit(keeping([entry(8, "eight")])).await.unwrap();
    let expected = [entry(3, "three"), entry(7, ""), entry(8, "eight")];
    assert_eq!(journal(engine).await, expected);
    for _ in 0..2 {
        engine.reopen().await.unwrap();
        assert_eq!(journal(engine).await, expected);
        assert_eq!(value(engine, "a").await, Some(bytes("1")));
    }
    engine.commit(keeping([entry(9, "nine")])).await.unwrap();
    engine.close().await.unwrap();
    engine.reopen().await.unwrap();
    assert_eq!(journal(engine).await.last(), Some(&entry(9, "nine")));
    assert_eq!(journal(engine).await.len(), 4);
}

async fn no_view_shows_an_entry(engine: &impl Engine) {
    engine.commit(keeping([entry(1, "hidden")])).await.unwrap();
    assert_eq!(scan(engine, range([0], [255])).await, []);
}

async fn a_batch_that_is_refused_leaves_no_entry(engine: &impl Engine) {
    let refused = Batch { expect: vec![(bytes("a"), Some(bytes("1")))], ..keeping([entry(1, "no")]) };
    assert_eq!(engine.commit(refused).await, Err(KvError::Conflict(0)));
    engine.commit(keeping([entry(2, "yes")])).await.unwrap();
    engine.reopen().await.unwrap();
    assert_eq!(journal(engine).await, [entry(2, "yes")]);
}

async fn entries_come_in_pages(engine: &impl Engine) {
    for round in 0..10 {
        engine
            .commit(keeping([entry(2 * round + 1, vec![1; 1000]), entry(2 * round + 2, vec![2; 1000])]))
            .await
            .unwrap();
    }
    for bytes_max in [0, 1, 2500, 5000, usize::MAX] {
        let mut after = 0;
        let mut pages = 0;
        loop {
            let page = engine.journal(after, bytes_max).await.unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.iter().map(|entry| entry.sequence).eq(after + 1..=last.sequence));
            assert!(page.len() == 1 || page.iter().map(JournalEntry::size_bytes).sum::<usize>() <= bytes_max);
            after = last.sequence;
            pages += 1;
        }
        assert_eq!(after, 20);
        assert!(pages <= 20 / (bytes_max / 1012).clamp(1, 20) + 1, "{pages} pages of {bytes_max} bytes");
    }
}

async fn released_entries_may_go_and_others_never(engine: &impl Engine) {
    for sequence in 1..=20 {
        engine.commit(keeping([entry(sequence, sequence.to_string())])).await.unwrap();
        engine.release_journal(sequence / 2);
    }
    for _ in 0..2 {
        let kept = journal(engine).await;
        let needed: Vec<_> = kept.iter().filter(|entry| entry.sequence >= 10).cloned().collect();
        assert_eq!(needed, (10..=20).map(|sequence| entry(sequence, sequence.to_string())).collect::<Vec<_>>());
        assert!(kept.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
        engine.reopen().await.unwrap();
    }
    engine.release_journal(21);
    engine.commit(keeping([entry(21, "last")])).await.unwrap();
    assert_eq!(journal(engine).await.last(), Some(&entry(21, "last")));
}

/// More is written than a log of an engine may hold: what is kept must not stop it, and must not be lost to it.
async fn entries_outlive_much_that_is_written_behind_them(engine: &impl Engine) {
    let kept: Vec<_> = (1..=5).map(|sequence| entry(sequence, vec![9; 20_000])).collect();
    engine.commit(keeping(kept.clone())).await.unwrap();
    for round in 0..40_u64 {
        let values = (0..15).map(|at| (format!("{at:02}"), vec![1; VALUE_BYTES_MAX]));
        engine.commit(Batch { journal: vec![entry(10 + round, "short")], ..puts(values) }).await.unwrap();
    }
    for _ in 0..2 {
        let found = journal(engine).await;
        assert!(found.iter().take(5).eq(&kept));
        assert_eq!(found.len(), 45);
        engine.reopen().await.unwrap();
    }
}

async fn entries_of_many_batches_at_once_are_kept(engine: &impl Engine) {
    let commits = (1..=40).map(|sequence| engine.commit(keeping([entry(sequence, vec![3; 5000])])));
    for outcome in join_all(commits).await {
        outcome.unwrap();
    }
    engine.reopen().await.unwrap();
    assert!(journal(engine).await.iter().map(|entry| entry.sequence).eq(1..=40));
}

async fn an_entry_has_a_longest(engine: &impl Engine) {
    let long = Bytes::from(vec![1; JOURNAL_ENTRY_BYTES_MAX + 1]);
    let most = keeping([JournalEntry { sequence: 1, bytes: long.slice(1..) }]);
    let refused = keeping([JournalEntry { sequence: 1, bytes: long }]);
    assert!(matches!(engine.commit(refused).await, Err(KvError::TooLarge(_))));
    engine.commit(most.clone()).await.unwrap();
    engine.reopen().await.unwrap();
    assert_eq!(journal(engine).await, most.journal);
}
