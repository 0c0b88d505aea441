//! Quotas as the Linux kernel's own clients see them, over NFS and SMB: how large the file system is, and how it ends.

use std::process::Command;

use integration::{ClientScript, KernelClient, berth_binary, skip};

use super::smb_clients::House;

/// Blocks are written one by one until the next does not fit, then the rest to the last byte.
const SCRIPT: &str = "ALICE=username=alice,password=Correct.Horse1
    size() { stat -f -c '%b %S' $1 | { read -r blocks bytes; echo $((blocks * bytes)); }; }
    left() { stat -f -c '%a %S' $1 | { read -r blocks bytes; echo $((blocks * bytes)); }; }
    attach $HOST $M/n; attach_smb vers=3.1.1,$ALICE $HOST $M/c
    test $(size $M/n) = 4194304; test $(size $M/c) = 4194304; echo sizes
    cp $IN/content $M/n/one; sync; test $(left $M/c) = 2191360; echo left
    ! dd if=/dev/zero of=$M/n/fill bs=4096 count=1000 oflag=sync 2>/tmp/why; grep -q 'quota exceeded' /tmp/why
    test $(stat -c %s $M/n/fill) = 2191360; head -c 2944 /dev/zero >$M/n/rest; sync
    ! dd if=/dev/zero of=$M/n/rest bs=1 seek=2944 count=1 oflag=sync 2>/tmp/why; grep -q 'quota exceeded' /tmp/why
    umount $M/n; attach $HOST $M/n; cmp $IN/content $M/n/one; test $(stat -c %s $M/n/rest) = 2944; echo nfs
    rm $M/n/fill $M/n/rest; umount $M/c; attach_smb vers=3.1.1,$ALICE $HOST $M/c
    ! dd if=/dev/zero of=$M/c/fill bs=4096 count=1000 oflag=sync 2>/tmp/why; grep -q 'No space left' /tmp/why
    umount $M/c; attach_smb vers=3.1.1,$ALICE $HOST $M/c; cmp $IN/content $M/c/one
    test $(stat -c %s $M/c/fill) -le 2191360; rm $M/c/fill; umount $M/c $M/n; echo smb";

#[test]
fn kernels_see_a_quota_as_the_size_and_meet_it_at_the_byte() {
    let what = "quotas in the kernel";
    let client = match KernelClient::find_lab() {
        Ok(client) => client,
        Err(why) => return skip(what, &why),
    };
    let house = House::open("[smb]\n");
    let mut set = Command::new(berth_binary().unwrap());
    set.args(["quota", "set", "--zone", "contoso", "/projects", "--hard", "4MiB", "--container", "true", "--config"]);
    let set = set.arg(house.site.config()).output().unwrap();
    assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
    let (inbox, outbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let content: Vec<u8> =
        (0..2_000_000_u32).map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    std::fs::write(inbox.path().join("content"), content).unwrap();
    let script = ClientScript { text: SCRIPT, inbox: inbox.path(), outbox: outbox.path(), limit_seconds: 90 };
    let output = client.run(&house.site, &script).unwrap_or_else(|error| panic!("{what}: {error:#}"));
    for step in ["sizes", "left", "nfs", "smb"] {
        assert!(output.lines().any(|line| line == step), "{step}: {output}");
    }
    house.close();
}
