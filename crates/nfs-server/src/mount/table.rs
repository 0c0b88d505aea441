//! Who has mounted what, as far as anyone said so (RFC 1813 5.2.2): a courtesy to `showmount`, nothing depends on it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use nfs_wire::mount::{DirPath, HostName, MountEntry, MountList};

/// Mounts of one zone. When it is full the oldest is forgotten.
#[derive(Debug)]
pub(crate) struct MountTable {
    mounts: Mutex<VecDeque<(IpAddr, Bytes)>>,
    mounts_max: usize,
}

impl MountTable {
    pub(crate) fn new(mounts_max: usize) -> Self {
        Self { mounts: Mutex::default(), mounts_max }
    }

    /// Remembers a mount, once.
    pub(super) fn insert(&self, client: IpAddr, path: &[u8]) {
        let mut mounts = self.mounts();
        mounts.retain(|(host, mounted)| (*host, &mounted[..]) != (client, path));
        if mounts.len() >= self.mounts_max {
            mounts.pop_front();
        }
        mounts.push_back((client, Bytes::copy_from_slice(path)));
    }

    /// Forgets a mount.
    pub(super) fn remove(&self, client: IpAddr, path: &[u8]) {
        self.mounts().retain(|(host, mounted)| (*host, &mounted[..]) != (client, path));
    }

    /// Forgets all mounts of a client.
    pub(super) fn remove_all(&self, client: IpAddr) {
        self.mounts().retain(|(host, _)| *host != client);
    }

    /// All of them, oldest first.
    pub(super) fn list(&self) -> MountList {
        let mounts = self.mounts();
        let entry = |(host, path): &(IpAddr, Bytes)| {
            let hostname = HostName::new(host.to_string().into_bytes()).ok()?;
            Some(MountEntry { hostname, directory: DirPath::new(path.clone()).ok()? })
        };
        mounts.iter().filter_map(entry).collect()
    }

    /// What a client has mounted, oldest first.
    pub(crate) fn of_client(&self, client: IpAddr) -> Vec<Bytes> {
        self.mounts().iter().filter(|(host, _)| *host == client).map(|(_, path)| path.clone()).collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.mounts().len()
    }

    fn mounts(&self) -> MutexGuard<'_, VecDeque<(IpAddr, Bytes)>> {
        self.mounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn mounts_are_remembered_once_and_bounded() {
        let table = MountTable::new(2);
        let host = |last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last));
        let paths = || table.list().iter().map(|entry| entry.directory.to_vec()).collect::<Vec<_>>();
        table.insert(host(1), b"/a");
        table.insert(host(1), b"/a");
        assert_eq!(paths(), [b"/a"]);
        table.insert(host(2), b"/b");
        table.insert(host(1), b"/c");
        assert_eq!(paths(), [b"/b", b"/c"]);
        table.remove(host(1), b"/b");
        assert_eq!(paths(), [b"/b", b"/c"]);
        assert_eq!((table.of_client(host(1)), table.len()), (vec![Bytes::from_static(b"/c")], 2));
        table.remove_all(host(2));
        assert_eq!(paths(), [b"/c"]);
    }
}
