//! CREATE, as the operations need it.

use smb_wire::Command;
use smb_wire::codec::Utf16;
use smb_wire::create::{
    CreateContexts, CreateDisposition, CreateOptions, CreateRequest, ImpersonationLevel, OplockLevel, ShareAccess,
};
use smb_wire::dtyp::AccessMask;
use smb_wire::info::FileAttributes;

use crate::message::Call;

/// What to open, and how; others may do everything meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) path: String,
    access: AccessMask,
    disposition: CreateDisposition,
    options: CreateOptions,
}

impl Open {
    /// A file, to read and write.
    pub(crate) fn file(path: &str, disposition: CreateDisposition) -> Self {
        let access = AccessMask::FILE_GENERIC_READ | AccessMask::FILE_GENERIC_WRITE;
        Self { path: path.to_owned(), access, disposition, options: CreateOptions::NON_DIRECTORY_FILE }
    }

    /// A directory, to list it.
    pub(crate) fn folder(path: &str, disposition: CreateDisposition) -> Self {
        let access = AccessMask::FILE_GENERIC_READ;
        Self { path: path.to_owned(), access, disposition, options: CreateOptions::DIRECTORY_FILE }
    }

    /// A file that is there, to be removed when it is closed.
    pub(crate) fn to_delete(path: &str) -> Self {
        let access = AccessMask::DELETE | AccessMask::READ_ATTRIBUTES;
        let options = CreateOptions::NON_DIRECTORY_FILE | CreateOptions::DELETE_ON_CLOSE;
        Self { path: path.to_owned(), access, disposition: CreateDisposition::OPEN, options }
    }

    pub(crate) fn call(&self) -> Call {
        let name = utf16(&self.path);
        let request = CreateRequest {
            oplock_level: OplockLevel::NONE,
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: self.access,
            file_attributes: FileAttributes::NORMAL,
            share_access: ShareAccess::READ | ShareAccess::WRITE | ShareAccess::DELETE,
            disposition: self.disposition,
            options: self.options,
            name: Utf16::from_bytes(&name).unwrap_or_default(),
            contexts: CreateContexts::default(),
        };
        Call::new(Command::CREATE, &request)
    }
}

pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
