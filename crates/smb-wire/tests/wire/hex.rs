//! Reading `fixtures/*.hex`: hex digits, `#` to the end of a line is a remark. `smb2-READ-response.EMPTY.hex` is a
//! variant of the message `smb2 READ response`. The corpus of `cargo xtask fuzz` is one input a line.

use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
pub(crate) struct Fixture {
    /// The name of the message in the catalogue.
    pub(crate) message: String,
    /// The name of the file, without its ending.
    pub(crate) stem: String,
    pub(crate) bytes: Vec<u8>,
}

/// All fixtures, in the order of their names.
pub(crate) fn all() -> Vec<Fixture> {
    files(&folder()).iter().map(|file| load(file)).collect()
}

/// The bytes of the fixture with this file name.
pub(crate) fn fixture(stem: &str) -> Vec<u8> {
    load(&folder().join(format!("{stem}.hex"))).bytes
}

/// The inputs that fuzzing found worth keeping, each with the name of its target.
pub(crate) fn corpus() -> Vec<(String, Vec<u8>)> {
    let mut inputs = Vec::new();
    for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/smb-wire")) {
        let name = file.file_stem().unwrap().to_str().unwrap().replace('-', " ");
        let text = fs::read_to_string(&file).unwrap();
        inputs.extend(text.lines().map(|line| (name.clone(), octets(line.as_bytes()))));
    }
    inputs
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn load(file: &Path) -> Fixture {
    let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
    let message = stem.split('.').next().unwrap().replace('-', " ");
    let text = fs::read_to_string(file).unwrap();
    let digits = text.lines().flat_map(|line| line.split('#').next().unwrap_or("").bytes());
    let digits: Vec<u8> = digits.filter(|byte| !byte.is_ascii_whitespace()).collect();
    Fixture { message, bytes: octets(&digits), stem }
}

fn octets(digits: &[u8]) -> Vec<u8> {
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(octet).collect()
}
