//! How much of what is counted is allowed.

use vfs::{QuotaBasis, QuotaLimits, QuotaSettings, Timestamp};

use super::Record;
use crate::RecordError;
use crate::codec::{Field, Reader, Writer, fields, tags};

/// Limits of a quota domain; which one stands in the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaRecord {
    /// On inodes.
    pub inodes: QuotaLimits,
    /// On application-logical bytes.
    pub application_bytes: QuotaLimits,
    /// On file-system-logical bytes.
    pub logical_bytes: QuotaLimits,
    /// On physical bytes.
    pub physical_bytes: QuotaLimits,
    /// Whether held bytes count too.
    pub include_snapshots: bool,
    /// How long a soft limit may be exceeded, in seconds.
    pub grace_seconds: u64,
    /// Since when a soft limit on bytes is exceeded.
    pub soft_since: Option<Timestamp>,
    /// Whether the limits bind, or are only reported.
    pub enforced: bool,
    /// Which bytes are told where one figure is asked for.
    pub basis: QuotaBasis,
    /// Whether the directory looks as large as its limit.
    pub container: bool,
    /// Since when the soft limit on inodes is exceeded.
    pub inodes_since: Option<Timestamp>,
    /// The owner has no limits of their own: only since when those for every user or group are exceeded is meant.
    pub linked: bool,
}

impl QuotaRecord {
    /// A quota that nothing exceeds yet.
    #[must_use]
    pub fn new(settings: &QuotaSettings) -> Self {
        let QuotaSettings { basis, bytes, inodes, grace_seconds, enforced, container } = *settings;
        let mut record = Self { inodes, grace_seconds, enforced, basis, container, ..Self::default() };
        match basis {
            QuotaBasis::Application => record.application_bytes = bytes,
            QuotaBasis::Logical => record.logical_bytes = bytes,
            QuotaBasis::Physical => record.physical_bytes = bytes,
        }
        record
    }

    /// What somebody wanted of it.
    #[must_use]
    pub fn settings(&self) -> QuotaSettings {
        let Self { inodes, grace_seconds, enforced, basis, container, .. } = *self;
        let bytes = match basis {
            QuotaBasis::Application => self.application_bytes,
            QuotaBasis::Logical => self.logical_bytes,
            QuotaBasis::Physical => self.physical_bytes,
        };
        QuotaSettings { basis, bytes, inodes, grace_seconds, enforced, container }
    }

    /// The lowest format that can say it.
    fn format(&self) -> u8 {
        if self.linked {
            return FORMAT_LINKED;
        }
        let is_first = self.basis == QuotaBasis::Application && !self.container && self.inodes_since.is_none();
        if is_first { FORMAT } else { FORMAT_SHOWN }
    }

    fn check(&self) -> Result<(), RecordError> {
        let all = [self.inodes, self.application_bytes, self.logical_bytes, self.physical_bytes];
        let is_ordered =
            |limits: &QuotaLimits| !matches!((limits.soft, limits.hard), (Some(soft), Some(hard)) if soft > hard);
        if all.iter().all(is_ordered) { Ok(()) } else { Err(RecordError::Invalid("soft limit above the hard one")) }
    }
}

impl Record for QuotaRecord {
    const NAME: &'static str = "quota";

    fn append(&self, to: &mut Vec<u8>) {
        assert_eq!(self.check(), Ok(()), "a quota record that must not be written");
        let format = self.format();
        let mut behind = Writer::behind(to, format);
        for limits in [self.inodes, self.application_bytes, self.logical_bytes, self.physical_bytes] {
            limits.put(&mut behind);
        }
        self.include_snapshots.put(&mut behind);
        self.grace_seconds.put(&mut behind);
        self.soft_since.put(&mut behind);
        self.enforced.put(&mut behind);
        if format != FORMAT {
            self.basis.put(&mut behind);
            self.container.put(&mut behind);
            self.inodes_since.put(&mut behind);
        }
        *to = behind.into_bytes();
    }

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let known = |format: &u8| [FORMAT_SHOWN, FORMAT_LINKED].contains(format);
        let format = bytes.first().copied().filter(known).unwrap_or(FORMAT);
        let mut from = Reader::open(bytes, Self::NAME, format)?;
        let mut record = Self {
            inodes: Field::take(&mut from)?,
            application_bytes: Field::take(&mut from)?,
            logical_bytes: Field::take(&mut from)?,
            physical_bytes: Field::take(&mut from)?,
            include_snapshots: Field::take(&mut from)?,
            grace_seconds: Field::take(&mut from)?,
            soft_since: Field::take(&mut from)?,
            enforced: Field::take(&mut from)?,
            linked: format == FORMAT_LINKED,
            ..Self::default()
        };
        if format != FORMAT {
            record.basis = Field::take(&mut from)?;
            record.container = Field::take(&mut from)?;
            record.inodes_since = Field::take(&mut from)?;
        }
        from.end()?;
        record.check()?;
        if record.format() == format { Ok(record) } else { Err(RecordError::Invalid("basis of a quota")) }
    }
}

tags!(QuotaBasis, "basis of a quota", Application = 1, Logical = 2, Physical = 3,);
fields!(QuotaLimits, hard, soft, advisory);

const FORMAT: u8 = 1;
const FORMAT_SHOWN: u8 = 2;
const FORMAT_LINKED: u8 = 3;
