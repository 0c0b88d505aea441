//! Where inodes are in the two states: the names that lead from the directory that was asked for to their home.

use std::collections::HashMap;
use std::sync::Arc;

use meta::keys;
use meta::records::{DentryRecord, InodeRecord};
use vfs::limits::DEPTH_MAX;
use vfs::{Cookie, Failure, InodeNumber, Name};

use super::Page;
use super::span::Side;
use crate::cache::Seeded;

/// What is known of directories: the names that lead to one, or that none do.
#[derive(Debug, Default)]
pub(super) struct Paths {
    known: HashMap<(Side, InodeNumber), Option<Arc<Vec<Name>>>, Seeded>,
}

impl<K: kv::Engine, C: chunk::Store> Page<'_, K, C> {
    /// The names that lead to an inode with this record; `None` if it is not below the directory.
    pub(super) async fn path(
        &mut self,
        (side, number): (Side, InodeNumber),
        record: Option<&InodeRecord>,
    ) -> Result<Option<Vec<Name>>, Failure> {
        let Some(record) = record else { return Ok(None) };
        if number == self.span.top {
            return Ok(Some(Vec::new()));
        }
        if number == self.span.root {
            return Ok(None);
        }
        let Some(above) = self.path_of_directory(side, record.home_parent).await? else { return Ok(None) };
        let name = self.name_at(side, (record.home_parent, record.home_cookie)).await?;
        Ok(name.map(|name| above.iter().cloned().chain([name]).collect()))
    }

    /// As that, of a directory.
    pub(super) async fn path_of_directory(
        &mut self,
        side: Side,
        number: InodeNumber,
    ) -> Result<Option<Arc<Vec<Name>>>, Failure> {
        let (mut steps, mut at) = (Vec::new(), number);
        let mut path = loop {
            if let Some(known) = self.paths.known.get(&(side, at)) {
                break known.clone();
            }
            if at == self.span.top {
                break Some(Arc::default());
            }
            if at == self.span.root || steps.len() > DEPTH_MAX as usize {
                break None;
            }
            let Some(record) = self.record(side, at).await? else { break None };
            let name = self.name_at(side, (record.home_parent, record.home_cookie)).await?;
            let Some(name) = name else { break None };
            steps.push((at, name));
            at = record.home_parent;
        };
        for (directory, name) in steps.into_iter().rev() {
            path = path.map(|above| Arc::new(above.iter().cloned().chain([name]).collect()));
            self.paths.known.insert((side, directory), path.clone());
        }
        Ok(path)
    }

    /// The name of an entry.
    async fn name_at(
        &mut self,
        side: Side,
        (directory, cookie): (InodeNumber, Cookie),
    ) -> Result<Option<Name>, Failure> {
        self.look(1);
        let within = self.span.inode(side, directory);
        let found = self.house.stored::<DentryRecord>(within, |within| keys::dentry(within, cookie)).await;
        let found = found.map_err(|error| self.house.refuse(&error))?;
        self.seen.note(found.version);
        Ok(found.value.map(|entry| entry.name.clone()))
    }
}
