//! The log over a plan of faults: what a failed write left behind.

use std::io::ErrorKind;
use std::sync::Arc;

use bytes::Bytes;
use kv::{Engine, KvError};
use tempfile::TempDir;
use uring::{Fault, Faults, OperationKind};

use super::{get, put, puts, small};
use crate::{LocalEngine, Settings};

/// A write that fails may be in the file all the same. Who reads it after a reopen must find it after a power cut too.
#[tokio::test]
async fn what_a_failed_write_left_is_durable_once_it_was_read() {
    let directory = TempDir::new().unwrap();
    fill(&small(&directory)).await;
    let mut read = 0;
    for seed in 0..24 {
        let faults = Faults::new(seed);
        let settings = Settings { faults: Some(Arc::clone(&faults)), ..small(&directory) };
        let engine = LocalEngine::open(settings).unwrap();
        let name = |what: &str| format!("{what}-{seed}");
        engine.commit(put(name("kept"), "1")).await.unwrap();
        faults.fail(OperationKind::Write, 1, Fault::Torn);
        assert!(matches!(engine.commit(put(name("torn"), "1")).await, Err(KvError::Unknown(_))));
        engine.reopen().await.unwrap();
        let found = get(&engine, name("torn")).await;
        read += u32::from(found.is_some());
        engine.commit(put(name("later"), "1")).await.unwrap();
        faults.fail_always(OperationKind::Write, ErrorKind::Other);
        drop(engine);
        faults.power_cut().unwrap();
        let engine = LocalEngine::open(small(&directory)).unwrap();
        assert_eq!(get(&engine, name("kept")).await, Some(Bytes::from("1")), "seed {seed}");
        assert_eq!(get(&engine, name("torn")).await, found, "seed {seed}");
        assert_eq!(get(&engine, name("later")).await, Some(Bytes::from("1")), "seed {seed}");
    }
    assert!((3..21).contains(&read), "{read} of 24 were there");
}

/// Makes a store whose log is filled with zeros to its end, so that nothing but commits writes it.
async fn fill(settings: &Settings) {
    let engine = LocalEngine::open(settings.clone()).unwrap();
    for number in 0..6 {
        let large = (0..15).map(|part| (format!("large-{number}-{part}"), vec![1; 60_000]));
        engine.commit(puts(large)).await.unwrap();
    }
    engine.close().await.unwrap();
}
