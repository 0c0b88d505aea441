//! Makes the reports of quotas that zones have made by themselves.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use admin_server::{Condition, quota_report, quota_report_csv, quota_report_html};
use tokio::task::spawn_blocking;
use vfs::{Clock, OpContext, Timestamp, Vfs};
use zones::{ReportFormat, ReportSchedule, Zone};

use crate::conditions::Conditions;
use crate::replace::{SECRET_MODE, remove, replace};

/// The last moment that is done, of each schedule of each zone.
type Done = HashMap<(String, ReportSchedule), i64>;

/// Makes each report when it is due, for ever. The files say what was done before a restart; one that was missed is made late.
pub(crate) async fn run<V: Vfs>(
    vfs: Arc<V>,
    (clock, conditions, folder): (Arc<dyn Clock>, Arc<Conditions>, PathBuf),
    zones: impl Fn() -> Vec<Arc<Zone>>,
) {
    let mut done = Done::new();
    loop {
        conditions.miss_reports(look(&*vfs, (&zones(), &folder), clock.now(), &mut done).await);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Makes what is due. Gives back what could not be made.
async fn look<V: Vfs>(
    vfs: &V,
    (zones, folder): (&[Arc<Zone>], &Path),
    now: Timestamp,
    done: &mut Done,
) -> Vec<Condition> {
    let is_there = |name: &str, schedule: &ReportSchedule| {
        zones.iter().any(|zone| zone.name() == name && zone.definition().reports().contains(schedule))
    };
    done.retain(|(zone, schedule), _| is_there(zone, schedule));
    let mut missed = Vec::new();
    for zone in zones {
        for schedule in zone.definition().reports() {
            let due = schedule.period().last_due(now.seconds);
            let key = (zone.name().to_owned(), *schedule);
            if done.get(&key) == Some(&due) {
                continue;
            }
            let made = match folder_of(folder, zone.name()) {
                Some(folder) => make(vfs, zone, (schedule, due, now), &folder).await,
                None => Err("no folder can be called as the zone is".to_owned()),
            };
            match made {
                Ok(()) => drop(done.insert(key, due)),
                Err(reason) => missed.push(Condition::ReportNotMade { zone: key.0, reason }),
            }
        }
    }
    missed
}

/// Zones may be called `.` and `..`, which lead elsewhere.
pub(crate) fn folder_of(folder: &Path, zone: &str) -> Option<PathBuf> {
    (!matches!(zone, "." | "..")).then(|| folder.join(zone))
}

/// Errors: why, for people.
async fn make<V: Vfs>(
    vfs: &V,
    zone: &Zone,
    (schedule, due, now): (&ReportSchedule, i64, Timestamp),
    folder: &Path,
) -> Result<(), String> {
    let file = folder.join(file_name(due, schedule.format()));
    if file.exists() {
        return Ok(());
    }
    let quotas = vfs.quotas(&OpContext::internal(zone.root()), zone.root()).await;
    let quotas = quotas.map_err(|_| "the store does not answer".to_owned())?;
    let report = quota_report(zone, &quotas, now);
    let (schedule, folder) = (*schedule, folder.to_owned());
    let written = spawn_blocking(move || {
        let text = match schedule.format() {
            ReportFormat::Json => serde_json::to_string(&report)? + "\n",
            ReportFormat::Csv => quota_report_csv(&report),
            ReportFormat::Html => quota_report_html(&report),
        };
        std::fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder)?;
        replace(&file, &text, SECRET_MODE)?;
        tidy(&folder, &schedule)
    });
    let written = written.await.map_err(|error| error.to_string())?;
    written.map_err(|error| format!("cannot write it: {error}"))
}

/// Leaves the newest of a format. Nothing else in the folder is touched.
fn tidy(folder: &Path, schedule: &ReportSchedule) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if is_ours(name, schedule.format()) {
            files.push(path);
        }
    }
    // As they are called, so they were made.
    files.sort_unstable();
    let keep = usize::try_from(schedule.keep()).unwrap_or(usize::MAX);
    let surplus = files.len().saturating_sub(keep);
    files.iter().take(surplus).try_for_each(|file| remove(file))
}

/// `quotas-2026-11-24_02.00.html`: when it was due, in UTC.
fn file_name(due: i64, format: ReportFormat) -> String {
    let time = admin_api::rfc3339(due);
    let (day, minute) = (time.get(..10).unwrap_or_default(), time.get(11..16).unwrap_or_default());
    format!("{PREFIX}{day}_{}.{}", minute.replace(':', "."), format.name())
}

fn is_ours(name: &str, format: ReportFormat) -> bool {
    let middle = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(format.name()));
    middle.is_some_and(|middle| middle.len() == "2026-11-24_02.00.".len())
}

const PREFIX: &str = "quotas-";
const FOLDER_MODE: u32 = 0o700;
const LOOK_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use testkit::ReferenceFilesystem;
    use vfs::{Admin, Name, SetAttributes, ZoneRootRequest};

    use super::*;

    #[test]
    fn reports_are_made_when_they_are_due_and_old_ones_go() {
        crate::runtime::on_this_thread().unwrap().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let clock = Arc::new(testkit::ManualClock::standing());
            let vfs = ReferenceFilesystem::new(clock);
            let text = "name = \"z\"\nbase = \"/z\"\naddresses = [\"127.0.0.9\"]\n\
                        [[report]]\nevery = \"1h\"\nformat = \"csv\"\nkeep = 2\n";
            let definition = zones::parse(Path::new("z.toml"), text, &zones::system_resolver).unwrap();
            let ctx = OpContext::internal(vfs::InodeId::root_of(vfs::ShardId::ROOT));
            let base =
                ZoneRootRequest { base: vec![Name::try_from("z").unwrap()], attributes: SetAttributes::default() };
            let root = vfs.zone_root(&ctx, base).await.unwrap().attributes.inode;
            let zones = [Arc::new(Zone::new(definition, root))];
            let names = || {
                let found = std::fs::read_dir(folder.path().join("z")).unwrap();
                let mut names: Vec<_> = found.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
                names.sort();
                names
            };
            for (hour, expected) in [
                (0, vec!["quotas-2026-11-23_17.00.csv"]),
                (1, vec!["quotas-2026-11-23_17.00.csv", "quotas-2026-11-23_18.00.csv"]),
                (2, vec!["quotas-2026-11-23_18.00.csv", "quotas-2026-11-23_19.00.csv"]),
            ] {
                // Twice, and as after a restart.
                for mut done in [Done::new(), Done::new()] {
                    // `date -u -d 2026-11-23T17:40:00Z +%s`
                    let now = Timestamp { seconds: 1_795_455_600 + hour * 3600, nanoseconds: 0 };
                    assert!(look(&vfs, (&zones, folder.path()), now, &mut done).await.is_empty());
                    assert!(look(&vfs, (&zones, folder.path()), now, &mut done).await.is_empty());
                    assert_eq!(names(), expected);
                }
            }
            assert_eq!([".", ".."].map(|zone| folder_of(folder.path(), zone)), [None, None]);
            std::fs::remove_dir_all(folder.path().join("z")).unwrap();
            std::fs::write(folder.path().join("z"), "in the way").unwrap();
            let now = Timestamp { seconds: 1_795_455_600 + 9 * 3600, nanoseconds: 0 };
            let missed = look(&vfs, (&zones, folder.path()), now, &mut Done::new()).await;
            assert!(matches!(&missed[..], [Condition::ReportNotMade { zone, .. }] if zone == "z"), "{missed:?}");
        });
    }
}
