//! Crashes: every acknowledged change is there afterwards, and the store is in order.
//!
//! `BERTH_CRASH_CYCLES`, `BERTH_POWER_CYCLES`: how many (the gate does few, a proof many). `BERTH_SEED`: repeats the choices;
//! where the cut falls within them stays a matter of timing.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use integration::load::{Ending, Load, Random, Worker};
use integration::{CONTOSO, Gateway, PowerRig, Site, count_from, skip};

const WORKERS: u64 = 4;

#[test]
fn kill_in_the_middle_of_load_loses_nothing_acknowledged() {
    let site = Site::new(None).unwrap();
    let mut ordeal = Ordeal::begin(&site);
    for _ in 0..count_from("BERTH_CRASH_CYCLES", 5) {
        let gateway = Gateway::start(&site).unwrap();
        ordeal.cut(Ending::Killed, || gateway.kill().unwrap());
        Gateway::check(&site).unwrap();
        ordeal.recover(&site);
    }
    println!("{} changes acknowledged", ordeal.acknowledged());
}

#[test]
fn power_loss_in_the_middle_of_load_loses_nothing_acknowledged() {
    let cycles = count_from("BERTH_POWER_CYCLES", 2);
    if cycles == 0 {
        return skip("power loss", "BERTH_POWER_CYCLES is 0");
    }
    if let Some(why) = PowerRig::obstacle() {
        return skip("power loss", &why);
    }
    let rig = PowerRig::new().unwrap();
    let site = Site::new(Some(&rig.mounted().join("data"))).unwrap();
    let mut ordeal = Ordeal::begin(&site);
    for _ in 0..cycles {
        let gateway = Gateway::start(&site).unwrap();
        ordeal.cut(Ending::DiskFails, || {
            rig.cut().unwrap();
            gateway.kill().unwrap();
        });
        rig.restore().unwrap();
        Gateway::check(&site).unwrap();
        ordeal.recover(&site);
    }
    println!("{} changes acknowledged", ordeal.acknowledged());
}

/// Workers that go through one crash after another.
struct Ordeal {
    address: SocketAddr,
    workers: Vec<Worker>,
    random: Random,
}

impl Ordeal {
    /// Makes the workers' folders and stops cleanly, so that the first cut hits a store with a past.
    fn begin(site: &Site) -> Self {
        let seed = u64::from(count_from("BERTH_SEED", 20_260_101));
        let address = site.address(CONTOSO).unwrap();
        let gateway = Gateway::start(site).unwrap();
        let workers: Vec<_> = (0..WORKERS).map(|number| Worker::new(number, seed)).collect();
        workers.iter().for_each(|worker| worker.prepare(address).unwrap());
        gateway.stop().unwrap();
        Self { address, workers, random: Random::new(seed) }
    }

    /// Loads a running gateway and cuts it off somewhere in the first second or two.
    fn cut(&mut self, ending: Ending, cut: impl FnOnce()) {
        let before = self.acknowledged();
        let load = Load::start(std::mem::take(&mut self.workers), self.address, ending);
        thread::sleep(Duration::from_millis(300 + self.random.below(1500)));
        cut();
        self.workers = load.finish().unwrap();
        assert!(self.acknowledged() > before, "no change was acknowledged before the cut");
    }

    /// Starts again, compares, and stops in good order.
    fn recover(&mut self, site: &Site) {
        let gateway = Gateway::start(site).unwrap();
        for worker in &mut self.workers {
            worker.verify(self.address, true).unwrap();
        }
        gateway.stop().unwrap();
        Gateway::check(site).unwrap();
    }

    fn acknowledged(&self) -> u64 {
        self.workers.iter().map(Worker::acknowledged).sum()
    }
}
