//! One test of the suite, and what it may lean on.

use bytes::Bytes;
use nfs_wire::nfs3::{
    CreateArgs, CreateHow, DirOpArgs, Fattr3, FileHandle, Filename, GetattrArgs, LookupArgs, MkdirArgs, MknodArgs,
    MknodData, NfsPath, Nfsstat3, PostOpAttr, ReadArgs, RemoveArgs, RmdirArgs, Sattr3, StableHow, SymlinkArgs,
    SymlinkData, WccData, WriteArgs,
};

use super::client::{Answer, Made, ProtocolClient, Stop, Told};
use super::own::Own;
use super::stage::Places;

/// One test: a procedure, what it answers, and the call that proves it.
#[derive(Clone, Copy)]
pub struct Case {
    /// The procedure, as the specification calls it without its prefix; those of MOUNT begin with `MOUNT `.
    pub procedure: &'static str,
    /// The file below `cases` that holds the test.
    pub file: &'static str,
    /// The function in it.
    pub name: &'static str,
    /// The status that the last call must have; `None` is OK.
    pub status: Option<Nfsstat3>,
    /// Where it is played.
    pub setting: Setting,
    /// The test. What it returns is compared with `status`.
    pub run: fn(&mut Scene<'_>) -> Answer<()>,
}

/// Where a test is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// A gateway with room.
    Roomy,
    /// A gateway whose store has no room left: its folder has a `file`, a `link` and a `folder`, and nothing can be
    /// prepared.
    Full,
}

/// What a test has at hand.
pub struct Scene<'a> {
    /// The client under test, as root.
    pub it: &'a mut dyn ProtocolClient,
    /// The client under test, as somebody.
    pub alice: &'a mut dyn ProtocolClient,
    /// Our own client as root: makes what must be there before and sees what is there after.
    pub other: &'a mut Own,
    /// A folder of this test alone, mode 0755, of root.
    pub folder: FileHandle,
    /// What lies elsewhere.
    pub places: &'a Places,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}::{}", self.file, self.name)
    }
}

impl std::fmt::Debug for Scene<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Scene").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Fails the test unless the condition holds.
macro_rules! check {
    ($condition:expr, $($said:tt)+) => {
        if !$condition {
            return Err($crate::conformance::client::Stop::Broken(format!($($said)+)));
        }
    };
}
pub(super) use check;

/// The list of tests of a file.
macro_rules! cases {
    ($file:literal, $procedure:literal: $($status:ident = $name:ident),+ $(,)?) => {
        &[$($crate::conformance::case::Case {
            procedure: $procedure,
            file: $file,
            name: stringify!($name),
            status: $crate::conformance::case::statuses::$status,
            setting: $crate::conformance::case::setting_of($crate::conformance::case::statuses::$status),
            run: $name,
        }),+]
    };
}
pub(super) use cases;

/// The statuses by the names that the specification gives them, for [`cases`].
pub(super) mod statuses {
    use nfs_wire::nfs3::Nfsstat3;

    macro_rules! statuses {
        ($($name:ident $status:ident)+) => { $(pub(in crate::conformance) const $name: Option<Nfsstat3> = Some(Nfsstat3::$status);)+ };
    }

    pub(in crate::conformance) const OK: Option<Nfsstat3> = None;
    statuses! {
        PERM Perm NOENT Noent ACCES Acces EXIST Exist XDEV Xdev NOTDIR Notdir ISDIR Isdir INVAL Inval FBIG Fbig
        NOSPC Nospc ROFS Rofs NAMETOOLONG Nametoolong NOTEMPTY Notempty STALE Stale BADHANDLE Badhandle
        NOT_SYNC NotSync BAD_COOKIE BadCookie TOOSMALL Toosmall BADTYPE Badtype
    }
}

/// Where a test with this outcome is played.
pub(super) const fn setting_of(status: Option<Nfsstat3>) -> Setting {
    if matches!(status, Some(Nfsstat3::Nospc)) { Setting::Full } else { Setting::Roomy }
}

impl Scene<'_> {
    /// Makes an empty file of root with mode 0644 in the folder.
    pub fn file(&mut self, name: &str) -> Answer<FileHandle> {
        self.file_in(&self.folder.clone(), name)
    }

    /// Makes an empty file of root with mode 0644.
    pub fn file_in(&mut self, dir: &FileHandle, name: &str) -> Answer<FileHandle> {
        let how = CreateHow::Guarded(mode(0o644));
        new(self.other.create(&CreateArgs { place: at(dir, name), how }))
    }

    /// Makes a file with these bytes in the folder.
    pub fn written(&mut self, name: &str, content: &[u8]) -> Answer<FileHandle> {
        let file = self.file(name)?;
        self.fill(&file, content)?;
        Ok(file)
    }

    /// Writes these bytes to the start of a file.
    pub fn fill(&mut self, file: &FileHandle, content: &[u8]) -> Answer<()> {
        let args = write(file, 0, content);
        prepared(self.other.write(&WriteArgs { stable: StableHow::FileSync, ..args })).map(drop)
    }

    /// Makes a directory of root with mode 0755 in the folder.
    pub fn dir(&mut self, name: &str) -> Answer<FileHandle> {
        let args = MkdirArgs { place: at(&self.folder, name), attributes: mode(0o755) };
        new(self.other.mkdir(&args))
    }

    /// Makes a symbolic link in the folder.
    pub fn link(&mut self, name: &str, text: &str) -> Answer<FileHandle> {
        let args = symlink(at(&self.folder, name), text);
        new(self.other.symlink(&args))
    }

    /// Makes a fifo in the folder.
    pub fn fifo(&mut self, name: &str) -> Answer<FileHandle> {
        let args = MknodArgs { place: at(&self.folder, name), what: MknodData::Fifo(mode(0o644)) };
        new(self.other.mknod(&args))
    }

    /// The handle of a file that is gone.
    pub fn gone_file(&mut self) -> Answer<FileHandle> {
        let file = self.file("gone")?;
        prepared(self.other.remove(&RemoveArgs { object: at(&self.folder, "gone") }))?;
        Ok(file)
    }

    /// The handle of a directory that is gone.
    pub fn gone_dir(&mut self) -> Answer<FileHandle> {
        let dir = self.dir("gone")?;
        prepared(self.other.rmdir(&RmdirArgs { object: at(&self.folder, "gone") }))?;
        Ok(dir)
    }

    /// The handle of a symbolic link that is gone.
    pub fn gone_link(&mut self) -> Answer<FileHandle> {
        let link = self.link("gone", "nowhere")?;
        prepared(self.other.remove(&RemoveArgs { object: at(&self.folder, "gone") }))?;
        Ok(link)
    }

    /// The attributes that the other client sees.
    pub fn seen(&mut self, object: &FileHandle) -> Answer<Fattr3> {
        prepared(self.other.getattr(&GetattrArgs { object: object.clone() }))
    }

    /// What the other client finds under a name of the folder; `None` when there is nothing.
    pub fn found(&mut self, name: &str) -> Answer<Option<FileHandle>> {
        match self.other.lookup(&LookupArgs { what: at(&self.folder, name) }) {
            Ok(found) => Ok(Some(found.object)),
            Err(Stop::Refused(refusal)) if refusal.status == Nfsstat3::Noent => Ok(None),
            Err(stop) => Err(Stop::broken(format!("LOOKUP of {name}: {stop}"))),
        }
    }

    /// The first bytes of a file, as the other client reads them.
    pub fn content(&mut self, file: &FileHandle) -> Answer<Bytes> {
        let args = ReadArgs { file: file.clone(), offset: 0, count: 64 << 10 };
        Ok(prepared(self.other.read(&args))?.data)
    }

    /// Sets a mode, as the other client.
    pub fn chmod(&mut self, object: &FileHandle, bits: u32) -> Answer<()> {
        let args = nfs_wire::nfs3::SetattrArgs { object: object.clone(), new_attributes: mode(bits), guard: None };
        prepared(self.other.setattr(&args)).map(drop)
    }
}

/// A name in a directory.
pub(super) fn at(dir: &FileHandle, name: impl AsRef<[u8]>) -> DirOpArgs {
    let name = Filename::new(name.as_ref().to_vec()).unwrap_or_default();
    DirOpArgs { dir: dir.clone(), name }
}

/// A mode and nothing else.
pub(super) fn mode(mode: u32) -> Sattr3 {
    Sattr3 { mode: Some(mode), ..Sattr3::default() }
}

/// A symbolic link without attributes.
pub(super) fn symlink(place: DirOpArgs, text: &str) -> SymlinkArgs {
    let symlink_data = NfsPath::new(text.as_bytes().to_vec()).unwrap_or_default();
    SymlinkArgs { place, symlink: SymlinkData { symlink_attributes: Sattr3::default(), symlink_data } }
}

/// An unstable WRITE.
pub(super) fn write(file: &FileHandle, offset: u64, data: &[u8]) -> WriteArgs {
    let count = u32::try_from(data.len()).unwrap_or(u32::MAX);
    WriteArgs { file: file.clone(), offset, count, stable: StableHow::Unstable, data: Bytes::copy_from_slice(data) }
}

/// Bytes that are no handle.
pub(super) fn forged() -> FileHandle {
    FileHandle::new(vec![7; 40]).unwrap_or_default()
}

/// A name that is too long.
pub(super) fn long_name() -> String {
    "n".repeat(256)
}

/// A call that is not what is tested: its refusal is a failure of the test.
pub(super) fn prepared<T>(answer: Answer<T>) -> Answer<T> {
    answer.map_err(|stop| match stop {
        Stop::Refused(_) => Stop::broken(format!("before the test: {stop}")),
        stop => stop,
    })
}

/// A refusal that tells the attributes of everything its body has place for.
pub(super) fn with_attributes<T>(answer: Answer<T>) -> Answer<T> {
    match answer {
        Err(Stop::Refused(refusal)) => {
            let is_bare = refusal.attributes.as_ref().is_some_and(|told| told.iter().any(Option::is_none));
            check!(!is_bare, "{} without attributes", refusal.status.name());
            Err(Stop::Refused(refusal))
        }
        answer => answer,
    }
}

/// A refusal that tells, when it tells attributes, those of these objects in this order.
pub(super) fn with_attributes_of<T>(answer: Answer<T>, objects: &[&Fattr3]) -> Answer<T> {
    let answer = with_attributes(answer);
    if let Err(Stop::Refused(refusal)) = &answer {
        let told = refusal.attributes.as_ref();
        let are_theirs = told.is_none_or(|told| told.iter().flatten().eq(objects.iter().copied()));
        check!(are_theirs, "{} with {told:?}, not those of {objects:?}", refusal.status.name());
    }
    answer
}

/// Attributes after a call, when told, are those that the other client sees.
pub(super) fn check_attributes(told: &Told<PostOpAttr>, seen: &Fattr3) -> Answer<()> {
    let Some(told) = told else { return Ok(()) };
    check!(told.as_ref() == Some(seen), "told {told:?}, but it has {seen:?}");
    Ok(())
}

/// `wcc_data`, when told: before is what was seen before, after what is seen now, and ctime went on.
pub(super) fn check_change(told: &Told<WccData>, before: &Fattr3, after: &Fattr3) -> Answer<()> {
    check!(after.ctime > before.ctime, "ctime did not move from {:?} to {:?}", before.ctime, after.ctime);
    let Some(told) = told else { return Ok(()) };
    check!(told.before == Some(before.wcc()), "before: {:?}, but it was {before:?}", told.before);
    check!(told.after == Some(*after), "after: {:?}, but it is {after:?}", told.after);
    Ok(())
}

fn new(answer: Answer<Made>) -> Answer<FileHandle> {
    prepared(answer)?.object.ok_or_else(|| Stop::Broken("no handle".to_owned()))
}
