//! MOUNT 3 (RFC 1813 5.2).

use super::*;

pub(super) const NULL_CASES: &[Case] = cases!("mount", "MOUNT NULL": OK = null_success);

pub(super) const MNT_CASES: &[Case] = cases!("mount", "MOUNT MNT":
    OK = mnt_success,
    OK = mnt_success_below,
    NOENT = mnt_error_noent,
    NOENT = mnt_error_noent_below,
    ACCES = mnt_error_acces_of_a_barred_export,
    ACCES = mnt_error_acces_below,
    ACCES = mnt_error_acces_of_dots,
    NOTDIR = mnt_error_notdir,
    NAMETOOLONG = mnt_error_nametoolong,
);

pub(super) const DUMP_CASES: &[Case] = cases!("mount", "MOUNT DUMP": OK = dump_success);
pub(super) const UMNT_CASES: &[Case] = cases!("mount", "MOUNT UMNT": OK = umnt_success);
pub(super) const UMNTALL_CASES: &[Case] = cases!("mount", "MOUNT UMNTALL": OK = umntall_success);
pub(super) const EXPORT_CASES: &[Case] = cases!("mount", "MOUNT EXPORT": OK = export_success);

fn null_success(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mount_null()
}

fn mnt_success(scene: &mut Scene<'_>) -> Answer<()> {
    let mounted = scene.it.mnt("/projects")?;
    check!(mounted.root == scene.places.projects, "another root than the other client has");
    check!(mounted.flavors.is_none_or(|flavors| flavors == [1]), "other flavors than AUTH_SYS");
    Ok(())
}

fn mnt_success_below(scene: &mut Scene<'_>) -> Answer<()> {
    let archive = scene.places.archive.clone();
    let mkdir = MkdirArgs { place: at(&archive, "below"), attributes: mode(0o755) };
    let below = prepared(scene.other.mkdir(&mkdir))?.object;
    let mounted = scene.it.mnt("/archive/below");
    prepared(scene.other.rmdir(&RmdirArgs { object: at(&archive, "below") }))?;
    check!(Some(mounted?.root) == below, "another directory");
    Ok(())
}

fn mnt_error_noent(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mnt("/nothing").map(drop)
}

fn mnt_error_noent_below(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mnt("/archive/nothing").map(drop)
}

fn mnt_error_acces_of_a_barred_export(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mnt("/barred").map(drop)
}

fn mnt_error_acces_below(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mnt("/projects/prepared").map(drop)
}

fn mnt_error_acces_of_dots(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mnt("/projects/../archive").map(drop)
}

fn mnt_error_notdir(scene: &mut Scene<'_>) -> Answer<()> {
    let archive = scene.places.archive.clone();
    let how = CreateHow::Unchecked(mode(0o644));
    prepared(scene.other.create(&CreateArgs { place: at(&archive, "file"), how }))?;
    scene.it.mnt("/archive/file").map(drop)
}

fn mnt_error_nametoolong(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mnt(&format!("/archive/{}", long_name())).map(drop)
}

/// The paths that this machine has mounted, as the other client hears it.
fn dumped(scene: &mut Scene<'_>) -> Answer<Vec<Bytes>> {
    let lines = prepared(scene.other.dump())?;
    Ok(lines.into_iter().filter(|line| line.host == "127.0.0.1").map(|line| line.path).collect())
}

fn dump_success(scene: &mut Scene<'_>) -> Answer<()> {
    prepared(scene.other.mnt("/archive"))?;
    let lines = scene.it.dump()?;
    let is_told = lines.iter().any(|line| line.host == "127.0.0.1" && line.path == "/archive");
    check!(is_told, "{lines:?}");
    prepared(scene.other.umnt("/archive"))
}

fn umnt_success(scene: &mut Scene<'_>) -> Answer<()> {
    prepared(scene.other.mnt("/archive"))?;
    scene.it.umnt("/archive")?;
    let left = dumped(scene)?;
    check!(!left.iter().any(|path| path == "/archive"), "{left:?} is still mounted");
    Ok(())
}

fn umntall_success(scene: &mut Scene<'_>) -> Answer<()> {
    prepared(scene.other.mnt("/archive"))?;
    prepared(scene.other.mnt("/projects"))?;
    scene.it.umntall()?;
    let left = dumped(scene)?;
    check!(left.is_empty(), "{left:?} is still mounted");
    Ok(())
}

fn export_success(scene: &mut Scene<'_>) -> Answer<()> {
    let lines = scene.it.export()?;
    let paths: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(&line.path).into_owned()).collect();
    let sorted = ["/archive", "/barred", "/projects", "/read-only"];
    check!(paths.len() == 4 && sorted.iter().all(|path| paths.iter().any(|told| told == path)), "{paths:?}");
    let barred: Vec<_> = lines.iter().filter(|line| line.path == "/barred").flat_map(|line| &line.groups).collect();
    check!(barred == ["127.0.0.9"], "{barred:?} may mount /barred");
    check!(lines.iter().any(|line| line.path == "/projects" && line.groups.is_empty()), "{lines:?}");
    Ok(())
}
