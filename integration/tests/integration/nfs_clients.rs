//! Clients that others wrote: libnfs, and the Linux kernel.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use integration::{
    CONTOSO, ClientScript, Demo, FABRIKAM, Gateway, KernelClient, Libnfs, Limit, Site, assert_same_tree, count_from,
    run_checked, skip, workspace_root, write_sample_tree,
};

#[test]
fn libnfs_copies_files_in_and_out() {
    let site = Site::new(None).unwrap();
    let client = match Libnfs::find(&site, CONTOSO) {
        Ok(client) => client,
        Err(why) => return skip("libnfs clients", &why),
    };
    let gateway = Gateway::start(&site).unwrap();
    let local = tempfile::tempdir().unwrap();
    write_sample_tree(&local.path().join("tree")).unwrap();
    let back = local.path().join("back");
    fs::create_dir(&back).unwrap();
    let files = plain_files(&local.path().join("tree"));
    for (number, file) in files.iter().enumerate() {
        let (name, copy) = (format!("/file-{number}"), back.join(number.to_string()));
        client.copy_in(file.to_str().unwrap(), &name).unwrap();
        client.copy_out(&name, copy.to_str().unwrap()).unwrap();
        assert_eq!(fs::read(file).unwrap(), fs::read(&copy).unwrap(), "{}", file.display());
    }
    let listing = client.list("").unwrap();
    assert_eq!(listing.lines().filter(|line| line.contains("file-")).count(), files.len(), "{listing}");
    gateway.stop().unwrap();
    Gateway::check(&site).unwrap();
}

#[test]
fn the_demo_serves_both_zones_and_keeps_their_files() {
    let ports_are_free = [12049, 14450, 10111].iter().all(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    if !ports_are_free {
        return skip("the demo", "something listens on 12049, 14450 or 10111");
    }
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path()).unwrap();
    let zones = demo.ready["zones"].as_array().unwrap().clone();
    let described = |key: &str| zones.iter().map(|zone| zone[key].clone()).collect::<Vec<_>>();
    assert_eq!(demo.ready["ready"], true);
    assert_eq!(described("name"), ["contoso", "fabrikam"]);
    assert_eq!(described("address"), ["127.0.0.1", "127.0.0.2"]);
    assert_eq!((described("nfs_port"), described("mount_port")), (vec![12049.into(); 2], vec![12049.into(); 2]));
    assert_eq!(described("portmap_port"), [10111, 10111]);
    assert_eq!(zones[0]["exports"], serde_json::json!(["/projects"]));
    assert_eq!((described("smb_port"), zones[1]["shares"][0].clone()), (vec![14450.into(); 2], "projects".into()));
    assert_eq!(demo.ready["admin"], format!("unix:{}", data.path().join("admin.sock").display()));
    if let Err(why) = Libnfs::installed() {
        demo.stop().unwrap();
        return skip("files of the demo", &why);
    }
    let [contoso, fabrikam] = [CONTOSO, FABRIKAM].map(|zone| Libnfs::at(zone, 12049));
    let text = data.path().join("text");
    fs::write(&text, "one zone's words\n").unwrap();
    contoso.copy_in(text.to_str().unwrap(), "/note").unwrap();
    assert!(fabrikam.read("/note").is_err(), "a file of one zone is seen in the other");
    demo.stop().unwrap();
    let again = Demo::start(data.path()).unwrap();
    assert_eq!(contoso.read("/note").unwrap(), "one zone's words\n");
    again.stop().unwrap();
}

#[test]
fn kernel_copies_a_tree_in_and_out() {
    let inbox = tempfile::tempdir().unwrap();
    write_sample_tree(&inbox.path().join("tree")).unwrap();
    // The kernel's own view after a remount, so that nothing is answered from the client's cache.
    let script = "attach $HOST $M/c; cp -a $IN/tree $M/c/; umount $M/c; attach $HOST $M/c
        diff -r --no-dereference $IN/tree $M/c/tree
        rsync -aHcn --itemize-changes --delete $IN/tree/ $M/c/tree/ >/tmp/changes; cat /tmp/changes; ! test -s /tmp/changes
        cp -a $M/c/tree $OUT/tree; rm -r $M/c/tree; ls -A $M/c >/tmp/left; ! test -s /tmp/left; umount $M/c";
    with_kernel("kernel client: copying a tree", inbox.path(), script, |outbox, _| {
        assert_same_tree(&inbox.path().join("tree"), &outbox.join("tree")).unwrap();
    });
}

#[test]
fn kernel_clones_and_checks_a_repository() {
    let inbox = tempfile::tempdir().unwrap();
    let mut clone = Command::new("git");
    clone.args(["clone", "--quiet", "--bare", "--no-hardlinks"]).arg(workspace_root()).arg(inbox.path().join("repo"));
    if let Err(error) = run_checked(&mut clone, Limit::seconds(120)) {
        return skip("kernel client: git", &format!("this tree cannot be cloned: {error}"));
    }
    let script = "git config --global --add safe.directory '*'; git config --global user.email t@example.org
        git config --global user.name t; attach $HOST $M/c; cd $M/c
        git clone --quiet --no-hardlinks $IN/repo clone; cd clone; git fsck --full --strict
        test -z \"$(git status --porcelain)\"; echo more >>README.md; git add -A; git commit -qm more; git gc --quiet
        git fsck --full; git checkout -q HEAD~1; test -z \"$(git status --porcelain)\"";
    with_kernel("kernel client: git", inbox.path(), script, |_, _| ());
}

#[test]
fn kernel_builds_a_project() {
    let inbox = tempfile::tempdir().unwrap();
    write_small_project(&inbox.path().join("project"));
    let script = "attach $HOST $M/c; cp -r $IN/project $M/c/; cd $M/c/project; make -s -j2; test \"$(./sum)\" = 780
        make -q; touch part3.c; ! make -q; make -s; test \"$(./sum)\" = 780; make -s clean; ! test -e sum";
    with_kernel("kernel client: a make build", inbox.path(), script, |_, _| ());
}

#[test]
fn kernel_mounts_both_zones_at_once() {
    let inbox = tempfile::tempdir().unwrap();
    let script = "attach $HOST $M/c; attach $HOST2 $M/f; echo c >$M/c/same; echo f >$M/f/same; sync
        test \"$(cat $M/c/same)$(cat $M/f/same)\" = cf; echo more >$M/c/only; ! test -e $M/f/only; rm $M/c/same
        test \"$(cat $M/f/same)\" = f; umount $M/c $M/f; attach $HOST $M/c; ! test -e $M/c/same; cat $M/c/only
        ! mount -t nfs -o $OPTIONS,nolock $HOST:/tenants/fabrikam/projects $M/f
        ! mount -t nfs -o $OPTIONS,nolock $HOST:/projects/../../fabrikam/projects $M/f";
    with_kernel("kernel client: two zones", inbox.path(), script, |_, _| ());
}

#[test]
fn kernel_runs_fsx() {
    let inbox = tempfile::tempdir().unwrap();
    let operations = count_from("BERTH_FSX_OPERATIONS", 3000);
    let script = format!(
        "command -v fsx >/dev/null || exit 77; attach $HOST $M/c; cd $M/c
         for seed in 1 2 3; do fsx -q -N {operations} -S $seed file-$seed || exit 1; done; echo fsx: {operations} x 3"
    );
    with_kernel("kernel client: fsx", inbox.path(), &script, |_, _| ());
}

#[test]
fn kernel_passes_pjdfstest_like_knfsd() {
    let named = std::env::var_os("BERTH_PJDFSTEST_REFERENCE").map(std::path::PathBuf::from);
    let reference = named.unwrap_or_else(|| workspace_root().join("../shared/peers/pjdfstest-reference.tsv"));
    let Ok(table) = fs::read_to_string(&reference) else {
        return skip("kernel client: pjdfstest", "no reference results (BERTH_PJDFSTEST_REFERENCE names them)");
    };
    let bar = Verdicts::knfsd(&table);
    let inbox = tempfile::tempdir().unwrap();
    with_kernel("kernel client: pjdfstest", inbox.path(), PJDFSTEST, |outbox, _| {
        let all = fs::read_to_string(outbox.join("all")).unwrap();
        let remounting = fs::read_to_string(outbox.join("remounting")).unwrap();
        let ours = Verdicts::printed(&format!("{all}\n{remounting}"));
        let worse: Vec<_> = bar.passed().filter(|name| !ours.has_passed(name)).collect();
        println!("pjdfstest: {} passed, knfsd {}", ours.passed().count(), bar.passed().count());
        assert!(worse.is_empty(), "knfsd passes these:\n{}", why(&all, &worse));
    });
}

/// The recipe of the reference results: everything once; then the tests that remount read-only, each in its own process.
const PJDFSTEST: &str = "command -v pjdfstest >/dev/null || exit 77; attach $HOST $M
    printf '[features]\\nposix_fallocate = {}\\nrename_ctime = {}\\nutime_now = {}\\nutimensat = {}\\n' >/tmp/a
    printf '[settings]\\nnaptime = 0.05\\n' >>/tmp/a; (cat /tmp/a; echo allow_remount = true) >/tmp/b
    pjdfstest -c /tmp/a -s /tmp -p $M >$OUT/all || true
    for name in $(grep -o '^[a-z_:]*erofs[a-z_]*' $OUT/all); do
      pjdfstest -c /tmp/b -s /tmp -p $M -e pjdfstest::tests::$name || true; done >$OUT/remounting";

/// The tests named, each with the lines that the suite printed for it.
fn why(output: &str, tests: &[&String]) -> String {
    let is_one = |line: &str| tests.iter().any(|name| line.split_whitespace().next() == Some(name));
    let lines: Vec<_> = output.lines().collect();
    let starts = lines.iter().enumerate().filter(|(_, line)| is_one(line)).map(|(index, _)| index);
    let excerpts = starts.map(|start| lines.iter().skip(start).take(4).copied().collect::<Vec<_>>().join("\n"));
    format!("{tests:?}\n{}", excerpts.collect::<Vec<_>>().join("\n"))
}

/// Test names with whether they passed.
struct Verdicts(Vec<(String, bool)>);

impl Verdicts {
    fn knfsd(table: &str) -> Self {
        let rows = table.lines().skip(1).map(|row| row.split('\t').collect::<Vec<_>>());
        Self(rows.map(|row| (row[0].to_owned(), row[2] == "pass")).collect())
    }

    fn printed(output: &str) -> Self {
        let ended = |line: &str| ["ok", "FAILED", "skipped"].iter().any(|word| line.trim_end().ends_with(word));
        let words = output.lines().filter(|line| ended(line)).map(|line| line.split_whitespace().collect::<Vec<_>>());
        Self(words.filter(|words| words.len() >= 2).map(|words| (words[0].to_owned(), words[1] == "ok")).collect())
    }

    fn passed(&self) -> impl Iterator<Item = &String> {
        self.0.iter().filter(|(_, passed)| *passed).map(|(name, _)| name)
    }

    fn has_passed(&self, name: &str) -> bool {
        self.passed().any(|passed| passed == name)
    }
}

/// Runs a script in a kernel client against a gateway of its own; then the store must be in order.
fn with_kernel(what: &str, inbox: &Path, script: &str, inspect: impl FnOnce(&Path, &str)) {
    let client = match KernelClient::find() {
        Ok(client) => client,
        Err(why) => return skip(what, &why),
    };
    let outbox = tempfile::tempdir().unwrap();
    let site = Site::new(None).unwrap();
    let gateway = Gateway::start(&site).unwrap();
    let script = ClientScript { text: script, inbox, outbox: outbox.path(), limit_seconds: 600 };
    let output = client.run(&site, &script).unwrap_or_else(|error| {
        panic!("{what}: {error:#}\nthe gateway's log:\n{}", fs::read_to_string(site.log()).unwrap_or_default())
    });
    inspect(outbox.path(), &output);
    gateway.stop().unwrap();
    Gateway::check(&site).unwrap();
}

fn plain_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut listing = Command::new("find");
    listing.arg(folder).args(["-type", "f", "-size", "-4000k", "-name", "[!n]*"]);
    let output = run_checked(&mut listing, Limit::seconds(60)).unwrap();
    output.lines().filter(|line| line.is_ascii() && !line.contains('\\')).map(Into::into).take(FILES_MAX).collect()
}

/// Forty sources with one header, a program that adds up 0 to 39.
fn write_small_project(folder: &Path) {
    const PARTS: u32 = 40;
    fs::create_dir_all(folder).unwrap();
    let declare = |part| format!("int part{part}(void);\n");
    let define = |part| format!("#include \"parts.h\"\nint part{part}(void) {{ return {part}; }}\n");
    fs::write(folder.join("parts.h"), (0..PARTS).map(declare).collect::<String>()).unwrap();
    for part in 0..PARTS {
        fs::write(folder.join(format!("part{part}.c")), define(part)).unwrap();
    }
    let sum: Vec<_> = (0..PARTS).map(|part| format!("part{part}()")).collect();
    let main = "#include <stdio.h>\n#include \"parts.h\"\nint main(void) { printf(\"%d\\n\", SUM); return 0; }\n";
    fs::write(folder.join("main.c"), main.replace("SUM", &sum.join(" + "))).unwrap();
    let rules = "OBJECTS := $(patsubst %.c,%.o,$(wildcard *.c))\nsum: $(OBJECTS)\n\tcc -o $@ $^\n\
        %.o: %.c parts.h\n\tcc -O1 -Wall -Werror -c -o $@ $<\nclean:\n\trm -f sum $(OBJECTS)\n";
    fs::write(folder.join("Makefile"), rules).unwrap();
}

/// Each file is two processes; more would prove nothing new.
const FILES_MAX: usize = 120;
