//! How an export shows itself: description, advisory sizes, file numbers.

use std::ops::RangeInclusive;

use super::Reader;
use crate::presentation::{FileIds, Presentation, Sizes, TransferSizes};
use crate::settings::{ExportTable, Number, Text};

impl Reader<'_> {
    pub(super) fn presentation(&mut self, key: &str, table: &ExportTable) -> Presentation {
        let read = [&table.read_size_max, &table.read_size_preferred, &table.read_size_multiple];
        let write = [&table.write_size_max, &table.write_size_preferred, &table.write_size_multiple];
        let readdir = (format!("{key}.readdir_size_preferred"), table.readdir_size_preferred.as_ref());
        Presentation {
            description: self.description(&format!("{key}.description"), table.description.as_ref()),
            sizes: Sizes {
                read: self.transfer_sizes(&format!("{key}.read_size"), read),
                write: self.transfer_sizes(&format!("{key}.write_size"), write),
                readdir_preferred: self.number(&readdir.0, readdir.1, PREFERRED_BYTES),
            },
            file_ids: self.file_ids(&format!("{key}.file_ids"), table.file_ids.as_ref()),
            can_set_time: table.can_set_time.unwrap_or(true),
        }
    }

    /// A number within its range.
    pub(super) fn number(&mut self, key: &str, written: Option<&Number>, range: RangeInclusive<u32>) -> Option<u32> {
        let written = written?;
        let number = u32::try_from(*written.get_ref()).ok().filter(|number| range.contains(number));
        if number.is_none() {
            let reason = format!("{} is not from {} to {}", written.get_ref(), range.start(), range.end());
            self.findings.add(written.span(), key, reason);
        }
        number
    }

    fn transfer_sizes(&mut self, key: &str, [max, preferred, multiple]: [&Option<Number>; 3]) -> TransferSizes {
        let sizes = TransferSizes {
            max: self.number(&format!("{key}_max"), max.as_ref(), MAX_BYTES),
            preferred: self.number(&format!("{key}_preferred"), preferred.as_ref(), PREFERRED_BYTES),
            multiple: self.number(&format!("{key}_multiple"), multiple.as_ref(), MULTIPLE_BYTES),
        };
        if let (Some(written), Some(size), Some(max)) = (preferred, sizes.preferred, sizes.max)
            && size > max
        {
            let reason = format!("{size} is above {key}_max, {max}");
            self.findings.add(written.span(), format!("{key}_preferred"), reason);
        }
        if let (Some(written), Some(size)) = (multiple, sizes.multiple)
            && !size.is_power_of_two()
        {
            self.findings.add(written.span(), format!("{key}_multiple"), format!("{size} is no power of two"));
        }
        sizes
    }

    fn description(&mut self, key: &str, written: Option<&Text>) -> String {
        let Some(written) = written else { return String::new() };
        let text = written.get_ref();
        if text.len() > DESCRIPTION_BYTES_MAX || text.chars().any(char::is_control) {
            let reason = format!("at most {DESCRIPTION_BYTES_MAX} bytes on one line");
            self.findings.add(written.span(), key, reason);
        }
        text.clone()
    }

    fn file_ids(&mut self, key: &str, written: Option<&Text>) -> FileIds {
        match written.map(|written| written.get_ref().as_str()) {
            None | Some("64") => return FileIds::Bits64,
            Some("32") => return FileIds::Bits32,
            Some(_) => {}
        }
        if let Some(written) = written {
            let shown = written.get_ref().escape_default();
            self.findings.add(written.span(), key, format!("\"{shown}\" is no width: allowed are \"64\" and \"32\""));
        }
        FileIds::Bits64
    }
}

/// Of a largest transfer: the gateway serves up to 1 MiB.
const MAX_BYTES: RangeInclusive<u32> = 8192..=1_048_576;
const PREFERRED_BYTES: RangeInclusive<u32> = 4096..=1_048_576;
const MULTIPLE_BYTES: RangeInclusive<u32> = 512..=1_048_576;
/// Longest description.
const DESCRIPTION_BYTES_MAX: usize = 511;
