//! From zone files to places in the store: the base directory of each zone and the directories it exports.

use anyhow::{Context, Result, bail};
use vfs::{
    Attributes, Case, Failure, FsError, InodeId, LookupName, LookupRequest, MkdirRequest, Name, OpContext,
    SetAttributes, ShardId, Vfs, ZoneRootRequest,
};
use zones::{Export, ZoneDefinition};

/// Finds the base directory of every zone and makes what is missing: bases, and exported directories with
/// `export_mode`. Directories that exist stay as they are.
pub(crate) async fn prepare<V: Vfs>(
    vfs: &V,
    definitions: Vec<ZoneDefinition>,
    export_mode: u32,
) -> Result<Vec<(ZoneDefinition, InodeId)>> {
    let mut by_depth: Vec<_> = definitions.iter().enumerate().collect();
    // A base that holds another must be there first: of both, it is the one that others share.
    by_depth.sort_by_key(|(_, zone)| zone.base().len());
    let mut roots = vec![InodeId::default(); definitions.len()];
    for (index, zone) in by_depth {
        let root = find_base(vfs, zone).await?;
        for export in zone.exports() {
            make_export(vfs, (zone, root), export, export_mode).await?;
        }
        if let Some(place) = roots.get_mut(index) {
            *place = root;
        }
    }
    Ok(definitions.into_iter().zip(roots).collect())
}

async fn find_base<V: Vfs>(vfs: &V, zone: &ZoneDefinition) -> Result<InodeId> {
    let ctx = OpContext::internal(InodeId::root_of(ShardId::ROOT));
    let request = ZoneRootRequest { base: zone.base().to_vec(), attributes: mode(BASE_MODE) };
    let reply = vfs.zone_root(&ctx, request).await.map_err(reason);
    let reply = reply.with_context(|| format!("the base {} of zone {:?}", zone.base_path(), zone.name()))?;
    Ok(reply.attributes.inode)
}

async fn make_export<V: Vfs>(
    vfs: &V,
    (zone, root): (&ZoneDefinition, InodeId),
    export: &Export,
    export_mode: u32,
) -> Result<()> {
    let ctx = OpContext { zone: zone.id(), ..OpContext::internal(root) };
    let mut at = root;
    for (index, name) in export.components().iter().enumerate() {
        let is_last = index + 1 == export.components().len();
        let mode = if is_last { export_mode } else { BASE_MODE };
        let entered = enter(vfs, &ctx, (at, name), mode).await;
        let place = || {
            let path = String::from_utf8_lossy(export.path());
            format!("the export {path} of zone {:?}, at {:?}", zone.name(), name)
        };
        at = entered.with_context(place)?.inode;
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
            tracing::info!(name = %name, mode = format_args!("{new_mode:o}"), "made an exported directory");
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
    use vfs::{AttributeIo, CreateHow, CreateRequest, Namespace, SetattrRequest, Via, WalkRequest};

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
        block_on(prepare(vfs, zones, 0o1777))
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
    fn a_file_in_the_way_is_named() {
        let vfs = model();
        let root = prepare_all(&vfs, vec![definition("a", "/a", "\"/x\"")]).unwrap()[0].1;
        let how = CreateHow::Guarded(SetAttributes::default());
        let request = CreateRequest { parent: root, name: Name::try_from("file").unwrap(), how };
        block_on(vfs.create(&OpContext::internal(root), request)).unwrap();
        let refusal = |zone| format!("{:#}", prepare_all(&vfs, vec![zone]).unwrap_err());
        assert_eq!(
            refusal(definition("a", "/a", "\"/file\"")),
            "the export /file of zone \"a\", at \"file\": not a directory: move what stands there, or export another path"
        );
        assert_eq!(
            refusal(definition("b", "/a/file", "\"/y\"")),
            "the base /a/file of zone \"b\": something that is no directory stands in the way"
        );
    }
}
