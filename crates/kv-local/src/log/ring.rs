//! Positions of the endless log, their places in the file, and what of it is free.

use super::DATA_START;

/// How positions fall into the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    area_bytes: u64,
}

impl Geometry {
    /// The geometry of a log of this size.
    pub(crate) fn new(log_bytes: u64) -> Self {
        Self { area_bytes: log_bytes.saturating_sub(DATA_START).max(1) }
    }

    /// Place of a position in the file.
    pub(crate) fn offset(self, position: u64) -> u64 {
        DATA_START + position % self.area_bytes
    }

    /// Bytes from the position to the end of its lap.
    pub(crate) fn left_in_lap(self, position: u64) -> u64 {
        self.area_bytes - position % self.area_bytes
    }

    /// First position of the next lap.
    pub(crate) fn next_lap(self, position: u64) -> u64 {
        position + self.left_in_lap(position)
    }

    /// Bytes of one lap.
    pub(crate) fn area_bytes(self) -> u64 {
        self.area_bytes
    }
}

/// The part of the log in use: from the start of replay to where the next write goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ring {
    pub(crate) geometry: Geometry,
    pub(crate) start: u64,
    pub(crate) head: u64,
    /// Bytes of the file that are zero-filled: writes stay below.
    pub(crate) prepared_bytes: u64,
}

impl Ring {
    /// Where a write of this length goes, or `None` while there is no room for it that leaves `spare` bytes free.
    pub(crate) fn place(&self, length: u64, spare: u64) -> Option<u64> {
        let position = self.next_place(length);
        let is_prepared = self.geometry.offset(position) + length <= self.prepared_bytes;
        (self.is_free(length, spare) && is_prepared).then_some(position)
    }

    /// Whether a write of this length would stay so far from the start, wherever the zero-fill is.
    pub(crate) fn is_free(&self, length: u64, spare: u64) -> bool {
        self.next_place(length) + length + spare - self.start <= self.geometry.area_bytes
    }

    /// Bytes between the head and the start.
    pub(crate) fn free_bytes(&self) -> u64 {
        self.geometry.area_bytes - (self.head - self.start)
    }

    fn next_place(&self, length: u64) -> u64 {
        let fits_in_lap = length <= self.geometry.left_in_lap(self.head);
        if fits_in_lap { self.head } else { self.geometry.next_lap(self.head) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(start: u64, head: u64) -> Ring {
        Ring { geometry: Geometry::new(DATA_START + 100), start, head, prepared_bytes: DATA_START + 100 }
    }

    #[test]
    fn a_write_that_does_not_fit_starts_the_next_lap() {
        assert_eq!(ring(0, 0).place(100, 0), Some(0));
        assert_eq!(ring(50, 60).place(40, 0), Some(60));
        assert_eq!(ring(50, 60).place(41, 0), Some(100));
        assert_eq!(ring(250, 260).place(50, 0), Some(300));
        assert_eq!(ring(250, 260).place(51, 0), None);
        assert_eq!(Geometry::new(DATA_START + 100).offset(260), DATA_START + 60);
    }

    #[test]
    fn a_write_never_overtakes_the_start() {
        assert_eq!(ring(10, 100).place(10, 0), Some(100));
        assert_eq!(ring(10, 100).place(11, 0), None);
        assert_eq!(ring(0, 60).place(41, 0), None);
        assert_eq!((ring(10, 60).place(20, 30), ring(10, 60).place(20, 31)), (Some(60), None));
        assert_eq!((ring(10, 60).free_bytes(), ring(10, 110).free_bytes()), (50, 0));
    }

    #[test]
    fn a_write_waits_for_the_zero_fill() {
        let ring = Ring { prepared_bytes: DATA_START + 30, ..ring(0, 20) };
        assert_eq!(ring.place(10, 0), Some(20));
        assert_eq!(ring.place(11, 0), None);
    }
}
