//! Requests that are the same every time.

use anyhow::Result;
use load::{Next, Operation};
use smb_wire::info::FileInformationClass;
use smb_wire::query_info::{InfoType, QueryInfoFlags, QueryInfoRequest, SecurityInformation};
use smb_wire::{Command, EchoRequest, FileId};

use super::done;
use crate::message::{Call, Reply};

/// One request, again and again.
pub(crate) struct Fixed(Call);

pub(crate) fn echo() -> Fixed {
    Fixed(Call::new(Command::ECHO, &EchoRequest {}))
}

pub(crate) fn query_info(file_id: FileId) -> Fixed {
    let request = QueryInfoRequest {
        info_type: InfoType::FILE,
        class: FileInformationClass::NETWORK_OPEN.0,
        output_length: OUTPUT_BYTES,
        additional: SecurityInformation::empty(),
        flags: QueryInfoFlags::empty(),
        file_id,
        input: &[],
    };
    Fixed(Call::new(Command::QUERY_INFO, &request))
}

impl Operation<Call, Reply> for Fixed {
    fn begin(&mut self) -> Option<Call> {
        Some(self.0.clone())
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        done(reply, 0)
    }
}

const OUTPUT_BYTES: u32 = 1024;
