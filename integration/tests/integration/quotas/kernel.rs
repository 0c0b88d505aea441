//! Quotas as the Linux kernel's own clients see them, over NFS and SMB: how large the file system is, and how it ends.

use integration::client::Client;
use integration::{CONTOSO, ClientScript, KernelClient, skip};
use nfs_wire::rquota::{QuotaPath, QuotaResult, Rquota, v1};

use super::quota;
use crate::smb_clients::{House, USERS};

/// Blocks are written one by one until the next does not fit, then the rest to the last byte.
const SIZES: &str = "test $(size $M/n) = 4194304; test $(size $M/c) = 4194304; echo sizes
    cp $IN/content $M/n/one; sync; test $(left $M/c) = 2191360; echo left
    full dd if=/dev/zero of=$M/n/fill bs=4096 count=1000 oflag=sync
    test $(stat -c %s $M/n/fill) = 2191360; head -c 2944 /dev/zero >$M/n/rest; sync
    full dd if=/dev/zero of=$M/n/rest bs=1 seek=2944 count=1 oflag=sync
    umount $M/n; attach $HOST $M/n; cmp $IN/content $M/n/one; test $(stat -c %s $M/n/rest) = 2944; echo nfs
    rm $M/n/fill $M/n/rest; umount $M/c; attach_smb vers=3.1.1,$ALICE $HOST $M/c
    full_smb dd if=/dev/zero of=$M/c/fill bs=4096 count=1000 oflag=sync
    umount $M/c; attach_smb vers=3.1.1,$ALICE $HOST $M/c; cmp $IN/content $M/c/one
    test $(stat -c %s $M/c/fill) = 2191360; rm $M/c/fill; umount $M/c $M/n; echo smb";

#[test]
fn kernels_see_a_quota_as_the_size_and_meet_it_at_the_byte() {
    let Some(house) = WithKernel::open("quotas in the kernel") else { return };
    quota(&house.0, &["set", "--hard", "4MiB", "--container", "true"]);
    house.run(SIZES, &["sizes", "left", "nfs", "smb"]);
    house.close();
}

/// Alice may have 1 MiB, whoever writes it; bob and root may have more.
const USER: &str = "as() { setpriv --reuid $1 --regid $1 --clear-groups \"${@:2}\"; }
    whole() { test $(stat -c %s $1) = 1048576; head -c 1048576 $IN/content | cmp - $1; }
    full as 1042 dd if=$IN/content bs=4096 oflag=sync of=$M/n/own
    full dd if=/dev/zero of=$M/n/own bs=1 seek=1048576 count=1 conv=notrunc oflag=sync
    as 1043 cp $IN/content $M/n/bobs; cp $IN/content $M/n/roots
    umount $M/n; attach $HOST $M/n; whole $M/n/own; cmp $IN/content $M/n/bobs; echo nfs
    test $(left $M/c) = 0; full_smb dd if=$IN/content of=$M/c/more bs=4096 oflag=sync; rm $M/n/own $M/c/more
    full_smb dd if=$IN/content of=$M/c/own bs=4096 oflag=sync
    umount $M/c; attach_smb vers=3.1.1,$ALICE $HOST $M/c; whole $M/c/own; whole $M/n/own; echo smb
    full chown 1042 $M/n/bobs; test $(stat -c %u $M/n/bobs) = 1043
    truncate -s 1000000 $M/c/own; head -c 48576 $IN/content >/tmp/rest; as 1042 cp /tmp/rest $M/n/rest; sync
    full as 1042 dd if=/dev/zero of=$M/n/rest bs=1 seek=48576 count=1 conv=notrunc oflag=sync
    umount $M/n; attach $HOST $M/n; cmp /tmp/rest $M/n/rest; umount $M/c $M/n; echo room";

/// Root is told by rquota what alice uses, as alice herself is.
#[test]
fn kernels_meet_the_limit_of_a_user_over_both_doors_at_the_byte() {
    let Some(house) = WithKernel::open("quotas of users in the kernel") else { return };
    quota(&house.0, &["set", "--user", "alice", "--hard", "1MiB"]);
    house.run(USER, &["nfs", "smb", "room"]);
    let told = Rquota {
        block_bytes: 1024,
        active: true,
        blocks_hard: 1024,
        blocks_soft: 0,
        blocks: 1024,
        files_hard: 0,
        files_soft: 0,
        files: 2,
        blocks_time_left: 0,
        files_time_left: 0,
    };
    let mut nfs = Client::connect(house.0.site.address(CONTOSO).unwrap()).unwrap();
    let [(_, alice), (_, bob)] = USERS;
    let args = v1::GetquotaArgs { path: QuotaPath::from_static("/projects"), uid: alice };
    for (uid, answer) in [(0, QuotaResult::Ok(told)), (alice, QuotaResult::Ok(told)), (bob, QuotaResult::NotPermitted)]
    {
        nfs.act_as(uid, uid);
        assert_eq!(nfs.call::<v1::Getquota>(&args).unwrap(), answer, "{uid}");
    }
    house.close();
}

/// The directory itself and nine below it; what is removed over one door makes room at the other.
const FILES: &str = "n=0; while touch $M/n/file$n 2>/tmp/why; do n=$((n + 1)); done; grep -q 'quota exceeded' /tmp/why
    test $n = 9; test $(ls $M/n | wc -l) = 9; full mkdir $M/n/d; full ln -s x $M/n/l; echo nfs
    full_smb touch $M/c/no; rm $M/n/file3; mkdir $M/c/d; full_smb mkdir $M/c/e; rmdir $M/c/d
    cp $IN/content $M/n/file3; ln $M/n/file3 $M/n/second; test $(ls $M/n | wc -l) = 10
    umount $M/n; attach $HOST $M/n; cmp $IN/content $M/c/second; umount $M/c $M/n; echo smb";

#[test]
fn kernels_meet_a_limit_of_files() {
    let Some(house) = WithKernel::open("quotas of files in the kernel") else { return };
    quota(&house.0, &["set", "--inodes-hard", "10"]);
    house.run(FILES, &["nfs", "smb"]);
    house.close();
}

/// A gateway, and a kernel that has both clients.
struct WithKernel(House, KernelClient);

impl WithKernel {
    /// `None` where there is none.
    fn open(what: &str) -> Option<Self> {
        match KernelClient::find_lab() {
            Ok(client) => Some(Self(House::open("[smb]\n"), client)),
            Err(why) => {
                skip(what, &why);
                None
            }
        }
    }

    /// Runs a script over both mounts, which says each of its steps.
    fn run(&self, script: &str, steps: &[&str]) {
        let (inbox, outbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let content: Vec<u8> =
            (0..2_000_000_u32).map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
        std::fs::write(inbox.path().join("content"), content).unwrap();
        let text = format!("{MOUNTED}\n{script}");
        let script = ClientScript { text: &text, inbox: inbox.path(), outbox: outbox.path(), limit_seconds: 90 };
        let output = self.1.run(&self.0.site, &script).unwrap_or_else(|error| panic!("{error:#}"));
        for step in steps {
            assert!(output.lines().any(|line| line == *step), "{step}: {output}");
        }
    }

    fn close(self) {
        self.0.close();
    }
}

/// What all scripts begin with: `/projects` over NFS at `$M/n` and over SMB, as alice, at `$M/c`, and what cannot be done there.
const MOUNTED: &str = "ALICE=username=alice,password=Correct.Horse1
    size() { stat -f -c '%b %S' $1 | { read -r blocks bytes; echo $((blocks * bytes)); }; }
    left() { stat -f -c '%a %S' $1 | { read -r blocks bytes; echo $((blocks * bytes)); }; }
    refused() { ! \"${@:2}\" 2>/tmp/why || exit 1; grep -q \"$1\" /tmp/why; }
    full() { refused 'quota exceeded' \"$@\"; }
    full_smb() { refused 'No space left' \"$@\"; }
    attach $HOST $M/n; attach_smb vers=3.1.1,$ALICE $HOST $M/c";
