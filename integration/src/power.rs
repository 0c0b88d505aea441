//! Power loss without pulling a plug: an ext4 of its own on a loop device, shut down in mid-flight without flushing its log.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::command::{Limit, is_installed, is_root, run_checked};

/// A file system that can lose its power; unmounted when dropped.
#[derive(Debug)]
pub struct PowerRig {
    folder: tempfile::TempDir,
}

impl PowerRig {
    /// Whether this machine can do it; else why not.
    pub fn obstacle() -> Option<String> {
        if !is_root() {
            return Some("loop mounts need root".to_owned());
        }
        let missing = ["mkfs.ext4", "losetup", "mount", "python3"].into_iter().find(|name| !is_installed(name));
        if let Some(name) = missing {
            return Some(format!("{name} is missing"));
        }
        let has_loop = run_checked(Command::new("losetup").arg("--find"), Limit::seconds(COMMAND_LIMIT)).is_ok();
        (!has_loop).then(|| "no free loop device".to_owned())
    }

    /// Makes and mounts the file system.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("berth-power-").tempdir()?;
        let rig = Self { folder };
        let image = std::fs::File::create(rig.image())?;
        image.set_len(IMAGE_BYTES)?;
        std::fs::create_dir(rig.mounted())?;
        checked("mkfs.ext4", &["-q", "-F"], &[&rig.image()])?;
        rig.mount()?;
        Ok(rig)
    }

    /// The mount point.
    #[must_use]
    pub fn mounted(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    /// The cut: from here on nothing reaches the device, neither data nor journal (`EXT4_GOING_FLAGS_NOLOGFLUSH`).
    pub fn cut(&self) -> Result<()> {
        checked("python3", &["-c", SHUTDOWN], &[&self.mounted()])
    }

    /// Power again: what the device holds is mounted anew, as after a boot. Every user of the mount must be gone.
    pub fn restore(&self) -> Result<()> {
        // A killed process may hold its files for a moment longer: rings are torn down after its end.
        let unmounted = || Ok(checked("umount", &[], &[&self.mounted()]).ok());
        Limit::seconds(COMMAND_LIMIT).wait("the mount to be free", unmounted)?;
        self.mount()
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn mount(&self) -> Result<()> {
        checked("mount", &["-t", "ext4", "-o", "loop"], &[&self.image(), &self.mounted()])
    }
}

impl Drop for PowerRig {
    fn drop(&mut self) {
        checked("umount", &["--lazy"], &[&self.mounted()]).ok();
    }
}

fn checked(program: &str, arguments: &[&str], paths: &[&Path]) -> Result<()> {
    run_checked(Command::new(program).args(arguments).args(paths), Limit::seconds(COMMAND_LIMIT)).map(drop)
}

/// `EXT4_IOC_SHUTDOWN` with flag 2; through Python, because an ioctl of our own would need unsafe code here.
const SHUTDOWN: &str = "import fcntl, os, struct, sys\n\
    folder = os.open(sys.argv[1], os.O_RDONLY)\n\
    fcntl.ioctl(folder, 0x8004587d, struct.pack('I', 2))\n";

const IMAGE_BYTES: u64 = 16 << 30;
const COMMAND_LIMIT: u64 = 60;

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write;

    use super::PowerRig;

    #[test]
    fn a_cut_keeps_synced_bytes_and_loses_the_others() {
        if let Some(why) = PowerRig::obstacle() {
            return crate::skip("power rig", &why);
        }
        let rig = PowerRig::new().unwrap();
        let synced = rig.mounted().join("synced");
        File::create(&synced).and_then(|mut file| file.write_all(b"kept").and_then(|()| file.sync_all())).unwrap();
        File::open(rig.mounted()).and_then(|folder| folder.sync_all()).unwrap();
        fs::write(rig.mounted().join("unsynced"), b"lost").unwrap();
        rig.cut().unwrap();
        rig.restore().unwrap();
        assert_eq!(fs::read(&synced).unwrap(), b"kept");
        assert!(!rig.mounted().join("unsynced").exists(), "the rig lets unsynced files survive: it proves nothing");
    }
}
