//! `berth snapshot changes|ranges`. There may be very much: each page is written as it comes.

use admin_api::{CHANGES_BELOW, ChangedEntry, ChangedRanges, EntryChange, EntryKind, LIMIT_MAX, List, RANGES_BELOW};
use anyhow::Result;
use serde::Serialize;

use super::gateway::Gateway;
use super::quotas::encoded;
use super::snapshots::address;
use super::table::printable;
use super::watch;
use crate::arguments::{SnapshotChangesArguments, SnapshotRangesArguments};

/// With `--json` each entry is a line.
pub(super) async fn changes(arguments: &SnapshotChangesArguments) -> Result<()> {
    let SnapshotChangesArguments { snapshot, to, directory } = arguments;
    let gateway = Gateway::find(&snapshot.client)?;
    let mut path = format!("{}{CHANGES_BELOW}?limit={LIMIT_MAX}", address(snapshot)?);
    path += &format!("&directory={}{}", encoded(directory), younger(to.as_deref()));
    let mut cursor = String::new();
    loop {
        let page: List<ChangedEntry> = gateway.get(&format!("{path}{cursor}")).await?;
        if !print(&page.items, snapshot.client.json, entry)? {
            return Ok(());
        }
        match page.next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(()),
        }
    }
}

/// As that.
pub(super) async fn ranges(arguments: &SnapshotRangesArguments) -> Result<()> {
    let SnapshotRangesArguments { snapshot, file, to } = arguments;
    let gateway = Gateway::find(&snapshot.client)?;
    let mut path = format!("{}{CHANGES_BELOW}{RANGES_BELOW}?limit={LIMIT_MAX}", address(snapshot)?);
    path += &format!("&file={}{}", encoded(file), younger(to.as_deref()));
    let mut cursor = String::new();
    loop {
        let page: ChangedRanges = gateway.get(&format!("{path}{cursor}")).await?;
        let is_read = print(&page.items, snapshot.client.json, |range| {
            let what = if range.hole { "hole" } else { "data" };
            format!("{what}  {:>16} {:>16}", range.offset, range.length)
        })?;
        match page.next {
            Some(next) if is_read => cursor = format!("&cursor={next}"),
            _ => return Ok(()),
        }
    }
}

fn younger(to: Option<&str>) -> String {
    to.map(|to| format!("&to={}", encoded(to))).unwrap_or_default()
}

/// Says whether anybody still reads.
fn print<T: Serialize>(items: &[T], json: bool, line: impl Fn(&T) -> String) -> Result<bool> {
    let mut text = String::new();
    for item in items {
        text += &if json { serde_json::to_string(item)? } else { line(item) };
        text.push('\n');
    }
    watch::print(&text)
}

/// `+`, `-` or `*`, then where it is, where it was, and what of it differs.
fn entry(entry: &ChangedEntry) -> String {
    let sign = match entry.change {
        EntryChange::Created => '+',
        EntryChange::Removed => '-',
        EntryChange::Changed => '*',
    };
    let slash = if entry.kind == EntryKind::Directory && entry.path != "/" { "/" } else { "" };
    let parts: Vec<_> = entry.parts.iter().filter_map(|part| serde_json::to_value(part).ok()).collect();
    let parts: Vec<_> = parts.iter().filter_map(|part| part.as_str()).collect();
    let parts = if parts.is_empty() { String::new() } else { format!("  ({})", parts.join(", ")) };
    let was = entry.old_path.as_ref().map(|was| format!("  was {}", printable(was))).unwrap_or_default();
    format!("{sign} {}{slash}{was}{parts}", printable(&entry.path))
}

#[cfg(test)]
mod tests {
    use admin_api::ChangedPart;

    use super::*;

    #[test]
    fn a_line_says_what_differs() {
        let made = ChangedEntry {
            path: "/a".to_owned(),
            old_path: None,
            inode: 7,
            kind: EntryKind::Directory,
            change: EntryChange::Created,
            parts: Vec::new(),
            size_before: None,
            size_after: None,
        };
        assert_eq!(entry(&made), "+ /a/");
        let renamed = ChangedEntry {
            old_path: Some("/b\n".to_owned()),
            kind: EntryKind::File,
            change: EntryChange::Changed,
            parts: vec![ChangedPart::Name, ChangedPart::Data],
            ..made
        };
        assert_eq!(entry(&renamed), "* /a  was /b\u{fffd}  (name, data)");
    }
}
