//! What a client's directory really holds.

use std::collections::BTreeMap;

use bytes::Bytes;
use vfs::{
    AttributeIo, Attributes, CommitRequest, Cookie, Failure, FileIo, FileType, InodeId, ListedAttributes, Namespace,
    OpContext, ReadRequest, ReaddirRequest, Via, WriteVerifier,
};

use super::model::{File, Model, Node};
use super::store::House;

/// Everything below a directory, read back, and under which verifier all of its data was stable.
#[derive(Debug, Default)]
pub(super) struct Observed {
    pub(super) verifier: Option<WriteVerifier>,
    directories: BTreeMap<String, u32>,
    nodes: BTreeMap<String, (Attributes, Bytes)>,
}

impl Observed {
    /// Makes all data stable, and reads everything. `None` when data was dropped meanwhile.
    ///
    /// Errors: what could not be read, and why.
    pub(super) async fn read(house: &House, root: InodeId) -> Result<Option<Self>, (String, Failure)> {
        let ctx = OpContext::internal(root);
        let mut observed = Self { verifier: Some(house.write_verifier()), ..Self::default() };
        observed.walk(house, &ctx, root).await.map_err(|failure| ("the names".to_owned(), failure))?;
        for (path, (attributes, content)) in &mut observed.nodes {
            let failed = |doing: &str, failure: Failure| (format!("{doing} {path}"), failure);
            if attributes.file_type == FileType::Regular {
                let commit = CommitRequest { inode: attributes.inode, via: Via::Anonymous, offset: 0, length: 0 };
                house.commit(&ctx, commit).await.map_err(|failure| failed("commit", failure))?;
                *content = read_all(house, attributes.inode).await.map_err(|failure| failed("read", failure))?;
                let now = house.getattr(&ctx, attributes.inode).await;
                *attributes = now.map_err(|failure| failed("attributes", failure))?.attributes;
            } else {
                let link = house.readlink(&ctx, attributes.inode).await;
                *content = link.map_err(|failure| failed("link", failure))?.target;
            }
        }
        Ok((observed.verifier == Some(house.write_verifier())).then_some(observed))
    }

    /// Whether this is what the model says; its data is promised from now on.
    pub(super) fn fits(&self, client: u64, model: &Model) -> Result<Model, String> {
        let mut adopted = model.clone();
        if self.directories != model.directories {
            return Err(format!("directories {:?}, expected {:?}", self.directories, model.directories));
        }
        let (found, expected): (Vec<_>, Vec<_>) = (self.nodes.keys().collect(), model.names.keys().collect());
        if found != expected {
            return Err(format!("names {found:?}, expected {expected:?}"));
        }
        let mut inodes = BTreeMap::new();
        for (path, (attributes, content)) in &self.nodes {
            let node = model.names[path];
            let inode = *inodes.entry(node).or_insert(attributes.inode);
            if inode != attributes.inode || attributes.links as usize != model.links(node) {
                return Err(format!("{path}: {attributes:?}, expected {inode:?} of {} links", model.links(node)));
            }
            let adopted = adopted.nodes.get_mut(&node).unwrap();
            self.node_fits(client, adopted, (attributes, content)).map_err(|what| format!("{path}: {what}"))?;
        }
        if inodes.values().collect::<std::collections::BTreeSet<_>>().len() != inodes.len() {
            return Err(format!("two nodes are one inode: {inodes:?}"));
        }
        Ok(adopted)
    }

    fn node_fits(
        &self,
        client: u64,
        node: &mut Node,
        (attributes, content): (&Attributes, &Bytes),
    ) -> Result<(), String> {
        match node {
            Node::Symlink(target) if attributes.file_type == FileType::Symlink && content == target.as_bytes() => {
                Ok(())
            }
            Node::File(file) if attributes.file_type == FileType::Regular => {
                check_attributes(file, attributes)?;
                if content.len() as u64 != attributes.size {
                    return Err(format!("{} bytes told, {} read", attributes.size, content.len()));
                }
                // Another name of it may have been looked at already: the same again.
                file.content.adopt((client, file.number), content, self.verifier.unwrap())
            }
            _ => Err(format!("{:?} {content:?}, expected {node:?}", attributes.file_type)),
        }
    }

    async fn walk(&mut self, house: &House, ctx: &OpContext, root: InodeId) -> Result<(), Failure> {
        let mut waiting = vec![(String::new(), root)];
        while let Some((prefix, directory)) = waiting.pop() {
            for (name, attributes) in list(house, ctx, directory, 7).await? {
                let path = format!("{prefix}{name}");
                if attributes.file_type == FileType::Directory {
                    waiting.push((format!("{path}/"), attributes.inode));
                    self.directories.insert(path, attributes.mode);
                } else {
                    self.nodes.insert(path, (attributes, Bytes::new()));
                }
            }
        }
        Ok(())
    }
}

fn check_attributes(file: &File, attributes: &Attributes) -> Result<(), String> {
    if attributes.mode != file.mode {
        return Err(format!("mode {:o}, expected {:o}", attributes.mode, file.mode));
    }
    match file.modified {
        Some(modified) if modified != attributes.modified => {
            Err(format!("modified {:?}, expected {modified:?}", attributes.modified))
        }
        _ => Ok(()),
    }
}

/// A whole listing in pages of this many entries.
pub(super) async fn list(
    house: &House,
    ctx: &OpContext,
    directory: InodeId,
    page: usize,
) -> Result<Vec<(String, Attributes)>, Failure> {
    let (mut after, mut found) = (Cookie::START, Vec::new());
    loop {
        let request = ReaddirRequest { directory, after, entries_max: page, attributes: ListedAttributes::All };
        let reply = house.readdir(ctx, request).await?;
        for entry in reply.entries {
            after = entry.cookie;
            if !matches!(entry.name.as_ref(), b"." | b"..") {
                let name = String::from_utf8(entry.name.to_vec()).unwrap();
                found.push((name, entry.attributes.expect("nobody else changes it")));
            }
        }
        if reply.end {
            return Ok(found);
        }
    }
}

async fn read_all(house: &House, inode: InodeId) -> Result<Bytes, Failure> {
    let (ctx, mut content) = (OpContext::internal(inode), Vec::new());
    loop {
        let request = ReadRequest { inode, via: Via::Anonymous, offset: content.len() as u64, length: 256 << 10 };
        let reply = house.read(&ctx, request).await?;
        reply.data.slices().iter().for_each(|slice| content.extend_from_slice(slice));
        if reply.end_of_file {
            return Ok(content.into());
        }
    }
}
