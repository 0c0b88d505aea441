//! Reads what was recorded of a zone: from the newest backwards, or what came behind a place.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use admin_api::{ZoneEvent, ZoneEvents};
use admin_server::{EventStore, EventsAsked, EventsFrom, EventsPlace};
use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;

use super::Trails;
use super::files::{CURRENT, numbered, numbers};

/// The records of a house.
#[derive(Debug)]
pub(crate) struct HouseEvents(pub(crate) Arc<Trails>);

impl EventStore for HouseEvents {
    fn events(&self, zone: &str, asked: EventsAsked) -> BoxFuture<'_, Result<ZoneEvents, String>> {
        let folder = self.0.folder_of(zone);
        Box::pin(async move {
            let Some(folder) = folder else { return Ok(ZoneEvents::default()) };
            let read = spawn_blocking(move || Record::open(folder)?.page(&asked)).await;
            let read = read.map_err(|error| error.to_string())?;
            read.map_err(|error| format!("the record cannot be read: {error}"))
        })
    }
}

/// The files of a zone, oldest first. The one that is written has the number that it gets when it is full.
struct Record {
    folder: PathBuf,
    numbers: Vec<u32>,
    current: u32,
}

impl Record {
    fn open(folder: PathBuf) -> io::Result<Self> {
        let numbers = match numbers(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            numbers => numbers?,
        };
        let current = numbers.last().map_or(1, |last| last.saturating_add(1));
        Ok(Self { folder, numbers, current })
    }

    fn page(&self, asked: &EventsAsked) -> io::Result<ZoneEvents> {
        match asked.from {
            EventsFrom::Newest => self.before(self.end()?, asked),
            EventsFrom::Before(place) => self.before(place, asked),
            EventsFrom::After(place) => self.after(place, asked),
        }
    }

    /// Behind the last whole line.
    fn end(&self) -> io::Result<EventsPlace> {
        let end = self.bytes(self.current)?;
        let begin = end.saturating_sub(WINDOW);
        let window = self.read(self.current, (begin, end))?;
        let whole = window.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        Ok(EventsPlace { file: self.current, byte: begin + whole as u64 })
    }

    fn before(&self, from: EventsPlace, asked: &EventsAsked) -> io::Result<ZoneEvents> {
        let (mut items, mut at, mut budget) = (Vec::new(), from, WINDOWS_MAX);
        let mut next = Some(from);
        while budget > 0 && items.len() < asked.limit {
            budget -= 1;
            let begin = at.byte.saturating_sub(WINDOW);
            let window = self.read(at.file, (begin, at.byte))?;
            // What has no beginning here comes with the window before; what is longer than a window is no line.
            let first = window.iter().position(|byte| *byte == b'\n').filter(|_| begin > 0);
            let whole = first.map_or(0, |end| end + 1);
            let mut left = window.len();
            for line in window.get(whole..).unwrap_or_default().split_inclusive(|byte| *byte == b'\n').rev() {
                if items.len() >= asked.limit {
                    break;
                }
                left -= line.len();
                items.extend(parse(line).filter(|event| asked.wants(event)));
            }
            at.byte = begin + left as u64;
            next = if at.byte > 0 { Some(at) } else { self.older(at.file)? };
            match next {
                Some(older) => at = older,
                None => break,
            }
        }
        Ok(ZoneEvents { items, next: next.map(|place| place.to_string()), newest: from.to_string() })
    }

    fn after(&self, from: EventsPlace, asked: &EventsAsked) -> io::Result<ZoneEvents> {
        let (mut items, mut at, mut budget) = (Vec::new(), self.still_there(from), WINDOWS_MAX);
        while budget > 0 && items.len() < asked.limit {
            budget -= 1;
            let window = self.read(at.file, (at.byte, at.byte + WINDOW))?;
            let whole = window.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            for line in window.get(..whole).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
                if items.len() >= asked.limit {
                    break;
                }
                at.byte += line.len() as u64;
                items.extend(parse(line).filter(|event| asked.wants(event)));
            }
            if whole > 0 {
                continue;
            }
            match self.newer(at.file) {
                Some(newer) => at = newer,
                None => break,
            }
        }
        Ok(ZoneEvents { items, next: None, newest: at.to_string() })
    }

    fn older(&self, file: u32) -> io::Result<Option<EventsPlace>> {
        let older = self.numbers.iter().rev().find(|number| **number < file);
        older.map(|number| Ok(EventsPlace { file: *number, byte: self.bytes(*number)? })).transpose()
    }

    fn newer(&self, file: u32) -> Option<EventsPlace> {
        let mut newer = self.numbers.iter().copied().chain([self.current]);
        newer.find(|number| *number > file).map(|file| EventsPlace { file, byte: 0 })
    }

    /// The place, or the oldest that is there where its file is gone.
    fn still_there(&self, place: EventsPlace) -> EventsPlace {
        let is_there = place.file == self.current || self.numbers.contains(&place.file);
        if is_there { place } else { self.newer(place.file).unwrap_or(EventsPlace { file: self.current, byte: 0 }) }
    }

    fn path(&self, file: u32) -> PathBuf {
        if file == self.current { self.folder.join(CURRENT) } else { numbered(&self.folder, file) }
    }

    /// 0 where it is not there.
    fn bytes(&self, file: u32) -> io::Result<u64> {
        match std::fs::metadata(self.path(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            metadata => Ok(metadata?.len()),
        }
    }

    /// What there is from one byte to another; nothing where the file is not there.
    fn read(&self, file: u32, (begin, end): (u64, u64)) -> io::Result<Vec<u8>> {
        read(&self.path(file), (begin, end.min(self.bytes(file)?)))
    }
}

fn read(path: &Path, (begin, end): (u64, u64)) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(end.saturating_sub(begin)).unwrap_or(0)];
    if !bytes.is_empty() {
        File::open(path)?.read_exact_at(&mut bytes, begin)?;
    }
    Ok(bytes)
}

/// `None` for what is no line of ours: one that was torn.
fn parse(line: &[u8]) -> Option<ZoneEvent> {
    serde_json::from_slice(line).ok()
}

/// Bytes that are looked at together; more than the longest line.
const WINDOW: u64 = 1 << 20;
/// Windows that are looked at for one page.
const WINDOWS_MAX: usize = 4;
