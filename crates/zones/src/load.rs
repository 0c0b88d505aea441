//! Reads a folder of zone files, and the files they name: at start and reload, and at no other time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::conflicts::find_conflicts;
use crate::document::Document;
use crate::error::{ConfigError, ConfigErrors};
use crate::parse::{is_zone_name, parse};
use crate::sources::{HostResolver, system_reader, system_resolver};
use crate::zone::ZoneDefinition;

/// Reads every zone file of a folder: the files named `*.toml`, without hidden ones and those named `*.example.toml`,
/// in the order of their names, with the files they name (users, groups, netgroups). Host names in client lists are
/// resolved here, by the system, and stand until the next load.
///
/// Errors: all that is wrong in all files; when each file is right by itself, all in which files contradict each other
/// (names, addresses, bases).
pub fn load(folder: &Path) -> Result<Vec<ZoneDefinition>, ConfigErrors> {
    load_with(folder, &system_resolver)
}

/// [`load`] with another way to resolve host names.
///
/// Errors: as `load`.
pub fn load_with(folder: &Path, resolve: &HostResolver) -> Result<Vec<ZoneDefinition>, ConfigErrors> {
    read_zones(zone_files(folder)?, read, resolve)
}

/// A zone file as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The file, in the folder of zone files.
    pub file: PathBuf,
    /// What is to stand in it; `None`: it is to go.
    pub text: Option<String>,
}

/// [`load`], as if one file had been replaced already.
///
/// Errors: as `load`, and a new text that is larger than a zone file may be.
pub fn load_replaced(folder: &Path, replaced: &Replaced) -> Result<Vec<ZoneDefinition>, ConfigErrors> {
    let mut files = existing_files(folder)?;
    files.retain(|file| *file != replaced.file);
    files.extend(replaced.text.as_ref().map(|_| replaced.file.clone()));
    let files = checked(folder, files)?;
    let read = |file: &Path| match &replaced.text {
        Some(text) if file == replaced.file => bounded(file, text),
        _ => read(file),
    };
    read_zones(files, read, &system_resolver)
}

/// The file that describes the zone of this name, as it is now, right or not; `None` when none does that can be
/// understood so far.
///
/// Errors: the folder cannot be read.
pub fn find_document(folder: &Path, name: &str) -> Result<Option<Document>, ConfigErrors> {
    let documents = existing_files(folder)?.into_iter().filter_map(|file| {
        let text = read(&file).ok()?;
        Some(Document { file, text })
    });
    Ok(documents.into_iter().find(|document| document.name().is_some_and(|found| found == name)))
}

/// Where a zone that has no file yet is described; `None` when no zone may be called so. Whatever the name, the file lies
/// in the folder and is taken for a zone file.
#[must_use]
pub fn new_zone_file(folder: &Path, name: &str) -> Option<PathBuf> {
    let plain = folder.join(format!("{name}.toml"));
    let file = if is_zone_file(&plain) { plain } else { folder.join(format!("zone-{name}-.toml")) };
    is_zone_name(name).then_some(file)
}

fn read_zones(
    files: Vec<PathBuf>,
    read: impl Fn(&Path) -> Result<String, ConfigErrors>,
    resolve: &HostResolver,
) -> Result<Vec<ZoneDefinition>, ConfigErrors> {
    let mut zones = Vec::new();
    let mut errors = Vec::new();
    for file in files {
        match read(&file).and_then(|text| parse(&file, &text, resolve)) {
            Ok(zone) => zones.push(zone),
            Err(found) => errors.extend(found.0),
        }
    }
    if errors.is_empty() {
        errors = find_conflicts(&zones);
    }
    if errors.is_empty() { Ok(zones) } else { Err(ConfigErrors(errors)) }
}

fn zone_files(folder: &Path) -> Result<Vec<PathBuf>, ConfigErrors> {
    checked(folder, existing_files(folder)?)
}

fn existing_files(folder: &Path) -> Result<Vec<PathBuf>, ConfigErrors> {
    let refuse = |error: io::Error| about(folder, format!("cannot read the folder of zone files: {error}"));
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(refuse)? {
        let path = entry.map_err(refuse)?.path();
        if is_zone_file(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The files in their order, when there are neither none nor too many.
fn checked(folder: &Path, mut files: Vec<PathBuf>) -> Result<Vec<PathBuf>, ConfigErrors> {
    if files.len() > ZONES_MAX {
        return Err(about(folder, format!("more than {ZONES_MAX} zone files")).into());
    }
    if files.is_empty() {
        return Err(about(folder, "no zone file (*.toml) in this folder").into());
    }
    files.sort();
    Ok(files)
}

fn is_zone_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.ends_with(b".toml") && !name.ends_with(b".example.toml") && !name.starts_with(b".")
}

fn read(file: &Path) -> Result<String, ConfigErrors> {
    let refuse = |error: io::Error| about(file, format!("cannot read the zone file: {error}"));
    let bytes = system_reader(file, ZONE_FILE_BYTES_MAX).map_err(refuse)?;
    Ok(String::from_utf8(bytes).map_err(|_| about(file, "no UTF-8 text"))?)
}

fn bounded(file: &Path, text: &str) -> Result<String, ConfigErrors> {
    if text.len() as u64 > ZONE_FILE_BYTES_MAX {
        return Err(about(file, format!("larger than {ZONE_FILE_BYTES_MAX} bytes")).into());
    }
    Ok(text.to_owned())
}

fn about(file: &Path, reason: impl Into<String>) -> ConfigError {
    ConfigError::about(file, "", reason)
}

/// Most zones of one gateway.
const ZONES_MAX: usize = 4096;
/// Largest zone file; bounds the number of exports and clients too.
const ZONE_FILE_BYTES_MAX: u64 = 1 << 20;
