//! The Linux kernel's SMB client (cifs.ko) in the lab: mounts in every version, and programs over them.

use integration::{ClientScript, KernelClient, count_from, skip};

use super::smb_clients::House;

/// Files are made, read back, renamed and listed over this mount. In 3.0 and 3.0.2 the client proves what was negotiated first,
/// and does without the mount if it cannot.
const FILES: &str =
    "cp $IN/content $M/c/one; cmp $IN/content $M/c/one; mv $M/c/one $M/c/Two; cat $M/c/two | cmp - $IN/content
    mkdir $M/c/d; ln $M/c/Two $M/c/d/three 2>/dev/null || cp $M/c/Two $M/c/d/three; test $(ls $M/c/d) = three
    dd if=$M/c/Two of=$M/c/d/four bs=4k skip=3 count=5 status=none; test $(stat -c %s $M/c/d/four) = 20480
    truncate -s 100 $M/c/Two; test $(stat -c %s $M/c/Two) = 100; rm -r $M/c/d $M/c/Two; test -z \"$(ls -A $M/c)\"";

#[test]
fn every_version_mounts_and_moves_files() {
    let options = ["2.1", "3.0", "3.0.2", "3.1.1", "3.1.1,seal", "3.0,seal"];
    let mounts: String = options
        .iter()
        .map(|version| {
            format!("attach_smb vers={version},$ALICE $HOST $M/c; {FILES}; umount $M/c; echo done {version}\n")
        })
        .collect();
    let output = with_kernel("SMB in the kernel: versions", &mounts);
    let Some(output) = output else { return };
    for version in options {
        assert!(output.contains(&format!("done {version}\n")), "{version}: {output}");
    }
}

#[test]
fn programs_work_over_a_mount() {
    let operations = count_from("BERTH_FSX_OPERATIONS", 2000);
    let script = "attach_smb vers=3.1.1,seal,$ALICE $HOST $M/c
        git init -q /tmp/source; cd /tmp/source; for number in $(seq 80); do echo $number >file-$number; done
        git add .; git -c user.name=a -c user.email=a@b commit -qm one; cd $M/c; git clone -q /tmp/source copy
        test -z \"$(git -C copy status --short)\"; git -C copy fsck; cd copy; diff -r -x .git . /tmp/source; cd $M/c
        fsx -N OPERATIONS -S 7 x; cd /; umount $M/c; echo done";
    let script = script.replace("OPERATIONS", &operations.to_string());
    let Some(output) = with_kernel("SMB in the kernel: programs", &script) else { return };
    assert!(output.ends_with("done\n"), "{output}");
}

/// Sqlite locks bytes that it has locked already, only more strictly: POSIX knows that and SMB does not, so that cifs.ko has to keep
/// locks to itself (`nobrl`), over every server.
#[test]
fn databases_work_over_a_mount() {
    let script = "attach_smb vers=3.1.1,nobrl,$ALICE $HOST $M/c; cd $M/c
        for mode in DELETE TRUNCATE; do
          echo \"PRAGMA journal_mode=$mode; CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);\" | sqlite3 $mode.db
          for i in $(seq 10); do echo \"INSERT INTO t(b) VALUES(hex(randomblob(500)));\"; done | sqlite3 $mode.db
          echo 'BEGIN; UPDATE t SET b=b||1; ROLLBACK; DELETE FROM t WHERE a>5; VACUUM;' | sqlite3 $mode.db
          test \"$(echo 'PRAGMA integrity_check; SELECT count(*) FROM t;' | sqlite3 $mode.db | tr '\\n' ' ')\" = 'ok 5 '
        done; cd /; umount $M/c; echo done";
    let Some(output) = with_kernel("SMB in the kernel: databases", script) else { return };
    assert!(output.ends_with("done\n"), "{output}");
}

/// What `getcifsacl` and `smbinfo` show, and what `setcifsacl` sets and takes away.
#[test]
fn descriptors_are_shown_and_changed_by_the_tools_of_linux() {
    let script = "attach_smb vers=3.1.1,$ALICE $HOST $M/c; cd $M/c; echo text >file
        getcifsacl -r file; smbinfo secdesc file; smbinfo filebasicinfo file; smbinfo fsctl-getobjid file || true
        setcifsacl -a 'ACL:S-1-5-11:ALLOWED/0x0/0x1200a9' file; getcifsacl -r file | grep 'S-1-5-11:0x0/0x0/0x1200a9'
        setcifsacl -D 'ACL:S-1-5-11:ALLOWED/0x0/0x1200a9' file; ! getcifsacl -r file | grep S-1-5-11
        cat file; cd /; umount $M/c; echo done";
    let Some(output) = with_kernel("SMB in the kernel: descriptors", script) else { return };
    assert!(output.contains("OWNER:S-1-5-21-") && output.ends_with("text\ndone\n"), "{output}");
}

/// `cp --reflink` asks for blocks to be shared, and fails where that is not done.
#[test]
fn files_are_cloned_over_a_mount() {
    let script = "attach_smb vers=3.1.1,$ALICE $HOST $M/c; cd $M/c; cp $IN/content one; sync one
        cp --reflink=always one two; cmp one two; echo changed | dd of=two conv=notrunc status=none; cmp one $IN/content
        ! cmp -s one two; rm one; tail -c +9 two >rest; tail -c +9 $IN/content | cmp rest -
        cd /; umount $M/c; echo done";
    let Some(output) = with_kernel("SMB in the kernel: clones", script) else { return };
    assert!(output.ends_with("done\n"), "{output}");
}

/// Links that NFS makes are links over SMB too: shown, read, followed by the client, and removed.
#[test]
fn links_are_followed_over_a_mount() {
    let script =
        "attach $HOST $M/n; mkdir $M/n/w; cd $M/n/w; mkdir d; echo text >d/file; ln -s file d/near; ln -s d/near far
        ln -s d dir; ln -s ../outside out; chmod -R a+rwX .; cd /
        attach_smb vers=3.1.1,$ALICE $HOST $M/c; cd $M/c/w; test -L far; test $(readlink d/near) = file
        test $(readlink far) = d/near; cat d/near far dir/file dir/near; test $(ls dir/ | wc -l) = 2
        test $(readlink out) = ../outside; ! cat out; rm far; test ! -L far; test -e d/file
        cd /; umount $M/c; umount $M/n; attach $HOST $M/n; test ! -L $M/n/w/far; umount $M/n; echo done";
    let Some(output) = with_kernel("SMB in the kernel: links", script) else { return };
    assert_eq!(output.matches("text\n").count(), 4, "{output}");
    assert!(output.ends_with("done\n"), "{output}");
}

#[test]
fn a_wrong_password_mounts_nothing() {
    let script = "! attach_smb vers=3.1.1,username=alice,password=wrong $HOST $M/c; echo refused";
    let Some(output) = with_kernel("SMB in the kernel: a wrong password", script) else { return };
    assert!(output.contains("refused"), "{output}");
}

/// Runs a script in a kernel that has the client; `None` where there is none.
fn with_kernel(what: &str, script: &str) -> Option<String> {
    let client = match KernelClient::find_lab() {
        Ok(client) => client,
        Err(why) => {
            skip(what, &why);
            return None;
        }
    };
    let house = House::open("[smb]\n");
    let (inbox, outbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let content: Vec<u8> =
        (0..2_000_000_u32).map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    std::fs::write(inbox.path().join("content"), content).unwrap();
    let text = format!("ALICE=username=alice,password=Correct.Horse1\n{script}");
    let script = ClientScript { text: &text, inbox: inbox.path(), outbox: outbox.path(), limit_seconds: 550 };
    let output = client.run(&house.site, &script).unwrap_or_else(|error| panic!("{what}: {error:#}"));
    house.close();
    Some(output)
}
