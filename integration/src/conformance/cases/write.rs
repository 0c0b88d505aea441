//! WRITE (RFC 1813 3.3.7).

use super::*;

pub(super) const CASES: &[Case] = cases!("write", "WRITE":
    OK = success_unstable,
    OK = success_stable,
    OK = success_of_the_smaller_count,
    OK = success_of_no_bytes,
    ACCES = error_acces,
    FBIG = error_fbig,
    NOSPC = error_nospc,
    ROFS = error_rofs,
    INVAL = error_inval,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
    ISDIR = error_isdir,
);

fn success_unstable(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    let before = scene.seen(&file)?;
    let written = scene.it.write(&writing(&file, 3, b"hello"))?;
    check!(written.count == 5, "{written:?}");
    let after = scene.seen(&file)?;
    check!(after.size == 8 && after.mtime > before.mtime, "{after:?}");
    check_change(&written.wcc, &before, &after)?;
    check!(scene.content(&file)? == b"\0\0\0hello"[..], "the other client reads other bytes");
    let again = scene.it.write(&writing(&file, 0, b"x"))?;
    check!(again.verifier == written.verifier, "the verifier changed though the server did not start again");
    Ok(())
}

fn success_stable(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    for stable in [StableHow::DataSync, StableHow::FileSync] {
        let written = scene.it.write(&WriteArgs { stable, ..writing(&file, 0, b"hello") })?;
        check!(written.count == 5 && written.committed >= stable, "{written:?} for {stable:?}");
    }
    check!(scene.content(&file)? == "hello", "the other client reads other bytes");
    Ok(())
}

fn success_of_the_smaller_count(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    let written = scene.it.write(&WriteArgs { count: 2, ..writing(&file, 0, b"hello") })?;
    check!(written.count == 2, "{written:?}");
    check!(scene.content(&file)? == "he", "the other client reads other bytes");
    Ok(())
}

fn success_of_no_bytes(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    let written = scene.it.write(&writing(&file, 100, b""))?;
    check!(written.count == 0 && scene.seen(&file)?.size == 0, "{written:?}");
    Ok(())
}

fn error_acces(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    with_attributes(scene.alice.write(&writing(&file, 0, b"hello"))).map(drop)
}

fn error_fbig(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    with_attributes(scene.it.write(&writing(&file, u64::MAX - 2, b"hello"))).map(drop)
}

fn error_nospc(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.places.prepared.file.clone();
    scene.it.write(&writing(&file, 0, &[7; 8192])).map(drop)
}

fn error_rofs(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.places.read_only.file.clone();
    scene.it.write(&writing(&file, 0, b"hello")).map(drop)
}

fn error_inval(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.link("link", "text")?;
    with_attributes(scene.it.write(&writing(&file, 0, b"hello"))).map(drop)
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.gone_file()?;
    scene.it.write(&writing(&file, 0, b"hello")).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.write(&writing(&forged(), 0, b"hello")).map(drop)
}

fn error_isdir(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.dir("folder")?;
    with_attributes(scene.it.write(&writing(&file, 0, b"hello"))).map(drop)
}
