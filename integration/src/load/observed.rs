//! What a worker's folder looks like, read back call by call.

use std::collections::BTreeMap;

use nfs_wire::nfs3::{FileHandle, Ftype3};

use super::expected::{Expected, ExpectedFile};
use crate::client::{Answer, CallFailure, Client};

/// A folder as the server shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Folders with their modes.
    pub folders: BTreeMap<String, u32>,
    /// Files by path.
    pub files: BTreeMap<String, ObservedFile>,
}

/// One file as the server shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObservedFile {
    /// Permission bits.
    pub mode: u32,
    /// Every byte.
    pub content: Vec<u8>,
}

impl Observed {
    /// Reads a folder with everything in it; its attributes must agree with what reading gives.
    pub fn read(client: &mut Client, folder: &FileHandle) -> Answer<Self> {
        let mut observed = Self::default();
        observed.read_folder(client, folder, "")?;
        let folders: Vec<_> = observed.folders.keys().cloned().collect();
        for name in folders {
            let inner = client.lookup(folder, &name)?;
            observed.read_folder(client, &inner, &format!("{name}/"))?;
        }
        Ok(observed)
    }

    /// The state from which a load goes on: what was read once must stay.
    #[must_use]
    pub fn into_expected(self) -> Expected {
        let settled =
            |file: ObservedFile| ExpectedFile { mode: file.mode, settled: file.content, unsettled: Vec::new() };
        let files = self.files.into_iter().map(|(path, file)| (path, settled(file))).collect();
        Expected { folders: self.folders, files }
    }

    fn read_folder(&mut self, client: &mut Client, folder: &FileHandle, prefix: &str) -> Answer<()> {
        for name in client.readdir(folder)? {
            let handle = client.lookup(folder, &name)?;
            let attributes = client.getattr(&handle)?;
            let path = format!("{prefix}{name}");
            if attributes.file_type == Ftype3::Directory {
                self.folders.insert(path, attributes.mode);
                continue;
            }
            let content = client.read_all(&handle)?;
            if u64::try_from(content.len()).ok() != Some(attributes.size) {
                let told = format!("{path}: {} bytes told, {} read", attributes.size, content.len());
                return Err(CallFailure::Nonsense(told));
            }
            self.files.insert(path, ObservedFile { mode: attributes.mode, content });
        }
        Ok(())
    }
}
