//! From zone files to places in the store: the base directory of each zone and the directories it exports and shares.

use admin_server::Condition;
use anyhow::{Context, Result, bail};
use vfs::{
    Attributes, Case, Failure, FsError, InodeId, LookupName, LookupRequest, MkdirRequest, Name, OpContext,
    SetAttributes, ShardId, Vfs, ZoneRootRequest,
};
use zones::{ExportId, ShareId, ZoneDefinition};

/// Zones with their bases, and what had to be left out.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) zones: Vec<(ZoneDefinition, InodeId)>,
    pub(crate) left_out: Vec<Condition>,
}

/// A base, and what of its zone cannot be served.
#[derive(Clone, Debug)]
struct Found {
    root: InodeId,
    no_exports: Vec<ExportId>,
    no_shares: Vec<ShareId>,
}

/// Finds the base directory of every zone and makes what is missing: bases, and exported and shared directories
/// with `export_mode`. Directories that exist stay as they are.
///
/// What tenants may have put in the store stops nobody else: an export whose directory cannot be reached or made, and a
/// zone whose base cannot, are left out, and the log says why.
///
/// Errors: the store failed at a base.
pub(crate) async fn prepare<V: Vfs>(vfs: &V, definitions: Vec<ZoneDefinition>, export_mode: u32) -> Result<Prepared> {
    let (mut left_out, mut missing) = (Vec::new(), Vec::new());
    let mut by_depth: Vec<_> = definitions.iter().enumerate().collect();
    // A base that holds another must be there first: of both, it is the one that others share.
    by_depth.sort_by_key(|(_, zone)| zone.base().len());
    let mut roots = vec![None; definitions.len()];
    for (index, zone) in by_depth {
        let root = match find_base(vfs, zone).await? {
            Ok(root) => root,
            Err(reason) => {
                left_out.push(Condition::ZoneNotServed { zone: Box::new(zone.clone()), reason });
                continue;
            }
        };
        let no_exports = make_exports(vfs, (zone, root), export_mode, &mut missing).await;
        let no_shares = make_shares(vfs, (zone, root), export_mode, &mut missing).await;
        if let Some(place) = roots.get_mut(index) {
            *place = Some(Found { root, no_exports, no_shares });
        }
    }
    let served = |(zone, found): (ZoneDefinition, Option<Found>)| {
        let Found { root, no_exports, no_shares } = found?;
        let zone = zone.retain_exports(|export| !no_exports.contains(&export.id()));
        Some((zone.retain_shares(|share| !no_shares.contains(&share.id())), root))
    };
    left_out.append(&mut missing);
    Ok(Prepared { zones: definitions.into_iter().zip(roots).filter_map(served).collect(), left_out })
}

/// The base of a zone, or what in the store is in its way.
async fn find_base<V: Vfs>(vfs: &V, zone: &ZoneDefinition) -> Result<Result<InodeId, String>> {
    let ctx = OpContext::internal(InodeId::root_of(ShardId::ROOT));
    let request = ZoneRootRequest { base: zone.base().to_vec(), attributes: mode(BASE_MODE) };
    let failure = match vfs.zone_root(&ctx, request).await {
        Ok(reply) => return Ok(Ok(reply.attributes.inode)),
        Err(failure) => failure,
    };
    let is_in_the_way = matches!(failure.error, FsError::NotDirectory | FsError::NoSpace | FsError::TooDeep);
    let (base, reason) = (zone.base_path(), reason(failure));
    if !is_in_the_way {
        return Err(reason.context(format!("the base {base} of zone {:?}", zone.name())));
    }
    tracing::error!(zone = zone.name(), base, error = %reason, "a zone is not served: put it right, then SIGHUP");
    Ok(Err(format!("its base {base}: {reason}")))
}

/// Makes the exported directories that are missing, and returns the exports that cannot be served.
async fn make_exports<V: Vfs>(
    vfs: &V,
    (zone, root): (&ZoneDefinition, InodeId),
    export_mode: u32,
    left_out: &mut Vec<Condition>,
) -> Vec<ExportId> {
    let mut missing = Vec::new();
    for export in zone.exports() {
        if let Err(error) = make_directory(vfs, (zone, root), export.components(), export_mode).await {
            let (path, error) = (String::from_utf8_lossy(export.path()), format!("{error:#}"));
            tracing::error!(zone = zone.name(), %path, %error, "an export is not served: put it right, then SIGHUP");
            missing.push(export.id());
            let (zone, export) = (zone.name().to_owned(), path.into_owned());
            left_out.push(Condition::ExportNotServed { zone, export, reason: error });
        }
    }
    missing
}

/// Makes the directories of shares that are missing, and returns the shares that cannot be served.
async fn make_shares<V: Vfs>(
    vfs: &V,
    (zone, root): (&ZoneDefinition, InodeId),
    export_mode: u32,
    left_out: &mut Vec<Condition>,
) -> Vec<ShareId> {
    let mut missing = Vec::new();
    for share in zone.shares() {
        if let Err(error) = make_directory(vfs, (zone, root), share.components(), export_mode).await {
            let (name, reason) = (share.name(), format!("{error:#}"));
            tracing::error!(zone = zone.name(), share = name, error = %reason, "a share is not served: put it right, then SIGHUP");
            missing.push(share.id());
            let (zone, share) = (zone.name().to_owned(), name.to_owned());
            left_out.push(Condition::ShareNotServed { zone, share, reason });
        }
    }
    missing
}

async fn make_directory<V: Vfs>(
    vfs: &V,
    (zone, root): (&ZoneDefinition, InodeId),
    components: &[Name],
    export_mode: u32,
) -> Result<()> {
    let ctx = OpContext { zone: zone.id(), ..OpContext::internal(root) };
    let mut at = root;
    for (index, name) in components.iter().enumerate() {
        let is_last = index + 1 == components.len();
        let mode = if is_last { export_mode } else { BASE_MODE };
        let entered = enter(vfs, &ctx, (at, name), mode).await;
        at = entered.with_context(|| format!("at {name:?}"))?.inode;
    }
    Ok(())
}

/// The directory of this name, which is made when it is missing.
async fn enter<V: Vfs>(
    vfs: &V,
    ctx: &OpContext,
    (parent, name): (InodeId, &Name),
    new_mode: u32,
) -> Result<Attributes> {
    let request = LookupRequest { parent, name: LookupName::Child(name.clone()), case: Case::Sensitive };
    let found = match vfs.lookup(ctx, request).await {
        Ok(found) => found.attributes,
        Err(failure) if failure.error == FsError::NotFound => {
            let request = MkdirRequest { parent, name: name.clone(), attributes: mode(new_mode) };
            let made = vfs.mkdir(ctx, request).await.map_err(reason)?;
            tracing::info!(name = %name, mode = format_args!("{new_mode:o}"), "made a directory that is exported or shared");
            made.attributes
        }
        Err(failure) => return Err(reason(failure)),
    };
    if !found.is_directory() {
        bail!("not a directory: move what stands there, or export another path");
    }
    Ok(found)
}

fn mode(mode: u32) -> SetAttributes {
    SetAttributes { mode: Some(mode), ..SetAttributes::default() }
}

fn reason(failure: Failure) -> anyhow::Error {
    let reason = match failure.error {
        FsError::NotDirectory => "something that is no directory stands in the way",
        FsError::NoSpace => "no space left",
        FsError::TooDeep => "too deep",
        FsError::Io => "the store failed; the log says why",
        other => return anyhow::anyhow!("refused: {other:?}"),
    };
    anyhow::anyhow!(reason)
}

/// Mode of bases, and of directories above exported ones.
const BASE_MODE: u32 = 0o755;
/// Mode of exported directories that are made, unless the demo makes them.
pub(crate) const EXPORT_MODE: u32 = 0o755;

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use testkit::{ManualClock, ReferenceFilesystem, block_on};
    use vfs::{AttributeIo, CreateHow, CreateRequest, Namespace, SetattrRequest, SymlinkRequest, Via, WalkRequest};

    use zones::Export;

    use super::*;

    fn definition(name: &str, base: &str, paths: &str) -> ZoneDefinition {
        let text = format!(
            "name = \"{name}\"\nbase = \"{base}\"\naddresses = [\"127.0.0.1\"]\n[[export]]\npaths = [{paths}]\n"
        );
        zones::parse(Path::new("zone.toml"), &text, &zones::system_resolver).unwrap()
    }

    fn model() -> ReferenceFilesystem {
        ReferenceFilesystem::new(Arc::new(ManualClock::standing()))
    }

    fn find(vfs: &ReferenceFilesystem, root: InodeId, path: &[&str]) -> Attributes {
        let path = path.iter().map(|name| Name::try_from(*name).unwrap()).collect();
        let request = WalkRequest { start: root, path, case: Case::Sensitive };
        block_on(vfs.walk(&OpContext::internal(root), request)).unwrap().attributes
    }

    fn prepare_all(vfs: &ReferenceFilesystem, zones: Vec<ZoneDefinition>) -> Result<Vec<(ZoneDefinition, InodeId)>> {
        block_on(prepare(vfs, zones, 0o1777)).map(|prepared| prepared.zones)
    }

    #[test]
    fn bases_and_exports_are_made_once() {
        let vfs = model();
        let zones =
            || vec![definition("a", "/t/a", "\"/projects\", \"/deep/er\", \"/\""), definition("b", "/t/b", "\"/x\"")];
        let first = prepare_all(&vfs, zones()).unwrap();
        assert_ne!(first[0].1, first[1].1);
        let (root, made) = (first[0].1, find(&vfs, first[0].1, &["projects"]));
        assert_eq!((made.mode & 0o7777, made.is_directory()), (0o1777, true));
        assert_eq!(find(&vfs, root, &["deep"]).mode & 0o7777, 0o755);
        assert_eq!(find(&vfs, root, &["deep", "er"]).mode & 0o7777, 0o1777);

        let attributes = SetAttributes { mode: Some(0o700), ..SetAttributes::default() };
        let request = SetattrRequest { inode: made.inode, via: Via::Anonymous, attributes, guard: None };
        block_on(vfs.setattr(&OpContext::internal(root), request)).unwrap();
        assert_eq!(prepare_all(&vfs, zones()).unwrap(), first, "what exists is found again");
        assert_eq!(find(&vfs, root, &["projects"]).mode & 0o7777, 0o700, "and stays as it is");
    }

    #[test]
    fn roots_keep_the_order_of_the_zones() {
        let vfs = model();
        let roots =
            prepare_all(&vfs, vec![definition("in", "/t/deep/in", "\"/a\""), definition("out", "/o", "\"/a\"")]);
        let names: Vec<_> = roots.unwrap().iter().map(|(zone, _)| zone.name().to_owned()).collect();
        assert_eq!(names, ["in", "out"]);
    }

    #[test]
    fn what_stands_in_the_way_of_an_export_stops_nothing_else() {
        let vfs = model();
        let root = prepare_all(&vfs, vec![definition("a", "/a", "\"/x\"")]).unwrap()[0].1;
        let how = CreateHow::Guarded(SetAttributes::default());
        let request = CreateRequest { parent: root, name: Name::try_from("file").unwrap(), how };
        block_on(vfs.create(&OpContext::internal(root), request)).unwrap();
        let target = b"x".to_vec().into();
        let name = Name::try_from("link").unwrap();
        let request = SymlinkRequest { parent: root, name, target, attributes: SetAttributes::default() };
        block_on(vfs.symlink(&OpContext::internal(root), request)).unwrap();
        let prepared = block_on(prepare(
            &vfs,
            vec![
                definition("a", "/a", "\"/file\", \"/x\", \"/link\", \"/file/below\", \"/y\""),
                definition("b", "/a/file", "\"/z\""),
                definition("c", "/c", "\"/z\""),
            ],
            0o1777,
        ));
        let Prepared { zones, left_out } = prepared.unwrap();
        let served = zones.into_iter().map(|(zone, _)| {
            let path = |export: &Arc<Export>| String::from_utf8_lossy(export.path()).into_owned();
            (zone.name().to_owned(), zone.exports().iter().map(path).collect::<Vec<_>>())
        });
        let expected = [("a", vec!["/x", "/y"]), ("c", vec!["/z"])];
        let served: Vec<_> = served.collect();
        assert_eq!(format!("{served:?}"), format!("{expected:?}"));
        let told = left_out.iter().map(|condition| match condition {
            Condition::ZoneNotServed { zone, reason } => format!("{}: {reason}", zone.name()),
            Condition::ExportNotServed { zone, export, .. } => format!("{zone}{export}"),
            other => panic!("{other:?}"),
        });
        let told: Vec<_> = told.collect();
        let base = "b: its base /a/file: something that is no directory stands in the way";
        assert_eq!(told, [base, "a/file", "a/link", "a/file/below"], "zones first");
    }
}
