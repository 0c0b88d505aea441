//! CREATE (MS-SMB2 3.3.5.9): one request of the house, atomic.

mod again;
mod application;
mod contexts;
mod durable;
mod lease;
mod name;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};

use smb_wire::codec::decode_body;
use smb_wire::create::{
    CreateAction, CreateContexts, CreateDisposition, CreateOptions, CreateRequest, CreateResponse, CreateResponseFlags,
    ShareAccess,
};
use smb_wire::dtyp::AccessMask as WireMask;
use smb_wire::info::{FileAttributes, NetworkOpen};
use smb_wire::query_info::SecurityInformation;
use smb_wire::{FileId, Status};
use vfs::acl::AccessMask;
use vfs::{
    Attributes, Case, Disposition, FsError, LeaseGrant, Name, OpContext, OpenReply, OpenRequest, OpenTarget, OpenedHow,
    SetAttributes, ShareMode, Vfs, WalkRequest,
};

use self::contexts::Wishes;
use self::durable::{Asking, Durability};
use self::lease::Asked;
pub(crate) use self::lease::{level_of, state_of, wire_state};
pub(crate) use self::name::{Path, Stream, component, components, shown, stream_units};
use crate::answer::Answer;
use crate::app_instance::Instance;
use crate::attributes::{dos_attributes, network_open};
use crate::change_notify::Watch;
use crate::channel_sequence::ChannelSequence;
use crate::descriptors::given;
use crate::dispatch::Call;
use crate::durable::{Claim, Durable, Underway};
use crate::extended_attributes::given as xattrs_given;
use crate::lock_sequence::LockSequence;
use crate::open_table::Open;
use crate::snapshots::{self, Moment};
use crate::status;
use crate::symlink::{self, is_symlink};
use crate::tree::{Disk, Target, Tree};

/// Opens, creates or overwrites; or gives back what is open.
///
/// Errors, in order: INVALID_PARAMETER (unreadable), those of the create contexts, INVALID_PARAMETER (options that exclude
/// each other), those of the name, ACCESS_DENIED (the share does not allow it), STOPPED_ON_SYMLINK (with where it leads), OBJECT_PATH_NOT_FOUND,
/// then those of the house. What is open already has its own (`again`).
pub(crate) async fn create<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: CreateRequest<'_> = decode_body(&call.request.body).map_err(status::unreadable)?;
    let Target::Disk(disk) = &tree.target else { return Err(Status::OBJECT_NAME_NOT_FOUND) };
    let wishes = Wishes::of(&request, call.terms.dialect)?;
    if let Some(Durability::Again(which)) = wishes.durability {
        // All but the name and the contexts means nothing then.
        return again::reconnect(call, (tree, disk), (&request, &wishes), which).await;
    }
    check(&request)?;
    let created = create_new(call, (tree, disk), (&request, &wishes)).await;
    if created.as_ref().err() != Some(&Status::STOPPED_ON_SYMLINK) {
        return created;
    }
    symlink::stopped(call, (&call.context(disk.root), disk), request.name).await
}

async fn create_new<V: Vfs>(
    call: &Call<'_, V>,
    (tree, disk): (&Tree, &Disk),
    (request, wishes): (&CreateRequest<'_>, &Wishes<'_>),
) -> Result<Answer, Status> {
    match durable::ask(call, wishes.durability)? {
        Asking::New(claim) => open(call, (tree, disk), (request, wishes), (claim, true)).await,
        Asking::Lost(claim) => open(call, (tree, disk), (request, wishes), (Some(claim), false)).await,
        Asking::Back(open) => {
            let told = (open.action, open.durable.as_ref());
            again::take_up(call, (tree, disk), (request, wishes), (open.id, told)).await
        }
        Asking::Again(open) => again::replay(call, (tree, disk), (request, wishes), &open).await,
    }
}

async fn open<V: Vfs>(
    call: &Call<'_, V>,
    (tree, disk): (&Tree, &Disk),
    (request, wishes): (&CreateRequest<'_>, &Wishes<'_>),
    (claim, may_wait): (Option<Arc<Claim>>, bool),
) -> Result<Answer, Status> {
    let Path { mut names, stream } = components(request.name)?;
    let stream = check_stream(request, disk, stream)?;
    let has_stream = stream.is_some();
    let plan = Plan::of(request, disk)?;
    let ctx = call.context(disk.root);
    let stream = stream.and_then(Stream::name);
    wishes.application.end_elsewhere(call, (tree, disk, &ctx), (&names, stream.as_ref())).await?;
    let target = match Moment::asked(wishes.timewarp, &mut names)? {
        Some(moment) => snapshots::find(call, (&ctx, disk), (names, moment)).await?,
        None => target(call, &ctx, (disk, names)).await?,
    };
    let attributes = plan.attributes(call, (request, wishes))?;
    let asked = Asked::of(call, request, wishes.lease);
    let persistent = wishes.durability.and_then(|asked| asked.persistent(call, (tree, disk)));
    let opening = OpenRequest {
        target,
        directory: if has_stream { Some(false) } else { plan.directory },
        opens_links: request.options.contains(CreateOptions::OPEN_REPARSE_POINT),
        stream: stream.clone(),
        disposition: plan.disposition,
        access: plan.access,
        share: share_mode(request.share_access),
        lease: asked.as_ref().map(Asked::request),
        delete_on_close: request.options.contains(CreateOptions::DELETE_ON_CLOSE),
        attributes,
        persistent: persistent.as_ref().map(|durable| durable.note(plan.writes_through)),
        mailbox: Arc::clone(&call.session.mailbox),
    };
    let under_way = Underway::new(call.session, claim.as_ref());
    let opened = if may_wait {
        match call.past_leases(None, || call.door.vfs.open(&ctx, opening.clone())).await {
            Ok(opened) => opened,
            Err(status) => {
                if !call.peer.waits.are_over() {
                    under_way.answered();
                }
                return Err(status);
            }
        }
    } else {
        call.door.vfs.open(&ctx, opening).await
    };
    if matches!(&opened, Err(failure) if matches!(failure.error, FsError::Breaking(_))) {
        return Err(Status::FILE_NOT_AVAILABLE);
    }
    under_way.answered();
    let opened = opened.map_err(|failure| match failure.error {
        // A name that a read-only share lacks cannot be made there.
        FsError::NotFound if plan.would_create => Status::ACCESS_DENIED,
        // A READONLY file does not go with its last open (MS-FSA 2.1.5.1.1).
        FsError::NotPermitted if request.options.contains(CreateOptions::DELETE_ON_CLOSE) => Status::CANNOT_DELETE,
        _ => status::of(failure),
    })?;
    let lease = opened.lease;
    let durability = wishes.durability;
    let granted = || durability.and_then(|asked| asked.granted(call, tree, (&opened.attributes, lease)));
    let durable = persistent.or_else(granted);
    let named = (opened.open, opened.attributes.file(), stream.as_ref());
    let instance = wishes.application.enter(call, tree, named);
    let beside = Beside { durable, claim, instance, writes_through: plan.writes_through };
    let (open, attributes) = enter(call, (tree, disk), (wishes, asked, opened), beside);
    let told = Told { action: open.action, durable: open.durable.as_ref(), lease };
    Ok(answer((wishes, asked), &open, (&attributes, told)))
}

/// What the door knows of an open, beside the house.
struct Beside {
    durable: Option<Durable>,
    claim: Option<Arc<Claim>>,
    instance: Option<Arc<Instance>>,
    writes_through: bool,
}

/// Gives an open its place in the session.
fn enter<V: Vfs>(
    call: &Call<'_, V>,
    (tree, disk): (&Tree, &Disk),
    (wishes, asked, opened): (&Wishes<'_>, Option<Asked>, OpenReply),
    beside: Beside,
) -> (Arc<Open>, Attributes) {
    let OpenReply { open: id, how, granted, maximal, attributes, .. } = opened;
    let Beside { durable, claim, instance, writes_through } = beside;
    let named = claim.clone();
    let make = |file_id: FileId| Open {
        file_id,
        id,
        tree: tree.id,
        inode: attributes.inode,
        file: attributes.file(),
        is_directory: attributes.is_directory(),
        granted: granted.intersection(disk.rights),
        maximal: maximal.intersection(disk.rights),
        action: match how {
            OpenedHow::Opened => CreateAction::OPENED,
            OpenedHow::Created => CreateAction::CREATED,
            OpenedHow::Overwritten => CreateAction::OVERWRITTEN,
            OpenedHow::Superseded => CreateAction::SUPERSEDED,
        },
        allocation: if how == OpenedHow::Opened || attributes.is_directory() { 0 } else { wishes.allocation },
        lease: asked.and_then(|asked| asked.request().key),
        durable,
        claim,
        instance,
        attributes_told: AtomicUsize::new(0),
        quota_told: AtomicBool::new(false),
        writes_through,
        position: AtomicU64::new(0),
        listing: Mutex::default(),
        watch: Watch::default(),
        locks: LockSequence::default(),
        sequence: ChannelSequence::starting_at(call.sequence().unwrap_or_default()),
        is_told: AtomicBool::new(false),
        is_used: AtomicBool::new(false),
        told_events: AtomicU8::new(0),
    };
    let open = call.session.opens.enter(id, make);
    if let Some(claim) = named {
        claim.note(&open, call.session.id);
    }
    (open, attributes)
}

/// What is told of an open.
struct Told<'a> {
    action: CreateAction,
    durable: Option<&'a Durable>,
    lease: LeaseGrant,
}

fn answer(
    (wishes, asked): (&Wishes<'_>, Option<Asked>),
    open: &Open,
    (attributes, told): (&Attributes, Told<'_>),
) -> Answer {
    let (oplock_level, lease) =
        asked.map_or_else(|| (level_of(told.lease.state), None), |asked| asked.granted(told.lease));
    let mut contexts = wishes.granted(open.maximal, attributes);
    contexts.extend(told.durable.map(durable::told));
    contexts.extend(lease);
    let file = network_open(attributes);
    let file = NetworkOpen { allocation_size: file.allocation_size.max(open.allocation), ..file };
    let mut answer = Answer::success(&CreateResponse {
        oplock_level,
        flags: CreateResponseFlags::empty(),
        action: told.action,
        file,
        file_id: open.file_id,
        contexts: CreateContexts::Items(&contexts),
    });
    answer.file_id = Some(open.file_id);
    answer
}

/// What excludes each other (MS-SMB2 3.3.5.9, MS-FSA 2.1.5.1).
fn check(request: &CreateRequest<'_>) -> Result<(), Status> {
    let (options, disposition) = (request.options, request.disposition);
    let is_directory = options.contains(CreateOptions::DIRECTORY_FILE);
    let replaces = matches!(
        disposition,
        CreateDisposition::SUPERSEDE | CreateDisposition::OVERWRITE | CreateDisposition::OVERWRITE_IF
    );
    if request.impersonation_level.0 > 3 {
        return Err(Status::BAD_IMPERSONATION_LEVEL);
    }
    let wanted = request.desired_access.map_generic();
    if wanted.contains(WireMask::ACCESS_SYSTEM_SECURITY) {
        // Nobody has the privilege for what is recorded (MS-FSA 2.1.5.1).
        return Err(Status::PRIVILEGE_NOT_HELD);
    }
    if wanted.is_empty() || !wanted.difference(WireMask::FILE_ALL_ACCESS | WireMask::MAXIMUM_ALLOWED).is_empty() {
        return Err(Status::ACCESS_DENIED);
    }
    let is_wrong = disposition > CreateDisposition::OVERWRITE_IF
        || request.share_access.bits() > 7
        || options.bits() & !KNOWN_OPTIONS != 0
        || request.file_attributes.bits() & !KNOWN_ATTRIBUTES != 0
        || (is_directory && (replaces || options.contains(CreateOptions::NON_DIRECTORY_FILE)))
        || (is_directory && request.file_attributes.contains(FileAttributes::TEMPORARY));
    if is_wrong {
        return Err(Status::INVALID_PARAMETER);
    }
    if options.bits() & UNSERVED_OPTIONS != 0 {
        return Err(Status::NOT_SUPPORTED);
    }
    Ok(())
}

/// A stream is no directory, and has to be one that the share lets be.
///
/// Errors, in order: OBJECT_NAME_INVALID, NOT_A_DIRECTORY.
fn check_stream(request: &CreateRequest<'_>, disk: &Disk, stream: Option<Stream>) -> Result<Option<Stream>, Status> {
    match &stream {
        Some(Stream::Named(_)) if !disk.share.has_streams() => Err(Status::OBJECT_NAME_INVALID),
        Some(_) if request.options.contains(CreateOptions::DIRECTORY_FILE) => Err(Status::NOT_A_DIRECTORY),
        _ => Ok(stream),
    }
}

/// What is asked of the house.
struct Plan {
    disposition: Disposition,
    directory: Option<bool>,
    access: AccessMask,
    /// It would make the file, if the share allowed it.
    would_create: bool,
    /// Every write is stable before its answer.
    writes_through: bool,
}

impl Plan {
    /// Errors: ACCESS_DENIED.
    fn of(request: &CreateRequest<'_>, disk: &Disk) -> Result<Self, Status> {
        let wanted = request.desired_access.map_generic();
        let access = AccessMask(wanted.bits());
        let explicit = AccessMask(access.0 & !AccessMask::MAXIMUM_ALLOWED.0);
        let deletes = request.options.contains(CreateOptions::DELETE_ON_CLOSE);
        let may_delete = access.contains(AccessMask::DELETE) || access.contains(AccessMask::MAXIMUM_ALLOWED);
        if !disk.rights.contains(explicit) || (deletes && !(may_delete && disk.rights.contains(AccessMask::DELETE))) {
            return Err(Status::ACCESS_DENIED);
        }
        let may_write = disk.rights.contains(AccessMask::WRITE_DATA);
        let (disposition, would_create) = match request.disposition {
            CreateDisposition::OPEN => (Disposition::Open, false),
            CreateDisposition::OPEN_IF if !may_write => (Disposition::Open, true),
            _ if !may_write => return Err(Status::ACCESS_DENIED),
            CreateDisposition::CREATE => (Disposition::Create, false),
            CreateDisposition::OPEN_IF => (Disposition::OpenOrCreate, false),
            CreateDisposition::OVERWRITE => (Disposition::Overwrite, false),
            CreateDisposition::OVERWRITE_IF => (Disposition::OverwriteOrCreate, false),
            _ => (Disposition::Supersede, false),
        };
        let directory = if request.options.contains(CreateOptions::DIRECTORY_FILE) {
            Some(true)
        } else {
            request.options.contains(CreateOptions::NON_DIRECTORY_FILE).then_some(false)
        };
        let writes_through = request.options.contains(CreateOptions::WRITE_THROUGH) || disk.share.is_continuous();
        Ok(Self { disposition, directory, access, would_create, writes_through })
    }

    /// Attributes of a new file; ARCHIVE says that no backup has it yet.
    ///
    /// Errors, in order: INVALID_SECURITY_DESCR, EA_LIST_INCONSISTENT, INVALID_EA_NAME.
    fn attributes<V>(
        &self,
        call: &Call<'_, V>,
        (request, wishes): (&CreateRequest<'_>, &Wishes<'_>),
    ) -> Result<SetAttributes, Status> {
        let is_directory = self.directory == Some(true);
        let wanted = request.file_attributes;
        let wanted = if is_directory { wanted } else { wanted | FileAttributes::ARCHIVE };
        let mode = Some(if is_directory { DIRECTORY_MODE } else { FILE_MODE });
        let parts = SecurityInformation::OWNER | SecurityInformation::GROUP | SecurityInformation::DACL;
        let set =
            wishes.descriptor.map_or_else(|| Ok(SetAttributes::default()), |bytes| given(call.zone, bytes, parts))?;
        let xattrs = xattrs_given(wishes.extended_attributes)?;
        Ok(SetAttributes { mode, dos: dos_attributes(wanted), xattrs, ..set })
    }
}

/// Where a path leads: a name in its directory, or the root of the share.
async fn target<V: Vfs>(
    call: &Call<'_, V>,
    ctx: &OpContext,
    (disk, mut path): (&Disk, Vec<Name>),
) -> Result<OpenTarget, Status> {
    let Some(name) = path.pop() else { return Ok(OpenTarget::Inode(disk.root)) };
    let parent = parent(call, ctx, (disk, path)).await?;
    Ok(OpenTarget::Child { parent, name, case: Case::Insensitive })
}

/// The directory that a path leads to.
///
/// Errors, in order: STOPPED_ON_SYMLINK, OBJECT_PATH_NOT_FOUND, those of the house.
pub(crate) async fn parent<V: Vfs>(
    call: &Call<'_, V>,
    ctx: &OpContext,
    (disk, path): (&Disk, Vec<Name>),
) -> Result<vfs::InodeId, Status> {
    if path.is_empty() {
        return Ok(disk.root);
    }
    let request = WalkRequest { start: disk.root, path, case: Case::Insensitive };
    let found = call.door.vfs.walk(ctx, request).await.map_err(|failure| match failure.error {
        FsError::NotDirectory if failure.attributes.as_deref().is_some_and(is_symlink) => Status::STOPPED_ON_SYMLINK,
        FsError::NotFound | FsError::NotDirectory => Status::OBJECT_PATH_NOT_FOUND,
        _ => status::of(failure),
    })?;
    match &found.attributes {
        directory if directory.is_directory() => Ok(directory.inode),
        link if is_symlink(link) => Err(Status::STOPPED_ON_SYMLINK),
        _ => Err(Status::OBJECT_PATH_NOT_FOUND),
    }
}

fn share_mode(access: ShareAccess) -> ShareMode {
    ShareMode {
        read: access.contains(ShareAccess::READ),
        write: access.contains(ShareAccess::WRITE),
        delete: access.contains(ShareAccess::DELETE),
    }
}

/// Options that mean something, or nothing (MS-SMB2 2.2.13 `CreateOptions`).
const KNOWN_OPTIONS: u32 = 0x00ff_ffff;
/// `FILE_CREATE_TREE_CONNECTION`, `FILE_OPEN_BY_FILE_ID` and `FILE_RESERVE_OPFILTER`.
const UNSERVED_OPTIONS: u32 = 0x0010_2080;
/// Attributes that a file can be made with (MS-FSCC 2.6).
const KNOWN_ATTRIBUTES: u32 = 0x7fb7;
/// Modes of what is made over SMB, as NFS sees them.
const FILE_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;
