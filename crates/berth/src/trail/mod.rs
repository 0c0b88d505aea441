//! Writes what zones record of what their clients do, behind them: doors put events in a mailbox of the zone and go on.

mod files;
mod found;
mod tally;
#[cfg(test)]
mod tests;
mod told;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use vfs::{Clock, Vfs};
use zones::{AuditRecord, Zone};

use self::files::Files;
pub(crate) use self::found::HouseEvents;
pub(crate) use self::tally::Trails;
use self::told::{Told, lost_line};

/// The record of one zone.
#[derive(Default)]
struct Log {
    /// The zone as it was recorded last.
    zone: Option<Arc<Zone>>,
    files: Files,
    /// Emptied and used again.
    records: Vec<AuditRecord>,
    /// Events that the record does not tell of yet: there was no room for them, or they could not be written.
    lost: u64,
    /// Looks since the zone was not recorded any more.
    looks_off: u32,
}

/// Writes what there is again and again, until it is told to end, and then once more.
pub(crate) async fn run<V: Vfs>(
    vfs: Arc<V>,
    (trails, clock): (Arc<Trails>, Arc<dyn Clock>),
    zones: impl Fn() -> Vec<Arc<Zone>>,
    mut end: watch::Receiver<bool>,
) {
    let mut logs = HashMap::new();
    loop {
        let is_last = *end.borrow();
        look(&*vfs, (&trails, &*clock), &zones(), &mut logs).await;
        if is_last {
            return;
        }
        let over = async { drop(end.wait_for(|is_over| *is_over).await) };
        drop(tokio::time::timeout(LOOK_EVERY, over).await);
    }
}

async fn look<V: Vfs>(
    vfs: &V,
    (trails, clock): (&Trails, &dyn Clock),
    zones: &[Arc<Zone>],
    logs: &mut HashMap<String, Log>,
) {
    if trails.is_to_reopen() {
        logs.values_mut().for_each(|log| log.files.forget());
    }
    logs.values_mut().for_each(|log| log.looks_off = log.looks_off.saturating_add(1));
    for zone in zones.iter().filter(|zone| zone.trail().is_some()) {
        let log = logs.entry(zone.name().to_owned()).or_default();
        (log.zone, log.looks_off) = (Some(Arc::clone(zone)), 0);
    }
    for (name, log) in logs.iter_mut() {
        let folder = trails.folder_of(name);
        log.write(vfs, (trails, clock), folder.as_deref()).await;
    }
    // What was under way when recording was switched off has ended by then.
    logs.retain(|_, log| log.looks_off < LOOKS_OFF_MAX);
    trails.keep(|zone| logs.contains_key(zone));
}

impl Log {
    async fn write<V: Vfs>(&mut self, vfs: &V, (trails, clock): (&Trails, &dyn Clock), folder: Option<&Path>) {
        let Some(zone) = self.zone.clone() else { return };
        let Some(trail) = zone.trail() else { return };
        let lost = trail.mailbox().take(&mut self.records);
        self.lost += lost;
        if self.records.is_empty() && self.lost == 0 {
            return;
        }
        let mut told = Told::new(&zone);
        for (number, record) in self.records.iter().enumerate() {
            if number % RECORDS_IN_A_ROW == RECORDS_IN_A_ROW - 1 {
                // Connections are accepted on this thread too.
                tokio::task::yield_now().await;
            }
            told.add(vfs, record).await;
        }
        if self.lost > 0 {
            told.add_line(&lost_line(&zone, (clock.now(), self.lost)));
        }
        let count = self.records.len() as u64;
        let (mut files, rules) = (std::mem::take(&mut self.files), *trail.rules());
        let (pieces, folder) = (told.pieces(), folder.map(Path::to_owned));
        let written = spawn_blocking(move || {
            let folder = folder.ok_or_else(|| "no folder can be called as the zone is".to_owned())?;
            let written = files.add(&folder, &pieces, (rules.file_bytes(), rules.files()));
            written.map(|()| files).map_err(|error| format!("cannot write in {}: {error}", folder.display()))
        });
        let now = clock.monotonic();
        match written.await.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(files) => {
                (self.files, self.lost) = (files, 0);
                trails.wrote(zone.name(), (count, lost), now);
            }
            Err(reason) => {
                self.lost += count;
                trails.failed(zone.name(), (reason, count + lost), now);
            }
        }
    }
}

/// Between two looks: so long a follower waits, and so much a crash takes.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// About a millisecond.
const RECORDS_IN_A_ROW: usize = 256;
/// A minute.
const LOOKS_OFF_MAX: u32 = 1200;
