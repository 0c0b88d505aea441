//! Quotas of a real gateway: as kernel clients see them, and with many writers at once over both doors.

mod kernel;
mod writers;

use std::process::Command;

use integration::berth_binary;

use crate::smb_clients::House;

/// `berth quota VERB … /projects` of the zone with users; what it says.
fn quota(house: &House, arguments: &[&str]) -> String {
    let mut command = Command::new(berth_binary().unwrap());
    command.arg("quota").args(arguments).args(["--zone", "contoso", "/projects", "--config"]);
    let done = command.arg(house.site.config()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}
