//! What becomes of an inode's descriptor when attributes are set, and the mode that goes with it.

use std::sync::Arc;

use meta::records::InodeRecord;
use vfs::acl::SecurityDescriptor;
use vfs::{Attributes, FileType, SetAttributes, TreeId};

use super::mode_of;
use crate::turn::{Step, Turn};

/// Gives the record of an inode, on which everything else was set, the descriptor that it has now.
///
/// Errors: `InvalidArgument` (the descriptor would be too long).
pub(crate) fn set_descriptor<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    tree: TreeId,
    (old, record): (&InodeRecord, &mut InodeRecord),
    set: &SetAttributes,
) -> Step<()> {
    if old.descriptor.is_none() && set.descriptor.is_none() {
        return Ok(());
    }
    let next = next_of(old, record, set);
    turn.point_at((tree, record), next.as_deref())?;
    project(record);
    Ok(())
}

/// Gives a new inode the descriptor that it is made with, or inherits.
///
/// Errors: `InvalidArgument` (it is too long).
pub(crate) fn set_first_descriptor<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    parent: &Attributes,
    record: &mut InodeRecord,
    set: &SetAttributes,
) -> Step<()> {
    let is_directory = record.file_type == FileType::Directory;
    let first = match (&set.descriptor, &parent.descriptor) {
        // What a link leads to decides.
        _ if record.file_type == FileType::Symlink => return Ok(()),
        (Some(given), _) => Some(given.kept()),
        (None, Some(above)) => above.inherited((&record.owner, &record.group), is_directory),
        (None, None) => return Ok(()),
    };
    turn.point_at((parent.inode.tree, record), first.as_ref())?;
    project(record);
    Ok(())
}

fn next_of(old: &InodeRecord, record: &InodeRecord, set: &SetAttributes) -> Option<Arc<SecurityDescriptor>> {
    if let Some(given) = &set.descriptor {
        return Some(Arc::new(given.kept()));
    }
    let mut next = old.descriptor.as_ref()?.in_force();
    let (owner, group) = (&record.owner, &record.group);
    if (&old.owner, &old.group) != (owner, group) {
        next = Arc::new(next.given((&old.owner, owner), (&old.group, group)));
    }
    // What follows an exclusive creation belongs to it: there the mode says nothing where a descriptor is inherited.
    let is_new = old.create_verifier.is_some();
    match set.mode {
        Some(mode) if !is_new && (mode ^ u32::from(old.mode)) & PERMISSIONS != 0 => {
            let is_directory = record.file_type == FileType::Directory;
            next.with_mode((owner, group), (mode, is_directory)).map(Arc::new)
        }
        _ => Some(next),
    }
}

/// The permission bits of the mode are those that come nearest to the descriptor.
fn project(record: &mut InodeRecord) {
    if let Some(descriptor) = &record.descriptor {
        let bits = descriptor.in_force().to_mode(&record.owner, &record.group);
        record.mode = record.mode & !mode_of(PERMISSIONS) | mode_of(bits);
    }
}

const PERMISSIONS: u32 = 0o777;
