//! Paths that stand for others.

use super::{ip, zone};
use crate::Refusal;

#[test]
fn an_alias_is_mounted_in_place_of_its_path() {
    let zone = zone(
        "[aliases]\n\"/home\" = \"/data/people\"\n\"/home/old\" = \"/projects\"\n\"/p\" = \"/projects\"\n\
         [[export]]\npaths = [\"/data\"]\nall_dirs = true\n[[export]]\npaths = [\"/projects\", \"/home/kept\"]\n",
    );
    let find = |path: &str| {
        let target = zone.export_for_path(path.as_bytes(), ip("10.0.0.1"))?;
        let below: Vec<_> =
            target.below.iter().map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned()).collect();
        Ok((String::from_utf8_lossy(target.export.path()).into_owned(), below.join("/")))
    };
    let found = |path: &str, below: &str| Ok((path.to_owned(), below.to_owned()));
    assert_eq!(find("/home"), found("/data", "people"));
    assert_eq!(find("//home/anna/"), found("/data", "people/anna"));
    assert_eq!(find("/home/old"), found("/projects", ""), "the longest alias");
    assert_eq!(find("/home/kept"), found("/home/kept", ""), "an exported path that is longer goes before");
    assert_eq!(find("/p"), found("/projects", ""));
    assert_eq!(find("/p/below"), Err(Refusal::NotMountable), "an alias opens nothing that its path does not");
    assert_eq!(find("/homes"), Err(Refusal::NoSuchExport));
}
