//! `[[share]]` tables.

use vfs::Credentials;

use super::{PLAIN, refusals_beside, zone};

#[test]
fn a_share_has_a_name_a_path_and_defaults() {
    let contoso = zone("[[share]]\nname = \"Projects\"\npath = \"/p/q\"\n");
    let [share] = contoso.shares() else { panic!("{:?}", contoso.shares()) };
    assert_eq!((share.name(), &share.path()[..], share.description()), ("Projects", &b"/p/q"[..], ""));
    assert!(share.is_named("pROJECTS") && !share.is_named("project"));
    assert!(share.is_browsable() && !share.is_read_only() && !share.takes_guests() && !share.must_encrypt());
    assert!(!share.hides_unreadable());
    assert_eq!(share.rights(&Credentials::unix(7, 7, &[])).0, 0x001f_01ff);
    let renamed = zone("[[share]]\nname = \"projects\"\npath = \"/other\"\n");
    assert_eq!(share.id(), renamed.shares()[0].id(), "its number is made from its name");
}

#[test]
fn of_each_right_the_first_line_decides_that_names_the_user() {
    let lines = "permissions = [{ trustee = \"user:7\", action = \"deny\", rights = \"change\" }, \
                 { trustee = \"group:5\", rights = \"full\" }, { trustee = \"everyone\", rights = \"read\" }]\n";
    let contoso = zone(&format!("[[share]]\nname = \"s\"\npath = \"/p\"\n{lines}"));
    let rights = |uid, gid| contoso.shares()[0].rights(&Credentials::unix(uid, gid, &[])).0;
    assert_eq!((rights(1, 1), rights(1, 5)), (0x0012_00a9, 0x001f_01ff));
    assert_eq!((rights(7, 1), rights(7, 5)), (0, 0x001f_01ff & !0x0013_01bf), "what was refused stays refused");
    let contoso = zone("[[share]]\nname = \"s\"\npath = \"/p\"\nread_only = true\n");
    assert_eq!(contoso.shares()[0].rights(&Credentials::root()).0, 0x0012_00a9);
}

#[test]
fn mistakes_are_named_with_what_is_allowed() {
    let share = |lines: &str| refusals_beside(&format!("{PLAIN}[[share]]\n{lines}\n"), &[]).join("; ");
    for (lines, key, words) in [
        ("name = \"a/b\"\npath = \"/p\"", "share[0].name", "no share name"),
        ("name = \"IPC$\"\npath = \"/p\"", "share[0].name", "a meaning of its own"),
        ("name = \"s\"\npath = \"p\"", "share[0].path", "absolute path"),
        ("name = \"s\"\npath = \"/p\"\npermissions = []", "share[0].permissions", "nobody could"),
        (
            "name = \"s\"\npath = \"/p\"\npermissions = [{ trustee = \"user:eve\", rights = \"read\" }]",
            "share[0].permissions[0]",
            "unknown trustee \"user:eve\": allowed are \"everyone\"",
        ),
        (
            "name = \"s\"\npath = \"/p\"\npermissions = [{ trustee = \"everyone\", rights = \"all\" }]",
            "share[0].permissions[0]",
            "allowed are \"read\", \"change\" and \"full\"",
        ),
        (
            "name = \"s\"\npath = \"/p\"\npermissions = [{ trustee = \"everyone\", action = \"no\", rights = \"full\" }]",
            "share[0].permissions[0]",
            "allowed are \"allow\" and \"deny\"",
        ),
        ("name = \"s\"\npath = \"/p\"\n[[share]]\nname = \"S\"\npath = \"/q\"", "share[1].name", "also the name of"),
        ("name = \"s\"\npath = \"/p\"\nguest = true", "", "unknown field `guest`"),
    ] {
        let said = share(lines);
        assert!(said.contains(key) && said.contains(words), "{lines}: {said}");
    }
}
