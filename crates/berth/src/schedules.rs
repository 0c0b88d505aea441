//! Takes the snapshots that zones have taken by themselves.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use vfs::{Case, Clock, Failure, FsError, OpContext, TakeSnapshotRequest, Timestamp, Vfs, WalkRequest};
use zones::{SnapshotSchedule, Zone};

/// The last moment of a schedule that is done, and the last of which a failure was told.
#[derive(Clone, Copy, Debug)]
struct Seen {
    done: i64,
    told: i64,
}

/// Of each schedule of each zone.
type Done = HashMap<(String, SnapshotSchedule), Seen>;

/// Takes each snapshot when it is due, for ever. One that is missed because the gateway was not there is taken late, by an
/// hour at most.
pub(crate) async fn run<V: Vfs>(vfs: Arc<V>, clock: Arc<dyn Clock>, zones: impl Fn() -> Vec<Arc<Zone>>) {
    let mut done = Done::new();
    loop {
        let now = clock.now().seconds;
        let zones = zones();
        let is_there = |zone: &str, schedule: &SnapshotSchedule| {
            zones.iter().any(|one| one.name() == zone && one.definition().schedules().contains(schedule))
        };
        done.retain(|(zone, schedule), _| is_there(zone, schedule));
        for zone in &zones {
            for schedule in zone.definition().schedules() {
                let due = schedule.last_due(now);
                let known = done
                    .entry((zone.name().to_owned(), schedule.clone()))
                    .or_insert(Seen { done: i64::MIN, told: i64::MIN });
                if known.done == due || now - due > LATE_MAX {
                    continue;
                }
                match take(&*vfs, zone, (schedule, due)).await {
                    Ok(()) => known.done = due,
                    // Tried again until the next is due.
                    Err(failure) if known.told != due => {
                        known.told = due;
                        let path = schedule.path_text();
                        tracing::warn!(zone = zone.name(), %path, ?failure, "a snapshot that is due could not be taken yet");
                    }
                    Err(_) => {}
                }
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn take<V: Vfs>(vfs: &V, zone: &Zone, (schedule, due): (&SnapshotSchedule, i64)) -> Result<(), Failure> {
    let ctx = OpContext::internal(zone.root());
    let request = WalkRequest { start: zone.root(), path: schedule.path().to_vec(), case: Case::Sensitive };
    let directory = vfs.walk(&ctx, request).await?.attributes.inode;
    let name = schedule.name_of(due).ok_or(FsError::InvalidArgument)?;
    let expires = schedule.expires(due).map(|seconds| Timestamp { seconds, nanoseconds: 0 });
    match vfs.take_snapshot(&ctx, TakeSnapshotRequest { directory, name, expires }).await {
        Ok(taken) => {
            let name = taken.name.as_bytes().escape_ascii().to_string();
            tracing::info!(zone = zone.name(), %name, "a snapshot was taken");
            Ok(())
        }
        // Of before a restart.
        Err(failure) if failure.error == FsError::Exists => Ok(()),
        Err(failure) => Err(failure),
    }
}

const LATE_MAX: i64 = 3600;
const LOOK_EVERY: Duration = Duration::from_secs(5);
