//! What a file holds, and what of it is promised.

use vfs::WriteVerifier;

/// Bytes that are written, kept and lost together: a sector, so that eight share a block.
pub(super) const UNIT: usize = 512;
/// Bytes that say whose a unit is, again and again.
const MARK: usize = 32;

/// Whose data a unit is. Every unit that was ever written differs from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) client: u64,
    pub(super) file: u64,
    pub(super) unit: u64,
    /// Rises with every write of the client; 0 is a hole.
    pub(super) version: u64,
}

impl Stamp {
    pub(super) fn bytes(self) -> Vec<u8> {
        self.mark().repeat(UNIT / MARK)
    }

    fn is(self, found: &[u8]) -> bool {
        let mark = self.mark();
        found.len() == UNIT && found.chunks(MARK).all(|part| part == mark)
    }

    fn mark(self) -> [u8; MARK] {
        let mut mark = [0; MARK];
        if self.version > 0 {
            let words = [self.client + 1, self.file, self.unit, self.version];
            mark.chunks_mut(8).zip(words).for_each(|(place, word)| place.copy_from_slice(&word.to_le_bytes()));
        }
        mark
    }

    /// Reads what was found, for a message.
    pub(super) fn tell(found: &[u8]) -> String {
        if found.iter().all(|byte| *byte == 0) {
            return "zeros".to_owned();
        }
        let word = |at: usize| found.get(at * 8..at * 8 + 8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap()));
        let [Some(client), Some(file), Some(unit), Some(version)] = [0, 1, 2, 3].map(word) else {
            return format!("{} bytes", found.len());
        };
        let stamp = Self { client: client.wrapping_sub(1), file, unit, version };
        if stamp.is(found) { format!("{stamp:?}") } else { format!("no unit: {:x?}", &found[..32]) }
    }
}

/// One unit of a file.
#[derive(Clone, Debug, Default)]
struct Unit {
    /// The version that was promised to stay.
    stable: u64,
    /// Versions written since, of which the last is seen and any may be left after a crash.
    newer: Vec<u64>,
}

impl Unit {
    fn seen(&self) -> u64 {
        self.newer.last().copied().unwrap_or(self.stable)
    }
}

/// A file as its client knows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    units: Vec<Unit>,
    /// Units up to the end that was promised to stay.
    stable_size: u64,
    /// Ends since.
    newer_sizes: Vec<u64>,
    /// Under which what is not stable was written.
    verifier: Option<WriteVerifier>,
    /// Something may or may not have happened: any version may be there until somebody has looked.
    is_shaken: bool,
}

impl Content {
    pub(super) fn size(&self) -> u64 {
        self.newer_sizes.iter().copied().max().unwrap_or(0).max(self.stable_size)
    }

    pub(super) fn is_shaken(&self) -> bool {
        self.is_shaken
    }

    /// A write that was acknowledged: stable, or under this verifier.
    pub(super) fn wrote(&mut self, (first, count): (u64, u64), version: u64, unstable: Option<WriteVerifier>) {
        let size = self.size();
        let end = first + count;
        for unit in self.range(first, count) {
            match unstable {
                Some(_) => unit.newer.push(version),
                None => *unit = Unit { stable: version, newer: Vec::new() },
            }
        }
        match unstable {
            Some(verifier) => {
                self.is_shaken |= self.verifier.is_some_and(|before| before != verifier);
                self.verifier = Some(verifier);
                // Also below the end that is seen: what was written there may be lost before this is.
                self.newer_sizes.extend((end > self.stable_size).then_some(end));
            }
            None if end > size => (self.stable_size, self.newer_sizes) = (end, Vec::new()),
            None => self.stable_size = self.stable_size.max(end),
        }
    }

    /// A write of which nobody knows.
    pub(super) fn may_have_written(&mut self, (first, count): (u64, u64), version: u64) {
        self.is_shaken = true;
        self.range(first, count).iter_mut().for_each(|unit| unit.newer.push(version));
        self.newer_sizes.push(first + count);
    }

    /// A new end that was acknowledged.
    pub(super) fn cut(&mut self, size: u64) {
        (self.stable_size, self.newer_sizes) = (size, Vec::new());
        self.units.truncate(usize::try_from(size).unwrap());
    }

    /// A new end of which nobody knows.
    pub(super) fn may_have_cut(&mut self, size: u64) {
        self.is_shaken = true;
        let behind = usize::try_from(size).unwrap();
        self.units.iter_mut().skip(behind).for_each(|unit| unit.newer.push(0));
        self.newer_sizes.push(size);
    }

    /// A commit that was acknowledged; it vouches for what was written under the same verifier.
    pub(super) fn committed(&mut self, verifier: WriteVerifier) {
        self.is_shaken |= self.verifier.is_some_and(|before| before != verifier);
        if self.is_shaken {
            return;
        }
        for unit in &mut self.units {
            *unit = Unit { stable: unit.seen(), newer: Vec::new() };
        }
        (self.stable_size, self.newer_sizes, self.verifier) = (self.size(), Vec::new(), None);
    }

    /// Whether bytes read from `first` on are right. `now` is the verifier after reading: under another than that of
    /// the writes, older data may be seen.
    pub(super) fn accepts(
        &self,
        whose: (u64, u64),
        (first, found): (u64, &[u8]),
        now: WriteVerifier,
    ) -> Result<(), String> {
        for (unit, found) in (first..).zip(found.chunks(UNIT)) {
            self.version_of(whose, (unit, found), now)?;
        }
        Ok(())
    }

    /// Whether the file may have this many bytes.
    pub(super) fn accepts_size(&self, bytes: u64, now: WriteVerifier) -> Result<(), String> {
        let size = bytes / UNIT as u64;
        let mut sizes = self.newer_sizes.iter().chain([&self.stable_size]);
        let is_known = if self.is_certain(now) { size == self.size() } else { sizes.any(|known| *known == size) };
        if is_known && bytes.is_multiple_of(UNIT as u64) {
            return Ok(());
        }
        Err(format!("{bytes} bytes, promised {} units, then {:?}", self.stable_size, self.newer_sizes))
    }

    /// Takes over what was read after a commit under the verifier that still holds: that is promised now.
    pub(super) fn adopt(&mut self, whose: (u64, u64), found: &[u8], now: WriteVerifier) -> Result<(), String> {
        self.accepts_size(found.len() as u64, now)?;
        let versions = (0..).zip(found.chunks(UNIT)).map(|found| self.version_of(whose, found, now));
        let units = versions.map(|version| Ok(Unit { stable: version?, newer: Vec::new() }));
        let units = units.collect::<Result<Vec<_>, String>>()?;
        *self = Self { stable_size: units.len() as u64, units, ..Self::default() };
        Ok(())
    }

    fn is_certain(&self, now: WriteVerifier) -> bool {
        !self.is_shaken && self.verifier.is_none_or(|verifier| verifier == now)
    }

    fn version_of(
        &self,
        (client, file): (u64, u64),
        (unit, found): (u64, &[u8]),
        now: WriteVerifier,
    ) -> Result<u64, String> {
        let known = self.units.get(usize::try_from(unit).unwrap()).cloned().unwrap_or_default();
        let is_there = |version: &u64| Stamp { client, file, unit, version: *version }.is(found);
        let seen = Some(known.seen()).filter(is_there);
        let earlier = || known.newer.iter().chain([&known.stable]).find(|version| is_there(version)).copied();
        let version = if self.is_certain(now) { seen } else { seen.or_else(earlier) };
        version.ok_or_else(|| {
            let (found, certain) = (Stamp::tell(found), self.is_certain(now));
            format!("unit {unit} of file {file} is {found}, promised {known:?} (certain: {certain})")
        })
    }

    fn range(&mut self, first: u64, count: u64) -> &mut [Unit] {
        let range = usize::try_from(first).unwrap()..usize::try_from(first + count).unwrap();
        if self.units.len() < range.end {
            self.units.resize(range.end, Unit::default());
        }
        &mut self.units[range]
    }
}
