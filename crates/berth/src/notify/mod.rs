//! Tells people when quotas fill: by the log, webhooks and mail, as the rules in zone files say.
//!
//! Quotas are looked at every few seconds, behind what clients do: these never wait for it. What was told is kept in a file, so that
//! a restart tells nothing twice.

mod delivery;
mod event;
mod judge;
mod mail;
mod memory;
mod sent;
mod tally;
#[cfg(test)]
mod tests;
mod trust;
mod webhook;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use vfs::{Clock, OpContext, Vfs};
use zones::{Notification, Zone};

use self::delivery::Deliveries;
use self::judge::Seen;
use self::memory::Memory;
use self::sent::became;
pub(crate) use self::sent::{HouseNotifications, Sent};
pub(crate) use self::tally::Tally;

/// What the rules are judged by, and where what is told is counted.
pub(crate) struct Teller {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) sent: Arc<Sent>,
    /// The file that says what was told.
    pub(crate) file: PathBuf,
}

/// Looks again and again, for ever.
pub(crate) async fn run<V: Vfs>(vfs: Arc<V>, teller: Teller, zones: impl Fn() -> Vec<Arc<Zone>>) {
    let mut memory = Memory::load(teller.file.clone()).await;
    let mut deliveries =
        Deliveries::new((Arc::clone(&teller.tally), Arc::clone(&teller.sent)), Arc::clone(&teller.clock));
    loop {
        let begun = teller.clock.monotonic();
        look(&*vfs, &zones(), teller.clock.now().seconds, (&mut memory, &mut deliveries)).await;
        let took = teller.clock.monotonic().saturating_sub(begun);
        // However many quotas there are: the looks take a small part of the time.
        tokio::time::sleep(LOOK_EVERY.max(took * PARTS)).await;
    }
}

async fn look<V: Vfs>(vfs: &V, zones: &[Arc<Zone>], now: i64, (memory, deliveries): (&mut Memory, &mut Deliveries)) {
    let mut told = Vec::new();
    memory.begin();
    for zone in zones.iter().filter(|zone| !zone.definition().notifications().is_empty()) {
        let ctx = OpContext::internal(zone.root());
        let Ok(quotas) = vfs.quotas(&ctx, zone.root()).await else {
            memory.keep(zone.name());
            continue;
        };
        let refused = vfs.quota_refusals(zone.root());
        for rule in zone.definition().notifications() {
            let seen = Seen { zone, rule, quotas: &quotas, refused: &refused, now };
            told.extend(seen.judge(memory).into_iter().map(|event| (Arc::clone(zone), rule.clone(), event)));
        }
    }
    // Before anybody hears of it: after a crash it may be missing in a mailbox, but the log has it.
    memory.store().await;
    let mut logged: BTreeMap<String, Vec<admin_api::Notification>> = BTreeMap::new();
    for (zone, rule, event) in told {
        let kept = logged.entry(zone.name().to_owned()).or_default();
        kept.push(became(&event, ("log", None), (event.time.clone(), None)));
        kept.extend(tell(&zone, &rule, (event, &mut *deliveries)));
    }
    for (zone, told) in logged {
        deliveries.sent().keep(&zone, told).await;
    }
    let rules: Vec<_> = zones.iter().map(|zone| (zone.name(), zone.definition().notifications())).collect();
    deliveries.keep(&rules);
}

/// What is not even tried.
fn tell(
    zone: &Zone,
    rule: &Notification,
    (event, deliveries): (event::Event, &mut Deliveries),
) -> Vec<admin_api::Notification> {
    tracing::warn!(
        zone = zone.name(),
        path = %event.quota.path.escape_debug(),
        limit = rule.limit().name(),
        when = rule.when().name(),
        counter = event.counter,
        used = event.quota.usage.bytes,
        times = event.times,
        "a quota wants attention"
    );
    deliveries.send(zone.name(), rule, Arc::new(event))
}

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A look takes one of so many parts of the time, at most.
const PARTS: u32 = 20;
