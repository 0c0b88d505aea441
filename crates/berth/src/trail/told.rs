//! From events as doors know them to lines: paths and names are found out here.

use std::collections::HashMap;

use admin_api::{ZoneEvent, rfc3339};
use vfs::{InodeId, Name, OpContext, Timestamp, Vfs};
use zones::{AuditEvent, AuditObject, AuditRecord, Persona, Zone};

/// Lines that are written together.
pub(super) struct Told<'a> {
    zone: &'a Zone,
    /// Where directories lie, as it was at this look; as many as events.
    directories: HashMap<InodeId, Option<String>>,
    pieces: Vec<String>,
}

impl<'a> Told<'a> {
    pub(super) fn new(zone: &'a Zone) -> Self {
        Self { zone, directories: HashMap::new(), pieces: Vec::new() }
    }

    pub(super) async fn add<V: Vfs>(&mut self, vfs: &V, record: &AuditRecord) {
        let AuditRecord { event, user, object, .. } = record;
        let (path, name) = self.path(vfs, object).await;
        let (path, name) = if *event == AuditEvent::Mount { (path.or(name), None) } else { (path, name) };
        let (to, _) = self.path(vfs, &record.to).await;
        let inode = match object {
            AuditObject::Inode(inode) => Some(inode.number.0),
            _ => None,
        };
        let known = user.uid.and_then(|uid| self.zone.name_of(Persona::User(uid)));
        let event = ZoneEvent {
            time: milliseconds(record.time),
            zone: self.zone.name().to_owned(),
            event: event.name().to_owned(),
            outcome: Some(if record.is_success { "success" } else { "failure" }.to_owned()),
            user: user.name.as_deref().or(known).map(str::to_owned),
            uid: user.uid,
            claimed_uid: user.claimed,
            client: Some(record.client.to_string()),
            path,
            to,
            name,
            inode,
            door: Some(record.door.to_owned()),
            operation: Some(record.operation.to_owned()),
            status: Some(record.status.to_owned()),
            session: Some(record.session),
            request: Some(record.request),
            count: None,
        };
        self.add_line(&event);
    }

    pub(super) fn add_line(&mut self, event: &ZoneEvent) {
        let line = serde_json::to_string(event).unwrap_or_default();
        match self.pieces.last_mut().filter(|piece| piece.len() + line.len() < PIECE_BYTES) {
            Some(piece) => {
                piece.push('\n');
                piece.push_str(&line);
            }
            None => self.pieces.push(line),
        }
    }

    /// All of it, in pieces of whole lines; the last line of each has no end yet.
    pub(super) fn pieces(self) -> Vec<String> {
        self.pieces
    }

    /// Path and, where there is none, name.
    async fn path<V: Vfs>(&mut self, vfs: &V, object: &AuditObject) -> (Option<String>, Option<String>) {
        let (directory, below) = match object {
            AuditObject::None => return (None, None),
            AuditObject::Asked(name) => return (None, Some(short(name))),
            // It may be a file; its path is not that of others.
            AuditObject::Inode(inode) => return (find(vfs, *inode).await, None),
            AuditObject::Child(directory, below) | AuditObject::Below(directory, below) => (*directory, below),
        };
        let found = match self.directories.get(&directory) {
            Some(known) => known.clone(),
            None => {
                let found = find(vfs, directory).await;
                self.directories.insert(directory, found.clone());
                found
            }
        };
        match found {
            Some(path) if below.is_empty() => (Some(path), None),
            Some(path) => {
                (Some(cut(format!("{}/{}", path.trim_end_matches('/'), String::from_utf8_lossy(below)))), None)
            }
            None => (None, Some(short(below))),
        }
    }
}

/// That events were lost.
pub(super) fn lost_line(zone: &Zone, (now, count): (Timestamp, u64)) -> ZoneEvent {
    ZoneEvent {
        time: milliseconds(now),
        zone: zone.name().to_owned(),
        event: "lost".to_owned(),
        count: Some(count),
        ..ZoneEvent::default()
    }
}

async fn find<V: Vfs>(vfs: &V, inode: InodeId) -> Option<String> {
    let names = vfs.path_of(&OpContext::internal(inode), inode).await.ok()?;
    let below = |name: &Name| format!("/{}", String::from_utf8_lossy(name.as_bytes()));
    Some(if names.is_empty() { "/".to_owned() } else { cut(names.iter().map(below).collect()) })
}

fn short(bytes: &[u8]) -> String {
    cut(String::from_utf8_lossy(bytes).into_owned())
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(TEXT_MAX) {
        text.truncate(end);
    }
    text
}

/// As RFC 3339 writes it, with milliseconds.
fn milliseconds(time: Timestamp) -> String {
    format!("{}.{:03}Z", rfc3339(time.seconds).trim_end_matches('Z'), time.nanoseconds / 1_000_000)
}

/// Characters of a path that are kept.
const TEXT_MAX: usize = 4096;
/// After so much a new file may be begun.
const PIECE_BYTES: usize = 256 << 10;
