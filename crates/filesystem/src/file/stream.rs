//! Finding out where a file is read in order: by several clients at different places, with many requests under way that
//! come a little out of order.

use std::ops::Range;

/// The places of a file where somebody reads in order, the last used first.
#[derive(Debug, Default)]
pub(crate) struct Streams([Stream; STREAMS_MAX]);

/// Somebody who reads in order. Everything in blocks.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    /// Behind the furthest that was read.
    next: u64,
    /// Reads that went further.
    steps: u32,
    /// Up to where it was read ahead.
    until: u64,
    /// Whether what it reads is not in the cache.
    is_cold: bool,
}

/// What a read means for reading ahead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Advice {
    /// These blocks will be wanted.
    pub(super) wanted: Option<Range<u64>>,
    /// These were expected to be, and will not.
    pub(super) given_up: Option<Range<u64>>,
}

impl Streams {
    /// Takes note of a read of these blocks, some of which had to be read from the store. No more than `window_max`
    /// blocks ahead are wanted.
    pub(super) fn note(&mut self, blocks: &Range<u64>, is_cold: bool, window_max: u64) -> Advice {
        let length = blocks.end.saturating_sub(blocks.start);
        if length == 0 || window_max < WINDOW_MIN {
            return Advice::default();
        }
        let near = length * NEAR_LENGTHS;
        let is_near = |stream: &Stream| stream.steps > 0 && blocks.start.abs_diff(stream.next) <= near;
        let Some(at) = self.0.iter().position(is_near) else {
            return Advice { given_up: self.begin(blocks, is_cold), wanted: None };
        };
        if let Some(used) = self.0.get_mut(..=at) {
            used.rotate_right(1);
        }
        let stream = self.0.first_mut();
        let wanted = stream.and_then(|stream| stream.goes_on(blocks, is_cold, window_max));
        Advice { wanted, given_up: None }
    }

    /// Everything that was wanted from a block on is in the cache already: the next is not wanted before a read misses.
    pub(super) fn is_warm(&mut self, first: u64) {
        let streams = self.0.iter_mut().filter(|stream| stream.next <= first && first < stream.until);
        streams.for_each(|stream| stream.is_cold = false);
    }

    /// A read that goes on nowhere may be the first of a stream; it takes the place of the least used. Returns what was
    /// still ahead of that one.
    fn begin(&mut self, blocks: &Range<u64>, is_cold: bool) -> Option<Range<u64>> {
        self.0.rotate_right(1);
        let first = self.0.first_mut()?;
        let begun = Stream { next: blocks.end, steps: 1, until: 0, is_cold };
        let gone = std::mem::replace(first, begun);
        (gone.until > gone.next).then_some(gone.next..gone.until)
    }
}

impl Stream {
    /// Returns what is wanted next.
    fn goes_on(&mut self, blocks: &Range<u64>, is_cold: bool, window_max: u64) -> Option<Range<u64>> {
        self.is_cold |= is_cold;
        if blocks.end <= self.next {
            return None;
        }
        self.next = blocks.end;
        self.steps = self.steps.saturating_add(1);
        if self.steps < STEPS_MIN || !self.is_cold {
            return None;
        }
        let length = blocks.end - blocks.start;
        let window = (length << self.steps.min(STEPS_SHIFTED_MAX)).clamp(WINDOW_MIN, window_max);
        let (from, to) = (self.until.max(self.next), self.next + window);
        if to < from + window.div_ceil(2) {
            return None;
        }
        self.until = to;
        Some(from..to)
    }
}

/// Places of one file that are followed at once.
const STREAMS_MAX: usize = 4;
/// A read goes on with a stream if it begins within so many times its length of where that is.
const NEAR_LENGTHS: u64 = 8;
/// Reads in order before anything is read ahead.
const STEPS_MIN: u32 = 3;
/// The window doubles with each read up to here at most.
const STEPS_SHIFTED_MAX: u32 = 12;
/// Smallest window that is worth it: 64 KiB.
const WINDOW_MIN: u64 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = 2048;

    fn read(streams: &mut Streams, start: u64, length: u64) -> Option<Range<u64>> {
        streams.note(&(start..start + length), true, MAX).wanted
    }

    #[test]
    fn a_file_read_in_order_is_read_ahead_in_a_growing_window() {
        let mut streams = Streams::default();
        let mut until = 0;
        let mut wanted = Vec::new();
        for step in 0..4096 {
            if let Some(range) = read(&mut streams, step * 16, 16) {
                assert!(range.start == until || until == 0, "without gaps");
                until = range.end;
                wanted.push(range.end - range.start);
            }
            assert!(step < 3 || until > step * 16 + 16, "always ahead");
            assert!(until <= (step + 1) * 16 + MAX);
        }
        assert!(wanted.iter().max() >= Some(&(MAX / 2)) && wanted.len() < 100, "{}", wanted.len());
    }

    #[test]
    fn reads_under_way_at_once_may_overtake_each_other() {
        let mut streams = Streams::default();
        let starts = [1, 0, 3, 2, 6, 4, 5, 7].map(|number| number * 256);
        let wanted: Vec<_> = starts.iter().filter_map(|start| read(&mut streams, *start, 256)).collect();
        assert!(!wanted.is_empty());
    }

    #[test]
    fn reads_at_random_are_not_read_ahead() {
        let mut streams = Streams::default();
        let mut random = 1_u64;
        let wanted = (0..100_000).filter(|_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            read(&mut streams, (random >> 33) % (1 << 20), 1).is_some()
        });
        assert!(wanted.count() < 10);
    }

    #[test]
    fn several_places_are_followed_and_the_least_used_is_given_up() {
        let mut streams = Streams::default();
        let place = |number: u64| number << 30;
        let mut wanted = 0;
        for step in 0..8 {
            wanted += (0..4).filter(|number| read(&mut streams, place(*number) + step * 16, 16).is_some()).count();
        }
        assert!(wanted >= 8, "{wanted}");
        let given_up = streams.note(&(place(9)..place(9) + 1), true, MAX).given_up.unwrap();
        assert!(given_up.start == 8 * 16 && given_up.end > 8 * 16, "{given_up:?}");
    }

    #[test]
    fn what_is_in_the_cache_is_not_wanted() {
        let mut streams = Streams::default();
        assert!((0..100).all(|step| streams.note(&(step * 16..step * 16 + 16), false, MAX) == Advice::default()));
        let range = read(&mut streams, 1600, 16).unwrap();
        streams.is_warm(range.start);
        let warm = |step: u64| streams.note(&(step * 16..step * 16 + 16), false, MAX);
        assert!((101..300).map(warm).all(|advice| advice == Advice::default()));
    }

    #[test]
    fn little_memory_and_empty_reads_want_nothing() {
        let mut streams = Streams::default();
        assert!((0..9).all(|step| streams.note(&(step..step + 1), true, WINDOW_MIN - 1) == Advice::default()));
        assert!((0..9).all(|step| streams.note(&(step..step), true, MAX) == Advice::default()));
    }
}
