//! From the mailbox of a zone to its files, and back.

use std::fs;
use std::path::Path;

use admin_api::ZoneEventsQuery;
use admin_server::{EventStore, EventsAsked};
use testkit::{ManualClock, ReferenceFilesystem};
use vfs::{InodeId, ShardId};
use zones::{AuditEvent, AuditObject, AuditUser};

use super::*;
use crate::runtime::on_this_thread;

/// A zone that is recorded, and a folder for its record.
struct Site {
    folder: tempfile::TempDir,
    trails: Arc<Trails>,
    clock: Arc<ManualClock>,
    vfs: ReferenceFilesystem,
    zone: Arc<Zone>,
    logs: HashMap<String, Log>,
}

impl Site {
    fn new(audit: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::standing());
        let vfs = ReferenceFilesystem::new(clock.clone());
        let trails = Arc::new(Trails::new(folder.path().join("events")));
        Self { folder, trails, clock, vfs, zone: zone(audit), logs: HashMap::new() }
    }

    fn put(&self, name: &str) {
        let object = AuditObject::Child(InodeId::root_of(ShardId(1)), AuditObject::bounded(name.as_bytes()));
        self.zone.trail().unwrap().put(AuditRecord {
            time: self.clock.now(),
            door: "nfs",
            client: [192, 0, 2, 1].into(),
            session: 1,
            request: 2,
            user: AuditUser { name: None, uid: Some(1001), claimed: Some(0) },
            event: AuditEvent::Delete,
            operation: "REMOVE",
            status: "NFS3_OK",
            is_success: true,
            object,
            to: AuditObject::None,
        });
    }

    async fn look(&mut self) {
        look(&self.vfs, (&self.trails, &*self.clock), &[Arc::clone(&self.zone)], &mut self.logs).await;
    }

    async fn ask(&self, query: ZoneEventsQuery) -> admin_api::ZoneEvents {
        let asked = EventsAsked::parse(query).unwrap();
        HouseEvents(Arc::clone(&self.trails)).events("z", asked).await.unwrap()
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("events/z").join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("events/z")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn zone(audit: &str) -> Arc<Zone> {
    let text = format!("name = \"z\"\nbase = \"/z\"\naddresses = [\"127.0.0.9\"]\n[audit]\n{audit}\n");
    let definition = zones::parse(Path::new("z.toml"), &text, &zones::system_resolver).unwrap();
    Arc::new(Zone::new(definition, InodeId::root_of(ShardId(1))))
}

fn paths(events: &admin_api::ZoneEvents) -> Vec<&str> {
    events.items.iter().filter_map(|event| event.path.as_deref()).collect()
}

const ALL: &str = "events = [\"delete\"]";

#[test]
fn lines_say_all_that_is_known_and_names_break_nothing() {
    on_this_thread().unwrap().block_on(async {
        let mut site = Site::new(ALL);
        site.put("a\n\"\u{1}\\");
        site.look().await;
        let text = fs::read_to_string(site.file("events.jsonl")).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["path"], "/a\n\"\u{1}\\");
        let time = line["time"].as_str().unwrap();
        assert!(time.len() == "2026-11-24T12:00:00.123Z".len() && time.ends_with('Z'), "{time}");
        for (key, value) in [("zone", "z"), ("event", "delete"), ("client", "192.0.2.1"), ("outcome", "success")] {
            assert_eq!(line[key], value, "{text}");
        }
        assert_eq!((&line["uid"], &line["claimed_uid"]), (&1001.into(), &0.into()));
        assert_eq!((&line["status"], &line["operation"]), (&"NFS3_OK".into(), &"REMOVE".into()));
        assert_eq!(site.trails.figures("z").map(|figures| (figures.written, figures.lost)), Some((1, 0)));
    });
}

#[test]
fn what_is_lost_is_told_in_the_record_and_to_operators() {
    on_this_thread().unwrap().block_on(async {
        let mut site = Site::new(ALL);
        for _ in 0..8200 {
            site.put("a");
        }
        site.look().await;
        let newest = site.ask(ZoneEventsQuery { limit: Some(1), ..Default::default() }).await;
        assert_eq!((newest.items[0].event.as_str(), newest.items[0].count), ("lost", Some(8)));
        assert_eq!(site.trails.figures("z").map(|figures| (figures.written, figures.lost)), Some((8192, 8)));
        assert_eq!(site.trails.conditions(site.clock.monotonic()).len(), 1);
        // Where nothing can be written.
        let mut other = Site::new(ALL);
        fs::write(other.folder.path().join("events"), "in the way").unwrap();
        other.put("a");
        other.look().await;
        let told = other.trails.conditions(other.clock.monotonic());
        let admin_server::Condition::EventsLost { lost: 1, reason: Some(reason), .. } = &told[0] else {
            panic!("{told:?}")
        };
        assert!(reason.contains("cannot write in"), "{reason}");
        fs::remove_file(other.folder.path().join("events")).unwrap();
        other.put("b");
        other.look().await;
        let events = other.ask(ZoneEventsQuery::default()).await;
        assert_eq!((paths(&events), events.items[0].count), (vec!["/b"], Some(1)), "told once it can be");
    });
}

#[test]
fn files_are_numbered_and_the_oldest_goes() {
    on_this_thread().unwrap().block_on(async {
        let mut site = Site::new(&format!("{ALL}\nfile_mib = 1\nfiles = 3"));
        let name = "x".repeat(250);
        for round in 0..6 {
            for number in 0..1500 {
                site.put(&format!("{round}-{number}-{name}"));
            }
            site.look().await;
        }
        let names = site.names();
        assert_eq!((names.len(), names.last().unwrap().as_str()), (3, "events.jsonl"), "{names:?}");
        let sizes = names.iter().map(|name| fs::metadata(site.file(name)).unwrap().len());
        assert!(sizes.max().unwrap() <= 1 << 20);
        // All that is left, page by page, is there once and in order.
        let (mut found, mut before, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = site.ask(ZoneEventsQuery { limit: Some(700), before, ..Default::default() }).await;
            found.extend(paths(&page).iter().map(|path| (*path).to_owned()));
            pages += 1;
            match page.next {
                Some(next) => before = Some(next),
                None => break,
            }
        }
        assert!(pages > 5 && found[0].starts_with("/5-1499-"), "{pages}");
        let order = |path: &String| {
            let mut parts = path[1..].split('-').map(|part| part.parse::<u32>().unwrap_or(0));
            parts.next().unwrap() * 10_000 + parts.next().unwrap()
        };
        assert!(found.windows(2).all(|pair| order(&pair[0]) > order(&pair[1])));
        let lines: usize = names.iter().map(|name| fs::read_to_string(site.file(name)).unwrap().lines().count()).sum();
        assert_eq!(found.len(), lines);
    });
}

#[test]
fn a_follower_misses_nothing_while_files_change() {
    on_this_thread().unwrap().block_on(async {
        let mut site = Site::new(&format!("{ALL}\nfile_mib = 1\nfiles = 20"));
        let mut after = site.ask(ZoneEventsQuery::default()).await.newest;
        let mut found = Vec::new();
        let name = "y".repeat(250);
        for round in 0..8 {
            for number in 0..900 {
                site.put(&format!("{round}-{number}-{name}"));
            }
            site.look().await;
            let page = site.ask(ZoneEventsQuery { limit: Some(1000), after: Some(after), ..Default::default() }).await;
            found.extend(page.items.into_iter().filter_map(|event| event.path));
            after = page.newest;
        }
        let rest = site.ask(ZoneEventsQuery { limit: Some(1000), after: Some(after), ..Default::default() }).await;
        found.extend(rest.items.into_iter().filter_map(|event| event.path));
        assert!(site.names().len() > 2);
        let expected = (0..8).flat_map(|round| (0..900).map(move |number| format!("/{round}-{number}-")));
        assert!(expected.zip(&found).all(|(expected, found)| found.starts_with(&expected)));
        assert_eq!(found.len(), 7200);
    });
}

#[test]
fn moved_files_are_begun_anew_and_a_torn_line_stays_alone() {
    on_this_thread().unwrap().block_on(async {
        let mut site = Site::new(ALL);
        site.put("a");
        site.look().await;
        fs::rename(site.file("events.jsonl"), site.file("old")).unwrap();
        site.put("b");
        site.look().await;
        assert!(!site.file("events.jsonl").exists(), "nobody said that it was moved");
        site.trails.reopen();
        site.put("c");
        site.look().await;
        assert_eq!(fs::read_to_string(site.file("old")).unwrap().lines().count(), 2);
        // As after a power cut, and a restart.
        fs::write(site.file("events.jsonl"), "{\"time\":\"2026").unwrap();
        site.logs.clear();
        site.put("d");
        site.look().await;
        assert_eq!(fs::read_to_string(site.file("events.jsonl")).unwrap().lines().count(), 2);
        let events = site.ask(ZoneEventsQuery::default()).await;
        assert_eq!((paths(&events), &events.next), (vec!["/d"], &None));
    });
}

#[test]
fn what_waits_is_written_when_recording_ends() {
    on_this_thread().unwrap().block_on(async {
        let site = Site::new(ALL);
        let (zone, trails) = (Arc::clone(&site.zone), Arc::clone(&site.trails));
        let (end, is_over) = watch::channel(false);
        let vfs = Arc::new(ReferenceFilesystem::new(site.clock.clone()));
        let told = (trails, site.clock.clone() as Arc<dyn Clock>);
        let writing = tokio::spawn(async move { run(vfs, told, move || vec![Arc::clone(&zone)], is_over).await });
        site.put("a");
        end.send_replace(true);
        writing.await.unwrap();
        assert_eq!(paths(&site.ask(ZoneEventsQuery::default()).await), ["/a"]);
    });
}
