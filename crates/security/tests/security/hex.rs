//! Reading `fixtures/*.hex`: hex digits, `#` to the end of a line is a remark. `ntlm-NEGOTIATE.IMPACKET_BARE.hex` is a
//! variant for the target `ntlm NEGOTIATE`. The corpus of `cargo xtask fuzz` is one input a line.

use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
pub(crate) struct Fixture {
    /// The name of the target.
    pub(crate) message: String,
    pub(crate) bytes: Vec<u8>,
}

/// All fixtures, in the order of their names.
pub(crate) fn all() -> Vec<Fixture> {
    files("tests/fixtures").iter().map(|file| load(file)).collect()
}

/// The inputs that fuzzing found worth keeping, each with the name of its target.
pub(crate) fn corpus() -> Vec<(String, Vec<u8>)> {
    let mut inputs = Vec::new();
    for file in files("../../fuzz/corpus/security") {
        let name = file.file_stem().unwrap().to_str().unwrap().replace('-', " ");
        let text = fs::read_to_string(&file).unwrap();
        inputs.extend(text.lines().map(|line| (name.clone(), octets(line))));
    }
    inputs
}

/// Files of a folder of this crate, in the order of their names.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

pub(crate) fn octets(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn load(file: &Path) -> Fixture {
    let message = file.file_stem().unwrap().to_str().unwrap().split('.').next().unwrap().replace('-', " ");
    let text = fs::read_to_string(file).unwrap();
    let digits: String = text.lines().map(|line| line.split('#').next().unwrap_or("").trim()).collect();
    Fixture { message, bytes: octets(&digits) }
}
