//! QUERY_DIRECTORY of a whole directory.

use anyhow::{Result, ensure};
use load::{Next, Operation};
use smb_wire::codec::Utf16;
use smb_wire::create::CreateDisposition;
use smb_wire::info::{Entries, FileInformationClass, InClass};
use smb_wire::query_directory::{QueryDirectoryFlags, QueryDirectoryRequest};
use smb_wire::{Command, FileId, OutputResponse, Status};

use super::names::file_id;
use crate::message::{Call, Reply};
use crate::open::{Open, utf16};
use crate::prepare::Ground;

/// Page after page, from the begin again at the end; an operation is an entry. Each slot has an open of its own, which is
/// where a server remembers the place.
pub(crate) struct Listings {
    open: Open,
    file_id: Option<FileId>,
    pattern: Vec<u8>,
}

impl Listings {
    pub(crate) fn new(ground: &Ground) -> Self {
        let open = Open::folder(&ground.folder, CreateDisposition::OPEN);
        Self { open, file_id: None, pattern: utf16("*") }
    }

    fn next_page(&self, file_id: FileId, flags: QueryDirectoryFlags) -> Call {
        let request = QueryDirectoryRequest {
            class: FileInformationClass::ID_BOTH_DIRECTORY,
            flags,
            file_index: 0,
            file_id,
            output_length: PAGE_BYTES,
            pattern: Utf16::from_bytes(&self.pattern).unwrap_or_default(),
        };
        Call::new(Command::QUERY_DIRECTORY, &request).answered_with(PAGE_BYTES)
    }
}

impl Operation<Call, Reply> for Listings {
    fn begin(&mut self) -> Option<Call> {
        Some(match self.file_id {
            Some(file_id) => self.next_page(file_id, QueryDirectoryFlags::empty()),
            None => self.open.call(),
        })
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        let Some(open) = self.file_id else {
            let opened = file_id(reply)?;
            self.file_id = Some(opened);
            return Ok(Next::Call(self.next_page(opened, QueryDirectoryFlags::empty())));
        };
        if reply.status == Status::NO_MORE_FILES {
            return Ok(Next::Call(self.next_page(open, QueryDirectoryFlags::RESTART_SCANS)));
        }
        let response: OutputResponse<'_> = reply.decode()?;
        let entries = Entries::<InClass<'_, { FileInformationClass::ID_BOTH_DIRECTORY.0 }>>::new(response.output);
        let mut operations = 0;
        for entry in entries {
            entry?;
            operations += 1;
        }
        ensure!(operations > 0, "an empty page");
        Ok(Next::Done { operations, bytes: 0 })
    }
}

const PAGE_BYTES: u32 = 64 << 10;
