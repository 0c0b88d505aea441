//! Which events are asked for.

use std::fmt;

use admin_api::{LIMIT_DEFAULT, LIMIT_MAX, ZoneEvent, ZoneEventsQuery};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct EventsAsked {
    /// Where they begin.
    pub from: EventsFrom,
    /// Most of them.
    pub limit: usize,
    event: Option<String>,
    user: Option<String>,
    /// Without a separator at its end.
    path: Option<String>,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventsFrom {
    /// The newest, backwards.
    Newest,
    /// Those before a place, backwards.
    Before(EventsPlace),
    /// Those behind a place, forwards.
    After(EventsPlace),
}

/// A place in the record of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventsPlace {
    /// Number of the file.
    pub file: u32,
    /// Byte in it, where a line begins.
    pub byte: u64,
}

impl EventsAsked {
    /// Errors: which key is wrong, and what is allowed.
    pub fn parse(query: ZoneEventsQuery) -> Result<Self, String> {
        let ZoneEventsQuery { limit, before, after, event, user, path } = query;
        let limit = limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(format!("limit: {limit} is out of range: allowed are 1 to {LIMIT_MAX}"));
        }
        let place = |key: &str, text: &str| {
            let place = EventsPlace::parse(text);
            place.ok_or_else(|| format!("{key}: \"{}\" is no place that a page told", text.escape_default()))
        };
        let from = match (before, after) {
            (Some(_), Some(_)) => return Err("say before or after, but one of them only".to_owned()),
            (Some(before), None) => EventsFrom::Before(place("before", &before)?),
            (None, Some(after)) => EventsFrom::After(place("after", &after)?),
            (None, None) => EventsFrom::Newest,
        };
        let known = || zones::AuditEvent::ALL.iter().map(|event| event.name()).chain(["lost"]);
        if let Some(event) = event.as_deref().filter(|event| !known().any(|known| known == *event)) {
            let known = known().collect::<Vec<_>>().join(", ");
            return Err(format!("event: \"{}\" is not one of {known}", event.escape_default()));
        }
        if let Some(path) = path.as_deref().filter(|path| !path.starts_with('/')) {
            return Err(format!("path: \"{}\" does not begin with \"/\"", path.escape_default()));
        }
        let path = path.map(|path| path.trim_end_matches('/').to_owned());
        Ok(Self { from, limit, event, user, path })
    }

    /// Whether an event is asked for.
    #[must_use]
    pub fn wants(&self, event: &ZoneEvent) -> bool {
        let is_user =
            |user: &String| event.user.as_ref() == Some(user) || event.uid.is_some_and(|uid| uid.to_string() == *user);
        let is_below = |path: &String| {
            let is_it = |found: &String| {
                found.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            event.path.iter().chain(&event.to).any(is_it)
        };
        self.event.as_ref().is_none_or(|name| *name == event.event)
            && self.user.as_ref().is_none_or(is_user)
            && self.path.as_ref().is_none_or(is_below)
    }
}

impl EventsPlace {
    fn parse(text: &str) -> Option<Self> {
        let (file, byte) = text.split_once('.')?;
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let place = Self { file: file.parse().ok()?, byte: byte.parse().ok()? };
        (is_number(file) && is_number(byte) && place.byte < BYTES_MAX).then_some(place)
    }
}

impl fmt::Display for EventsPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.file, self.byte)
    }
}

/// No file is larger.
const BYTES_MAX: u64 = 1 << 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: ZoneEventsQuery) -> Result<EventsAsked, String> {
        EventsAsked::parse(query)
    }

    #[test]
    fn what_is_asked_is_checked() {
        let some = |text: &str| Some(text.to_owned());
        for (query, wrong) in [
            (ZoneEventsQuery { limit: Some(0), ..Default::default() }, "limit: 0 is out of range"),
            (ZoneEventsQuery { limit: Some(1001), ..Default::default() }, "limit: 1001"),
            (ZoneEventsQuery { before: some("1"), ..Default::default() }, "before: \"1\" is no place"),
            (ZoneEventsQuery { after: some("1.+1"), ..Default::default() }, "after: "),
            (ZoneEventsQuery { after: some("1.9999999999999"), ..Default::default() }, "after: "),
            (ZoneEventsQuery { after: some("1.1"), before: some("1.1"), ..Default::default() }, "one of them only"),
            (ZoneEventsQuery { event: some("open"), ..Default::default() }, "not one of logon, logoff"),
            (ZoneEventsQuery { path: some("a"), ..Default::default() }, "does not begin"),
        ] {
            let told = asked(query).unwrap_err();
            assert!(told.contains(wrong), "{told}");
        }
        assert_eq!(
            asked(ZoneEventsQuery { before: some("3.17"), ..Default::default() }).unwrap().from,
            EventsFrom::Before(EventsPlace { file: 3, byte: 17 })
        );
    }

    #[test]
    fn events_are_told_apart_by_user_and_path() {
        let event = ZoneEvent {
            event: "rename".to_owned(),
            user: Some("alice".to_owned()),
            uid: Some(1001),
            path: Some("/a/b".to_owned()),
            to: Some("/cellar".to_owned()),
            ..ZoneEvent::default()
        };
        let wants = |event_name: Option<&str>, user: Option<&str>, path: Option<&str>| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let query = ZoneEventsQuery {
                event: owned(event_name),
                user: owned(user),
                path: owned(path),
                ..Default::default()
            };
            asked(query).unwrap().wants(&event)
        };
        assert!(wants(None, None, None) && wants(Some("rename"), Some("alice"), Some("/a")));
        assert!(
            wants(None, Some("1001"), Some("/a/b/"))
                && wants(None, None, Some("/"))
                && wants(None, None, Some("/cellar"))
        );
        assert!(
            !wants(Some("delete"), None, None) && !wants(None, Some("bob"), None) && !wants(None, None, Some("/a/bc"))
        );
        assert!(!wants(None, None, Some("/a/b/c")) && !wants(None, None, Some("/cell")), "part of a name");
    }
}
