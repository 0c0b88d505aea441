//! The plans of the devices that a store lies on: that of the store, and that of the log where it has one of its own.

use std::sync::Arc;

use testkit::Random;
use uring::Faults;

/// Devices that share the power and nothing else: what each had not synced is lost by its own plan.
#[derive(Clone, Debug)]
pub(super) struct Devices {
    pub(super) store: Arc<Faults>,
    /// The same plan when the log lies beside the store.
    pub(super) log: Arc<Faults>,
}

impl Devices {
    /// Devices on which nothing fails.
    pub(super) fn new(is_log_apart: bool, random: &mut Random) -> Self {
        let store = Faults::new(random.bits());
        let log = if is_log_apart { Faults::new(random.bits()) } else { Arc::clone(&store) };
        Self { store, log }
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &Faults> {
        let log = (!Arc::ptr_eq(&self.store, &self.log)).then_some(&*self.log);
        [&*self.store].into_iter().chain(log)
    }

    /// Lets one of them lose its power in an operation; the other one works on until somebody notices.
    pub(super) fn cut_one_at(&self, nth: u64, random: &mut Random) {
        self.cut_none();
        let one = if random.chance(50) { &self.store } else { &self.log };
        one.cut_power_at(nth);
    }

    pub(super) fn cut_none(&self) {
        self.each().for_each(|device| device.cut_power_at(u64::MAX));
    }

    pub(super) fn is_cut(&self) -> bool {
        self.each().any(Faults::is_cut)
    }

    pub(super) fn heal(&self) {
        self.each().for_each(Faults::heal);
    }

    /// The power fails for all of them.
    pub(super) fn power_cut(&self) {
        self.each().for_each(|device| device.power_cut().unwrap());
    }
}
