//! `ACCESS_MASK` (MS-DTYP 2.4.3) with the rights of files and directories (MS-SMB2 2.2.13.1).

use crate::codec::flags;

flags! {
    /// `SMB2 Access Mask`. Where a bit means another thing for a directory, both names stand.
    pub struct AccessMask(u32) {
        READ_DATA = 0x0000_0001 "FILE_READ_DATA",
        LIST_DIRECTORY = 0x0000_0001 "FILE_LIST_DIRECTORY",
        WRITE_DATA = 0x0000_0002 "FILE_WRITE_DATA",
        ADD_FILE = 0x0000_0002 "FILE_ADD_FILE",
        APPEND_DATA = 0x0000_0004 "FILE_APPEND_DATA",
        ADD_SUBDIRECTORY = 0x0000_0004 "FILE_ADD_SUBDIRECTORY",
        READ_EA = 0x0000_0008 "FILE_READ_EA",
        WRITE_EA = 0x0000_0010 "FILE_WRITE_EA",
        EXECUTE = 0x0000_0020 "FILE_EXECUTE",
        TRAVERSE = 0x0000_0020 "FILE_TRAVERSE",
        DELETE_CHILD = 0x0000_0040 "FILE_DELETE_CHILD",
        READ_ATTRIBUTES = 0x0000_0080 "FILE_READ_ATTRIBUTES",
        WRITE_ATTRIBUTES = 0x0000_0100 "FILE_WRITE_ATTRIBUTES",
        DELETE = 0x0001_0000 "DELETE",
        READ_CONTROL = 0x0002_0000 "READ_CONTROL",
        WRITE_DAC = 0x0004_0000 "WRITE_DAC",
        WRITE_OWNER = 0x0008_0000 "WRITE_OWNER",
        SYNCHRONIZE = 0x0010_0000 "SYNCHRONIZE",
        ACCESS_SYSTEM_SECURITY = 0x0100_0000 "ACCESS_SYSTEM_SECURITY",
        MAXIMUM_ALLOWED = 0x0200_0000 "MAXIMUM_ALLOWED",
        GENERIC_ALL = 0x1000_0000 "GENERIC_ALL",
        GENERIC_EXECUTE = 0x2000_0000 "GENERIC_EXECUTE",
        GENERIC_WRITE = 0x4000_0000 "GENERIC_WRITE",
        GENERIC_READ = 0x8000_0000 "GENERIC_READ",
    }
}

impl AccessMask {
    /// What `GENERIC_READ` stands for in files and directories: `FILE_GENERIC_READ`.
    pub const FILE_GENERIC_READ: Self = Self::from_bits_retain(0x0012_0089);
    /// What `GENERIC_WRITE` stands for: `FILE_GENERIC_WRITE`.
    pub const FILE_GENERIC_WRITE: Self = Self::from_bits_retain(0x0012_0116);
    /// What `GENERIC_EXECUTE` stands for: `FILE_GENERIC_EXECUTE`.
    pub const FILE_GENERIC_EXECUTE: Self = Self::from_bits_retain(0x0012_00a0);
    /// What `GENERIC_ALL` stands for: `FILE_ALL_ACCESS`.
    pub const FILE_ALL_ACCESS: Self = Self::from_bits_retain(0x001f_01ff);

    /// The same with the generic rights replaced by what they stand for in files (MS-DTYP 2.5.3.2).
    #[must_use]
    pub fn map_generic(self) -> Self {
        let pairs = [
            (Self::GENERIC_READ, Self::FILE_GENERIC_READ),
            (Self::GENERIC_WRITE, Self::FILE_GENERIC_WRITE),
            (Self::GENERIC_EXECUTE, Self::FILE_GENERIC_EXECUTE),
            (Self::GENERIC_ALL, Self::FILE_ALL_ACCESS),
        ];
        let asked = pairs.into_iter().filter(|(generic, _)| self.contains(*generic));
        asked.fold(self, |mask, (generic, rights)| mask.difference(generic) | rights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generic_rights_become_those_of_files() {
        let mapped = (AccessMask::GENERIC_READ | AccessMask::DELETE).map_generic();
        assert_eq!(mapped, AccessMask::FILE_GENERIC_READ | AccessMask::DELETE);
        assert_eq!(AccessMask::GENERIC_ALL.map_generic(), AccessMask::FILE_ALL_ACCESS);
    }
}
