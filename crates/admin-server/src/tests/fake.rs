//! A gateway that does not exist, and a client of its window.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use admin_api::{Notification, QuotaKind, ZoneEvent, ZoneEvents};
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use testkit::ManualClock;
use vfs::{
    CacheFigures, ChangeKind, ChangeSnapshotRequest, ChangedEntry, ChangedPart, ChangedRange, ChangedRangesReply,
    ChangedRangesRequest, ChangesCursor, ChangesReply, ChangesRequest, ClientId, Clock, CloneTree, EvacuationFigures,
    FileType, FsError, HouseFigures, InodeId, InodeNumber, JobFigures, JobKind, LeftOut, LockClient, LockEntry,
    LockKind, LockOwner, LockRange, LockRecovery, LockState, LockedWhat, LogFigures, MakeCloneRequest, Name,
    QuotaDomain, QuotaSettings, Revert, RevertState, SessionId, ShardId, ShareMode, SharingFigures, Snapshot,
    SnapshotId, SpaceFigures, TakeSnapshotRequest, Timestamp, TreeId,
};
use zones::Zone;
use zones::document::Document;

use crate::access::TokenFile;
use crate::audit::AuditLog;
use crate::documents::{Changed, Decision, Fault, ZoneChange, ZoneDocuments};
use crate::events::{EventStore, EventsAsked};
use crate::figures::{
    About, Condition, ConnectionFigures, Figures, Latency, NotificationFigures, OperationFigures, ProcessFigures,
    ReplyFigures, SessionFigures, ShareFigures, Sources, Traffic, ZoneFigures,
};
use crate::notifications::NotificationStore;
use crate::routes;
use crate::serve::Scope;
use crate::snapshots::SnapshotStore;
use crate::window::{Desk, WindowParts};

/// What a test says that the gateway is like.
pub(crate) struct Fake {
    pub(crate) clock: ManualClock,
    pub(crate) figures: Mutex<Figures>,
    pub(crate) conditions: Mutex<Vec<Condition>>,
    pub(crate) sessions: Vec<SessionFigures>,
    pub(crate) locks: Mutex<Vec<LockEntry>>,
    pub(crate) recovery: Mutex<LockRecovery>,
    /// The text of each zone file, by zone.
    pub(crate) files: Mutex<BTreeMap<String, String>>,
    /// What changes fail with, if they do.
    pub(crate) fault: Mutex<Option<Fault>>,
    /// The quotas of all zones.
    pub(crate) quotas: Mutex<Vec<((InodeId, QuotaDomain), QuotaSettings)>>,
    /// The snapshots of all zones.
    pub(crate) snapshots: Mutex<Vec<(ShardId, Snapshot)>>,
    /// All reverts.
    pub(crate) reverts: Mutex<Vec<Revert>>,
    /// And all clones.
    pub(crate) clones: Mutex<Vec<CloneTree>>,
    /// The file of tokens.
    pub(crate) tokens: Mutex<Result<String, String>>,
    /// The lines of the audit log, and whether they must stay; or why there are none.
    pub(crate) recorded: Mutex<Result<Vec<(String, bool)>, String>>,
}

/// A window over a made-up gateway.
pub(crate) struct Site {
    pub(crate) fake: Arc<Fake>,
    pub(crate) desk: Arc<Desk>,
}

pub(crate) const BOUNDS: &[u64] = &[100, 1000, 1_000_000];

impl Site {
    pub(crate) fn new() -> Self {
        let fake = Arc::new(Fake {
            clock: ManualClock::standing(),
            figures: Mutex::new(figures()),
            conditions: Mutex::default(),
            sessions: (1..=5).map(session).collect(),
            locks: Mutex::new(locks()),
            recovery: Mutex::default(),
            files: Mutex::default(),
            fault: Mutex::default(),
            quotas: Mutex::default(),
            snapshots: Mutex::default(),
            reverts: Mutex::default(),
            clones: Mutex::default(),
            tokens: Mutex::new(Ok(String::new())),
            recorded: Mutex::new(Ok(Vec::new())),
        });
        let desk = Arc::new(Desk::new(parts(&fake)));
        Self { fake, desk }
    }

    pub(crate) async fn ask(&self, request: Request<Body>, scope: Scope) -> Response {
        let router = TowerToHyperService::new(routes::router(Arc::clone(&self.desk), scope));
        router.call(request).await.unwrap()
    }

    /// Status, media type and text of what a path answers.
    pub(crate) async fn get(&self, path: &str) -> (u16, String, String) {
        let response = self.ask(Request::get(path).body(Body::empty()).unwrap(), Scope::Everything).await;
        read(response).await
    }

    pub(crate) async fn json(&self, path: &str) -> (u16, Value) {
        let (status, _, text) = self.get(path).await;
        (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
    }

    /// One more call of this operation of the first zone, as seen by everything.
    pub(crate) fn call(&self, operation: &str, bucket: usize) {
        let mut figures = self.fake.figures.lock().unwrap();
        let of = figures.zones[0].operations.iter_mut().find(|one| one.operation == operation).unwrap();
        of.traffic.calls += 1;
        of.latency.counts[bucket] += 1;
    }
}

pub(crate) async fn read(response: Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, kind.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
}

pub(crate) fn zone(name: &str, address: &str, exports: &str) -> Arc<Zone> {
    let text = format!(
        "name = \"{name}\"\nbase = \"/t/{name}\"\naddresses = [\"{address}\"]\n[[export]]\npaths = [{exports}]\n\
         [[share]]\nname = \"Projects\"\npath = \"/projects\"\nread_only = true\n\
         [[snapshot]]\npath = \"/projects\"\nevery = \"1d\"\nname = \"daily %Y-%m-%d\"\nkeep = \"2d\"\n"
    );
    let file = PathBuf::from(format!("zones/{name}.toml"));
    let definition = zones::parse(&file, &text, &zones::system_resolver).unwrap();
    let shard = if name == "contoso" { ShardId(1) } else { ShardId(2) };
    Arc::new(Zone::new(definition, InodeId::root_of(shard)))
}

/// A window over all that a test says.
pub(crate) fn parts(fake: &Arc<Fake>) -> WindowParts {
    WindowParts {
        sources: fake.clone(),
        documents: fake.clone(),
        quotas: fake.clone(),
        snapshots: fake.clone(),
        events: fake.clone(),
        notifications: fake.clone(),
        tokens: Some(fake.clone()),
        audit: Some(fake.clone()),
    }
}

impl EventStore for Fake {
    /// One event, which says what was asked for.
    fn events(&self, zone: &str, asked: EventsAsked) -> BoxFuture<'_, Result<ZoneEvents, String>> {
        let event = ZoneEvent { zone: zone.to_owned(), name: Some(format!("{asked:?}")), ..ZoneEvent::default() };
        Box::pin(async { Ok(ZoneEvents { items: vec![event], next: None, newest: "1.7".to_owned() }) })
    }
}

impl NotificationStore for Fake {
    fn notifications(&self, zone: &str) -> BoxFuture<'_, Result<Vec<Notification>, String>> {
        let told = |number: u64| Notification {
            time: "2026-11-24T12:00:00Z".to_owned(),
            zone: zone.to_owned(),
            id: number.to_string(),
            seen: "2026-11-24T12:00:00Z".to_owned(),
            limit: "hard".to_owned(),
            when: "denied".to_owned(),
            path: "/projects".to_owned(),
            kind: QuotaKind::Directory,
            owner: None,
            counter: None,
            times: Some(number),
            action: "log".to_owned(),
            to: None,
            is_sent: true,
            reason: None,
        };
        let all = (0..3).map(told).collect();
        Box::pin(async { Ok(all) })
    }
}

impl SnapshotStore for Fake {
    fn all(&self, root: InodeId) -> Result<Vec<Snapshot>, FsError> {
        let all = self.snapshots.lock().unwrap();
        Ok(all.iter().filter(|(shard, _)| *shard == root.shard).map(|(_, snapshot)| snapshot.clone()).collect())
    }

    fn path(&self, _directory: InodeId) -> BoxFuture<'_, Result<Vec<Name>, FsError>> {
        Box::pin(async { Ok(vec![Name::try_from("projects").unwrap()]) })
    }

    fn take(&self, request: TakeSnapshotRequest) -> BoxFuture<'_, Result<Snapshot, FsError>> {
        let mut all = self.snapshots.lock().unwrap();
        let snapshot = Snapshot {
            id: SnapshotId(all.len() as u64),
            root: request.directory,
            of: request.directory.tree,
            name: request.name,
            created: Timestamp { seconds: 1_700_000_000, nanoseconds: 0 },
            expires: request.expires,
            locks: 0,
            is_going: false,
        };
        all.push((request.directory.shard, snapshot.clone()));
        Box::pin(async { Ok(snapshot) })
    }

    fn change(&self, request: ChangeSnapshotRequest) -> BoxFuture<'_, Result<Snapshot, FsError>> {
        let mut all = self.snapshots.lock().unwrap();
        let (_, snapshot) = all.iter_mut().find(|(_, snapshot)| snapshot.id == request.id).unwrap();
        snapshot.expires = request.expires.unwrap_or(snapshot.expires);
        snapshot.locks = request.locks.unwrap_or(snapshot.locks);
        snapshot.name = request.name.unwrap_or_else(|| snapshot.name.clone());
        let snapshot = snapshot.clone();
        Box::pin(async { Ok(snapshot) })
    }

    fn inode(&self, root: InodeId, path: Vec<Name>) -> BoxFuture<'_, Result<InodeId, FsError>> {
        let found = match path.first().map(Name::as_bytes) {
            Some(b"none") => Err(FsError::NotFound),
            Some(b"file") => Ok(root.sibling(FILE)),
            _ => Ok(root),
        };
        Box::pin(async move { found })
    }

    fn changes(&self, request: ChangesRequest) -> BoxFuture<'_, Result<ChangesReply, FsError>> {
        Box::pin(async move {
            let name = |text: &str| Name::try_from(text).unwrap();
            let created = ChangedEntry {
                path: vec![name("new")],
                old_path: None,
                inode: InodeNumber(8),
                file_type: FileType::Directory,
                kind: ChangeKind::Created,
                parts: Vec::new(),
                size_before: None,
                size_after: Some(3),
            };
            let changed = ChangedEntry {
                path: vec![name("a"), name("b")],
                old_path: Some(vec![name("b")]),
                inode: FILE,
                file_type: FileType::Regular,
                kind: ChangeKind::Changed,
                parts: vec![ChangedPart::Name, ChangedPart::Data],
                size_before: Some(1),
                size_after: Some(2),
            };
            match request {
                ChangesRequest { from, .. } if from.number == FILE => Err(FsError::NotDirectory),
                ChangesRequest { from, to: Some(to), .. } if from.tree == to => Err(FsError::InvalidArgument),
                ChangesRequest { after: None, .. } => {
                    Ok(ChangesReply { entries: vec![created], next: Some(ChangesCursor(vec![0, 0xa5].into())) })
                }
                ChangesRequest { after: Some(after), .. } if after.0[..] == [0, 0xa5] => {
                    Ok(ChangesReply { entries: vec![changed], next: None })
                }
                _ => Err(FsError::BadCookie),
            }
        })
    }

    fn changed_ranges(&self, request: ChangedRangesRequest) -> BoxFuture<'_, Result<ChangedRangesReply, FsError>> {
        Box::pin(async move {
            if request.from.number != FILE {
                return Err(FsError::WrongType);
            }
            let range = ChangedRange { offset: request.offset, length: 4096, is_hole: request.offset > 0 };
            let next = (request.offset == 0).then_some(8192);
            Ok(ChangedRangesReply { ranges: vec![range], next, size_before: 1, size_after: 12288 })
        })
    }

    fn revert(&self, past: InodeId) -> BoxFuture<'_, Result<Revert, FsError>> {
        let mut all = self.reverts.lock().unwrap();
        let begun = Revert {
            id: 70 + all.len() as u64,
            directory: past,
            past,
            started: Timestamp { seconds: 1_700_000_000, nanoseconds: 0 },
            ended: None,
            state: RevertState::Waiting,
            changes: 3,
            left_out: vec![LeftOut { path: vec![Name::try_from("a").unwrap()], error: FsError::QuotaExceeded }],
        };
        let is_first = all.is_empty();
        if is_first {
            all.push(begun.clone());
        }
        Box::pin(async move { if is_first { Ok(begun) } else { Err(FsError::Exists) } })
    }

    fn reverts(&self, root: InodeId) -> Result<Vec<Revert>, FsError> {
        let all = self.reverts.lock().unwrap();
        Ok(all.iter().filter(|revert| revert.directory.shard == root.shard).cloned().collect())
    }

    fn cancel_revert(&self, _root: InodeId, id: u64) -> BoxFuture<'_, Result<(), FsError>> {
        let mut all = self.reverts.lock().unwrap();
        let going = all.iter_mut().find(|revert| revert.id == id && !revert.state.is_ended());
        let done = going.map(|revert| revert.state = RevertState::Cancelled).ok_or(FsError::NotFound);
        Box::pin(async move { done })
    }

    fn clones(&self, root: InodeId) -> Result<Vec<CloneTree>, FsError> {
        let all = self.clones.lock().unwrap();
        Ok(all.iter().filter(|clone| clone.root.shard == root.shard).cloned().collect())
    }

    fn make_clone(&self, request: MakeCloneRequest) -> BoxFuture<'_, Result<CloneTree, FsError>> {
        let mut all = self.clones.lock().unwrap();
        let tree = TreeId(1 + u32::try_from(all.len()).unwrap());
        let clone = CloneTree {
            tree,
            root: request.source.in_tree(tree),
            name: request.name,
            created: Timestamp { seconds: 1_700_000_000, nanoseconds: 0 },
            origin: request.source,
            is_going: false,
        };
        let is_taken = request.entry.as_bytes() == b"taken";
        if !is_taken {
            all.push(clone.clone());
        }
        Box::pin(async move { if is_taken { Err(FsError::Exists) } else { Ok(clone) } })
    }

    fn delete_clone(&self, _root: InodeId, tree: TreeId) -> BoxFuture<'_, Result<(), FsError>> {
        self.clones.lock().unwrap().retain(|clone| clone.tree != tree);
        Box::pin(async { Ok(()) })
    }

    fn delete(&self, _root: InodeId, id: SnapshotId) -> BoxFuture<'_, Result<(), FsError>> {
        let mut all = self.snapshots.lock().unwrap();
        let at = all.iter().position(|(_, snapshot)| snapshot.id == id).unwrap();
        let done = if all[at].1.locks > 0 { Err(FsError::NotPermitted) } else { Ok(()) };
        if done.is_ok() {
            all.remove(at);
        }
        Box::pin(async move { done })
    }
}

impl TokenFile for Fake {
    fn read(&self) -> BoxFuture<'_, Result<String, String>> {
        let text = self.tokens.lock().unwrap().clone();
        Box::pin(async move { text })
    }
}

impl AuditLog for Fake {
    fn record(&self, line: String, is_durable: bool) -> BoxFuture<'_, Result<(), String>> {
        let recorded = match &mut *self.recorded.lock().unwrap() {
            Ok(lines) => {
                lines.push((line, is_durable));
                Ok(())
            }
            Err(error) => Err(error.clone()),
        };
        Box::pin(async move { recorded })
    }

    fn see_through(&self, request: BoxFuture<'static, ()>) {
        tokio::spawn(request);
    }
}

impl Sources for Fake {
    fn about(&self) -> About {
        let started = Timestamp { seconds: self.clock.now().seconds - 3661, nanoseconds: 0 };
        let (data, log_folder) = (Path::new("/var/lib/berth").to_owned(), Some(Path::new("/fast").to_owned()));
        About { version: "9.8.7", data, log_folder, started, process: 42 }
    }

    fn now(&self) -> (Timestamp, Duration) {
        (self.clock.now(), self.clock.monotonic())
    }

    fn figures(&self) -> Figures {
        self.figures.lock().unwrap().clone()
    }

    fn shares(&self, zone: &Zone) -> Vec<ShareFigures> {
        let share = |share: &str, operation, calls| ShareFigures {
            share: share.to_owned(),
            protocol: "nfs",
            operation,
            traffic: Traffic { calls, errors: 2, faults: 1, bytes_in: 1000, bytes_out: 2000 },
        };
        let first = String::from_utf8_lossy(zone.exports()[0].path()).into_owned();
        // The last two look the same as text.
        vec![
            share("", "NULL", 5),
            share(&first, "GETATTR", 7),
            share("(others)", "READ", 1),
            share("(others)", "READ", 2),
        ]
    }

    fn conditions(&self) -> Vec<Condition> {
        self.conditions.lock().unwrap().clone()
    }

    fn sessions(&self, after: SessionId, max: usize) -> Vec<SessionFigures> {
        self.sessions.iter().filter(|one| one.session > after).take(max).cloned().collect()
    }

    fn locks(&self, max: usize) -> Vec<LockEntry> {
        self.locks.lock().unwrap().iter().take(max).cloned().collect()
    }

    fn lock_recovery(&self) -> LockRecovery {
        self.recovery.lock().unwrap().clone()
    }
}

impl Fake {
    fn document(&self, name: &str) -> Option<Document> {
        let text = self.files.lock().unwrap().get(name).cloned()?;
        Some(Document { file: format!("zones/{name}.toml").into(), text })
    }

    fn make(&self, change: ZoneChange) -> Result<Changed, Fault> {
        let old = self.document(&change.name);
        let Decision { text, is_dry_run } = (change.decide)(old.as_ref()).map_err(Fault::Refused)?;
        if let Some(fault) = self.fault.lock().unwrap().clone() {
            return Err(fault);
        }
        if !is_dry_run {
            let mut files = self.files.lock().unwrap();
            match &text {
                Some(text) => files.insert(change.name, text.clone()),
                None => files.remove(&change.name),
            };
        }
        let old = old.map(|document| document.text);
        Ok(Changed { old, new: text, warnings: vec!["hm".to_owned()], is_applied: !is_dry_run })
    }
}

impl ZoneDocuments for Fake {
    fn read(&self, name: String) -> BoxFuture<'_, Result<Option<Document>, Fault>> {
        Box::pin(async move { Ok(self.document(&name)) })
    }

    fn change(&self, change: ZoneChange) -> BoxFuture<'_, Result<Changed, Fault>> {
        let made = self.make(change);
        Box::pin(async move { made })
    }
}

fn figures() -> Figures {
    let operation = |operation, in_flight| OperationFigures {
        protocol: "nfs",
        operation,
        traffic: Traffic { calls: 10, errors: 1, faults: 0, bytes_in: 1000, bytes_out: 2000 },
        latency: Latency { bounds_us: BOUNDS, counts: vec![6, 3, 1, 0], sum: Duration::from_millis(500) },
        in_flight,
    };
    let replies = ReplyFigures { bytes: 100, bytes_max: 1000, hits: 3, misses: 4 };
    let zone = |zone, connections| ZoneFigures {
        zone,
        operations: vec![operation("GETATTR", 0), operation("WRITE", 2)],
        replies,
        connections,
        mounts: 1,
        events: None,
    };
    let zones = vec![
        zone(self::zone("contoso", "127.0.0.1", "\"/projects\", \"/home\""), 4),
        zone(self::zone("fabrikam", "127.0.0.2", "\"/a \\\"b\\\"\""), 1),
    ];
    let cache =
        |name| CacheFigures { name, entries: 5, entries_max: 10, hits: 30, misses: 10, ..CacheFigures::default() };
    let house = HouseFigures {
        caches: vec![cache("inode"), cache("dentry")],
        dirty_bytes: 10,
        dirty_bytes_max: 1000,
        log: LogFigures { groups: 5, changes: 9, bytes_used: 100, bytes_max: 1000 },
        jobs: vec![
            JobFigures { kind: JobKind::Removal, left: 3, done: 9, is_waiting: false },
            JobFigures { kind: JobKind::Reordering, left: 2, done: 0, is_waiting: true },
            JobFigures { kind: JobKind::Evacuation, left: 0, done: 7, is_waiting: true },
        ],
        space: SpaceFigures { total_bytes: 1 << 40, free_bytes: 1 << 39, segments: 3 },
        evacuation: EvacuationFigures { sparse_segments: 1, segments: 7, moved_bytes: 1 << 20 },
        sharing: SharingFigures { bytes: 3 << 20, refused: 2 },
        ..HouseFigures::default()
    };
    let connections = ConnectionFigures { open: 5, max: 100, accepted: 50, refused: 2 };
    let cpu = Duration::from_millis(1500);
    let process = ProcessFigures { memory_bytes: 5 << 20, cpu, open_files: 20, open_files_max: 1024 };
    let notifications = NotificationFigures { sent: 7, failed: 1, dropped: 0 };
    Figures { zones, connections, house, process, notifications }
}

fn session(number: u64) -> SessionFigures {
    let at = |text: &str| text.parse::<SocketAddr>().unwrap();
    SessionFigures {
        session: SessionId(number),
        zone: Some(zone("contoso", "127.0.0.1", "\"/projects\"").id()).filter(|_| number != 5),
        protocol: "nfs",
        client: at("192.0.2.7:700"),
        local: at("127.0.0.1:2049"),
        since: Timestamp { seconds: ManualClock::standing().now().seconds - 60, nanoseconds: 0 },
        idle: Duration::from_millis(1500),
        calls: 10 * number,
        in_flight: 1,
        bytes_in: 100,
        bytes_out: 200,
        mounts: (0..20).map(|index| format!("/m{index}")).collect(),
        user: None,
        opens: 0,
    }
}

pub(crate) fn locks() -> Vec<LockEntry> {
    let since = Timestamp { seconds: ManualClock::standing().now().seconds - 5, nanoseconds: 0 };
    let client = LockClient {
        id: ClientId(7),
        name: "vm1".into(),
        address: "192.0.2.7".parse().unwrap(),
        server: "127.0.0.1".parse().unwrap(),
        state: 3,
        since,
    };
    let entry = |number, owner: &'static [u8], state, what| LockEntry {
        inode: InodeId { number: InodeNumber(number), ..InodeId::root_of(ShardId(1)) },
        owner: LockOwner::Nlm { client: ClientId(7), owner: owner.into() },
        client: Some(client.clone()),
        state,
        what,
        since,
    };
    let range = |offset, length, kind| LockedWhat::Range(LockRange { offset, length }, kind);
    let share = LockedWhat::Share { access: ShareMode::default(), deny: ShareMode::default() };
    vec![
        entry(9, b"\0\0\x01\x0212@vm1", LockState::Held, range(100, 50, LockKind::Exclusive)),
        entry(9, b"\x01\xff", LockState::Waiting, range(0, 0, LockKind::Shared)),
        LockEntry { client: None, inode: InodeId::root_of(ShardId(2)), ..entry(1, b"x", LockState::Held, share) },
    ]
}

/// What `/file` leads to in any snapshot.
const FILE: InodeNumber = InodeNumber(7);
