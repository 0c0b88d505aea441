//! Which part of a list is asked for.

use admin_api::{LIMIT_DEFAULT, LIMIT_MAX, List, Page, Problem};

/// A page that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Most items.
    pub(crate) limit: usize,
    /// Where it begins: what that means is the list's business. 0 is the first page.
    pub(crate) cursor: u64,
}

impl Asked {
    /// Errors: 400 (limit out of range, or a cursor that is none of ours).
    pub(crate) fn parse(page: &Page) -> Result<Self, Problem> {
        let limit = page.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(bad(format!("limit: {limit} is out of range: allowed are 1 to {LIMIT_MAX}")));
        }
        let cursor = match &page.cursor {
            None => 0,
            Some(text) => text.parse().map_err(|_| bad(format!("cursor: {text:?} is no `next` of a page")))?,
        };
        Ok(Self { limit, cursor })
    }

    /// How many items of a list without numbers lie before the page and its end, and one to see that there are more.
    pub(crate) fn wanted(self) -> usize {
        usize::try_from(self.cursor).unwrap_or(usize::MAX).saturating_add(self.limit).saturating_add(1)
    }

    /// The page of a list that is counted from its beginning.
    pub(crate) fn cut<T>(self, items: impl IntoIterator<Item = T>, total: Option<u64>) -> List<T> {
        let mut behind = items.into_iter().skip(usize::try_from(self.cursor).unwrap_or(usize::MAX));
        let items: Vec<_> = behind.by_ref().take(self.limit).collect();
        let next = behind.next().map(|_| self.cursor.saturating_add(items.len() as u64).to_string());
        List { items, next, total }
    }
}

fn bad(detail: String) -> Problem {
    Problem::new(400, "Bad Request", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_comes_in_pages() {
        let page = |limit, cursor| Asked { limit, cursor }.cut(0..5, Some(5));
        assert_eq!(page(2, 0), List { items: vec![0, 1], next: Some("2".to_owned()), total: Some(5) });
        assert_eq!(page(2, 4), List { items: vec![4], next: None, total: Some(5) });
        assert_eq!(page(5, 0).next, None);
        assert_eq!(page(5, u64::MAX).items, [] as [i32; 0]);
        assert_eq!(Asked { limit: 2, cursor: 4 }.wanted(), 7);
    }

    #[test]
    fn what_is_asked_is_bounded() {
        let asked = |limit, cursor: Option<&str>| Asked::parse(&Page { limit, cursor: cursor.map(str::to_owned) });
        assert_eq!(asked(None, None), Ok(Asked { limit: LIMIT_DEFAULT, cursor: 0 }));
        assert_eq!(asked(Some(1000), Some("7")), Ok(Asked { limit: 1000, cursor: 7 }));
        for (limit, cursor) in [(Some(0), None), (Some(1001), None), (None, Some("-1")), (None, Some("x"))] {
            assert_eq!(asked(limit, cursor).unwrap_err().status, 400);
        }
    }
}
