//! A full copy of a tree, read through the contract: what a snapshot of it must show for ever.

#![expect(clippy::unwrap_used, reason = "a tree that cannot be read is the finding")]

use std::collections::BTreeMap;

use bytes::Bytes;
use vfs::{
    Attributes, Cookie, DirectoryEntry, FileType, InodeId, InodeNumber, ListedAttributes, OpContext, ReadRequest,
    ReaddirRequest, StreamListRequest, Vfs, Via, XattrListRequest,
};

use crate::operations::BORDERS;

/// Everything below a directory, by path.
pub type TreeCopy = BTreeMap<String, NodeCopy>;

/// Something in a tree.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeCopy {
    /// Its attributes, but for what says in which tree it is and what it takes of the store.
    pub attributes: Box<Attributes>,
    /// What it holds: of a file the bytes on both sides of where sequences write, of a symlink its target.
    pub content: Vec<Bytes>,
    /// Its extended attributes, and its streams with their sizes.
    pub extras: Vec<String>,
}

/// Copies everything below a directory, that included.
///
/// # Panics
/// When anything cannot be read.
pub async fn copy_tree<V: Vfs>(house: &V, root: InodeId) -> TreeCopy {
    let ctx = OpContext::internal(root);
    let mut copy = TreeCopy::new();
    let mut found = vec![(String::from("."), root)];
    while let Some((path, inode)) = found.pop() {
        let node = copy_node(house, &ctx, inode).await;
        if node.attributes.is_directory() {
            for entry in list(house, &ctx, inode).await {
                found.push((format!("{path}/{}", entry.name.escape_ascii()), entry.inode));
            }
        }
        copy.insert(path, node);
    }
    copy
}

async fn copy_node<V: Vfs>(house: &V, ctx: &OpContext, inode: InodeId) -> NodeCopy {
    let mut attributes = house.getattr(ctx, inode).await.unwrap().attributes;
    let content = match attributes.file_type {
        FileType::Regular => read(house, ctx, inode).await,
        FileType::Symlink => vec![house.readlink(ctx, inode).await.unwrap().target],
        _ => Vec::new(),
    };
    let xattrs = house.xattr_list(ctx, XattrListRequest { inode, via: Via::Anonymous }).await.unwrap();
    let streams = house.stream_list(ctx, StreamListRequest { inode, via: Via::Anonymous }).await.unwrap();
    let mut extras: Vec<String> = xattrs.entries.iter().map(|entry| format!("{entry:?}")).collect();
    extras.extend(streams.entries.iter().map(|entry| format!("{:?} {}", entry.name, entry.size)));
    extras.sort();
    attributes.inode = InodeId { number: attributes.inode.number, ..InodeId::default() };
    (attributes.fsid, attributes.allocated_bytes) = (0, 0);
    attributes.stream_of = attributes.stream_of.map(|of| InodeId { number: of.number, ..InodeId::default() });
    NodeCopy { attributes: Box::new(attributes), content, extras }
}

async fn read<V: Vfs>(house: &V, ctx: &OpContext, inode: InodeId) -> Vec<Bytes> {
    let mut content = Vec::new();
    for border in BORDERS {
        let request = ReadRequest {
            inode,
            via: Via::Anonymous,
            offset: border.saturating_sub(MARGIN_BYTES),
            length: WINDOW_BYTES,
        };
        let data = house.read(ctx, request).await.unwrap().data;
        if !data.is_empty() {
            content.push(data.to_bytes());
        }
    }
    content
}

/// The entries of a directory but for `.` and `..`. What lies in other shards and trees is left out: it has a past of its
/// own.
async fn list<V: Vfs>(house: &V, ctx: &OpContext, directory: InodeId) -> Vec<DirectoryEntry> {
    let (mut all, mut after) = (Vec::new(), Cookie::DOT_DOT);
    loop {
        let request = ReaddirRequest { directory, after, entries_max: 64, attributes: ListedAttributes::None };
        let page = house.readdir(ctx, request).await.unwrap();
        after = page.entries.last().map_or(after, |last| last.cookie);
        all.extend(page.entries);
        if page.end {
            let own = (directory.shard, directory.tree);
            all.retain(|entry| entry.inode.number != InodeNumber::ROOT && (entry.inode.shard, entry.inode.tree) == own);
            return all;
        }
    }
}

const MARGIN_BYTES: u64 = 16 * 1024;
const WINDOW_BYTES: u32 = 32 * 1024;
