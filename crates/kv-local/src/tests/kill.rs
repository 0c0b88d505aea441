//! A process that is killed while it commits.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use kv::{Engine, KvError, View};
use tempfile::TempDir;

use super::{LOG_BYTES, puts};
use crate::{LocalEngine, Settings};

#[tokio::test]
async fn a_killed_process_loses_nothing_acknowledged() {
    let directory = TempDir::new().unwrap();
    let mut acknowledged = 0;
    for round in 0..6 {
        acknowledged = run_and_kill(directory.path(), 100 + round * 37).max(acknowledged);
        let engine = LocalEngine::open(settings(directory.path())).unwrap();
        let view = engine.view().await.unwrap();
        for number in 1..=acknowledged {
            for half in ["a", "b"] {
                let key = format!("{half}{number:06}");
                assert!(view.get(key.as_bytes()).await.unwrap().is_some(), "round {round}: {key} is lost");
            }
        }
        let (a, b) = (format!("a{:06}", acknowledged + 1), format!("b{:06}", acknowledged + 1));
        assert_eq!(view.get(a.as_bytes()).await.unwrap(), view.get(b.as_bytes()).await.unwrap());
    }
}

/// Starts this test binary as the writer, waits for some lines, kills it, and returns the last number it printed.
fn run_and_kill(directory: &Path, lines: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::kill::writer", "--ignored", "--nocapture"])
        .env(DIRECTORY_VARIABLE, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut numbers =
        BufReader::new(child.stdout.take().unwrap()).lines().filter_map(|line| acknowledged(&line.unwrap()));
    let mut last = numbers.by_ref().take(lines).last().unwrap();
    let refused = LocalEngine::open(settings(directory));
    assert!(matches!(&refused, Err(KvError::Io(text)) if text.contains("in use")), "{refused:?}");
    child.kill().unwrap();
    last = numbers.last().unwrap_or(last);
    child.wait().unwrap();
    last
}

fn acknowledged(line: &str) -> Option<u64> {
    line.strip_prefix("acknowledged ")?.strip_suffix('.')?.parse().ok()
}

#[tokio::test]
#[ignore = "the writer that `a_killed_process_loses_nothing_acknowledged` starts and kills"]
async fn writer() {
    let Some(directory) = std::env::var_os(DIRECTORY_VARIABLE) else { return };
    let engine = LocalEngine::open(settings(Path::new(&directory))).unwrap();
    let view = engine.view().await.unwrap();
    let mut number = 0_u64;
    while view.get(format!("a{:06}", number + 1).as_bytes()).await.unwrap().is_some() {
        number += 1;
    }
    drop(view);
    println!();
    loop {
        number += 1;
        let value = vec![1; usize::try_from(number % 7 * 1500).unwrap()];
        engine.commit(puts([(format!("a{number:06}"), &value), (format!("b{number:06}"), &value)])).await.unwrap();
        println!("acknowledged {number}.");
    }
}

fn settings(directory: &Path) -> Settings {
    Settings { log_bytes: LOG_BYTES, memtable_bytes: 400_000, ..Settings::new(directory.join("store")) }
}

const DIRECTORY_VARIABLE: &str = "KV_LOCAL_KILL_TEST";
