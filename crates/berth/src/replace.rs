//! Files of the configuration are replaced as a whole.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Puts a new file in place of the old one: whoever reads sees the one or the other, after a power cut too. Owner and mode
/// of the old one stay; `mode` is that of a file that was not there. A link is
/// followed. One at a time for a file.
pub(crate) fn replace(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    let file = fs::canonicalize(file).or_else(|_| std::path::absolute(file))?;
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no file"));
    };
    let fresh = folder.join(format!(".{}.new", name.to_string_lossy()));
    // Left behind by one that was killed: nobody else is here.
    fs::remove_file(&fresh)
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    let mut output = OpenOptions::new().write(true).create_new(true).mode(SECRET_MODE).open(&fresh)?;
    output.write_all(text.as_bytes())?;
    match fs::metadata(&file) {
        Ok(old) => {
            std::os::unix::fs::fchown(&output, Some(old.uid()), Some(old.gid()))?;
            output.set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
        }
        Err(_) => output.set_permissions(Permissions::from_mode(mode))?,
    }
    output.sync_all()?;
    fs::rename(&fresh, &file)?;
    File::open(folder)?.sync_all()
}

/// Takes a file away for good: it does not come back after a power cut.
pub(crate) fn remove(file: &Path) -> io::Result<()> {
    fs::remove_file(file)?;
    File::open(file.parent().unwrap_or_else(|| Path::new("/")))?.sync_all()
}

/// Nobody but the owner.
pub(crate) const SECRET_MODE: u32 = 0o600;
pub(crate) const PLAIN_MODE: u32 = 0o644;
