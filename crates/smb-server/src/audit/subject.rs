//! What a request is about, as its body says.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};
use smb_wire::codec::{Utf16, decode_body};
use smb_wire::create::{CreateAction, CreateDisposition, CreateOptions, CreateRequest};
use smb_wire::info::{DispositionFlags, FileDisposition, FileInformationClass, Number32, RenameTo};
use smb_wire::ioctl::{ControlCode, IoctlRequest};
use smb_wire::query_info::{InfoType, SetInfoRequest};
use smb_wire::tree_connect::TreeConnectRequest;
use smb_wire::{Command, FileId, Status};
use vfs::Vfs;
use zones::{AuditEvent, AuditObject};

use super::open_object;
use crate::create::{Path, components};
use crate::dispatch::Call;
use crate::open_table::Open;
use crate::set_info::structure;
use crate::tree::Tree;

/// What a request is about.
#[derive(Default)]
pub(super) struct Subject {
    /// What it is, where it is an event of its own.
    pub(super) event: Option<AuditEvent>,
    /// `None`: what the open is.
    pub(super) object: Option<AuditObject>,
    pub(super) open: Option<Arc<Open>>,
    pub(super) to: AuditObject,
}

/// What the open of a request that may give it another name is called.
pub(crate) fn name_before<V: Vfs>(call: &Call<'_, V>, (command, tree): (Command, &Tree)) -> Option<AuditObject> {
    if command != Command::SET_INFO {
        return None;
    }
    let request: SetInfoRequest<'_> = decode_body(&call.request.body).ok()?;
    let is_rename = request.info_type == InfoType::FILE
        && matches!(
            FileInformationClass(request.class),
            FileInformationClass::RENAME | FileInformationClass::RENAME_EX
        );
    let open = is_rename.then(|| call.session.opens.find(request.file_id, tree.id))??;
    Some(open_object(call, &open))
}

/// All that a request was, with what it came to and the open that it made.
pub(super) fn subjects<V: Vfs>(
    call: &Call<'_, V>,
    (command, tree): (Command, Option<&Tree>),
    (status, made): (Status, Option<FileId>),
    before: Option<AuditObject>,
) -> SmallVec<[Subject; 2]> {
    let open = |file_id: Option<FileId>| {
        file_id.and_then(|file_id| call.session.opens.find(file_id, tree.map_or(0, |tree| tree.id)))
    };
    let body = &call.request.body;
    match command {
        Command::TREE_CONNECT => smallvec![connected(body)],
        Command::CREATE => created((body, tree), (status, open(made))),
        Command::READ => smallvec![of_open(Some(AuditEvent::Read), open(call.named_last()))],
        Command::WRITE => smallvec![of_open(Some(AuditEvent::Write), open(call.named_last()))],
        Command::IOCTL => smallvec![of_open(controlled(body), open(call.named_last()))],
        Command::SET_INFO => smallvec![set((body, tree), open(call.named_last()), before)],
        _ if status.is_error() => smallvec![of_open(None, open(call.named_last()))],
        _ => SmallVec::new(),
    }
}

fn of_open(event: Option<AuditEvent>, open: Option<Arc<Open>>) -> Subject {
    Subject { event, open, ..Subject::default() }
}

fn connected(body: &[u8]) -> Subject {
    let path = decode_body::<TreeConnectRequest<'_>>(body).map(|request| lossy(request.path)).unwrap_or_default();
    let object = Some(AuditObject::Asked(AuditObject::bounded(path.as_bytes())));
    Subject { event: Some(AuditEvent::Mount), object, ..Subject::default() }
}

/// A CREATE is what was done: an open of something that is there is no event. Where it failed, it is what it was for.
fn created(
    (body, tree): (&[u8], Option<&Tree>),
    (status, open): (Status, Option<Arc<Open>>),
) -> SmallVec<[Subject; 2]> {
    let Ok(request) = decode_body::<CreateRequest<'_>>(body) else { return SmallVec::new() };
    let only_opens = matches!(request.disposition, CreateDisposition::OPEN | CreateDisposition::OVERWRITE);
    let event = match open.as_ref().map(|open| open.action) {
        Some(CreateAction::CREATED) => Some(AuditEvent::Create),
        Some(CreateAction::OVERWRITTEN | CreateAction::SUPERSEDED) => Some(AuditEvent::Write),
        _ if status.is_error() && !only_opens => Some(AuditEvent::Create),
        _ => None,
    };
    let object = below(tree, request.name);
    let is_told = event.is_some() || status.is_error();
    let mut subjects = SmallVec::new();
    if is_told {
        subjects.push(Subject { event, object: Some(object.clone()), open: open.clone(), ..Subject::default() });
    }
    if request.options.contains(CreateOptions::DELETE_ON_CLOSE) && !status.is_error() {
        subjects.push(Subject { event: Some(AuditEvent::Delete), object: Some(object), ..Subject::default() });
    }
    subjects
}

fn controlled(body: &[u8]) -> Option<AuditEvent> {
    let code = decode_body::<IoctlRequest<'_>>(body).ok()?.code;
    let is_write = matches!(
        code,
        ControlCode::SRV_COPYCHUNK
            | ControlCode::SRV_COPYCHUNK_WRITE
            | ControlCode::SET_ZERO_DATA
            | ControlCode::FILE_LEVEL_TRIM
            | ControlCode::DUPLICATE_EXTENTS_TO_FILE
            | ControlCode::DUPLICATE_EXTENTS_TO_FILE_EX
    );
    is_write.then_some(AuditEvent::Write)
}

fn set((body, tree): (&[u8], Option<&Tree>), open: Option<Arc<Open>>, before: Option<AuditObject>) -> Subject {
    let Ok(request) = decode_body::<SetInfoRequest<'_>>(body) else { return of_open(None, open) };
    match (request.info_type, FileInformationClass(request.class)) {
        (InfoType::SECURITY, _) => of_open(Some(AuditEvent::SetSecurity), open),
        (InfoType::FILE, class @ (FileInformationClass::RENAME | FileInformationClass::RENAME_EX)) => {
            let to = structure::<RenameTo<'_>>(request.input);
            let to = to.map(|to| if class == FileInformationClass::RENAME { to.of_plain() } else { to });
            let to = to.map(|to| below(tree, to.name)).unwrap_or_default();
            Subject { event: Some(AuditEvent::Rename), object: before, open, to }
        }
        (InfoType::FILE, FileInformationClass::END_OF_FILE | FileInformationClass::ALLOCATION) => {
            of_open(Some(AuditEvent::Write), open)
        }
        (InfoType::FILE, class) => of_open(deletes(class, request.input).then_some(AuditEvent::Delete), open),
        _ => of_open(None, open),
    }
}

/// Whether something is marked to go with its last open.
fn deletes(class: FileInformationClass, input: &[u8]) -> bool {
    match class {
        FileInformationClass::DISPOSITION => {
            structure::<FileDisposition>(input).is_ok_and(|disposition| disposition.delete_pending)
        }
        FileInformationClass::DISPOSITION_EX => structure::<Number32>(input)
            .is_ok_and(|flags| DispositionFlags::from_bits_retain(flags.value).contains(DispositionFlags::DELETE)),
        _ => false,
    }
}

/// A path below the root of a share; one that is none as it came.
fn below(tree: Option<&Tree>, path: Utf16<'_>) -> AuditObject {
    let Some((root, Ok(Path { names, .. }))) = tree.and_then(Tree::root).map(|root| (root, components(path))) else {
        return AuditObject::Asked(AuditObject::bounded(lossy(path).as_bytes()));
    };
    let joined = names.iter().map(vfs::Name::as_bytes).collect::<Vec<_>>().join(&b'/');
    AuditObject::Below(root, AuditObject::bounded(&joined))
}

fn lossy(text: Utf16<'_>) -> String {
    text.chars().map(|one| one.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}
