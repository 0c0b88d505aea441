//! The binary as an operator calls it: what it says, and how it ends.

#[cfg(test)]
mod site;
#[cfg(test)]
mod tokens;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;
    use std::process::{Command, Output, Stdio};

    use rustix::process::Signal;
    use tempfile::TempDir;

    use crate::site::{CHECK, Gateway, Watched, ask, berth, free_port, json, site, stderr, table, wait_for, zone};

    const SETTINGS: &str = "data = \"data\"\n[nfs]\nport = 12999\n";

    #[test]
    fn a_right_configuration_is_said_to_be_so() {
        let site = site(SETTINGS, &[("a.toml", zone("a", "127.0.0.1")), ("b.toml", zone("b", "127.0.0.2"))]);
        let output = berth(&CHECK, site.path());
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(output.stdout, b"the configuration is right: zones 2, exported paths 4\n");
        assert!(!site.path().join("data").exists(), "checking makes no store");
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let wrong = zone("b", "here").replace("/home", "home");
        let site =
            site(SETTINGS, &[("a.toml", zone("a", "127.0.0.1")), ("b.toml", wrong), ("c.toml", "x = 1\n".to_owned())]);
        let output = berth(&CHECK, site.path());
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(
            stderr(&output),
            "berth: zones/b.toml:3: addresses[0]: \"here\" is no IP address\n\
             zones/b.toml:5: export[0].paths[1]: \"home\" does not begin with \"/\"; write an absolute path such as \
             \"/projects\"\n\
             zones/c.toml:1: unknown field `x`, expected one of `name`, `base`, `addresses`, `force_overlap`, \
             `users_file`, `groups_file`, `passwords_file`, `netgroup_file`, `resolve_groups`, `cache_seconds`, \
             `negative_cache_seconds`, `snapshot_directory`, `aliases`, `export`, `share`, `snapshot`, `notification`, \
             `report`, `audit`\n"
        );
    }

    #[test]
    fn files_that_zone_files_name_are_checked_too() {
        let named =
            "users_file = \"../a.users\"\ngroups_file = \"a.groups\"\nnetgroup_file = \"a.netgroup\"\n[[export]]";
        let asking = zone("a", "127.0.0.1").replace("[[export]]", named)
            + "clients = [\"@staff\", \"nobody-has-this-name.invalid\"]\nignore_unresolvable_hosts = true\n";
        let site = site(SETTINGS, &[("a.toml", asking)]);
        let write = |file: &str, text: &str| fs::write(site.path().join("zones").join(file), text).unwrap();
        write("../a.users", "anna:x:1000:100\nanna:x:1001\n");
        write("a.groups", "staff:x:many:anna\n");
        write("a.netgroup", "staff staff\n");
        let output = berth(&CHECK, site.path());
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        for line in [
            "zones/../a.users:2: users_file: no user: write name:x:uid:gid:comment:home:shell",
            "zones/a.groups:1: groups_file: \"many\" is no gid: a number from 0 to 4294967294",
            "zones/a.netgroup:1: netgroup_file: netgroup \"staff\" includes itself: staff > staff",
        ] {
            assert!(said.contains(line), "{said}");
        }
        write("../a.users", "anna:x:1000:100\n");
        write("a.groups", "staff:x:2000:anna\n");
        write("a.netgroup", "staff (10.0.0.1,,)\n");
        let output = berth(&CHECK, site.path());
        let (status, said) = (output.status.code(), stderr(&output));
        assert_eq!(status, Some(0), "{said}");
        let begin =
            "berth: warning: zones/a.toml:9: export[0].clients[1]: host name \"nobody-has-this-name.invalid\" cannot";
        assert!(said.starts_with(begin) && said.ends_with("; it is ignored\n"), "{said}");
    }

    #[test]
    fn zones_that_contradict_each_other_are_refused() {
        let site = site(SETTINGS, &[("a.toml", zone("a", "127.0.0.1")), ("b.toml", zone("b", "127.0.0.1"))]);
        let output = berth(&CHECK, site.path());
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(
            stderr(&output),
            "berth: zones/b.toml: addresses: 127.0.0.1 is also an address of zone \"a\" (zones/a.toml): each address \
             belongs to one zone\n"
        );
    }

    #[test]
    fn wrong_settings_are_refused_by_every_verb() {
        let site = site("data = 1\n", &[("a.toml", zone("a", "127.0.0.1"))]);
        for (arguments, code) in [(&CHECK[..], 1), (&CHECK[..3], 1), (&["check", "--config", "berth.toml"][..], 2)] {
            let output = berth(arguments, site.path());
            assert_eq!(output.status.code(), Some(code), "{arguments:?}");
            let said = "berth: berth.toml:1: data: invalid type: integer `1`, expected path string\n";
            assert_eq!(stderr(&output), said, "{arguments:?}");
        }
    }

    #[test]
    fn a_store_that_is_not_there_cannot_be_checked() {
        let folder = tempfile::tempdir().unwrap();
        let output = berth(&["check", "--data", "nowhere"], folder.path());
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(stderr(&output), "berth: nowhere holds no store of Berth (no folder \"metadata\" in it)\n");
        assert!(!folder.path().join("nowhere").exists());
    }

    #[test]
    fn a_gateway_serves_reloads_and_stops() {
        let settings = format!(
            "data = \"data\"\n[nfs]\nport = {}\n[portmap]\nport = 0\n[metadata]\nlog_bytes = 8388608\n\
             [memory]\nbudget_bytes = 67108864\n[blocks]\nfree_bytes_min = 0\n",
            free_port()
        );
        let site = site(&settings, &[("a.toml", zone("a", "127.0.0.21"))]);
        let mut gateway = Gateway::start(site.path());
        wait_for(site.path(), "ready zones=1");

        let second = stderr(&berth(&CHECK[..3], site.path()));
        let owner = format!("is in use by another berth (process {})", gateway.0.id());
        assert!(second.contains(&owner), "{second}");
        let check = berth(&["check", "--config", "berth.toml"], site.path());
        assert_eq!(check.status.code(), Some(2), "a store that is served is not checked");

        fs::write(site.path().join("zones/b.toml"), zone("b", "127.0.0.21")).unwrap();
        gateway.signal(Signal::HUP);
        wait_for(site.path(), "each address belongs to one zone");
        fs::write(site.path().join("zones/b.toml"), zone("b", "127.0.0.22")).unwrap();
        gateway.signal(Signal::HUP);
        wait_for(site.path(), "zones reloaded zones=2");

        gateway.signal(Signal::TERM);
        assert!(gateway.0.wait().unwrap().success());
        wait_for(site.path(), "stopped");
        let check = berth(&["check", "--config", "berth.toml", "--json"], site.path());
        let report: serde_json::Value = serde_json::from_slice(&check.stdout).unwrap();
        assert_eq!((check.status.code(), &report["clean"]), (Some(0), &serde_json::Value::Bool(true)), "{report}");
        assert!(report["counts"]["inodes"].as_u64().unwrap() >= 8, "two zones with their exports: {report}");
    }

    #[test]
    fn the_log_moves_to_another_folder_and_back() {
        let settings = |log: &str| {
            format!(
                "data = \"data\"\n[nfs]\nport = {}\n[portmap]\nport = 0\n[metadata]\nlog_bytes = 8388608\n{log}\
                 [memory]\nbudget_bytes = 67108864\n[blocks]\nfree_bytes_min = 0\n",
                free_port()
            )
        };
        let site = site(&settings(""), &[("a.toml", zone("a", "127.0.0.26"))]);
        let configure = |log: &str| fs::write(site.path().join("berth.toml"), settings(log)).unwrap();
        // Killed: what clients were told is in the log alone.
        let live = || {
            let gateway = Gateway::start(site.path());
            wait_for(site.path(), "ready zones=1");
            let status = json(&["status"], site.path());
            let moving = berth(&MOVE_LOG, site.path());
            assert!(stderr(&moving).contains("is in use by another berth"), "{}", stderr(&moving));
            drop(gateway);
            status
        };
        assert_eq!(live()["log_folder"], serde_json::Value::Null);

        configure("log = \"fast\"\n");
        let refused = stderr(&berth(&CHECK[..3], site.path()));
        assert!(refused.contains("move it with `berth store move-log`"), "{refused}");
        let refused = stderr(&berth(&MOVE_LOG, site.path()));
        assert!(refused.contains("cannot create the log") && refused.contains("/fast/berth-"), "{refused}");
        fs::create_dir(site.path().join("fast")).unwrap();
        let moved = berth(&MOVE_LOG, site.path());
        assert!(moved.status.success(), "{}", stderr(&moved));
        assert!(!site.path().join("data/metadata/log").exists());
        let folder = site.path().join("fast").canonicalize().unwrap();
        assert_eq!(live()["log_folder"], folder.to_str().unwrap());
        assert_eq!(berth(&["check", "--data", "data"], site.path()).status.code(), Some(0));

        configure("");
        let refused = stderr(&berth(&CHECK[..3], site.path()));
        assert!(refused.contains(&format!("was last in {}", folder.display())), "{refused}");
        assert!(berth(&MOVE_LOG, site.path()).status.success());
        assert_eq!(live()["log_folder"], serde_json::Value::Null);
        assert_eq!(berth(&["check", "--config", "berth.toml"], site.path()).status.code(), Some(0));
    }

    const MOVE_LOG: [&str; 4] = ["store", "move-log", "--config", "berth.toml"];

    #[test]
    fn a_running_gateway_tells_how_it_does() {
        let (nfs, metrics) = (free_port(), free_port());
        let settings = format!(
            "data = \"data\"\n[nfs]\nport = {nfs}\n[portmap]\nport = 0\n[metadata]\nlog_bytes = 8388608\n\
             [memory]\nbudget_bytes = 67108864\n[blocks]\nfree_bytes_min = 0\n\
             [admin]\nmetrics_listen = \"127.0.0.1:{metrics}\"\n"
        );
        let site = site(&settings, &[("a.toml", zone("a", "127.0.0.24")), ("b.toml", zone("b", "127.0.0.25"))]);
        let nobody = berth(&["status", "--config", "berth.toml"], site.path());
        assert_eq!(nobody.status.code(), Some(2));
        assert!(stderr(&nobody).contains("data/admin.sock: it does not run"), "{}", stderr(&nobody));

        // What a gateway that was killed leaves behind is taken over.
        let mut killed = Gateway::start(site.path());
        wait_for(site.path(), "ready zones=2");
        killed.0.kill().unwrap();
        killed.0.wait().unwrap();
        assert!(site.path().join("data/admin.sock").exists());
        let mut gateway = Gateway::start(site.path());
        wait_for(site.path(), "ready zones=2");

        let mut client = TcpStream::connect(("127.0.0.24", nfs)).unwrap();
        // NULL of NFSv3 (RFC 5531 9, RFC 1813 3.3.0).
        let call = [0x8000_0028_u32, 7, 0, 2, 100_003, 3, 0, 0, 0, 0, 0].map(u32::to_be_bytes).concat();
        client.write_all(&call).unwrap();
        client.read_exact(&mut [0; 28]).unwrap();

        let status = json(&["status"], site.path());
        assert_eq!((&status["status"], &status["process"]["id"]), (&"ok".into(), &gateway.0.id().into()), "{status}");
        assert_eq!((&status["zones"][0]["name"], &status["zones"][0]["connections"]), (&"a".into(), &1.into()));
        assert!(status["process"]["memory_bytes"].as_u64().unwrap() > 1 << 20, "{status}");
        let sessions = json(&["session", "list", "--zone", "a"], site.path());
        assert_eq!((&sessions["items"][0]["calls"], &sessions["total"]), (&1.into(), &1.into()), "{sessions}");
        assert_eq!(sessions["items"][0]["client"], client.local_addr().unwrap().to_string());
        assert_eq!(json(&["session", "list", "--zone", "b"], site.path())["items"], serde_json::json!([]));
        assert_eq!(json(&["export", "list"], site.path())["total"], 4);

        assert!(table(&["status"], site.path()).contains("serves everything, up "));
        assert!(table(&["session", "list"], site.path()).contains("127.0.0.24:"));
        assert!(table(&["zone", "list"], site.path()).contains("/tenants/b"));
        assert!(table(&["export", "list", "--zone", "a"], site.path()).contains("nobody:nogroup"));
        assert_eq!(table(&["lock", "list"], site.path()), "no locks\n");
        assert!(table(&["job", "list"], site.path()).contains("evacuation  idle"));

        let socket = site.path().join("data/admin.sock");
        assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
        let (head, body) = ask(UnixStream::connect(&socket).unwrap(), "/metrics");
        assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("text/plain; version=0.0.4"), "{head}");
        let null = "berth_requests_total{zone=\"a\",share=\"\",protocol=\"nfs\",operation=\"NULL\"} 1\n";
        assert!(body.contains(null), "{body}");
        let port = || TcpStream::connect(("127.0.0.1", metrics)).unwrap();
        assert!(ask(port(), "/metrics").1.contains(null));
        assert_eq!(ask(port(), "/healthz").1, "{\"status\":\"ok\"}");
        assert!(ask(port(), "/v1/sessions").0.starts_with("HTTP/1.1 404"), "monitoring sees no tenants");

        let watching = ["session", "list", "--zone", "a", "--json", "--watch", "1", "--config", "berth.toml"];
        let mut watched = Watched::start(&watching, site.path());
        let (first, second) = (watched.line(), watched.line());
        assert_eq!(first["items"][0]["client"], client.local_addr().unwrap().to_string());
        assert_eq!(second["total"], 1, "{second}");

        fs::write(site.path().join("zones/c.toml"), "nonsense\n").unwrap();
        gateway.signal(Signal::HUP);
        wait_for(site.path(), "zones not reloaded");
        let status = json(&["status"], site.path());
        let what = status["concerns"][0]["what"].as_str().unwrap();
        assert!(what.starts_with("the zone files were not taken at the last reload: "), "{what}");

        gateway.signal(Signal::TERM);
        assert!(gateway.0.wait().unwrap().success());
        assert!(!socket.exists(), "the socket goes with the gateway");
    }

    /// A zone file that never ends is a pipe that nobody writes to.
    #[test]
    fn a_gateway_stops_while_it_reloads() {
        let settings = format!(
            "data = \"data\"\n[nfs]\nport = {}\n[portmap]\nport = 0\n[metadata]\nlog_bytes = 8388608\n\
             [memory]\nbudget_bytes = 67108864\n[blocks]\nfree_bytes_min = 0\n",
            free_port()
        );
        let site = site(&settings, &[("a.toml", zone("a", "127.0.0.23"))]);
        let mut gateway = Gateway::start(site.path());
        wait_for(site.path(), "ready zones=1");
        assert!(Command::new("mkfifo").arg(site.path().join("zones/b.toml")).status().unwrap().success());
        gateway.signal(Signal::HUP);
        wait_for(site.path(), "reading the zones again");
        gateway.signal(Signal::TERM);
        wait_for(site.path(), "stopped");
        assert!(gateway.0.wait().unwrap().success());
    }

    fn zone_verb(site: &TempDir, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = berth(&[&["zone"], arguments, &["--socket", "data/admin.sock"]].concat(), site.path());
        let said = stderr(&output);
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), said)
    }

    #[test]
    fn zones_are_shown_changed_and_taken_away_while_served() {
        let nfs = free_port();
        let settings = format!(
            "data = \"data\"\n[nfs]\nport = {nfs}\n[portmap]\nport = 0\n[metadata]\nlog_bytes = 8388608\n\
             [memory]\nbudget_bytes = 67108864\n[blocks]\nfree_bytes_min = 0\n"
        );
        let first = "# ours\n".to_owned() + &zone("a", "127.0.0.26");
        let site = site(&settings, &[("first.toml", first.clone())]);
        let mut gateway = Gateway::start(site.path());
        wait_for(site.path(), "ready zones=1");
        let answers = |address: &str| TcpStream::connect((address, nfs)).is_ok();
        assert_eq!(zone_verb(&site, &["show", "a"]), (Some(0), first.clone(), String::new()));

        // A new zone, in both forms; asked for, then made.
        fs::write(site.path().join("b"), zone("b", "127.0.0.27")).unwrap();
        let (code, plan, said) = zone_verb(&site, &["apply", "-f", "b", "--dry-run"]);
        assert!(code == Some(0) && plan.contains("+ addresses = [\"127.0.0.27\"]\n"), "{plan}{said}");
        assert!(!answers("127.0.0.27") && !site.path().join("zones/b.toml").exists());
        let (code, _, said) = zone_verb(&site, &["apply", "-f", "b"]);
        assert!(code == Some(2) && said.contains("say --yes"), "{said}");
        let (code, plan, said) = zone_verb(&site, &["apply", "-f", "b", "--yes"]);
        assert!(code == Some(0) && plan.ends_with("zone b: done\n"), "{plan}{said}");
        assert!(answers("127.0.0.27"), "served when it is told to be done");
        assert_eq!(text(&site, "b.toml"), zone("b", "127.0.0.27"));
        let shown = zone_verb(&site, &["show", "a", "--json"]).1.replace("/home", "/homes");
        fs::write(site.path().join("a.json"), shown).unwrap();
        let (code, plan, said) = zone_verb(&site, &["apply", "-f", "a.json", "--yes", "--json"]);
        assert!(code == Some(0) && plan.contains("\"applied\":true"), "{plan}{said}");
        let second = first.replace("/home", "/homes");
        assert_eq!(text(&site, "first.toml"), second, "comments stay");

        // What is wrong, what is not there, what cannot be served: nothing is half done.
        for (wrong, reason) in [
            (zone("b", "127.0.0.26"), "zones/first.toml: addresses: 127.0.0.26 is also an address of zone \"b\""),
            (zone("b", "here"), "zones/b.toml:3: addresses[0]: \"here\" is no IP address"),
            // An address that this machine does not have (RFC 5737).
            (zone("b", "192.0.2.1"), "nothing was changed: cannot listen on 192.0.2.1"),
            (zone("x y", "127.0.0.28"), "\"x y\" is no zone name"),
        ] {
            fs::write(site.path().join("wrong"), wrong).unwrap();
            let (code, _, said) = zone_verb(&site, &["apply", "-f", "wrong", "--yes"]);
            assert!(code == Some(2) && said.contains(reason), "{said}");
            assert_eq!((text(&site, "first.toml"), text(&site, "b.toml")), (second.clone(), zone("b", "127.0.0.27")));
            assert!(answers("127.0.0.26") && answers("127.0.0.27"));
        }
        let status = json(&["status"], site.path()).to_string();
        assert!(!status.contains("zone files were not taken"), "the files are right: {status}");

        assert_eq!(zone_verb(&site, &["delete", "b", "--yes"]).0, Some(0));
        assert!(!site.path().join("zones/b.toml").exists() && !answers("127.0.0.27") && answers("127.0.0.26"));
        let (code, _, said) = zone_verb(&site, &["delete", "a", "--yes"]);
        assert!(code == Some(2) && said.contains("this is the last zone"), "{said}");
        assert_eq!(text(&site, "first.toml"), second);
        gateway.signal(Signal::TERM);
        assert!(gateway.0.wait().unwrap().success());
    }

    /// A zone with a user and a group, and a file of passwords that is not there yet.
    fn site_with_users() -> TempDir {
        let keys = "users_file = \"a.users\"\ngroups_file = \"a.groups\"\npasswords_file = \"a.passwords\"\n[[export]]";
        let site = site(SETTINGS, &[("a.toml", zone("a", "127.0.0.1").replace("[[export]]", keys))]);
        fs::write(site.path().join("zones/a.users"), "# people\nanna:x:1000:100\n").unwrap();
        fs::write(site.path().join("zones/a.groups"), "users:x:100:\nstaff:x:200:anna\n").unwrap();
        site
    }

    /// `berth user VERB --config berth.toml --zone a ...` with this on standard input.
    fn user(site: &TempDir, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_berth"))
            .args(["user", arguments[0], "--config", "berth.toml", "--zone", "a"])
            .args(&arguments[1..])
            .current_dir(site.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Who is refused does not read.
        child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
        child.wait_with_output().unwrap()
    }

    fn text(site: &TempDir, file: &str) -> String {
        fs::read_to_string(site.path().join("zones").join(file)).unwrap()
    }

    fn states(site: &TempDir) -> Vec<(String, u64, String)> {
        let output = user(site, &["list", "--json"], "");
        let listed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let one = |user: &serde_json::Value| {
            let name = user["name"].as_str().unwrap().to_owned();
            (name, user["uid"].as_u64().unwrap(), user["state"].as_str().unwrap().to_owned())
        };
        listed["users"].as_array().unwrap().iter().map(one).collect()
    }

    #[test]
    fn users_come_and_go() {
        let site = site_with_users();
        let is = |name: &str, uid, state: &str| (name.to_owned(), uid, state.to_owned());
        let added = user(&site, &["add", "berta", "--group", "staff"], "Password\r\n");
        assert!(added.status.success(), "{}", stderr(&added));
        assert_eq!(states(&site), [is("anna", 1000, "no password"), is("berta", 1001, "enabled")]);
        assert_eq!(text(&site, "a.users"), "# people\nanna:x:1000:100\nberta:x:1001:200\n");
        // MS-NLMP 4.2.2.1.2.
        assert!(text(&site, "a.passwords").starts_with("berta:a4f49c406510bdcab6824ee7c30fd852:enabled:"));
        let mode = fs::metadata(site.path().join("zones/a.passwords")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        for (verb, input) in [(["passwd", "anna"], "x"), (["disable", "anna"], ""), (["passwd", "anna"], "y")] {
            assert!(user(&site, &verb, input).status.success(), "{verb:?}");
        }
        assert_eq!(states(&site)[0], is("anna", 1000, "disabled"), "a new password lets nobody in again");
        assert!(user(&site, &["enable", "anna"], "").status.success());
        assert_eq!(states(&site)[0], is("anna", 1000, "enabled"));
        let table = String::from_utf8(user(&site, &["list"], "").stdout).unwrap();
        assert!(table.contains("S-1-5-21-") && !table.contains("a4f4"), "{table}");

        assert!(user(&site, &["delete", "anna"], "").status.success());
        assert_eq!(states(&site), [is("berta", 1001, "enabled")]);
        assert_eq!(text(&site, "a.groups"), "users:x:100:\nstaff:x:200:\n");
        assert_eq!(text(&site, "a.users"), "# people\nberta:x:1001:200\n");
        assert!(berth(&CHECK, site.path()).status.success());
    }

    #[test]
    fn what_cannot_be_done_changes_nothing() {
        let site = site_with_users();
        assert!(user(&site, &["add", "berta"], "x").status.success());
        let files = || ["a.users", "a.groups", "a.passwords"].map(|file| text(&site, file));
        let before = files();
        for (arguments, input, reason) in [
            (["add", "anna"].as_slice(), "x", "has a user anna already"),
            (&["add", "carl"], "", "must not be empty"),
            (&["add", "carl"], "a\tb", "control character"),
            (&["add", "carl", "--group", "nobodies"], "x", "no group nobodies"),
            (&["add", "carl", "--uid", "1000"], "x", "uid 1000 is also that of"),
            (&["add", "a:b"], "x", "nothing was changed"),
            (&["add", "BERTA"], "x", "in nothing but case"),
            (&["passwd", "carl"], "x", "has no user carl"),
            (&["enable", "anna"], "", "has no password"),
            (&["delete", "carl"], "", "has no user carl"),
        ] {
            let output = user(&site, arguments, input);
            assert!(!output.status.success() && stderr(&output).contains(reason), "{arguments:?}: {}", stderr(&output));
            assert_eq!(files(), before, "{arguments:?}");
        }
        let nowhere = berth(&["user", "list", "--config", "berth.toml", "--zone", "b"], site.path());
        assert!(stderr(&nowhere).contains("there is no zone b; there are a"), "{}", stderr(&nowhere));
        let open = fs::Permissions::from_mode(0o644);
        fs::set_permissions(site.path().join("zones/a.passwords"), open).unwrap();
        let refused = berth(&CHECK, site.path());
        assert!(!refused.status.success() && stderr(&refused).contains("chmod 600"), "{}", stderr(&refused));
    }
}
