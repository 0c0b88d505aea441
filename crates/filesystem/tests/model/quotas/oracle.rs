//! Every directory and file as plain as can be; what is used is counted anew each time.

use std::collections::{BTreeMap, BTreeSet};

use testkit::Random;
use vfs::{InodeId, QuotaBasis, QuotaLimits, QuotaSettings};

/// What is used below a directory, itself included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) inodes: u64,
    pub(super) bytes: u64,
    pub(super) blocks: u64,
}

/// What is used below each directory, by everybody and by each user and group.
pub(super) type Sums = BTreeMap<Counted, Place>;
/// A directory, and whom it is counted for: (`true` for a group, number), or everybody.
pub(super) type Counted = (InodeId, Option<(bool, u32)>);
/// A directory, and for whom its limits are: each user or group, one of them, or everybody together.
pub(super) type Limited = (InodeId, Option<(bool, Option<u32>)>);

#[derive(Clone, Debug)]
pub(super) struct Oracle {
    root: InodeId,
    directories: BTreeMap<InodeId, Directory>,
    files: BTreeMap<InodeId, File>,
    pub(super) quotas: BTreeMap<Limited, QuotaSettings>,
    /// What directories get in this step because a home link goes.
    pub(super) excused: Sums,
}

#[derive(Clone, Debug, Default)]
struct Directory {
    parent: Option<InodeId>,
    entries: BTreeMap<String, InodeId>,
}

#[derive(Clone, Debug, Default)]
struct File {
    size: u64,
    attributes: u64,
    blocks: BTreeSet<u64>,
    /// The oldest first.
    links: Vec<(InodeId, String)>,
    home: (InodeId, String),
    owner: u32,
    group: u32,
}

impl Oracle {
    pub(super) fn new(root: InodeId) -> Self {
        let directories = BTreeMap::from([(root, Directory::default())]);
        Self { root, directories, files: BTreeMap::new(), quotas: BTreeMap::new(), excused: Sums::new() }
    }

    pub(super) fn sums(&self) -> Sums {
        let mut sums = Sums::new();
        for directory in self.directories.keys() {
            self.add(&mut sums, (*directory, (0, 0)), &Place { inodes: 1, ..Place::default() });
        }
        for file in self.files.values() {
            self.add(&mut sums, (file.home.0, (file.owner, file.group)), &file.place());
        }
        sums
    }

    /// All limits with whom they bind: those for every user or group bind all without limits of their own.
    pub(super) fn binding<'a>(&'a self, sums: &'a Sums) -> impl Iterator<Item = (Counted, QuotaSettings)> + 'a {
        sums.keys().filter_map(|counted| Some((*counted, self.limits_of(counted)?)))
    }

    fn limits_of(&self, (directory, owner): &Counted) -> Option<QuotaSettings> {
        let own = owner.map(|(is_group, id)| (is_group, Some(id)));
        let every = owner.map(|(is_group, _)| (is_group, None));
        self.quotas.get(&(*directory, own)).or_else(|| self.quotas.get(&(*directory, every))).copied()
    }

    /// Whether a directory with something in it would leave or enter one that counts owners.
    pub(super) fn crosses(&self, inode: InodeId, (from, to): (InodeId, InodeId)) -> bool {
        let counting = |directory: InodeId| {
            let counts = |at: &InodeId| {
                *at != self.root && self.quotas.keys().any(|(found, owner)| found == at && owner.is_some())
            };
            self.chain(directory).into_iter().filter(counts).collect::<BTreeSet<_>>()
        };
        let is_full = self.directories.get(&inode).is_some_and(|directory| !directory.entries.is_empty());
        is_full && counting(from) != counting(to)
    }

    pub(super) fn give(&mut self, inode: InodeId, (owner, group): (u32, u32)) {
        let file = self.file(inode);
        (file.owner, file.group) = (owner, group);
    }

    /// Whether a quota refuses to come from here to there.
    pub(super) fn forbids(&self, after: &Self, excused: &Sums) -> bool {
        let (old, new) = (self.sums(), after.sums());
        after.binding(&new).filter(|(_, settings)| settings.enforced).any(|(counted, settings)| {
            let (old, new) = (old.get(&counted).copied().unwrap_or_default(), new[&counted]);
            let excused = excused.get(&counted).copied().unwrap_or_default();
            let over =
                |limits: QuotaLimits, before, after| after > before && limits.hard.is_some_and(|hard| after > hard);
            let bytes = |place: &Place| match settings.basis {
                QuotaBasis::Application => place.bytes,
                QuotaBasis::Logical | QuotaBasis::Physical => place.blocks * 4096,
            };
            over(settings.bytes, bytes(&old) + bytes(&excused), bytes(&new))
                || over(settings.inodes, old.inodes + excused.inodes, new.inodes)
        })
    }

    pub(super) fn any_directory(&self, random: &mut Random) -> InodeId {
        nth(self.directories.keys(), random).unwrap()
    }

    pub(super) fn any_file(&self, random: &mut Random) -> Option<InodeId> {
        nth(self.files.keys(), random)
    }

    pub(super) fn any_entry(&self, random: &mut Random) -> Option<(InodeId, String)> {
        let directory = self.any_directory(random);
        let entries = &self.directories[&directory].entries;
        let at = random.below(entries.len().max(1) as u64);
        entries.keys().nth(usize::try_from(at).unwrap()).map(|name| (directory, name.clone()))
    }

    pub(super) fn all_files(&self) -> Vec<InodeId> {
        self.files.keys().copied().collect()
    }

    pub(super) fn files(&self) -> usize {
        self.files.len()
    }

    pub(super) fn directories(&self) -> usize {
        self.directories.len()
    }

    pub(super) fn depth(&self, directory: InodeId) -> usize {
        self.chain(directory).len()
    }

    pub(super) fn find(&self, directory: InodeId, name: &str) -> Option<InodeId> {
        self.directories[&directory].entries.get(name).copied()
    }

    pub(super) fn add_directory(&mut self, parent: InodeId, name: &str, inode: InodeId) {
        self.enter((parent, name), inode);
        self.directories.insert(inode, Directory { parent: Some(parent), ..Directory::default() });
    }

    pub(super) fn add_file(&mut self, (parent, name): (InodeId, &str), inode: InodeId, size: u64) {
        self.enter((parent, name), inode);
        let home = (parent, name.to_owned());
        self.files.insert(inode, File { size, links: vec![home.clone()], home, ..File::default() });
    }

    pub(super) fn add_link(&mut self, inode: InodeId, (parent, name): (InodeId, &str)) {
        self.enter((parent, name), inode);
        self.file(inode).links.push((parent, name.to_owned()));
    }

    pub(super) fn write(&mut self, inode: InodeId, (offset, length): (u64, u64)) {
        let file = self.file(inode);
        file.size = file.size.max(offset + length);
        file.blocks.extend(offset / 4096..(offset + length).div_ceil(4096));
    }

    pub(super) fn resize(&mut self, inode: InodeId, size: u64) {
        let file = self.file(inode);
        file.size = size;
        file.blocks.retain(|block| block * 4096 < size);
    }

    pub(super) fn set_attributes(&mut self, inode: InodeId, bytes: u64) {
        self.file(inode).attributes = bytes;
    }

    /// Whole blocks.
    pub(super) fn punch(&mut self, inode: InodeId, (offset, length): (u64, u64)) {
        self.file(inode).blocks.retain(|block| !(offset..offset + length).contains(&(block * 4096)));
    }

    /// Whole blocks go from one file, or place, to another; each counts them.
    pub(super) fn clone_range(&mut self, (source, from): (InodeId, u64), (target, to): (InodeId, u64), length: u64) {
        let blocks = self.file(source).blocks.range(from / 4096..(from + length) / 4096);
        let cloned: Vec<u64> = blocks.map(|block| block - from / 4096 + to / 4096).collect();
        self.punch(target, (to, length));
        let file = self.file(target);
        file.blocks.extend(cloned);
        file.size = file.size.max(to + length);
    }

    pub(super) fn size(&self, inode: InodeId) -> u64 {
        self.files.get(&inode).map_or(0, |file| file.size)
    }

    /// Removes a name; `false` when that cannot be: a directory with something in it.
    pub(super) fn remove(&mut self, (parent, name): (InodeId, &str)) -> bool {
        let Some(inode) = self.find(parent, name) else { return false };
        if let Some(directory) = self.directories.get(&inode) {
            if !directory.entries.is_empty() {
                return false;
            }
            self.directories.remove(&inode);
            self.quotas.retain(|(directory, _), _| *directory != inode);
        } else {
            self.lose_link(inode, (parent, name));
        }
        self.leave(parent, name);
        true
    }

    /// Renames, over what is there; `false` when that cannot be or changes nothing.
    pub(super) fn rename(&mut self, from: (InodeId, &str), to: (InodeId, &str)) -> bool {
        let Some(inode) = self.find(from.0, from.1) else { return false };
        let is_directory = self.directories.contains_key(&inode);
        let height = self.height(inode);
        if is_directory && (self.chain(to.0).contains(&inode) || self.depth(to.0) + height > 12) {
            return false;
        }
        if let Some(replaced) = self.find(to.0, to.1) {
            let fits = replaced != inode && self.directories.contains_key(&replaced) == is_directory;
            if !fits || !self.remove(to) {
                return false;
            }
        }
        self.leave(from.0, from.1);
        self.enter(to, inode);
        if let Some(directory) = self.directories.get_mut(&inode) {
            directory.parent = Some(to.0);
            return true;
        }
        let (old, new) = ((from.0, from.1.to_owned()), (to.0, to.1.to_owned()));
        let file = self.file(inode);
        file.links.retain(|link| *link != old);
        file.links.push(new.clone());
        if file.home == old {
            file.home = new;
        }
        true
    }

    fn lose_link(&mut self, inode: InodeId, (parent, name): (InodeId, &str)) {
        let gone = (parent, name.to_owned());
        let file = self.file(inode);
        file.links.retain(|link| *link != gone);
        let (was_home, place, owners) = (file.home == gone, file.place(), (file.owner, file.group));
        let Some(next) = file.links.first().cloned() else {
            self.files.remove(&inode);
            return;
        };
        if !was_home {
            return;
        }
        file.home = next.clone();
        let old = self.chain(parent);
        for directory in self.chain(next.0).into_iter().filter(|directory| !old.contains(directory)) {
            for whom in whose(owners) {
                *self.excused.entry((directory, whom)).or_default() += place;
            }
        }
    }

    fn height(&self, inode: InodeId) -> usize {
        let below = self.directories.get(&inode).map(|directory| directory.entries.values());
        below.map_or(0, |below| 1 + below.map(|inode| self.height(*inode)).max().unwrap_or(0))
    }

    /// A directory and all above it.
    fn chain(&self, directory: InodeId) -> Vec<InodeId> {
        std::iter::successors(Some(directory), |at| self.directories[at].parent).collect()
    }

    fn add(&self, sums: &mut Sums, (directory, owners): (InodeId, (u32, u32)), place: &Place) {
        for directory in self.chain(directory) {
            for whom in whose(owners) {
                *sums.entry((directory, whom)).or_default() += *place;
            }
        }
    }

    fn enter(&mut self, (parent, name): (InodeId, &str), inode: InodeId) {
        self.directories.get_mut(&parent).unwrap().entries.insert(name.to_owned(), inode);
    }

    fn leave(&mut self, parent: InodeId, name: &str) {
        self.directories.get_mut(&parent).unwrap().entries.remove(name);
    }

    fn file(&mut self, inode: InodeId) -> &mut File {
        self.files.get_mut(&inode).unwrap()
    }
}

/// Everybody, and the two that own something.
fn whose((owner, group): (u32, u32)) -> [Option<(bool, u32)>; 3] {
    [None, Some((false, owner)), Some((true, group))]
}

impl File {
    fn place(&self) -> Place {
        Place { inodes: 1, bytes: self.size + self.attributes, blocks: self.blocks.len() as u64 }
    }
}

impl std::ops::AddAssign for Place {
    fn add_assign(&mut self, other: Self) {
        self.inodes += other.inodes;
        self.bytes += other.bytes;
        self.blocks += other.blocks;
    }
}

fn nth<'a>(mut keys: impl ExactSizeIterator<Item = &'a InodeId>, random: &mut Random) -> Option<InodeId> {
    let count = keys.len() as u64;
    if count == 0 { None } else { keys.nth(usize::try_from(random.below(count)).unwrap()).copied() }
}
