//! ACCESS (RFC 1813 3.3.4).

use super::*;

pub(super) const CASES: &[Case] = cases!("access", "ACCESS":
    OK = success_of_a_file,
    OK = success_of_a_directory,
    OK = success_tells_what_will_be_allowed,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
);

const EVERYTHING: u32 = 0x3f;

fn success_of_a_file(scene: &mut Scene<'_>) -> Answer<()> {
    let object = scene.file("file")?;
    let granted = scene.alice.access(&AccessArgs { object: object.clone(), access: EVERYTHING })?;
    check!(granted.rights == access_rights::READ, "{:#x} of a file with 0644", granted.rights);
    let seen = scene.seen(&object)?;
    check_attributes(&granted.attributes, &seen)?;
    let granted = scene.it.access(&AccessArgs { object, access: access_rights::MODIFY })?;
    check!(granted.rights == access_rights::MODIFY, "{:#x}, but MODIFY was asked for", granted.rights);
    Ok(())
}

fn success_of_a_directory(scene: &mut Scene<'_>) -> Answer<()> {
    let object = scene.dir("folder")?;
    let granted = scene.alice.access(&AccessArgs { object: object.clone(), access: EVERYTHING })?;
    let listing = access_rights::READ | access_rights::LOOKUP;
    check!(granted.rights & !access_rights::EXECUTE == listing, "{:#x} of a directory with 0755", granted.rights);
    scene.chmod(&object, 0o700)?;
    let granted = scene.alice.access(&AccessArgs { object, access: EVERYTHING })?;
    check!(granted.rights == 0, "{:#x} of a directory with 0700", granted.rights);
    Ok(())
}

fn success_tells_what_will_be_allowed(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.written("file", b"hello")?;
    for bits in [0o600, 0o604, 0o602, 0o606] {
        scene.chmod(&file, bits)?;
        let rights = scene.alice.access(&AccessArgs { object: file.clone(), access: EVERYTHING })?.rights;
        let read = scene.alice.read(&ReadArgs { file: file.clone(), offset: 0, count: 5 });
        check!((rights & access_rights::READ != 0) == read.is_ok(), "{rights:#x} of {bits:o}, but READ says {read:?}");
        let written = scene.alice.write(&writing(&file, 0, b"h"));
        let may_write = rights & access_rights::MODIFY != 0;
        check!(may_write == written.is_ok(), "{rights:#x} of {bits:o}, but WRITE says {written:?}");
    }
    Ok(())
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let object = scene.gone_file()?;
    scene.it.access(&AccessArgs { object, access: EVERYTHING }).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.access(&AccessArgs { object: forged(), access: EVERYTHING }).map(drop)
}
