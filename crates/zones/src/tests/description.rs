//! What people are told of an export.

use super::zone;

fn described(text: &str) -> Vec<String> {
    let zone = zone(text);
    zone.exports()[0].effective_options().into_iter().map(|(key, value)| format!("{key} = {value}")).collect()
}

#[test]
fn defaults_are_filled_in() {
    assert_eq!(
        described("[[export]]\npaths = [\"/a\"]\n"),
        [
            "path = /a",
            "description = ",
            "clients = everyone",
            "read_only = false",
            "read_only_clients = none",
            "read_write_clients = none",
            "root_clients = none",
            "all_dirs = false",
            "map_root = user nobody group nogroup",
            "map_non_root = off",
            "map_all = off",
            "lookup = false",
            "map_failure = off",
            "anonymous = user nobody group nogroup",
            "security = sys",
            "read_size_max = gateway",
            "read_size_preferred = gateway",
            "read_size_multiple = gateway",
            "write_size_max = gateway",
            "write_size_preferred = gateway",
            "write_size_multiple = gateway",
            "readdir_size_preferred = gateway",
            "file_ids = 64",
            "can_set_time = true",
        ]
    );
}

#[test]
fn what_is_set_is_told() {
    let told = described(
        "[[export]]\npaths = [\"/a\"]\ndescription = \"Plans\"\nread_only_clients = [\"backup\", \"10.0.0.0/8\"]\n\
         map_all = { user = 5, group = \"root\", groups = [7, 8] }\nwrite_size_max = 65536\nfile_ids = \"32\"\n\
         can_set_time = false\nsecurity = [\"sys\", \"none\"]\n",
    );
    for line in [
        "description = Plans",
        "clients = none",
        "read_only_clients = backup 10.0.0.0/8",
        "map_all = user 5 group root groups 7 8",
        "security = sys none",
        "write_size_max = 65536",
        "file_ids = 32",
        "can_set_time = false",
    ] {
        assert!(told.iter().any(|told| told == line), "{line} in {told:#?}");
    }
}
