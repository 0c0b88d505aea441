//! Reading `fixtures/*.hex`: hex words, `#` to the end of a line is a remark. `nfs3-READ-result.IO.hex` is a variant
//! of the message `nfs3 READ result`. The corpus of `cargo xtask fuzz` is one input a line, in `fuzz/corpus/nfs-wire`.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;

#[derive(Debug, Clone)]
pub(crate) struct Fixture {
    /// The name of the message in the catalogue.
    pub(crate) message: String,
    /// The name of the file, without its ending.
    pub(crate) stem: String,
    pub(crate) bytes: Bytes,
}

/// All fixtures, in the order of their names.
pub(crate) fn all() -> Vec<Fixture> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| load(file)).collect()
}

/// The bytes of the fixture with this file name.
pub(crate) fn fixture(stem: &str) -> Bytes {
    load(&folder().join(format!("{stem}.hex"))).bytes
}

/// The inputs that fuzzing found worth keeping, each with the name of its target.
pub(crate) fn corpus() -> Vec<(String, Bytes)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/nfs-wire");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut inputs = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().replace('-', " ");
        let text = fs::read_to_string(&file).unwrap();
        inputs.extend(text.lines().map(|line| (name.clone(), octets(line.as_bytes()))));
    }
    inputs
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn load(file: &Path) -> Fixture {
    let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
    let message = stem.split('.').next().unwrap().replace('-', " ");
    Fixture { message, bytes: parse(&fs::read_to_string(file).unwrap()), stem }
}

fn parse(text: &str) -> Bytes {
    let digits: Vec<u8> = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or("").bytes())
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    assert_eq!(digits.len() % 8, 0, "whole words only");
    octets(&digits)
}

fn octets(digits: &[u8]) -> Bytes {
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(octet).collect()
}
