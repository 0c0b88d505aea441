//! Open segment files, the longest unused closed first.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use chunk::SegmentId;
use uring::File;

/// A bounded cache of open files.
#[derive(Debug)]
pub(crate) struct Handles {
    max: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    files: HashMap<SegmentId, (File, u64)>,
    uses: u64,
}

impl Handles {
    pub(crate) fn new(max: usize) -> Self {
        Self { max: max.max(1), open: Mutex::default() }
    }

    /// The open file of a segment, opened now if need be.
    pub(crate) fn get(&self, segment: SegmentId, open: impl FnOnce() -> io::Result<File>) -> io::Result<File> {
        let mut state = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        state.uses += 1;
        let now = state.uses;
        if let Some((file, used)) = state.files.get_mut(&segment) {
            *used = now;
            return Ok(file.clone());
        }
        let file = open()?;
        if state.files.len() >= self.max {
            state.close_oldest();
        }
        state.files.insert(segment, (file.clone(), now));
        Ok(file)
    }

    pub(crate) fn close(&self, segment: SegmentId) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).files.remove(&segment);
    }
}

impl Open {
    fn close_oldest(&mut self) {
        let oldest = self.files.iter().min_by_key(|(_, (_, used))| *used).map(|(segment, _)| *segment);
        if let Some(oldest) = oldest {
            self.files.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_is_closed() {
        let handles = Handles::new(2);
        let file = tempfile::NamedTempFile::new().unwrap();
        let how = uring::OpenHow { direct: false, ..uring::OpenHow::default() };
        let opened = std::cell::Cell::new(0);
        let get = |id| {
            let open = || {
                opened.set(opened.get() + 1);
                File::open(file.path(), &how)
            };
            handles.get(SegmentId(id), open).unwrap();
            opened.get()
        };
        assert_eq!([get(1), get(2), get(1), get(3), get(1), get(2), get(3)], [1, 2, 2, 3, 3, 4, 5]);
        handles.close(SegmentId(3));
        assert_eq!(get(3), 6);
    }
}
