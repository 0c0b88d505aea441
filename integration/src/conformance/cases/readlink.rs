//! READLINK (RFC 1813 3.3.5).

use super::*;

pub(super) const CASES: &[Case] = cases!("readlink", "READLINK":
    OK = success,
    OK = success_of_any_text,
    INVAL = error_inval,
    ACCES = error_acces,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
);

fn success(scene: &mut Scene<'_>) -> Answer<()> {
    let link = scene.link("link", "../somewhere/else")?;
    let found = scene.it.readlink(&ReadlinkArgs { symlink: link.clone() })?;
    check!(found.text == "../somewhere/else", "{:?}", found.text);
    let seen = scene.seen(&link)?;
    check!((seen.file_type, seen.size) == (Ftype3::SymbolicLink, 17), "{seen:?}");
    check_attributes(&found.attributes, &seen)
}

fn success_of_any_text(scene: &mut Scene<'_>) -> Answer<()> {
    let text = "//a/./b/..//\u{e9} ".repeat(60);
    let symlink = scene.link("link", &text)?;
    let found = scene.it.readlink(&ReadlinkArgs { symlink })?;
    check!(found.text == text, "the text came back changed");
    Ok(())
}

fn error_inval(scene: &mut Scene<'_>) -> Answer<()> {
    let symlink = scene.file("file")?;
    with_attributes(scene.it.readlink(&ReadlinkArgs { symlink })).map(drop)
}

fn error_acces(scene: &mut Scene<'_>) -> Answer<()> {
    let symlink = scene.places.barred.link.clone();
    scene.it.readlink(&ReadlinkArgs { symlink }).map(drop)
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let symlink = scene.gone_link()?;
    scene.it.readlink(&ReadlinkArgs { symlink }).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.readlink(&ReadlinkArgs { symlink: forged() }).map(drop)
}
