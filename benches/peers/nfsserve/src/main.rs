//! A small file system in memory on the crate nfsserve: directories, files, reads and writes. It shows what that crate's
//! protocol costs; nothing that it answers lasts.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use nfsserve::nfs::{
    fattr3, fileid3, filename3, ftype3, nfspath3, nfsstat3, nfstime3, sattr3, specdata3,
};
use nfsserve::tcp::{NFSTcp, NFSTcpListener};
use nfsserve::vfs::{DirEntry, NFSFileSystem, ReadDirResult, VFSCapabilities};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:11111".to_owned());
    NFSTcpListener::bind(&address, Memory::new()).await?.handle_forever().await
}

/// Nodes by number, from 1 on.
struct Memory(Mutex<Vec<Node>>);

/// A file has data, a directory has names.
#[derive(Default)]
struct Node {
    is_directory: bool,
    data: Vec<u8>,
    names: HashMap<Vec<u8>, fileid3>,
}

impl Memory {
    fn new() -> Self {
        Self(Mutex::new(vec![Node { is_directory: true, ..Node::default() }]))
    }

    fn nodes(&self) -> MutexGuard<'_, Vec<Node>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&self, folder: fileid3, name: &filename3, is_directory: bool) -> Result<(fileid3, fattr3), nfsstat3> {
        let mut nodes = self.nodes();
        let id = nodes.len() as fileid3 + 1;
        let names = &mut node(&mut nodes, folder)?.names;
        if names.contains_key(&name.0) {
            return Err(nfsstat3::NFS3ERR_EXIST);
        }
        names.insert(name.0.clone(), id);
        let made = Node { is_directory, ..Node::default() };
        let attributes = attributes(id, &made);
        nodes.push(made);
        Ok((id, attributes))
    }
}

fn node(nodes: &mut [Node], id: fileid3) -> Result<&mut Node, nfsstat3> {
    nodes.get_mut(id.wrapping_sub(1) as usize).ok_or(nfsstat3::NFS3ERR_STALE)
}

fn attributes(id: fileid3, node: &Node) -> fattr3 {
    let time = nfstime3 { seconds: 0, nseconds: 0 };
    let size = node.data.len() as u64;
    fattr3 {
        ftype: if node.is_directory { ftype3::NF3DIR } else { ftype3::NF3REG },
        mode: if node.is_directory { 0o777 } else { 0o666 },
        nlink: 1,
        uid: 0,
        gid: 0,
        size,
        used: size,
        rdev: specdata3::default(),
        fsid: 0,
        fileid: id,
        atime: time,
        mtime: time,
        ctime: time,
    }
}

#[async_trait]
impl NFSFileSystem for Memory {
    fn capabilities(&self) -> VFSCapabilities {
        VFSCapabilities::ReadWrite
    }

    fn root_dir(&self) -> fileid3 {
        1
    }

    async fn lookup(&self, folder: fileid3, name: &filename3) -> Result<fileid3, nfsstat3> {
        node(&mut self.nodes(), folder)?.names.get(&name.0).copied().ok_or(nfsstat3::NFS3ERR_NOENT)
    }

    async fn getattr(&self, id: fileid3) -> Result<fattr3, nfsstat3> {
        Ok(attributes(id, node(&mut self.nodes(), id)?))
    }

    async fn setattr(&self, id: fileid3, _changes: sattr3) -> Result<fattr3, nfsstat3> {
        self.getattr(id).await
    }

    async fn read(&self, id: fileid3, offset: u64, count: u32) -> Result<(Vec<u8>, bool), nfsstat3> {
        let mut nodes = self.nodes();
        let data = &node(&mut nodes, id)?.data;
        let begin = data.len().min(offset as usize);
        let end = data.len().min(begin + count as usize);
        Ok((data[begin..end].to_vec(), end == data.len()))
    }

    async fn write(&self, id: fileid3, offset: u64, data: &[u8]) -> Result<fattr3, nfsstat3> {
        let mut nodes = self.nodes();
        let node = node(&mut nodes, id)?;
        let (begin, end) = (offset as usize, offset as usize + data.len());
        if node.data.len() < end {
            node.data.resize(end, 0);
        }
        node.data[begin..end].copy_from_slice(data);
        Ok(attributes(id, node))
    }

    async fn create(&self, folder: fileid3, name: &filename3, _: sattr3) -> Result<(fileid3, fattr3), nfsstat3> {
        self.make(folder, name, false)
    }

    async fn create_exclusive(&self, folder: fileid3, name: &filename3) -> Result<fileid3, nfsstat3> {
        self.make(folder, name, false).map(|(id, _)| id)
    }

    async fn mkdir(&self, folder: fileid3, name: &filename3) -> Result<(fileid3, fattr3), nfsstat3> {
        self.make(folder, name, true)
    }

    async fn remove(&self, folder: fileid3, name: &filename3) -> Result<(), nfsstat3> {
        let removed = node(&mut self.nodes(), folder)?.names.remove(&name.0);
        removed.map(drop).ok_or(nfsstat3::NFS3ERR_NOENT)
    }

    async fn rename(
        &self,
        _: fileid3,
        _: &filename3,
        _: fileid3,
        _: &filename3,
    ) -> Result<(), nfsstat3> {
        Err(nfsstat3::NFS3ERR_NOTSUPP)
    }

    async fn readdir(&self, id: fileid3, after: fileid3, count: usize) -> Result<ReadDirResult, nfsstat3> {
        let mut nodes = self.nodes();
        let mut names: Vec<_> = node(&mut nodes, id)?.names.iter().map(|(name, id)| (*id, name.clone())).collect();
        names.sort_unstable();
        let rest: Vec<_> = names.into_iter().filter(|(id, _)| *id > after).collect();
        let end = rest.len() <= count;
        let entry = |(fileid, name): (fileid3, Vec<u8>)| {
            let attr = attributes(fileid, node(&mut nodes, fileid)?);
            Ok(DirEntry { fileid, name: name.into(), attr })
        };
        let entries: Result<Vec<_>, nfsstat3> = rest.into_iter().take(count).map(entry).collect();
        Ok(ReadDirResult { entries: entries?, end })
    }

    async fn symlink(
        &self,
        _: fileid3,
        _: &filename3,
        _: &nfspath3,
        _: &sattr3,
    ) -> Result<(fileid3, fattr3), nfsstat3> {
        Err(nfsstat3::NFS3ERR_NOTSUPP)
    }

    async fn readlink(&self, _: fileid3) -> Result<nfspath3, nfsstat3> {
        Err(nfsstat3::NFS3ERR_NOTSUPP)
    }
}
