//! Takes the snapshots that zones have taken by themselves.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use admin_server::Condition;
use vfs::{Case, Clock, FsError, OpContext, Snapshot, TakeSnapshotRequest, Timestamp, Vfs, WalkRequest};
use zones::{SnapshotSchedule, Zone};

use crate::conditions::Conditions;

/// What is known of a schedule.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// The last moment that is done.
    done: Option<i64>,
    /// The last that failed since, and why.
    failed: Option<(i64, String)>,
}

/// Of each schedule of each zone.
type Known = HashMap<(String, SnapshotSchedule), Seen>;

/// Takes each snapshot when it is due, for ever. One that is missed because the gateway was not there is taken late, by an
/// hour at most.
pub(crate) async fn run<V: Vfs>(
    vfs: Arc<V>,
    (clock, conditions): (Arc<dyn Clock>, Arc<Conditions>),
    zones: impl Fn() -> Vec<Arc<Zone>>,
) {
    let mut known = Known::new();
    loop {
        conditions.miss_snapshots(look(&*vfs, &zones(), clock.now().seconds, &mut known).await);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Takes what is due. Gives back what was due last and is not there.
async fn look<V: Vfs>(vfs: &V, zones: &[Arc<Zone>], now: i64, known: &mut Known) -> Vec<Condition> {
    let is_there = |zone: &str, schedule: &SnapshotSchedule| {
        zones.iter().any(|one| one.name() == zone && one.definition().schedules().contains(schedule))
    };
    known.retain(|(zone, schedule), _| is_there(zone, schedule));
    let mut missed = Vec::new();
    for zone in zones {
        for schedule in zone.definition().schedules() {
            let due = schedule.last_due(now);
            let seen = known.entry((zone.name().to_owned(), schedule.clone())).or_default();
            if seen.done != Some(due) && now - due <= LATE_MAX {
                *seen = tried(vfs, zone, (schedule, due), std::mem::take(seen)).await;
            }
            let (zone, path) = (zone.name().to_owned(), schedule.path_text());
            let reason = seen.failed.as_ref().map(|(_, reason)| reason.clone());
            missed.extend(reason.map(|reason| Condition::SnapshotNotTaken { zone, path, reason }));
        }
    }
    missed
}

/// Tries to take one; told when it fails first, and tried again until the next is due.
async fn tried<V: Vfs>(vfs: &V, zone: &Zone, (schedule, due): (&SnapshotSchedule, i64), seen: Seen) -> Seen {
    match take(vfs, zone, (schedule, due)).await {
        Ok(()) => Seen { done: Some(due), failed: None },
        Err(reason) => {
            if seen.failed.as_ref().is_none_or(|(last, _)| *last != due) {
                tracing::warn!(zone = zone.name(), path = %schedule.path_text(), %reason, "a snapshot that is due is not taken yet");
            }
            Seen { failed: Some((due, reason)), ..seen }
        }
    }
}

/// Errors: why, for people.
async fn take<V: Vfs>(vfs: &V, zone: &Zone, (schedule, due): (&SnapshotSchedule, i64)) -> Result<(), String> {
    let ctx = OpContext::internal(zone.root());
    let request = WalkRequest { start: zone.root(), path: schedule.path().to_vec(), case: Case::Sensitive };
    let walked = vfs.walk(&ctx, request).await.map_err(|failure| told(failure.error))?;
    let directory = walked.attributes.inode;
    let name = schedule.name_of(due).ok_or_else(|| told(FsError::InvalidArgument))?;
    let text = name.as_bytes().escape_ascii().to_string();
    let expires = schedule.expires(due).map(|seconds| Timestamp { seconds, nanoseconds: 0 });
    match vfs.take_snapshot(&ctx, TakeSnapshotRequest { directory, name: name.clone(), expires }).await {
        Ok(_) => {
            tracing::info!(zone = zone.name(), name = text, "a snapshot was taken");
            Ok(())
        }
        Err(failure) if failure.error == FsError::Exists => {
            let all = vfs.snapshots(&ctx, zone.root()).map_err(told)?;
            let is_ours = |snapshot: &Snapshot| {
                let taken = snapshot.created.seconds;
                let is_named = !snapshot.is_going && snapshot.name == name;
                is_named && snapshot.root.number == directory.number && (due..=due + LATE_MAX).contains(&taken)
            };
            // Of before a restart, or else it is in the way.
            let is_done = all.iter().any(is_ours);
            if is_done { Ok(()) } else { Err(format!("another snapshot of the zone has the name {text}")) }
        }
        Err(failure) => Err(told(failure.error)),
    }
}

fn told(error: FsError) -> String {
    let text = match error {
        FsError::NotFound | FsError::NotDirectory | FsError::StaleHandle => "there is no such directory",
        FsError::NoSpace => "there are too many snapshots, or there is no room",
        FsError::NotSupported => "this store takes no snapshots",
        FsError::InvalidArgument => "it would have no name that a file could have",
        _ => "the store does not answer",
    };
    text.to_owned()
}

const LATE_MAX: i64 = 3600;
const LOOK_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use chunk::MemoryStore;
    use filesystem::{Filesystem, Parts, Settings};
    use kv::MemoryEngine;
    use testkit::ManualClock;
    use vfs::{Admin, MkdirRequest, Name, Namespace, SetAttributes, ZoneRootRequest};

    use super::*;

    type House = Filesystem<MemoryEngine, MemoryStore>;

    fn name(text: &str) -> Name {
        Name::try_from(text).unwrap()
    }

    /// A house whose clock stands at a whole hour, and its zone with the directories `a` and `b`, of which `a` is
    /// snapshotted each hour.
    async fn house() -> (House, Arc<Zone>, i64) {
        let clock = Arc::new(ManualClock::standing());
        let settings = Settings { memory_bytes: 64 << 20, ballast_bytes: 0, ..Settings::default() };
        let (engine, chunks) = (MemoryEngine::new(), MemoryStore::default());
        let parts = Parts { engine, chunks, clock: Arc::clone(&clock) as Arc<dyn Clock>, settings, seed: [1; 64] };
        let house = Filesystem::open(parts).await.unwrap();
        let text = "name = \"z\"\nbase = \"/z\"\naddresses = [\"127.0.0.9\"]\n\
                    [[snapshot]]\npath = \"/a\"\nevery = \"1h\"\nname = \"%Y-%m-%d_%H\"\n";
        let definition = zones::parse(std::path::Path::new("z.toml"), text, &zones::system_resolver).unwrap();
        let ctx = OpContext::internal(vfs::InodeId::root_of(vfs::ShardId::ROOT));
        let base = ZoneRootRequest { base: vec![name("z")], attributes: SetAttributes::default() };
        let root = house.zone_root(&ctx, base).await.unwrap().attributes.inode;
        for directory in ["a", "b"] {
            let request = MkdirRequest { parent: root, name: name(directory), attributes: SetAttributes::default() };
            house.mkdir(&OpContext::internal(root), request).await.unwrap();
        }
        let now = clock.now().seconds;
        (house, Arc::new(Zone::new(definition, root)), now)
    }

    async fn names(house: &House, zone: &Zone) -> usize {
        house.snapshots(&OpContext::internal(zone.root()), zone.root()).unwrap().len()
    }

    #[test]
    fn one_that_is_there_from_before_a_restart_is_not_missed() {
        testkit::block_on(async {
            let (house, zone, now) = house().await;
            let zones = [Arc::clone(&zone)];
            for _ in 0..2 {
                // Each time as after a restart.
                assert!(look(&house, &zones, now, &mut Known::new()).await.is_empty());
                assert_eq!(names(&house, &zone).await, 1);
            }
        });
    }

    #[test]
    fn one_whose_name_another_has_is_told_until_the_next_is_taken() {
        testkit::block_on(async {
            let (house, zone, now) = house().await;
            let zones = [Arc::clone(&zone)];
            let schedule = &zone.definition().schedules()[0];
            let request = WalkRequest { start: zone.root(), path: vec![name("b")], case: Case::Sensitive };
            let ctx = OpContext::internal(zone.root());
            let directory = house.walk(&ctx, request).await.unwrap().attributes.inode;
            let name = schedule.name_of(schedule.last_due(now)).unwrap();
            house.take_snapshot(&ctx, TakeSnapshotRequest { directory, name, expires: None }).await.unwrap();
            let mut known = Known::new();
            for later in [0, 5, LATE_MAX - 1] {
                let now = schedule.last_due(now) + later;
                let missed = look(&house, &zones, now, &mut known).await;
                let [Condition::SnapshotNotTaken { zone, path, reason }] = &missed[..] else { panic!("{missed:?}") };
                assert_eq!((zone.as_str(), path.as_str()), ("z", "/a"));
                assert!(reason.contains("another snapshot of the zone has the name"), "{reason}");
            }
            assert!(look(&house, &zones, schedule.next_due(now), &mut known).await.is_empty());
            assert_eq!(names(&house, &zone).await, 2);
        });
    }
}
