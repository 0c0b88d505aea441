//! What of a zone is recorded.

use std::sync::Arc;

use vfs::{InodeId, ShardId};

use super::{PLAIN, parse_text};
use crate::{AuditEvent, Registry};

fn messages(lines: &str) -> String {
    let errors = parse_text(&format!("{PLAIN}[audit]\n{lines}\n")).unwrap_err();
    errors.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn what_is_recorded_is_what_the_file_says() {
    assert_eq!(parse_text(PLAIN).unwrap().audit(), None, "nothing, where nothing is said");
    let zone =
        parse_text(&format!("{PLAIN}[audit]\nevents = [\"delete\", \"denied\"]\noutcomes = \"failure\"\n")).unwrap();
    let rules = zone.audit().unwrap();
    let wants = |event| [rules.wants(event, true), rules.wants(event, false)];
    assert_eq!(wants(AuditEvent::Delete), [false, true]);
    assert_eq!(wants(AuditEvent::Rename), [false, false]);
    assert_eq!((rules.file_bytes(), rules.files()), (64 << 20, 10));
    let sized = parse_text(&format!("{PLAIN}[audit]\nevents = [\"read\"]\nfile_mib = 1\nfiles = 2\n")).unwrap();
    let rules = sized.audit().unwrap();
    assert_eq!((rules.file_bytes(), rules.files()), (1 << 20, 2));
    assert!(rules.wants(AuditEvent::Read, true) && rules.wants(AuditEvent::Read, false));
}

#[test]
fn mistakes_name_file_key_and_what_is_allowed() {
    for (lines, key, reason) in [
        ("", "", "missing field `events`"),
        ("events = []", "audit.events", "nothing would be recorded; name some of \"logon\", \"logoff\""),
        (
            "events = [\"open\"]",
            "audit.events[0]",
            "\"open\" is not one of \"logon\", \"logoff\", \"mount\", \"create\"",
        ),
        ("events = [\"read\", \"read\"]", "audit.events[1]", "named twice"),
        ("events = [\"read\"]\noutcomes = \"none\"", "audit.outcomes", "not one of \"all\", \"success\", \"failure\""),
        ("events = [\"read\"]\nfile_mib = 0", "audit.file_mib", "0 is not from 1 to 4096"),
        ("events = [\"read\"]\nfiles = 1001", "audit.files", "1001 is not from 1 to 1000"),
        ("events = [\"read\"]\nfile = \"/etc/passwd\"", "", "unknown field `file`"),
        ("events = \"read\"", "events", "invalid type"),
    ] {
        let told = messages(lines);
        assert!(
            told.starts_with("zones/contoso.toml:") && told.contains(key) && told.contains(reason),
            "{lines}: {told}"
        );
    }
}

#[test]
fn a_reload_loses_nothing_that_waits() {
    let registry = Registry::new();
    let serve = |lines: &str| {
        let zone = parse_text(&format!("{PLAIN}{lines}")).unwrap();
        registry.install(vec![(zone, InodeId::root_of(ShardId(1)))]);
        registry.zones()[0].trail().cloned()
    };
    assert!(serve("").is_none());
    let first = serve("[audit]\nevents = [\"read\"]\n").unwrap();
    let second = serve("[audit]\nevents = [\"delete\"]\n").unwrap();
    assert!(Arc::ptr_eq(first.mailbox(), second.mailbox()));
    assert_eq!(second.recorded(Some(AuditEvent::Delete), true, false), Some(AuditEvent::Delete));
    assert_eq!(second.recorded(Some(AuditEvent::Read), true, false), None);
    assert!(serve("").is_none());
}
