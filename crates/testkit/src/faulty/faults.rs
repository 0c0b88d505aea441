//! The plan of faults.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use crate::Random;

/// Kinds of calls that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultPoint {
    /// `kv::Engine::view`.
    View,
    /// `kv::View::get` and `get_many`.
    Get,
    /// `kv::View::scan`.
    Scan,
    /// `kv::Engine::commit`.
    Commit,
    /// `kv::Engine::reopen`.
    Reopen,
    /// `chunk::Store::place`.
    Place,
    /// `chunk::Store::read`.
    Read,
    /// `chunk::Store::free`.
    Free,
    /// `chunk::Store::sync`.
    Sync,
    /// `chunk::Store::list`.
    List,
    /// `chunk::Store::recover`.
    Recover,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `Io`; nothing was done. A failed commit leaves the engine useless until `reopen`; a failed sync loses what was
    /// not synced, where the store can lose it.
    Io,
    /// `NoSpace` from `commit` and `place`, `Io` from all others; nothing was done.
    NoSpace,
    /// A commit that was applied, but answers `Unknown`; `Io` from all others. The engine needs `reopen`.
    UnknownApplied,
    /// A commit that was not applied and answers `Unknown`; `Io` from all others. The engine needs `reopen`.
    UnknownLost,
}

/// Faults by chance, in percent of the calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultRates {
    /// Calls that are delayed before and after they are done.
    pub delay_percent: u64,
    /// Most times a delayed call answers `Pending` on each side.
    pub delay_polls_max: u64,
    /// Calls that fail with `Io`, `reopen` and `recover` excepted.
    pub io_percent: u64,
    /// Calls of `commit` and `place` that fail with `NoSpace`.
    pub no_space_percent: u64,
}

/// A plan of faults; clones are the same plan.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Default)]
struct Plan {
    random: Option<Random>,
    rates: FaultRates,
    calls: BTreeMap<FaultPoint, u64>,
    planned: BTreeMap<(FaultPoint, u64), Fault>,
    is_powerless: bool,
    losses: Vec<Box<dyn Fn() + Send>>,
}

impl Faults {
    /// No faults, until some are planned.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Faults by chance, decided by the seed and the order of calls.
    #[must_use]
    pub fn seeded(seed: u64, rates: FaultRates) -> Self {
        let faults = Self::default();
        faults.set_rates(rates);
        faults.plan().random = Some(Random::new(seed));
        faults
    }

    /// Changes the chances; without effect on a plan that has no seed.
    pub fn set_rates(&self, rates: FaultRates) {
        self.plan().rates = rates;
    }

    /// Lets the n-th call of this kind from now on fail; 1 is the next.
    pub fn fail(&self, point: FaultPoint, nth: u64, fault: Fault) {
        let mut plan = self.plan();
        let call = plan.calls.get(&point).copied().unwrap_or(0) + nth;
        plan.planned.insert((point, call), fault);
    }

    /// How often this kind was called.
    #[must_use]
    pub fn calls(&self, point: FaultPoint) -> u64 {
        self.plan().calls.get(&point).copied().unwrap_or(0)
    }

    /// Cuts the power: calls under way and all later ones fail with `Io`, whether they were done or not, and what was
    /// not synced is lost.
    pub fn cut_power(&self) {
        let mut plan = self.plan();
        plan.is_powerless = true;
        plan.losses.iter().for_each(|lose| lose());
    }

    /// Power is back; `reopen` and `recover` come next.
    pub fn restore_power(&self) {
        self.plan().is_powerless = false;
    }

    /// Does something when data that was not synced is to be lost.
    pub(super) fn on_loss(&self, lose: impl Fn() + Send + 'static) {
        self.plan().losses.push(Box::new(lose));
    }

    /// Loses what was not synced.
    pub(super) fn lose(&self) {
        self.plan().losses.iter().for_each(|lose| lose());
    }

    /// Counts a call, delays it, and tells whether it must fail.
    pub(super) async fn before(&self, point: FaultPoint) -> Option<Fault> {
        let fault = self.plan().begin(point);
        self.delay().await;
        if self.plan().is_powerless { Some(Fault::Io) } else { fault }
    }

    /// Delays an answer; `false` when the power went meanwhile, and nobody must learn what was done.
    pub(super) async fn after(&self) -> bool {
        self.delay().await;
        !self.plan().is_powerless
    }

    async fn delay(&self) {
        let mut polls = self.plan().polls();
        poll_fn(|context| {
            if polls == 0 {
                return Poll::Ready(());
            }
            polls -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    fn begin(&mut self, point: FaultPoint) -> Option<Fault> {
        let call = self.calls.entry(point).or_default();
        *call += 1;
        let planned = self.planned.remove(&(point, *call));
        planned.or_else(|| self.by_chance(point))
    }

    fn by_chance(&mut self, point: FaultPoint) -> Option<Fault> {
        let random = self.random.as_mut()?;
        let is_repair = matches!(point, FaultPoint::Reopen | FaultPoint::Recover);
        let takes_room = matches!(point, FaultPoint::Commit | FaultPoint::Place);
        if !is_repair && random.chance(self.rates.io_percent) {
            return Some(Fault::Io);
        }
        (takes_room && random.chance(self.rates.no_space_percent)).then_some(Fault::NoSpace)
    }

    fn polls(&mut self) -> u64 {
        let Some(random) = self.random.as_mut() else { return 0 };
        if random.chance(self.rates.delay_percent) { random.below(self.rates.delay_polls_max + 1) } else { 0 }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.plan();
        formatter.debug_struct("Faults").field("rates", &plan.rates).field("calls", &plan.calls).finish_non_exhaustive()
    }
}
