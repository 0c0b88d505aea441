//! What was sent, and what was not: the last of each zone, in files that a restart finds.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use admin_api::Notification;
use admin_server::NotificationStore;
use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;

use super::event::Event;
use crate::added_lines::AddedLines;
use crate::replace::{SECRET_MODE, replace};

/// What was sent of all zones.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Holds a file for each zone.
    folder: PathBuf,
    /// Lines in the files that were written since the start.
    lines: Mutex<HashMap<String, usize>>,
}

impl Sent {
    /// Files in this folder.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, lines: Mutex::default() }
    }

    /// Keeps these, of one zone; on stable storage once this returns. What cannot be kept is in the log.
    pub(super) async fn keep(self: &Arc<Self>, zone: &str, told: Vec<Notification>) {
        let (sent, zone) = (Arc::clone(self), zone.to_owned());
        let kept = spawn_blocking(move || sent.add(&zone, &told).map_err(|error| (zone, error)));
        if let Ok(Err((zone, error))) = kept.await {
            tracing::warn!(zone, %error, "what was told of quotas is not kept for its list");
        }
    }

    /// One at a time, as lines are counted.
    fn add(&self, zone: &str, told: &[Notification]) -> io::Result<()> {
        let mut known = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&self.folder)?;
        let file = self.file(zone);
        let written = told.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        let before = match known.get(zone) {
            Some(lines) => *lines,
            None => self.read(zone)?.len(),
        };
        if before + written.len() <= LINES_MAX {
            AddedLines::open(&file)?.add(&written.join("\n"), true)?;
            known.insert(zone.to_owned(), before + written.len());
            return Ok(());
        }
        let all: Vec<_> = self.read(zone)?.into_iter().chain(written).collect();
        let kept = all.get(all.len().saturating_sub(KEPT)..).unwrap_or_default();
        replace(&file, &(kept.join("\n") + "\n"), SECRET_MODE)?;
        known.insert(zone.to_owned(), kept.len());
        Ok(())
    }

    /// The lines of a zone, oldest first.
    fn read(&self, zone: &str) -> io::Result<Vec<String>> {
        match fs::read_to_string(self.file(zone)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            text => Ok(text?.lines().map(str::to_owned).collect()),
        }
    }

    /// Whatever a zone is called, it lies in the folder.
    fn file(&self, zone: &str) -> PathBuf {
        self.folder.join(format!("{zone}.jsonl"))
    }
}

/// What is listed.
#[derive(Debug)]
pub(crate) struct HouseNotifications(pub(crate) Arc<Sent>);

impl NotificationStore for HouseNotifications {
    fn notifications(&self, zone: &str) -> BoxFuture<'_, Result<Vec<Notification>, String>> {
        let (sent, zone) = (Arc::clone(&self.0), zone.to_owned());
        Box::pin(async move {
            let lines = spawn_blocking(move || sent.read(&zone)).await.map_err(|error| error.to_string())?;
            let lines = lines.map_err(|error| format!("what was sent cannot be read: {error}"))?;
            // One that was torn says nothing.
            Ok(lines.iter().rev().take(KEPT).filter_map(|line| serde_json::from_str(line).ok()).collect())
        })
    }
}

/// What became of an event at a place; `None` is the log.
pub(super) fn became(
    event: &Event,
    (action, to): (&str, Option<&str>),
    (time, failed): (String, Option<String>),
) -> Notification {
    let quota = &event.quota;
    Notification {
        time,
        zone: quota.zone.clone(),
        id: event.id.clone(),
        seen: event.time.clone(),
        limit: event.limit.to_owned(),
        when: event.when.to_owned(),
        path: quota.path.clone(),
        kind: quota.kind,
        owner: quota.owner_name.clone().or_else(|| quota.owner.clone()),
        counter: event.counter.map(str::to_owned),
        times: event.times,
        action: action.to_owned(),
        to: to.map(str::to_owned),
        is_sent: failed.is_none(),
        reason: failed,
    }
}

/// Of each zone, the last.
const KEPT: usize = 1000;
/// Where a file has more it is cut.
const LINES_MAX: usize = 2 * KEPT;
const FOLDER_MODE: u32 = 0o700;
