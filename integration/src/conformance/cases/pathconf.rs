//! PATHCONF (RFC 1813 3.3.20).

use super::*;

pub(super) const CASES: &[Case] = cases!("pathconf", "PATHCONF":
    OK = success,
    OK = success_says_what_is_true,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
);

fn success(scene: &mut Scene<'_>) -> Answer<()> {
    for object in [scene.folder.clone(), scene.file("file")?, scene.link("link", "text")?] {
        let found = scene.it.pathconf(&PathconfArgs { object: object.clone() })?;
        check!(found.linkmax > 1000 && found.name_max == 255, "{found:?}");
        check!(found.no_trunc && found.chown_restricted, "{found:?}");
        check!(!found.case_insensitive && found.case_preserving, "{found:?}");
        let seen = scene.seen(&object)?;
        check_attributes(&Some(found.obj_attributes), &seen)?;
    }
    Ok(())
}

fn success_says_what_is_true(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("Name")?;
    check!(scene.found("name")?.is_none(), "names are told apart by case, it says");
    let owner = Sattr3 { uid: Some(1000), gid: Some(1000), ..Sattr3::default() };
    prepared(scene.other.setattr(&SetattrArgs { object: file.clone(), new_attributes: owner, guard: None }))?;
    let away = Sattr3 { uid: Some(1001), ..Sattr3::default() };
    let given = scene.alice.setattr(&SetattrArgs { object: file.clone(), new_attributes: away, guard: None });
    let is_refused = matches!(&given, Err(Stop::Refused(refusal)) if refusal.status == Nfsstat3::Perm);
    check!(is_refused, "chown is restricted, it says, but: {given:?}");
    check!(scene.it.pathconf(&PathconfArgs { object: file })?.chown_restricted, "chown is restricted");
    Ok(())
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let object = scene.gone_file()?;
    scene.it.pathconf(&PathconfArgs { object }).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.pathconf(&PathconfArgs { object: forged() }).map(drop)
}
