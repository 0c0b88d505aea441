//! Which part of a list is asked for.

use admin_api::{LIMIT_DEFAULT, LIMIT_MAX, List, Page, Problem};

use crate::access::Caller;
use crate::documents::missing;

/// A page that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Most items.
    pub(crate) limit: usize,
    /// Where it begins: what that means is the list's business. 0 is the first page.
    pub(crate) cursor: u64,
    /// The only zone to tell of; `None`: all.
    pub(crate) zone: Option<String>,
}

impl Asked {
    /// Errors: 400 (limit out of range, or a cursor that is none of ours), 404 (a zone that the caller does not see).
    pub(crate) fn parse(page: Page, caller: &Caller) -> Result<Self, Problem> {
        let limit = page.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(bad(format!("limit: {limit} is out of range: allowed are 1 to {LIMIT_MAX}")));
        }
        let cursor = match &page.cursor {
            None => 0,
            Some(text) => text.parse().map_err(|_| bad(format!("cursor: {text:?} is no `next` of a page")))?,
        };
        if let Some(zone) = page.zone.as_ref().filter(|zone| !caller.sees(zone)) {
            return Err(missing(zone));
        }
        let zone = page.zone.or_else(|| caller.zone().map(str::to_owned));
        Ok(Self { limit, cursor, zone })
    }

    /// Whether what belongs to a zone, or to none that is known, is asked for.
    pub(crate) fn is_about(&self, zone: Option<&str>) -> bool {
        self.zone.is_none() || self.zone.as_deref() == zone
    }

    /// How many items of a list without numbers lie before the page and its end, and one to see that there are more.
    pub(crate) fn wanted(&self) -> usize {
        usize::try_from(self.cursor).unwrap_or(usize::MAX).saturating_add(self.limit).saturating_add(1)
    }

    /// Whether a page that has this `next` is all there is.
    pub(crate) fn is_all(&self, next: Option<&str>) -> bool {
        self.cursor == 0 && next.is_none()
    }

    /// The page of a list that is counted from its beginning.
    pub(crate) fn cut<T>(&self, items: impl IntoIterator<Item = T>, total: Option<u64>) -> List<T> {
        let mut behind = items.into_iter().skip(usize::try_from(self.cursor).unwrap_or(usize::MAX));
        let items: Vec<_> = behind.by_ref().take(self.limit).collect();
        let next = behind.next().map(|_| self.cursor.saturating_add(items.len() as u64).to_string());
        let total = total.or_else(|| self.is_all(next.as_deref()).then_some(items.len() as u64));
        List { items, next, total }
    }
}

fn bad(detail: String) -> Problem {
    Problem::new(400, "Bad Request", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Origin;

    #[test]
    fn a_list_comes_in_pages() {
        let page = |limit, cursor| Asked { limit, cursor, zone: None }.cut(0..5, Some(5));
        assert_eq!(page(2, 0), List { items: vec![0, 1], next: Some("2".to_owned()), total: Some(5) });
        assert_eq!(page(2, 4), List { items: vec![4], next: None, total: Some(5) });
        assert_eq!(page(5, 0).next, None);
        assert_eq!(page(5, u64::MAX).items, [] as [i32; 0]);
        assert_eq!(Asked { limit: 2, cursor: 4, zone: None }.wanted(), 7);
    }

    #[test]
    fn what_is_asked_is_bounded() {
        let caller = Caller::owner(Origin::Local { uid: None });
        let asked = |limit, cursor: Option<&str>| {
            Asked::parse(Page { limit, cursor: cursor.map(str::to_owned), zone: None }, &caller)
        };
        assert_eq!(asked(None, None), Ok(Asked { limit: LIMIT_DEFAULT, cursor: 0, zone: None }));
        assert_eq!(asked(Some(1000), Some("7")), Ok(Asked { limit: 1000, cursor: 7, zone: None }));
        for (limit, cursor) in [(Some(0), None), (Some(1001), None), (None, Some("-1")), (None, Some("x"))] {
            assert_eq!(asked(limit, cursor).unwrap_err().status, 400);
        }
    }
}
