//! Previous versions: snapshots as SMB names them, by the second in which they were taken.

use smb_wire::Status;
use smb_wire::dtyp::FileTime;
use vfs::{Case, FsError, InodeId, Name, OpContext, OpenTarget, Snapshot, TreeId, Vfs, WalkRequest, date};

use crate::dispatch::Call;
use crate::status;
use crate::tree::Disk;

/// The snapshot that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Taken in this second since 1970.
    At(i64),
    /// Its token, in a path.
    Token(Name),
}

impl Moment {
    /// What a create context (MS-SMB2 2.2.13.2.7) or a component of the path, which is taken out of it, ask for.
    ///
    /// Errors: INVALID_PARAMETER (no time).
    pub(crate) fn asked(timewarp: Option<FileTime>, names: &mut Vec<Name>) -> Result<Option<Self>, Status> {
        if let Some(time) = timewarp.filter(|time| time.0 != 0) {
            let (seconds, _) = time.to_unix().ok_or(Status::INVALID_PARAMETER)?;
            return Ok(Some(Self::At(seconds)));
        }
        let at = names.iter().position(|name| is_token(name.as_bytes()));
        Ok(at.map(|at| Self::Token(names.remove(at))))
    }

    fn is_of(&self, snapshot: &Snapshot) -> bool {
        match self {
            Self::At(seconds) => *seconds == snapshot.created.seconds,
            Self::Token(name) => token(snapshot.created.seconds).as_bytes().eq_ignore_ascii_case(name.as_bytes()),
        }
    }
}

/// What a path led to in a snapshot.
///
/// Errors, in order: OBJECT_NAME_NOT_FOUND (no such snapshot), OBJECT_PATH_NOT_FOUND, those of the house,
/// OBJECT_NAME_NOT_FOUND (the snapshot stands on another directory).
pub(crate) async fn find<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, disk): (&OpContext, &Disk),
    (path, moment): (Vec<Name>, Moment),
) -> Result<OpenTarget, Status> {
    let vfs = &call.door.vfs;
    let all = vfs.snapshots(ctx, disk.root).map_err(|error| status::of(error.into()))?;
    let mut refused = Status::OBJECT_NAME_NOT_FOUND;
    // Of several of one second the newest that has it.
    for snapshot in all.iter().rev().filter(|snapshot| !snapshot.is_going && moment.is_of(snapshot)) {
        match find_in(call, ctx, (disk, snapshot), path.clone()).await {
            Ok(Some(inode)) => return Ok(OpenTarget::Inode(inode)),
            Ok(None) => {}
            Err(status) => refused = status,
        }
    }
    Err(refused)
}

async fn find_in<V: Vfs>(
    call: &Call<'_, V>,
    ctx: &OpContext,
    (disk, snapshot): (&Disk, &Snapshot),
    path: Vec<Name>,
) -> Result<Option<InodeId>, Status> {
    let request = WalkRequest { start: disk.root.in_tree(snapshot.root.tree), path, case: Case::Insensitive };
    let walked = call.door.vfs.walk(ctx, request).await;
    let inode = match walked.map_err(|failure| (failure.error, failure)) {
        Ok(found) => found.attributes.inode,
        Err((FsError::NotFound | FsError::StaleHandle, _)) => return Ok(None),
        Err((FsError::NotDirectory, _)) => return Err(Status::OBJECT_PATH_NOT_FOUND),
        Err((_, failure)) => return Err(status::of(failure)),
    };
    let past = call.door.vfs.past_of(ctx, inode.in_tree(TreeId::LIVE)).await.map_err(status::of)?;
    Ok(past.iter().any(|past| past.snapshot.id == snapshot.id).then_some(inode))
}

/// The tokens of all snapshots that have an inode, newest first; of several of one second one.
pub(crate) async fn tokens<V: Vfs>(call: &Call<'_, V>, ctx: &OpContext, inode: InodeId) -> Result<Vec<String>, Status> {
    if inode.tree.is_clone() {
        // A time leads into the past of the share, where clones do not hang: theirs is found below `.snapshot`.
        return Ok(Vec::new());
    }
    let past = call.door.vfs.past_of(ctx, inode.in_tree(TreeId::LIVE)).await.map_err(status::of)?;
    let mut tokens: Vec<String> = past.iter().map(|past| token(past.snapshot.created.seconds)).collect();
    tokens.dedup();
    Ok(tokens)
}

/// `@GMT-YYYY.MM.DD-HH.MM.SS` (MS-SMB2 2.2.32.2).
fn token(seconds: i64) -> String {
    let seconds = u64::try_from(seconds).unwrap_or(0);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("@GMT-{year:04}.{month:02}.{day:02}-{hour:02}.{minute:02}.{second:02}")
}

fn is_token(name: &[u8]) -> bool {
    let is_digit_or_point = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    let rest = name.split_at_checked(5).filter(|(head, _)| head.eq_ignore_ascii_case(b"@GMT-")).map(|(_, rest)| rest);
    rest.is_some_and(|rest| rest.len() == 19 && rest.iter().all(is_digit_or_point))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_tokens_and_tokens_are_taken_out_of_paths() {
        assert_eq!(token(1_700_000_000), "@GMT-2023.11.14-22.13.20");
        let name = |text: &str| Name::try_from(text).unwrap();
        let mut names = vec![name("a"), name("@gmt-2023.11.14-22.13.20"), name("b")];
        let asked = Moment::asked(None, &mut names).unwrap();
        assert_eq!((asked, names.len()), (Some(Moment::Token(name("@gmt-2023.11.14-22.13.20"))), 2));
        assert_eq!(Moment::asked(None, &mut vec![name("@GMT-x")]), Ok(None));
        let time = FileTime::from_unix(1_700_000_000, 0);
        assert_eq!(Moment::asked(Some(time), &mut Vec::new()), Ok(Some(Moment::At(1_700_000_000))));
    }
}
