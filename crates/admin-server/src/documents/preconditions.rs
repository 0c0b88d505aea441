//! The state that a change is meant for (RFC 9110 13.1).

use admin_api::Problem;
use axum::http::{HeaderMap, HeaderName, header};

/// Which state a request is meant for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preconditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Tags {
    Any,
    These(Vec<String>),
}

/// The strong entity tag of a file: the same for each form that it is shown in, as all are made from its bytes.
pub(crate) fn etag(text: &str) -> String {
    let hash = blake3::hash(text.as_bytes()).to_hex();
    format!("\"{}\"", hash.get(..TAG_DIGITS).unwrap_or_default())
}

impl Preconditions {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self { if_match: tags(headers, &header::IF_MATCH), if_none_match: tags(headers, &header::IF_NONE_MATCH) }
    }

    /// Whether who asks has this already.
    pub(crate) fn has(&self, tag: &str) -> bool {
        self.if_none_match.as_ref().is_some_and(|tags| tags.name(Some(tag), true))
    }

    /// Errors: 412 (the file is not as the request means).
    pub(super) fn check(&self, text: Option<&str>) -> Result<(), Problem> {
        self.check_of("zone", text)
    }

    /// Whether any state will do.
    pub(crate) fn are_none(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }

    /// As [`Preconditions::check`], of something else than a zone.
    pub(crate) fn check_of(&self, what: &str, text: Option<&str>) -> Result<(), Problem> {
        let tag = text.map(etag);
        let tag = tag.as_deref();
        let is_meant = self.if_match.as_ref().is_none_or(|tags| tags.name(tag, false))
            && !self.if_none_match.as_ref().is_some_and(|tags| tags.name(tag, true));
        let now = tag.map_or_else(|| format!("there is no such {what}"), |tag| format!("the {what}'s ETag is {tag}"));
        let detail = format!("nothing was changed: {now}; get it again and decide anew");
        is_meant.then_some(()).ok_or_else(|| Problem::new(412, "Precondition Failed", detail))
    }
}

impl Tags {
    /// Whether a state is named; weak tags name states where that suffices. Nothing names what is not there.
    fn name(&self, tag: Option<&str>, weak: bool) -> bool {
        let Some(tag) = tag else { return false };
        let plain = |named: &String| if weak { named.strip_prefix("W/").unwrap_or(named) == tag } else { named == tag };
        match self {
            Self::Any => true,
            Self::These(tags) => tags.iter().any(plain),
        }
    }
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Option<Tags> {
    let mut all = headers.get_all(name).iter().peekable();
    all.peek()?;
    // What is no text names nothing.
    let texts = all.flat_map(|value| value.to_str().unwrap_or_default().split(','));
    let tags: Vec<_> = texts.map(|tag| tag.trim().to_owned()).collect();
    Some(if tags.iter().any(|tag| tag == "*") { Tags::Any } else { Tags::These(tags) })
}

/// 128 bits.
const TAG_DIGITS: usize = 32;
