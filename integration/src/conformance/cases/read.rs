//! READ (RFC 1813 3.3.6).

use super::*;

pub(super) const CASES: &[Case] = cases!("read", "READ":
    OK = success,
    OK = success_of_parts,
    OK = success_of_a_hole,
    OK = success_of_no_bytes,
    ACCES = error_acces,
    INVAL = error_inval_of_a_link,
    INVAL = error_inval_of_a_fifo,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
    ISDIR = error_isdir,
);

fn success(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.written("file", b"hello")?;
    let read = scene.it.read(&ReadArgs { file: file.clone(), offset: 0, count: 100 })?;
    check!(read.data == "hello", "{:?}", read.data);
    check!(read.count.is_none_or(|count| count == 5) && read.eof != Some(false), "{read:?}");
    let seen = scene.seen(&file)?;
    check_attributes(&read.attributes, &seen)
}

fn success_of_parts(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.written("file", b"hello")?;
    for (offset, count, data, eof) in
        [(1, 2, &b"el"[..], false), (3, 2, b"lo", true), (5, 9, b"", true), (99, 9, b"", true)]
    {
        let read = scene.it.read(&ReadArgs { file: file.clone(), offset, count })?;
        check!(read.data == data, "{count} bytes at {offset}: {:?}", read.data);
        check!(read.eof.is_none_or(|told| told == eof), "{count} bytes at {offset}: eof is {:?}", read.eof);
    }
    Ok(())
}

fn success_of_a_hole(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    prepared(scene.other.write(&writing(&file, 100_000, b"end")))?;
    let read = scene.it.read(&ReadArgs { file, offset: 99_990, count: 100 })?;
    check!(read.data == b"\0\0\0\0\0\0\0\0\0\0end"[..], "{:?}", read.data);
    Ok(())
}

fn success_of_no_bytes(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.written("file", b"hello")?;
    let read = scene.it.read(&ReadArgs { file, offset: 1, count: 0 })?;
    check!(read.data.is_empty() && read.eof != Some(true), "{read:?}");
    Ok(())
}

fn error_acces(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.written("file", b"hello")?;
    scene.chmod(&file, 0o600)?;
    with_attributes(scene.alice.read(&ReadArgs { file, offset: 0, count: 5 })).map(drop)
}

fn error_inval_of_a_link(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.link("link", "text")?;
    with_attributes(scene.it.read(&ReadArgs { file, offset: 0, count: 5 })).map(drop)
}

fn error_inval_of_a_fifo(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.fifo("fifo")?;
    with_attributes(scene.it.read(&ReadArgs { file, offset: 0, count: 5 })).map(drop)
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.gone_file()?;
    scene.it.read(&ReadArgs { file, offset: 0, count: 5 }).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.read(&ReadArgs { file: forged(), offset: 0, count: 5 }).map(drop)
}

fn error_isdir(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.dir("folder")?;
    with_attributes(scene.it.read(&ReadArgs { file, offset: 0, count: 5 })).map(drop)
}
