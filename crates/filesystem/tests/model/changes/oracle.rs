//! What differs between two full copies. Which name of several is the home the copies do not say: of what has names beside
//! the directory, or several of which one may be home, only what is told is looked at.

use std::collections::{BTreeMap, BTreeSet};

use testkit::{NodeCopy, TreeCopy};
use vfs::{ChangeKind, ChangedEntry, ChangedPart, FileType, InodeNumber, Name};

/// Both states.
pub(super) struct Copies {
    pub(super) before: TreeCopy,
    pub(super) after: TreeCopy,
}

/// The names of something, and what it is.
struct Found<'c> {
    paths: BTreeSet<String>,
    /// Each name, with the directory that it is in.
    names: BTreeSet<(InodeNumber, &'c str)>,
    node: &'c NodeCopy,
}

type ByNumber<'c> = BTreeMap<InodeNumber, Found<'c>>;

/// The entries say what differs, each thing once, and nothing else.
pub(super) fn prove(copies: &Copies, entries: &[ChangedEntry]) {
    let [before, after] = [&copies.before, &copies.after].map(by_number);
    let mut told = BTreeMap::new();
    for entry in entries {
        assert!(told.insert(entry.inode, entry).is_none(), "told twice: {entry:?}");
        check_told((&before, &after), entry);
    }
    let numbers: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for number in numbers {
        check_missing((before.get(number), after.get(number)), *number, told.get(number).copied());
    }
}

fn by_number(copy: &TreeCopy) -> ByNumber<'_> {
    let mut found = ByNumber::new();
    for (path, node) in copy {
        let entry = found.entry(node.attributes.inode.number);
        let entry = entry.or_insert_with(|| Found { paths: BTreeSet::new(), names: BTreeSet::new(), node });
        entry.paths.insert(path.clone());
        if let Some((above, name)) = path.rsplit_once('/') {
            entry.names.insert((copy[above].attributes.inode.number, name));
        }
    }
    found
}

impl Found<'_> {
    /// Whether all its names are below the directory.
    fn is_whole(&self) -> bool {
        self.node.attributes.is_directory() || self.paths.len() == self.node.attributes.links as usize
    }
}

/// Names and kind of an entry are right.
fn check_told((before, after): (&ByNumber<'_>, &ByNumber<'_>), entry: &ChangedEntry) {
    let (was, is) = (before.get(&entry.inode), after.get(&entry.inode));
    let path = text(&entry.path);
    let has = |found: Option<&Found<'_>>, path: &String| found.is_some_and(|found| found.paths.contains(path));
    let size = |found: Option<&Found<'_>>| found.map(|found| found.node.attributes.size);
    let node = was.or(is).expect("it is told, so it is there").node;
    assert_eq!(entry.file_type, node.attributes.file_type, "{entry:?}");
    match entry.kind {
        ChangeKind::Created => {
            assert!(has(is, &path), "{entry:?}");
            assert_eq!((entry.size_before, entry.size_after), (None, size(is)));
        }
        ChangeKind::Removed => {
            assert!(has(was, &path), "{entry:?}");
            assert_eq!((entry.size_before, entry.size_after), (size(was), None));
        }
        ChangeKind::Changed => {
            assert!(has(is, &path), "{entry:?}");
            assert!(entry.old_path.as_ref().is_none_or(|old| has(was, &text(old))), "{entry:?}");
            assert_eq!((entry.size_before, entry.size_after), (size(was), size(is)));
            assert_eq!(entry.old_path.is_some(), entry.parts.contains(&ChangedPart::Name));
            assert!(!entry.parts.is_empty());
        }
    }
    assert!(entry.kind == ChangeKind::Changed || entry.parts.is_empty() && entry.old_path.is_none());
}

/// What differs is told.
fn check_missing(
    (was, is): (Option<&Found<'_>>, Option<&Found<'_>>),
    number: InodeNumber,
    told: Option<&ChangedEntry>,
) {
    let kind = told.map(|entry| entry.kind);
    match (was, is) {
        (Some(was), None) if was.is_whole() => {
            assert_eq!(kind, Some(ChangeKind::Removed), "{:?} {number:?}", was.paths);
        }
        (None, Some(is)) if is.is_whole() => {
            assert_eq!(kind, Some(ChangeKind::Created), "{:?} {number:?}", is.paths);
        }
        (Some(was), Some(is)) if was.is_whole() && is.is_whole() => {
            let has_many = was.paths.len().max(is.paths.len()) > 1;
            let parts = parts(was, is);
            match told {
                Some(told) => check_parts((was, is), (&parts, told), has_many),
                None => assert!(parts.is_empty(), "{:?} {number:?}: {parts:?} are not told", is.paths),
            }
        }
        _ => {}
    }
}

fn check_parts(
    (was, is): (&Found<'_>, &Found<'_>),
    (parts, told): (&BTreeSet<ChangedPart>, &ChangedEntry),
    has_many: bool,
) {
    assert_eq!(told.kind, ChangeKind::Changed);
    let told_parts: BTreeSet<_> = told.parts.iter().copied().collect();
    let is_same = |part| parts.contains(&part) == told_parts.contains(&part);
    let exact = [ChangedPart::Owner, ChangedPart::Mode, ChangedPart::Descriptor, ChangedPart::Dos, ChangedPart::Times];
    assert!(exact.into_iter().all(is_same), "{parts:?} differ, told is {told:?}");
    assert!(is_same(ChangedPart::Links), "{parts:?} differ, told is {told:?}");
    assert!(has_many || is_same(ChangedPart::Name), "{parts:?} differ, told is {told:?}");
    // The same bytes may have been written once more.
    let may_be_told = |part| !parts.contains(&part) || told_parts.contains(&part);
    assert!(may_be_told(ChangedPart::Data), "{parts:?} differ, told is {told:?}");
    let has_extras = [ChangedPart::Xattrs, ChangedPart::Streams].iter().any(|part| told_parts.contains(part));
    assert!(was.node.extras == is.node.extras || has_extras, "{told:?}");
    if told_parts.contains(&ChangedPart::Data) {
        assert_ne!(was.node.attributes.change, is.node.attributes.change, "{told:?}");
    }
    if told_parts.contains(&ChangedPart::Xattrs) {
        assert_ne!(was.node.extras, is.node.extras, "{told:?}");
    }
}

/// What certainly differs, but for what only `extras` say.
fn parts(was: &Found<'_>, is: &Found<'_>) -> BTreeSet<ChangedPart> {
    let (old, new) = (&was.node.attributes, &is.node.attributes);
    let links = |found: &Found<'_>| if found.node.attributes.is_directory() { 0 } else { found.node.attributes.links };
    let is_regular = old.file_type == FileType::Regular;
    let times = |node: &NodeCopy| {
        let attributes = &node.attributes;
        (attributes.accessed, attributes.modified, attributes.changed, attributes.created)
    };
    let differ = [
        (ChangedPart::Name, was.names != is.names),
        (ChangedPart::Data, is_regular && (old.size != new.size || was.node.content != is.node.content)),
        (ChangedPart::Owner, (&old.owner, &old.group) != (&new.owner, &new.group)),
        (ChangedPart::Mode, old.mode != new.mode),
        (ChangedPart::Descriptor, old.descriptor != new.descriptor),
        (ChangedPart::Dos, old.dos != new.dos),
        (ChangedPart::Times, times(was.node) != times(is.node)),
        (ChangedPart::Links, links(was) != links(is)),
    ];
    differ.into_iter().filter_map(|(part, differs)| differs.then_some(part)).collect()
}

fn text(path: &[Name]) -> String {
    let below: String = path.iter().map(|name| format!("/{}", name.as_bytes().escape_ascii())).collect();
    format!(".{below}")
}
