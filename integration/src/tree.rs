//! Trees of files to copy in and out, and their comparison.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command::{Limit, run_checked};
use crate::workspace_root;

/// Fills `folder` with this project's own sources and with what sources do not have: empty files and folders, odd sizes
/// around block and transfer limits, deep paths, long and odd names, links, modes.
pub fn write_sample_tree(folder: &Path) -> Result<()> {
    let sources = folder.join("sources");
    fs::create_dir_all(&sources)?;
    for name in ["crates", "integration", "xtask", "config"] {
        let from = workspace_root().join(name);
        run_checked(Command::new("cp").arg("-R").arg(from).arg(&sources), Limit::seconds(COPY_LIMIT))?;
    }
    let odd = folder.join("odd");
    fs::create_dir_all(odd.join("empty folder"))?;
    for size in [0, 1, 511, 4095, 4096, 4097, 65_537, 262_143, 262_145, 1_048_577, 3_000_001] {
        fs::write(odd.join(format!("size-{size}")), pattern(size))?;
    }
    let deep: PathBuf = (0..40).map(|level| format!("level-{level}")).collect();
    fs::create_dir_all(odd.join(&deep))?;
    fs::write(odd.join(&deep).join("bottom"), "bottom")?;
    fs::write(odd.join("n".repeat(255)), "long name")?;
    fs::write(odd.join("naïve 名前 with spaces, 'quotes' and \\"), "odd name")?;
    symlink("size-4097", odd.join("link"))?;
    symlink("nowhere/at/all", odd.join("dangling link"))?;
    fs::hard_link(odd.join("size-65537"), odd.join("second name"))?;
    fs::set_permissions(odd.join("size-511"), fs::Permissions::from_mode(0o640))?;
    Ok(())
}

/// An error that names the differences unless both trees hold the same names, kinds, contents and link targets.
pub fn assert_same_tree(left: &Path, right: &Path) -> Result<()> {
    let mut command = Command::new("diff");
    command.args(["--recursive", "--no-dereference", "--brief"]).arg(left).arg(right);
    let output = run_checked(&mut command, Limit::seconds(COPY_LIMIT)).context("the copies differ")?;
    ensure!(output.is_empty(), "{output}");
    Ok(())
}

/// Bytes that differ at every offset of a block and from block to block.
fn pattern(size: u32) -> Vec<u8> {
    (0..size).map(|index| index.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect()
}

const COPY_LIMIT: u64 = 120;
