//! Rules over a house in memory, with listeners of our own.

use std::sync::Mutex;

use chunk::MemoryStore;
use filesystem::{Filesystem, Parts, Settings};
use kv::MemoryEngine;
use pages::Payload;
use serde_json::Value;
use tempfile::TempDir;
use testkit::ManualClock;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use vfs::{
    Admin, CreateHow, CreateRequest, FileIo, InodeId, MkdirRequest, Name, Namespace, QuotaDomain, QuotaGuard,
    QuotaLimits, QuotaSettings, SetAttributes, SetQuotaRequest, SetattrRequest, ShardId, Stability, Via, WriteRequest,
    ZoneRootRequest,
};
use vfs::{AttributeIo, FsError};

use admin_server::NotificationStore;

use super::*;
use crate::runtime::on_this_thread;

type Memories = Filesystem<MemoryEngine, MemoryStore>;

/// A zone with one directory, which has a quota and one file, and rules.
struct Site {
    house: Memories,
    zones: [Arc<Zone>; 1],
    file: InodeId,
    folder: TempDir,
    tally: Arc<Tally>,
    sent: Arc<Sent>,
    clock: Arc<ManualClock>,
    memory: Memory,
    deliveries: Deliveries,
    now: i64,
}

const SHORT: [Duration; 3] = [Duration::from_millis(10); 3];

fn name(text: &str) -> Name {
    Name::try_from(text).unwrap()
}

impl Site {
    async fn new(rules: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::standing());
        let now = clock.now().seconds;
        let settings = Settings { memory_bytes: 64 << 20, ballast_bytes: 0, ..Settings::default() };
        let (engine, chunks) = (MemoryEngine::new(), MemoryStore::default());
        let parts = Parts { engine, chunks, clock: clock.clone() as Arc<dyn Clock>, settings, seed: [1; 64] };
        let house = Filesystem::open(parts).await.unwrap();
        let text = format!("name = \"z\"\nbase = \"/z\"\naddresses = [\"127.0.0.9\"]\n{rules}");
        let path = folder.path().join("z.toml");
        let definition = zones::parse(&path, &text, &zones::system_resolver).unwrap();
        let ctx = OpContext::internal(InodeId::root_of(ShardId::ROOT));
        let base = ZoneRootRequest { base: vec![name("z")], attributes: SetAttributes::default() };
        let root = house.zone_root(&ctx, base).await.unwrap().attributes.inode;
        let ctx = OpContext::internal(root);
        let request = MkdirRequest { parent: root, name: name("a"), attributes: SetAttributes::default() };
        let directory = house.mkdir(&ctx, request).await.unwrap().attributes.inode;
        let how = CreateHow::Guarded(SetAttributes::default());
        let request = CreateRequest { parent: directory, name: name("f"), how };
        let file = house.create(&ctx, request).await.unwrap().attributes.inode;
        let limits = QuotaLimits { hard: Some(100), soft: Some(50), advisory: Some(20) };
        let settings = QuotaSettings { bytes: limits, grace_seconds: 1000, enforced: true, ..QuotaSettings::default() };
        let (domain, guard) = (QuotaDomain::Directory, QuotaGuard::Any);
        house.set_quota(&ctx, SetQuotaRequest { directory, domain, settings: Some(settings), guard }).await.unwrap();
        let sent = Arc::new(Sent::new(folder.path().join("notifications")));
        let (tally, zones) = (Arc::<Tally>::default(), [Arc::new(Zone::new(definition, root))]);
        let memory = Memory::load(folder.path().join("notified.json")).await;
        let deliveries = Deliveries::new((Arc::clone(&tally), Arc::clone(&sent)), Arc::clone(&clock) as Arc<dyn Clock>)
            .with_pauses(&SHORT);
        let mut site = Self { house, zones, file, folder, tally, sent, clock, memory, deliveries, now };
        site.look(0).await;
        site
    }

    async fn look(&mut self, later: i64) {
        self.now += later;
        look(&self.house, &self.zones, self.now, (&mut self.memory, &mut self.deliveries)).await;
    }

    async fn restart(&mut self) {
        self.memory = Memory::load(self.folder.path().join("notified.json")).await;
        self.deliveries = Deliveries::new(
            (Arc::clone(&self.tally), Arc::clone(&self.sent)),
            Arc::clone(&self.clock) as Arc<dyn Clock>,
        )
        .with_pauses(&SHORT);
    }

    async fn size(&self, size: u64) -> Result<(), FsError> {
        let attributes = SetAttributes { size: Some(size), ..SetAttributes::default() };
        let request = SetattrRequest { inode: self.file, via: Via::Anonymous, attributes, guard: None };
        let ctx = OpContext::internal(self.file);
        self.house.setattr(&ctx, request).await.map(drop).map_err(|failure| failure.error)
    }

    async fn write(&self, offset: u64) -> Result<(), FsError> {
        let (inode, via, stability) = (self.file, Via::Anonymous, Stability::Unstable);
        let request = WriteRequest { inode, via, offset, data: Payload::from(vec![1]), stability };
        let written = self.house.write(&OpContext::internal(self.file), request).await;
        written.map(drop).map_err(|failure| failure.error)
    }

    /// Until so many were sent, failed and dropped.
    async fn settled(&self, sent: u64, failed: u64) {
        for _ in 0..500 {
            let figures = self.tally.figures();
            if (figures.sent, figures.failed) == (sent, failed) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}, {:?}", self.tally.figures(), self.tally.conditions());
    }
}

/// A server that answers every request with a status, and the heads and bodies it got.
async fn listen(status: u16) -> (u16, Arc<Mutex<Vec<(String, Vec<u8>)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, got) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(Vec::new())));
    let kept = Arc::clone(&got);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            while !head.ends_with("\r\n\r\n") {
                let from = head.len();
                stream.read_line(&mut head).await.unwrap();
                if let Some(text) = head[from..].strip_prefix("content-length: ") {
                    length = text.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            kept.lock().unwrap().push((head, body));
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
            stream.get_mut().write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (port, got)
}

fn rule(limit: &str, when: &str, rest: &str) -> String {
    format!("[[notification]]\nlimit = \"{limit}\"\nwhen = \"{when}\"\n{rest}\n")
}

fn webhook(port: u16) -> String {
    format!("webhook = {{ url = \"http://127.0.0.1:{port}/x?y=1\" }}")
}

fn run<T>(future: impl Future<Output = T>) -> T {
    on_this_thread().unwrap().block_on(future)
}

#[test]
fn a_crossing_is_told_once_and_again_after_the_time_that_it_is_held_off() {
    run(async {
        let (port, got) = listen(204).await;
        let mut site = Site::new(&rule("soft", "exceeded", &format!("holdoff = \"5m\"\n{}", webhook(port)))).await;
        site.size(50).await.unwrap();
        site.look(1).await;
        site.size(51).await.unwrap();
        for _ in 0..3 {
            site.look(1).await;
        }
        site.settled(1, 0).await;
        site.restart().await;
        site.look(1).await;
        site.size(10).await.unwrap();
        site.look(1).await;
        site.size(60).await.unwrap();
        site.look(1).await;
        site.restart().await;
        site.look(1).await;
        assert_eq!(got.lock().unwrap().len(), 1, "held off, over a restart too");
        site.look(300).await;
        site.settled(2, 0).await;
        site.look(400).await;
        site.look(400).await;
        // What would be sent has arrived by then.
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!((site.tally.figures().sent, site.tally.conditions().len()), (2, 0));
        let (head, body) = got.lock().unwrap()[0].clone();
        let event: Value = serde_json::from_slice(&body).unwrap();
        assert!(head.starts_with("POST /x?y=1 HTTP/1.1\r\n") && !head.contains("berth-signature"), "{head}");
        assert_eq!(
            (&event["when"], &event["limit"], &event["counter"], &event["quota"]["usage"]["bytes"]),
            (&"exceeded".into(), &"soft".into(), &"bytes".into(), &51.into())
        );
        assert_eq!((&event["quota"]["zone"], &event["quota"]["path"]), (&"z".into(), &"/a".into()), "{event}");
    });
}

#[test]
fn a_flood_of_refusals_is_told_once_with_their_number() {
    run(async {
        let (port, got) = listen(200).await;
        let mut site = Site::new(&rule("hard", "denied", &format!("holdoff = \"1h\"\n{}", webhook(port)))).await;
        site.write(99).await.unwrap();
        for _ in 0..5000 {
            assert_eq!(site.write(100).await, Err(FsError::QuotaExceeded));
        }
        site.look(1).await;
        site.settled(1, 0).await;
        assert_eq!(site.size(101).await, Err(FsError::QuotaExceeded));
        site.look(1).await;
        site.restart().await;
        site.look(3600).await;
        site.settled(2, 0).await;
        let times: Vec<_> = got
            .lock()
            .unwrap()
            .iter()
            .map(|(_, body)| serde_json::from_slice::<Value>(body).unwrap()["times"].clone())
            .collect();
        assert_eq!(times, [5000, 1], "what is held off is not lost, over a restart either");
        site.look(3600).await;
        assert_eq!(site.tally.figures().sent, 2);
    });
}

#[test]
fn what_lasts_is_told_by_schedule_and_the_end_of_grace_once() {
    run(async {
        let (port, got) = listen(200).await;
        let rules = rule("soft", "violated", &format!("every = \"1h\"\n{}", webhook(port)))
            + &rule("soft", "expired", &webhook(port));
        let mut site = Site::new(&rules).await;
        site.size(60).await.unwrap();
        site.look(0).await;
        site.look(999).await;
        assert_eq!(site.tally.figures().sent, 0);
        site.look(1).await;
        site.settled(1, 0).await;
        site.look(3600).await;
        site.settled(2, 0).await;
        site.restart().await;
        site.look(1).await;
        site.size(50).await.unwrap();
        site.look(7200).await;
        assert_eq!(got.lock().unwrap().len(), 2);
        let told: Vec<_> = got
            .lock()
            .unwrap()
            .iter()
            .map(|(_, body)| serde_json::from_slice::<Value>(body).unwrap()["when"].clone())
            .collect();
        assert_eq!(told, ["expired", "violated"]);
    });
}

#[test]
fn a_place_that_is_down_delays_no_other_and_is_a_concern() {
    run(async {
        let ((down, _), (up, got)) = (listen(500).await, listen(200).await);
        let rules = rule("soft", "exceeded", &webhook(down)) + &rule("advisory", "exceeded", &webhook(up));
        let mut site = Site::new(&rules).await;
        site.size(60).await.unwrap();
        site.look(1).await;
        site.settled(1, 1).await;
        assert_eq!(got.lock().unwrap().len(), 1);
        let conditions = site.tally.conditions();
        let [admin_server::Condition::NotificationFailed { zone, to, reason }] = &conditions[..] else {
            panic!("{conditions:?}")
        };
        assert_eq!((zone.as_str(), reason.as_str()), ("z", "the answer was 500"));
        assert!(to.contains(&down.to_string()), "{to}");
        site.deliveries.keep(&[]);
        assert!(site.tally.conditions().is_empty(), "nothing is sent there any more");
    });
}

#[test]
fn what_waits_for_one_place_is_bounded() {
    run(async {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = silent.local_addr().unwrap().port();
        let mut site = Site::new(&rule("soft", "exceeded", &webhook(port))).await;
        let rule = site.zones[0].definition().notifications()[0].clone();
        let quotas = site.house.quotas(&OpContext::internal(site.zones[0].root()), site.zones[0].root()).await.unwrap();
        let quota = admin_server::quota_shown(&site.zones[0], &quotas[0]);
        let event = event::Event {
            id: "1".to_owned(),
            time: String::new(),
            limit: "soft",
            when: "exceeded",
            counter: None,
            times: None,
            quota,
        };
        for _ in 0..1000 {
            site.deliveries.send("z", &rule, Arc::new(event.clone()));
        }
        assert!(site.tally.figures().dropped >= 900, "{:?}", site.tally.figures());
    });
}

#[test]
fn a_body_is_signed_with_the_secret_of_the_rule() {
    // As `openssl dgst -sha256 -hmac 0123456789abcdef` says of `{}`.
    let expected = "sha256=f91e3e9f05cc2df64ac1c26f8adccdffda8d1e4a7a8c50a1a08eeadac6ddfec5";
    assert_eq!(webhook::signature(b"0123456789abcdef", b"{}"), expected);
}

#[test]
fn mail_goes_through_a_relay() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let relay = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            stream.get_mut().write_all(b"220 relay\r\n").await.unwrap();
            let (mut session, mut is_data) = (String::new(), false);
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap() == 0 {
                    return session;
                }
                session += &line;
                let answer: &[u8] = match line.trim_end() {
                    "." => b"250 taken\r\n",
                    _ if is_data => b"",
                    "DATA" => b"354 go on\r\n",
                    "QUIT" => b"221 bye\r\n",
                    _ => b"250 fine\r\n",
                };
                is_data = answer.starts_with(b"354") || (is_data && !answer.starts_with(b"250"));
                stream.get_mut().write_all(answer).await.unwrap();
            }
        });
        let mail = format!(
            "mail = {{ relay = \"127.0.0.1:{port}\", from = \"berth@example.org\", to = [\"a@example.org\", \"b@example.org\"] }}"
        );
        let mut site = Site::new(&rule("hard", "exceeded", &mail)).await;
        site.size(100).await.unwrap();
        site.look(1).await;
        site.settled(1, 0).await;
        let session = relay.await.unwrap();
        for part in [
            "MAIL FROM:<berth@example.org>",
            "RCPT TO:<a@example.org>",
            "RCPT TO:<b@example.org>",
            "Subject: Berth: quota of /a in zone z is full\r\n",
            "Bytes used: 100 (hard 100, soft 50, advisory 20)",
        ] {
            assert!(session.contains(part), "{part}: {session}");
        }
    });
}

#[test]
fn what_was_sent_is_listed_with_why_not_over_a_restart() {
    run(async {
        let (port, _) = listen(204).await;
        let (refusing, _) = listen(404).await;
        let rules = rule("soft", "exceeded", &webhook(port)) + &rule("hard", "exceeded", &webhook(refusing));
        let mut site = Site::new(&rules).await;
        site.size(100).await.unwrap();
        site.look(1).await;
        site.settled(1, 1).await;
        // As after a restart: from the file.
        let sent = Arc::new(Sent::new(site.folder.path().join("notifications")));
        let listed = || async { HouseNotifications(Arc::clone(&sent)).notifications("z").await.unwrap() };
        let told = listed().await;
        let ways = |action: &str| told.iter().filter(|one| one.action == action).collect::<Vec<_>>();
        assert_eq!((told.len(), ways("log").len()), (4, 2), "{told:?}");
        assert!(ways("log").iter().all(|one| one.is_sent && one.path == "/a" && one.to.is_none()));
        let hooks = ways("webhook");
        let hook = |limit: &str| *hooks.iter().find(|one| one.limit == limit).unwrap();
        assert_eq!((hook("soft").is_sent, &hook("soft").reason), (true, &None));
        let reason = hook("hard").reason.as_ref().unwrap();
        assert!(!hook("hard").is_sent && reason.contains("404"), "{reason}");
        assert!(hook("hard").to.as_ref().unwrap().contains(&refusing.to_string()));
        assert_eq!(ways("log").iter().filter(|one| one.id == hook("soft").id).count(), 1, "one id for all ways");

        let many =
            |count: u64| (0..count).map(|times| admin_api::Notification { times: Some(times), ..told[0].clone() });
        sent.keep("z", many(1500).collect()).await;
        assert_eq!(listed().await.len(), 1000, "though the file has more");
        sent.keep("z", many(1500).collect()).await;
        let (found, file) = (listed().await, site.folder.path().join("notifications/z.jsonl"));
        assert_eq!(
            (found.len(), found[0].times, found[999].times),
            (1000, Some(1499), Some(500)),
            "the last, newest first"
        );
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 1000);
        std::fs::write(&file, "{\"torn\":").unwrap();
        sent.keep("z", many(1).collect()).await;
        assert_eq!(listed().await.len(), 1);
    });
}
