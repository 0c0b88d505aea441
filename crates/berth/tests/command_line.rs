//! The binary as an operator calls it: what it says, and how it ends.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::{Command, Output};

    use tempfile::TempDir;

    const SETTINGS: &str = "data = \"data\"\n[nfs]\nport = 12999\n";

    fn zone(name: &str, address: &str) -> String {
        format!(
            "name = \"{name}\"\nbase = \"/tenants/{name}\"\naddresses = [\"{address}\"]\n\
             [[export]]\npaths = [\"/projects\", \"/home\"]\n"
        )
    }

    fn site(settings: &str, zones: &[(&str, String)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("berth.toml"), settings).unwrap();
        fs::create_dir(folder.path().join("zones")).unwrap();
        for (file, text) in zones {
            fs::write(folder.path().join("zones").join(file), text).unwrap();
        }
        folder
    }

    fn berth(arguments: &[&str], folder: &Path) -> Output {
        Command::new(env!("CARGO_BIN_EXE_berth")).args(arguments).current_dir(folder).output().unwrap()
    }

    fn stderr(output: &Output) -> String {
        String::from_utf8(output.stderr.clone()).unwrap()
    }

    const CHECK: [&str; 4] = ["serve", "--config", "berth.toml", "--check"];

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
             zones/c.toml:1: unknown field `x`, expected one of `name`, `base`, `addresses`, `force_overlap`, `export`\n"
        );
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
}
