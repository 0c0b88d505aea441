//! Faults and power cuts in the whole store, in one process, from a seed.
//!
//! `BERTH_SIMULATION_SEEDS` seeds from `BERTH_SIMULATION_FIRST_SEED` on. Each is a few lives of a small store on which a
//! few clients work at once, each in a directory of its own with a model of what it was promised. A life ends with a power
//! cut at some operation, by being dropped, or in good order; the next one looks whether everything is there.

mod client;
mod content;
mod devices;
mod model;
mod observed;
mod store;

use std::cell::Cell;
use std::io::ErrorKind;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use testkit::Random;
use uring::{Fault, Faults, OperationKind};
use vfs::{Admin, InodeId, MkdirRequest, Name, Namespace, OpContext, SetAttributes, ShardId, ZoneRootRequest};

use client::{Client, Life};
use devices::Devices;
use store::{House, Site};

#[test]
fn no_seed_loses_what_was_acknowledged() {
    if std::env::var_os("BERTH_SIMULATION_LOG").is_some() {
        tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    }
    for seed in seeds() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let run = AssertUnwindSafe(|| {
            runtime.block_on(async {
                let limit = Duration::from_secs(120);
                tokio::time::timeout(limit, simulate(seed)).await.expect("it hangs");
            })
        });
        if let Err(panic) = catch_unwind(run) {
            eprintln!("seed {seed}: run it again with BERTH_SIMULATION_FIRST_SEED={seed} BERTH_SIMULATION_SEEDS=1");
            resume_unwind(panic);
        }
    }
}

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The power fails in an operation on a disk.
    Cut,
    /// The process is gone after so many operations of clients.
    Killed(u64),
    /// In good order.
    Closed,
}

async fn simulate(seed: u64) {
    let mut random = Random::new(seed);
    let site = Site::new(&mut random);
    let mut clients = prepare(&site, seed, 2 + random.below(3)).await;
    let mut devices = Devices::new(site.is_log_apart(), &mut random);
    for _ in 0..2 + random.below(3) {
        let end = choose_end(&devices, &mut random);
        let is_faulty = random.chance(60);
        if is_faulty {
            devices.each().for_each(|device| plan(device, &mut random));
        }
        live(&site, &devices, (end, is_faulty), (&mut clients, &mut random)).await;
        devices.heal();
        clients.iter_mut().for_each(Client::survive);
        if devices.is_cut() {
            devices.power_cut();
            devices = Devices::new(site.is_log_apart(), &mut random);
            site.check().await.unwrap();
        }
    }
    devices.cut_none();
    live(&site, &devices, (End::Closed, false), (&mut clients, &mut random)).await;
    site.check().await.unwrap();
}

/// A new store with a directory for each client.
async fn prepare(site: &Site, seed: u64, count: u64) -> Vec<Client> {
    let house = site.open(None).await.unwrap();
    let attributes = SetAttributes { mode: Some(0o755), ..SetAttributes::default() };
    let base = vec![Name::try_from("zone").unwrap()];
    let ctx = OpContext::internal(InodeId::root_of(ShardId::ROOT));
    let request = ZoneRootRequest { base, attributes: attributes.clone() };
    let root = house.zone_root(&ctx, request).await.unwrap().attributes.inode;
    let mut clients = Vec::new();
    for number in 0..count {
        let name = Name::try_from(format!("client-{number}").as_str()).unwrap();
        let request = MkdirRequest { parent: root, name, attributes: attributes.clone() };
        let made = house.mkdir(&OpContext::internal(root), request).await.unwrap();
        clients.push(Client::new(number, made.attributes.inode, seed));
    }
    house.close().await.unwrap();
    clients
}

fn choose_end(devices: &Devices, random: &mut Random) -> End {
    match random.below(10) {
        // In the recovery already.
        0 => devices.cut_one_at(1 + random.below(25), random),
        1..=6 => devices.cut_one_at(1 + random.below(400), random),
        end => {
            devices.cut_none();
            return if end < 9 { End::Killed(random.below(80)) } else { End::Closed };
        }
    }
    End::Cut
}

/// Plans faults by chance.
fn plan(faults: &Faults, random: &mut Random) {
    let write = if random.chance(60) { Fault::Torn } else { Fault::Error(ErrorKind::Other) };
    let kinds = [
        (OperationKind::Write, write, 20_000),
        (OperationKind::Sync, Fault::Error(ErrorKind::Other), 30_000),
        (OperationKind::Read, Fault::Error(ErrorKind::Other), 5_000),
        (OperationKind::Allocate, Fault::Error(ErrorKind::StorageFull), 50_000),
        (OperationKind::Punch, Fault::Error(ErrorKind::Other), 50_000),
        (OperationKind::Open, Fault::Error(ErrorKind::Other), 20_000),
        (OperationKind::Remove, Fault::Error(ErrorKind::Other), 50_000),
        (OperationKind::Rename, Fault::Error(ErrorKind::Other), 50_000),
    ];
    for (kind, fault, per_million) in kinds {
        if random.chance(35) {
            faults.fail_by_chance(kind, per_million, fault);
        }
    }
    if random.chance(50) {
        faults.slow_by_chance(200_000, 8);
    }
    if random.chance(20) {
        faults.set_space(random.below(4 << 20));
    }
}

/// One life of the store: recovery, clients and background work until the end.
async fn live(
    site: &Site,
    devices: &Devices,
    (end, is_faulty): (End, bool),
    (clients, random): (&mut [Client], &mut Random),
) {
    let Some(house) = open(site, devices, is_faulty).await else { return };
    let steps = 5 + random.below(60);
    let reloads = random.chance(20);
    let life = Life {
        house: &house,
        devices,
        is_faulty: is_faulty || reloads,
        steps: Cell::new(0),
        doing: Cell::new("it begins"),
    };
    let is_done = {
        let work = join_all(clients.iter_mut().map(|client| client.work(&life, steps)));
        let background = background((&life, site), (end, reloads), random);
        matches!(select(std::pin::pin!(work), std::pin::pin!(background)).await, Either::Left(_))
    };
    if is_done {
        close(&life, (end, site), (clients, random)).await;
    }
}

/// The work is done: before an orderly end everybody looks.
async fn close(life: &Life<'_>, (end, site): (End, &Site), (clients, random): (&mut [Client], &mut Random)) {
    if end != End::Closed {
        return;
    }
    life.devices.heal();
    let looks = join_all(clients.iter_mut().map(|client| client.look(life)));
    select(std::pin::pin!(looks), std::pin::pin!(background((life, site), (end, false), random))).await;
    for _ in 0..ROUNDS_LAST {
        life.house.background_round().await;
    }
    // What failed before the faults were over may be noticed only now; then it ends as if it were killed.
    let closed = life.house.close().await;
    assert!(closed.is_ok() || life.is_faulty, "{closed:?}");
}

/// Opens the store, again and again where faults may be in the way. `None` when the power failed.
async fn open(site: &Site, devices: &Devices, is_faulty: bool) -> Option<House> {
    for attempt in 0..OPENINGS_MAX {
        match site.open(Some(devices)).await {
            Ok(house) => return Some(house),
            Err(_) if devices.is_cut() => return None,
            Err(error) => {
                assert!(is_faulty, "it does not open: {error}");
            }
        }
        if attempt == OPENINGS_MAX / 2 {
            devices.heal();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the store does not open");
}

/// What the house does by itself, and time; ends when the process is to be gone.
async fn background((life, site): (&Life<'_>, &Site), (end, reloads): (End, bool), random: &mut Random) {
    loop {
        if matches!(end, End::Killed(after) if life.steps.get() >= after) {
            return;
        }
        site.clock.advance(Duration::from_millis(random.below(4000)));
        if random.chance(60) {
            life.doing.set("a round runs");
            life.house.background_round().await;
        }
        if reloads && random.chance(5) {
            life.doing.set("a reload runs");
            drop(life.house.reload().await);
        }
        life.doing.set("nothing is done");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn seeds() -> Range<u64> {
    let first = number("BERTH_SIMULATION_FIRST_SEED", 1);
    first..first + number("BERTH_SIMULATION_SEEDS", 100)
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}

/// Times that an opening is tried, five milliseconds apart.
const OPENINGS_MAX: u32 = 200;
/// Rounds of background work before an orderly end.
const ROUNDS_LAST: u32 = 5;
