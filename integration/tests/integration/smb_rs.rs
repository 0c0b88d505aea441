//! Files over SMB by the crate `smb`, which others wrote; its program (`integration/smb-rs`) is built when first needed.

use std::path::{Path, PathBuf};
use std::process::Command;

use integration::{CONTOSO, Limit, run, skip, workspace_root};

use crate::smb_clients::{ALICE, House};

#[test]
fn the_crate_smb_works_with_files_in_every_dialect_signed_and_encrypted() {
    let program = match build() {
        Ok(program) => program,
        Err(why) => return skip("the crate smb works with files", &why),
    };
    let house = House::open("[smb]\n");
    let (user, password) = ALICE.1.split_once('%').unwrap();
    let mut command = Command::new(program);
    command.args([CONTOSO.address, &house.site.smb_port().to_string(), user, password]);
    let done = run(&mut command, Limit::seconds(120)).unwrap();
    assert!(done.status.success(), "{}", done.output);
    let expected = "Smb021 Allowed, Smb030 Allowed, Smb030 Required, Smb0302 Allowed, Smb0302 Required, Smb0311 Allowed, \
                    Smb0311 Required";
    assert_eq!(done.output.lines().collect::<Vec<_>>().join(", "), expected);
    house.close();
}

/// A minute, once.
fn build() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("smb-rs");
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--locked", "--manifest-path"]);
    command.arg(workspace_root().join("integration/smb-rs/Cargo.toml")).arg("--target-dir").arg(&folder);
    // What this test is built with is not for others.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let done = run(&mut command, Limit::seconds(600)).map_err(|error| format!("{error:#}"))?;
    if done.status.success() {
        return Ok(folder.join("debug/smb-rs-client"));
    }
    Err(format!("it cannot be built: {}", done.output.lines().last().unwrap_or_default()))
}
