//! What CHANGE_NOTIFY tells.

use super::Entry;
use crate::codec::{DecodeError, Decoder, Encode, Encoder, Utf16, codes};

codes! {
    /// `Action` (MS-FSCC 2.7.1).
    pub struct NotifyAction(u32) {
        ADDED = 1 "FILE_ACTION_ADDED",
        REMOVED = 2 "FILE_ACTION_REMOVED",
        MODIFIED = 3 "FILE_ACTION_MODIFIED",
        RENAMED_OLD_NAME = 4 "FILE_ACTION_RENAMED_OLD_NAME",
        RENAMED_NEW_NAME = 5 "FILE_ACTION_RENAMED_NEW_NAME",
        ADDED_STREAM = 6 "FILE_ACTION_ADDED_STREAM",
        REMOVED_STREAM = 7 "FILE_ACTION_REMOVED_STREAM",
        MODIFIED_STREAM = 8 "FILE_ACTION_MODIFIED_STREAM",
    }
}

/// `FILE_NOTIFY_INFORMATION` (MS-FSCC 2.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileNotify<'a> {
    /// `Action`.
    pub action: NotifyAction,
    /// `FileName`, below the watched directory.
    pub name: Utf16<'a>,
}

impl<'a> Entry<'a> for FileNotify<'a> {
    const ALIGNMENT: usize = 4;

    fn decode_entry(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let action = decoder.read("Action")?;
        let length = decoder.read("FileNameLength")?;
        Ok(Self { action, name: decoder.take_text(length, "FileName")? })
    }
}

impl Encode for FileNotify<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.action);
        encoder.put_count_32(self.name.len());
        self.name.encode(encoder);
    }
}
