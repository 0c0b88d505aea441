//! Views over checkpoints, compactions, age and reopen.

use std::time::Duration;

use kv::{Engine, EngineFigures, KvError, View};
use tempfile::TempDir;

use super::{everything, on, puts, small, whole};
use crate::log::simulated::SimulatedDisk;
use crate::{LocalEngine, Settings};

#[tokio::test]
async fn a_view_stays_whole_over_checkpoints_and_compactions() {
    let directory = TempDir::new().unwrap();
    let settings = Settings { memtable_bytes: 50_000, ..small(&directory) };
    let engine = on(&SimulatedDisk::new(1), settings);
    let mut views = Vec::new();
    for round in 0..200_u32 {
        engine
            .commit(puts((0..20).map(|key| (format!("{key:02}"), [round.to_string().as_bytes(); 60].concat()))))
            .await
            .unwrap();
        if round % 20 == 3 {
            views.push((round, engine.view().await.unwrap()));
        }
    }
    for (round, view) in views {
        let expected = [round.to_string().as_bytes(); 60].concat();
        let entries = view.scan(whole()).await.unwrap();
        assert_eq!(entries.len(), 20);
        assert!(entries.iter().all(|(_, value)| value[..] == expected[..]), "the view of round {round} changed");
    }
}

#[tokio::test]
async fn a_view_expires() {
    let directory = TempDir::new().unwrap();
    let settings = Settings { view_age_ms_max: 24, ..small(&directory) };
    let engine = LocalEngine::open(settings).unwrap();
    engine.commit(puts([("a", "1")])).await.unwrap();
    let view = engine.view().await.unwrap();
    for _ in 0..10_000 {
        match view.get(b"a").await {
            Err(error) => {
                assert_eq!(error, KvError::Expired);
                assert_eq!(view.scan(whole()).await, Err(KvError::Expired));
                assert_eq!(everything(&engine).await.len(), 1);
                return;
            }
            Ok(value) => assert!(value.is_some()),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("the view did not expire");
}

#[tokio::test]
async fn a_view_of_before_a_reopen_is_expired_and_harmless() {
    let directory = TempDir::new().unwrap();
    let engine = on(&SimulatedDisk::new(1), Settings { memtable_bytes: 20_000, ..small(&directory) });
    for round in 0..10 {
        let batch = puts((0..50).map(|key| (format!("{key:02}"), format!("{round}").repeat(100))));
        engine.commit(batch).await.unwrap();
        let view = engine.view().await.unwrap();
        engine.reopen().await.unwrap();
        assert_eq!(view.get(b"00").await, Err(KvError::Expired));
        assert_eq!(everything(&engine).await.len(), 50);
        drop(view);
    }
    engine.reopen().await.unwrap();
    assert_eq!(everything(&engine).await.len(), 50);
}

#[tokio::test]
async fn figures_follow_the_log_and_a_checkpoint_empties_it() {
    let directory = TempDir::new().unwrap();
    let engine = on(&SimulatedDisk::new(1), small(&directory));
    let empty = engine.figures();
    assert!(empty.log_bytes_used < 4096 && empty.log_bytes_max > super::LOG_BYTES - 16_384, "{empty:?}");
    for key in 0..10 {
        engine.commit(super::put(format!("{key}"), vec![0; 5000])).await.unwrap();
    }
    let used = engine.figures().log_bytes_used;
    assert!((50_000..=100_000).contains(&used), "{used}");
    engine.close().await.unwrap();
    assert_eq!(engine.figures(), EngineFigures::default());
    engine.reopen().await.unwrap();
    assert_eq!(engine.figures().log_bytes_used, 0);
}
