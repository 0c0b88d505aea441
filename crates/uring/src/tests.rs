//! The same calls over the ring, in line, direct and buffered; and what faults leave behind.
#![expect(clippy::cast_possible_truncation, reason = "marks wrap")]

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use pages::{PageBuf, Payload};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::{Create, Directory, Fault, Faults, File, OpenHow, OperationKind};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn hows() -> Vec<OpenHow> {
    let how = |direct, ring| OpenHow { write: true, create: Create::IfMissing, direct, ring, faults: None };
    vec![how(true, true), how(true, false), how(false, true), how(false, false)]
}

fn aligned(mark: u8, blocks: usize) -> Bytes {
    let mut buffer = PageBuf::unpooled(blocks * 4096);
    buffer.iter_mut().zip(0_usize..).for_each(|(byte, index)| *byte = mark.wrapping_add((index / 512) as u8));
    buffer.freeze()
}

async fn read(file: &File, offset: u64, length: usize) -> Vec<u8> {
    let (buffer, count) = file.read_at(PageBuf::unpooled(length), offset).await;
    buffer[..count.unwrap()].to_vec()
}

async fn exercise(path: &Path, how: OpenHow) {
    let file = File::open(path, &how).unwrap();
    file.allocate(0, 1 << 20).await.unwrap();
    assert_eq!(file.length().unwrap(), 1 << 20);
    let data: Payload = [aligned(1, 1), aligned(2, 3), aligned(3, 1)].into_iter().collect();
    file.write_at(data.clone(), 8192).await.unwrap();
    file.write_at_durably(aligned(9, 1).into(), 65_536).await.unwrap();
    file.sync_data().await.unwrap();
    file.sync_all().await.unwrap();
    assert_eq!(read(&file, 8192, 5 * 4096).await, data.to_bytes());
    assert_eq!(read(&file, 65_536, 4096).await, aligned(9, 1));
    file.punch(8192, 4096).await.unwrap();
    assert_eq!(read(&file, 8192, 4096).await, vec![0; 4096]);
    assert_eq!(read(&file, 12_288, 4096).await, aligned(2, 1));
    assert_eq!(read(&file, 1 << 20, 4096).await, Vec::<u8>::new(), "nothing lies behind the end");
    assert_eq!(read(&file, (1 << 20) - 4096, 8192).await.len(), 4096, "a read ends with the file");
    file.set_length(1000).unwrap();
    assert_eq!(read(&file, 0, 4096).await.len(), 1000);
}

#[test]
fn all_ways_do_the_same() {
    let directory = TempDir::new().unwrap();
    for (number, how) in hows().into_iter().enumerate() {
        runtime().block_on(exercise(&directory.path().join(number.to_string()), how));
    }
}

#[test]
fn a_memory_file_system_works_too() {
    let directory = TempDir::new_in("/dev/shm").unwrap();
    for (number, how) in hows().into_iter().enumerate() {
        runtime().block_on(exercise(&directory.path().join(number.to_string()), how));
    }
}

#[test]
fn no_runtime_is_needed() {
    let directory = TempDir::new().unwrap();
    let file = File::open(&directory.path().join("file"), &hows()[0]).unwrap();
    let mut write = pin!(file.write_at(aligned(1, 2).into(), 0));
    let outcome = write.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(outcome, Poll::Ready(Ok(()))), "in line, an operation ends in its first poll");
}

#[test]
fn a_ring_is_used_where_there_is_one() {
    let directory = TempDir::new().unwrap();
    let file = File::open(&directory.path().join("file"), &hows()[0]).unwrap();
    let expected = crate::probe().is_ok() && file.is_direct();
    runtime().block_on(async {
        let mut write = pin!(file.write_at(aligned(1, 2).into(), 0));
        let first = std::future::poll_fn(|context| Poll::Ready(write.as_mut().poll(context))).await;
        assert_eq!(first.is_pending(), expected);
        if first.is_pending() {
            write.await.unwrap();
        }
    });
}

#[test]
fn operations_of_one_tick_end_together() {
    let directory = TempDir::new().unwrap();
    let file = File::open(&directory.path().join("file"), &hows()[0]).unwrap();
    runtime().block_on(async {
        file.allocate(0, 3000 * 4096).await.unwrap();
        let tasks: Vec<_> = (0..3000_u64)
            .map(|number| {
                let file = file.clone();
                tokio::spawn(async move {
                    file.write_at(aligned(number as u8, 1).into(), number * 4096).await.unwrap();
                    assert_eq!(read(&file, number * 4096, 4096).await, aligned(number as u8, 1));
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn a_dropped_future_leaves_nothing_behind() {
    let directory = TempDir::new().unwrap();
    let file = File::open(&directory.path().join("file"), &hows()[0]).unwrap();
    let pool = pages::Pool::new(pages::PoolSettings { bytes_max: 1 << 20, huge_pages: false });
    runtime().block_on(async {
        file.allocate(0, 1 << 20).await.unwrap();
        for round in 0..200_u64 {
            let buffer = pool.allocate(4096).unwrap();
            let reading = file.read_at(buffer, (round % 256) * 4096);
            // The first poll submits; then the future goes while the kernel still has the buffer.
            tokio::select! { biased; _ = reading => {}, () = tokio::task::yield_now() => {} }
        }
        while pool.usage().used_bytes > 0 {
            file.sync_data().await.unwrap();
        }
    });
}

#[test]
fn a_runtime_that_ends_waits_for_its_ring() {
    let directory = TempDir::new().unwrap();
    let file = File::open(&directory.path().join("file"), &hows()[0]).unwrap();
    let pool = pages::Pool::new(pages::PoolSettings { bytes_max: 1 << 20, huge_pages: false });
    for round in 0..20_u64 {
        let runtime = runtime();
        runtime.block_on(async {
            file.allocate(0, 1 << 20).await.unwrap();
            let (file, buffer) = (file.clone(), pool.allocate(65_536).unwrap());
            tokio::spawn(async move { file.read_at(buffer, round * 4096).await.1.unwrap() });
            tokio::task::yield_now().await;
        });
        drop(runtime);
        assert_eq!(pool.usage().used_bytes, 0);
    }
}

#[test]
fn runtimes_on_one_thread_do_not_share_a_ring() {
    let directory = TempDir::new().unwrap();
    let file = File::open(&directory.path().join("file"), &hows()[0]).unwrap();
    let runtimes = [runtime(), runtime()];
    for round in 0..10_u8 {
        for runtime in &runtimes {
            runtime.block_on(file.write_at(aligned(round, 1).into(), 0)).unwrap();
            assert_eq!(runtime.block_on(read(&file, 0, 4096)), aligned(round, 1));
        }
    }
}

#[test]
fn a_future_may_move_to_another_thread() {
    let directory = TempDir::new().unwrap();
    let file = File::open(&directory.path().join("file"), &hows()[0]).unwrap();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..64_u64)
            .map(|number| {
                let file = file.clone();
                tokio::spawn(async move {
                    for round in 0..20_u8 {
                        file.write_at(aligned(round, 1).into(), number * 4096).await.unwrap();
                        tokio::task::yield_now().await;
                        assert_eq!(read(&file, number * 4096, 4096).await, aligned(round, 1));
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    // Submitted on one runtime, awaited on another thread that has none.
    let mut reading = Box::pin({
        let file = file.clone();
        async move { read(&file, 0, 4096).await }
    });
    let early = {
        let _entered = runtime.enter();
        reading.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    };
    let data = match early {
        Poll::Ready(data) => data,
        Poll::Pending => runtime.block_on(reading),
    };
    assert_eq!(data, aligned(19, 1));
}

#[test]
fn errors_come_back() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file");
    assert_eq!(File::open(&path, &OpenHow::default()).unwrap_err().kind(), io::ErrorKind::NotFound);
    drop(File::open(&path, &hows()[0]).unwrap());
    let again = OpenHow { create: Create::New, ..hows()[0].clone() };
    assert_eq!(File::open(&path, &again).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    for ring in [true, false] {
        let file = File::open(&path, &OpenHow { ring, ..OpenHow::default() }).unwrap();
        let refused = runtime().block_on(file.write_at(aligned(1, 1).into(), 0));
        assert_eq!(refused.unwrap_err().raw_os_error(), Some(rustix::io::Errno::BADF.raw_os_error()));
    }
}

fn faulty(path: &Path, faults: &Arc<Faults>) -> File {
    let how = OpenHow { faults: Some(Arc::clone(faults)), ..hows()[0].clone() };
    File::open(path, &how).unwrap()
}

#[test]
fn the_nth_operation_fails() {
    let directory = TempDir::new().unwrap();
    let faults = Faults::new(1);
    let file = faulty(&directory.path().join("file"), &faults);
    faults.fail(OperationKind::Write, 2, Fault::Error(io::ErrorKind::StorageFull));
    runtime().block_on(async {
        file.write_at(aligned(1, 1).into(), 0).await.unwrap();
        let refused = file.write_at(aligned(2, 1).into(), 0).await;
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(read(&file, 0, 4096).await, aligned(1, 1));
        file.write_at(aligned(3, 1).into(), 0).await.unwrap();
        faults.set_space(4096);
        file.write_at(aligned(4, 1).into(), 4096).await.unwrap();
        assert_eq!(file.allocate(0, 12_288).await.unwrap_err().kind(), io::ErrorKind::StorageFull);
    });
    assert_eq!(faults.count(OperationKind::Write), 4);
}

/// What a file of 64 blocks holds after a power cut: synced 1s, unsynced 2s over the first half.
fn after_power_cut(seed: u64, sync_fails: bool) -> Vec<u8> {
    let directory = TempDir::new().unwrap();
    let (path, faults) = (directory.path().join("file"), Faults::new(seed));
    let file = faulty(&path, &faults);
    runtime().block_on(async {
        file.write_at(aligned(1, 64).into(), 0).await.unwrap();
        file.sync_data().await.unwrap();
        let entries = Directory::open(directory.path(), true, Some(Arc::clone(&faults))).unwrap();
        entries.sync().await.unwrap();
        file.write_at(aligned(2, 32).into(), 0).await.unwrap();
        if sync_fails {
            faults.fail(OperationKind::Sync, 1, Fault::Error(io::ErrorKind::Other));
            file.sync_data().await.unwrap_err();
            file.sync_data().await.unwrap();
        }
        faults.power_cut().unwrap();
        assert!(file.read_at(PageBuf::unpooled(4096), 0).await.1.is_err(), "the power is off");
    });
    std::fs::read(path).unwrap()
}

#[test]
fn a_power_cut_tears_what_was_not_synced() {
    let (old, new) = (aligned(1, 64), aligned(2, 32));
    let mut fates = [0, 0];
    for seed in 0..4 {
        let found = after_power_cut(seed, false);
        assert_eq!(found[32 * 4096..], old[32 * 4096..], "synced blocks stay");
        for (sector, found) in found[..32 * 4096].chunks(512).enumerate() {
            let range = sector * 512..(sector + 1) * 512;
            let kept = found == &new[range.clone()];
            assert!(kept || found == &old[range]);
            fates[usize::from(kept)] += 1;
        }
    }
    assert!(fates.iter().all(|count| *count > 100), "some are kept, some lost: {fates:?}");
}

#[test]
fn a_failed_sync_loses_its_blocks_for_good() {
    assert_eq!(after_power_cut(7, true), aligned(1, 64));
}

#[test]
fn files_without_a_synced_entry_may_be_gone() {
    let gone = |seed| {
        let directory = TempDir::new().unwrap();
        let (path, faults) = (directory.path().join("file"), Faults::new(seed));
        let file = faulty(&path, &faults);
        runtime().block_on(file.sync_all()).unwrap();
        faults.power_cut().unwrap();
        !path.exists()
    };
    let outcomes: Vec<_> = (0..16).map(gone).collect();
    assert!(outcomes.contains(&true) && outcomes.contains(&false));
}

#[test]
fn a_name_without_a_synced_entry_may_be_the_old_one() {
    let names_after = |seed, is_synced: bool| {
        let directory = TempDir::new().unwrap();
        let (path, faults) = (directory.path().join("a"), Faults::new(seed));
        runtime().block_on(async {
            let file = faulty(&path, &faults);
            let entries = Directory::open(directory.path(), true, Some(Arc::clone(&faults))).unwrap();
            file.write_at(aligned(1, 1).into(), 0).await.unwrap();
            file.sync_all().await.unwrap();
            entries.sync().await.unwrap();
            entries.rename("a", "b").unwrap();
            entries.rename("b", "c").unwrap();
            if is_synced {
                entries.sync().await.unwrap();
            }
        });
        faults.power_cut().unwrap();
        let mut found = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let (name, other) = (found.next().unwrap().into_string().unwrap(), found.next());
        assert!(other.is_none(), "it has one name");
        assert_eq!(std::fs::read(directory.path().join(&name)).unwrap(), aligned(1, 1).to_vec());
        name
    };
    let names: std::collections::BTreeSet<_> = (0..32).map(|seed| names_after(seed, false)).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!((0..8).all(|seed| names_after(seed, true) == "c"));
}

#[test]
fn what_grew_is_lost_block_by_block_too() {
    let mut fates = [0, 0];
    for seed in 0..4 {
        let directory = TempDir::new().unwrap();
        let (path, faults) = (directory.path().join("file"), Faults::new(seed));
        let file = faulty(&path, &faults);
        runtime().block_on(file.write_at(aligned(2, 32).into(), 0)).unwrap();
        faults.entries_synced(directory.path());
        faults.power_cut().unwrap();
        for (sector, found) in std::fs::read(path).unwrap().chunks(512).enumerate() {
            let kept = found == &aligned(2, 32)[sector * 512..(sector + 1) * 512];
            assert!(kept || found.iter().all(|byte| *byte == 0));
            fates[usize::from(kept)] += 1;
        }
    }
    assert!(fates.iter().all(|count| *count > 50), "some are kept, some lost: {fates:?}");
}

#[test]
fn a_durable_write_saves_its_own_range_only() {
    let lost = (0..8).filter(|seed| {
        let directory = TempDir::new().unwrap();
        let (path, faults) = (directory.path().join("file"), Faults::new(*seed));
        let file = faulty(&path, &faults);
        runtime().block_on(async {
            file.allocate(0, 8 * 4096).await.unwrap();
            file.sync_all().await.unwrap();
            file.write_at(aligned(1, 4).into(), 0).await.unwrap();
            file.write_at_durably(aligned(2, 2).into(), 4 * 4096).await.unwrap();
        });
        faults.entries_synced(directory.path());
        faults.power_cut().unwrap();
        let found = std::fs::read(path).unwrap();
        assert_eq!(found[4 * 4096..6 * 4096], aligned(2, 2));
        found[..4 * 4096] != aligned(1, 4)[..]
    });
    assert!(lost.count() > 0, "the write before was not synced");
}

#[test]
fn the_power_fails_in_the_nth_operation_of_any_kind() {
    let directory = TempDir::new().unwrap();
    let (path, faults) = (directory.path().join("file"), Faults::new(1));
    let file = faulty(&path, &faults);
    faults.entries_synced(directory.path());
    runtime().block_on(async {
        faults.cut_power_at(3);
        file.write_at(aligned(1, 1).into(), 0).await.unwrap();
        file.sync_data().await.unwrap();
        faults.heal();
        assert!(!faults.is_cut());
        assert!(file.write_at(aligned(2, 1).into(), 4096).await.is_err(), "this is the one");
        assert!(faults.is_cut());
        assert!(file.read_at(PageBuf::unpooled(4096), 0).await.1.is_err());
        assert!(file.set_length(0).is_err());
    });
    faults.power_cut().unwrap();
    assert_eq!(std::fs::read(path).unwrap()[..4096], aligned(1, 1));
}

#[test]
fn operations_fail_by_chance() {
    let directory = TempDir::new().unwrap();
    let faults = Faults::new(3);
    let file = faulty(&directory.path().join("file"), &faults);
    faults.fail_by_chance(OperationKind::Write, 250_000, Fault::Error(io::ErrorKind::StorageFull));
    let mut refused = 0;
    for _ in 0..400 {
        let outcome = runtime().block_on(file.write_at(aligned(1, 1).into(), 0));
        refused += u32::from(outcome.is_err());
    }
    assert!((60..140).contains(&refused), "{refused} of 400");
}

#[test]
fn a_slow_write_is_done_late_and_a_slow_sync_only_told_late() {
    let directory = TempDir::new().unwrap();
    let (path, faults) = (directory.path().join("file"), Faults::new(5));
    let file = faulty(&path, &faults);
    faults.slow_by_chance(1_000_000, 20);
    let mut context = Context::from_waker(Waker::noop());
    let mut polls = Vec::new();
    for _ in 0..20 {
        let (mut write, mut count) = (pin!(file.write_at(aligned(1, 1).into(), 0)), 1);
        assert!(write.as_mut().poll(&mut context).is_pending());
        assert_eq!(faults.count(OperationKind::Write), polls.len() as u64, "it has not begun");
        while write.as_mut().poll(&mut context).is_pending() {
            count += 1;
        }
        polls.push(count);
    }
    assert!(polls.iter().any(|count| *count > 10) && polls.iter().any(|count| *count < 10), "{polls:?}");
    let mut sync = pin!(file.sync_data());
    assert!(sync.as_mut().poll(&mut context).is_pending());
    assert_eq!(faults.count(OperationKind::Sync), 1, "it is done");
}
