//! What of calls is recorded, where the zone records: noted before a call, put in when its outcome is known.

use bytes::Bytes;
use nfs_wire::nfs3::{self, DirOpArgs, FileHandle, Nfsstat3};
use nfs_wire::rpc::{NFS_PROGRAM, procedure_name};
use vfs::{Identity, InodeId, Vfs};
use zones::{AuditEvent, AuditObject, AuditRecord, AuditUser, Trail};

use super::call::Call;

/// Arguments that say what a call is about.
pub(super) trait Audited {
    /// What it is, where it is an event of its own.
    const EVENT: Option<AuditEvent> = None;

    /// What it is about.
    fn subject(&self) -> Subject<'_>;

    /// What it is with these arguments.
    fn event(&self) -> Option<AuditEvent> {
        Self::EVENT
    }
}

/// What a call is about.
pub(super) enum Subject<'a> {
    Object(&'a FileHandle),
    Name(&'a DirOpArgs),
    /// From one name to another.
    Names(&'a DirOpArgs, &'a DirOpArgs),
    /// A name for an object.
    Link(&'a FileHandle, &'a DirOpArgs),
}

/// What was noted of a call; its handles and names lie in the record that it came in.
pub(super) struct Noted {
    event: Option<AuditEvent>,
    object: Place,
    to: Option<Place>,
}

/// A handle, or a name in a directory.
type Place = (FileHandle, Option<Bytes>);

/// Notes what a call is about, if what comes of it may be recorded.
pub(super) fn note(trail: &Trail, args: &impl Audited) -> Option<Noted> {
    let wants = |is_success| trail.recorded(args.event(), is_success, !is_success).is_some();
    if !wants(true) && !wants(false) {
        return None;
    }
    let named = |what: &DirOpArgs| (what.dir.clone(), Some(what.name.as_bytes().clone()));
    let (object, to) = match args.subject() {
        Subject::Object(handle) => ((handle.clone(), None), None),
        Subject::Name(what) => (named(what), None),
        Subject::Names(from, to) => (named(from), Some(named(to))),
        Subject::Link(handle, to) => ((handle.clone(), None), Some(named(to))),
    };
    Some(Noted { event: args.event(), object, to })
}

impl Noted {
    /// Records what came of the call.
    pub(super) fn tell<V: Vfs>(
        &self,
        (call, trail): (&Call<'_, V>, &Trail),
        (xid, procedure): (u32, u32),
        failed: Option<Nfsstat3>,
    ) {
        let is_denied = matches!(failed, Some(Nfsstat3::Acces | Nfsstat3::Perm));
        let Some(event) = trail.recorded(self.event, failed.is_none(), is_denied) else { return };
        if self.was_told(call, event, failed) {
            return;
        }
        trail.put(AuditRecord {
            time: call.door.clock.now(),
            door: DOOR,
            client: call.caller.client,
            session: call.caller.session.0,
            request: xid.into(),
            user: user(call),
            event,
            operation: procedure_name(NFS_PROGRAM, 3, procedure),
            status: failed.map_or("NFS3_OK", Nfsstat3::name),
            is_success: failed.is_none(),
            object: object(call, &self.object),
            to: self.to.as_ref().map(|to| object(call, to)).unwrap_or_default(),
        });
    }

    /// There are no opens: what is read or written again after a short while is told once.
    fn was_told<V: Vfs>(&self, call: &Call<'_, V>, event: AuditEvent, failed: Option<Nfsstat3>) -> bool {
        let is_data = matches!(event, AuditEvent::Read | AuditEvent::Write);
        let what = (&**self.object.0.as_bytes(), &**call.token.body.as_bytes(), event, failed);
        is_data && !call.caller.data_told.is_first(&what, call.door.clock.monotonic())
    }
}

/// Who asked: as the call ran, if it came so far.
fn user<V: Vfs>(call: &Call<'_, V>) -> AuditUser {
    let claimed = match call.identity {
        Identity::Unix { uid, .. } => Some(*uid),
        _ => None,
    };
    let admitted = call
        .export
        .get()
        .and_then(|export| call.caller.admitted((*export, call.token), call.door.roots.version(), &*call.door.clock));
    let uid = admitted.map(|admitted| admitted.credentials.uid);
    AuditUser { name: None, uid, claimed: claimed.filter(|claimed| uid != Some(*claimed)) }
}

fn object<V: Vfs>(call: &Call<'_, V>, (handle, name): &Place) -> AuditObject {
    // A handle of another zone tells nothing of that zone here.
    let inode = call.door.keys.open(handle).ok().map(|target| target.inode);
    let inode: Option<InodeId> = inode.filter(|inode| inode.shard == call.zone.root().shard);
    match (inode, name) {
        (Some(directory), Some(name)) => AuditObject::Child(directory, AuditObject::bounded(name)),
        (Some(inode), None) => AuditObject::Inode(inode),
        (None, Some(name)) => AuditObject::Asked(AuditObject::bounded(name)),
        (None, None) => AuditObject::None,
    }
}

macro_rules! audited {
    ($($args:ident { $event:expr, $self:ident => $subject:expr })*) => {
        $(impl Audited for nfs3::$args {
            const EVENT: Option<AuditEvent> = $event;

            fn subject(&$self) -> Subject<'_> {
                $subject
            }
        })*
    };
}

audited! {
    GetattrArgs { None, self => Subject::Object(&self.object) }
    LookupArgs { None, self => Subject::Name(&self.what) }
    AccessArgs { None, self => Subject::Object(&self.object) }
    ReadlinkArgs { None, self => Subject::Object(&self.symlink) }
    ReadArgs { Some(AuditEvent::Read), self => Subject::Object(&self.file) }
    WriteArgs { Some(AuditEvent::Write), self => Subject::Object(&self.file) }
    CreateArgs { Some(AuditEvent::Create), self => Subject::Name(&self.place) }
    MkdirArgs { Some(AuditEvent::Create), self => Subject::Name(&self.place) }
    SymlinkArgs { Some(AuditEvent::Create), self => Subject::Name(&self.place) }
    MknodArgs { Some(AuditEvent::Create), self => Subject::Name(&self.place) }
    RemoveArgs { Some(AuditEvent::Delete), self => Subject::Name(&self.object) }
    RmdirArgs { Some(AuditEvent::Delete), self => Subject::Name(&self.object) }
    RenameArgs { Some(AuditEvent::Rename), self => Subject::Names(&self.from, &self.to) }
    LinkArgs { Some(AuditEvent::Create), self => Subject::Link(&self.file, &self.link) }
    ReaddirArgs { None, self => Subject::Object(&self.dir) }
    ReaddirplusArgs { None, self => Subject::Object(&self.dir) }
    FsstatArgs { None, self => Subject::Object(&self.fsroot) }
    FsinfoArgs { None, self => Subject::Object(&self.fsroot) }
    PathconfArgs { None, self => Subject::Object(&self.object) }
    CommitArgs { None, self => Subject::Object(&self.file) }
}

impl Audited for nfs3::SetattrArgs {
    fn subject(&self) -> Subject<'_> {
        Subject::Object(&self.object)
    }

    fn event(&self) -> Option<AuditEvent> {
        let new = &self.new_attributes;
        let is_security = new.mode.is_some() || new.uid.is_some() || new.gid.is_some();
        match (is_security, new.size) {
            (true, _) => Some(AuditEvent::SetSecurity),
            (false, Some(_)) => Some(AuditEvent::Write),
            (false, None) => None,
        }
    }
}

pub(crate) const DOOR: &str = "nfs";
