//! What an export is in effect, for people: defaults filled in.

use crate::export::Export;
use crate::mapping::{Mapping, NOBODY, NOGROUP};
use crate::presentation::FileIds;

impl Export {
    /// Its options as they take effect, in the order of the documentation; keys are those of zone files. Sizes that are
    /// not set are `gateway`: those of the gateway.
    #[must_use]
    pub fn effective_options(&self) -> Vec<(&'static str, String)> {
        let (lists, maps) = (&self.rules().lists, self.mappings());
        let clients = if lists.is_for_everyone() { "everyone".to_owned() } else { list(lists.clients.written()) };
        let mut options = vec![
            ("path", String::from_utf8_lossy(self.path()).into_owned()),
            ("description", self.description().to_owned()),
            ("clients", clients),
            ("read_only", self.rules().read_only.to_string()),
            ("read_only_clients", list(lists.read_only.written())),
            ("read_write_clients", list(lists.read_write.written())),
            ("root_clients", list(lists.root.written())),
            ("all_dirs", self.all_dirs().to_string()),
            ("map_root", mapping(maps.root.as_ref())),
            ("map_non_root", mapping(maps.non_root.as_ref())),
            ("map_all", mapping(maps.all.as_ref())),
            ("lookup", maps.lookup.to_string()),
            ("map_failure", mapping(maps.failure.as_ref())),
            ("anonymous", mapping(Some(&maps.anonymous))),
            ("security", list(&self.flavors().iter().map(flavor).collect::<Vec<_>>())),
        ];
        options.extend(self.shown_options());
        options
    }

    fn shown_options(&self) -> Vec<(&'static str, String)> {
        let sizes = self.sizes();
        let size = |size: Option<u32>| size.map_or_else(|| "gateway".to_owned(), |size| size.to_string());
        let file_ids = match self.file_ids() {
            FileIds::Bits64 => "64",
            FileIds::Bits32 => "32",
        };
        vec![
            ("read_size_max", size(sizes.read.max)),
            ("read_size_preferred", size(sizes.read.preferred)),
            ("read_size_multiple", size(sizes.read.multiple)),
            ("write_size_max", size(sizes.write.max)),
            ("write_size_preferred", size(sizes.write.preferred)),
            ("write_size_multiple", size(sizes.write.multiple)),
            ("readdir_size_preferred", size(sizes.readdir_preferred)),
            ("file_ids", file_ids.to_owned()),
            ("can_set_time", self.can_set_time().to_string()),
        ]
    }
}

fn list(written: &[String]) -> String {
    if written.is_empty() { "none".to_owned() } else { written.join(" ") }
}

fn flavor(flavor: &vfs::Flavor) -> String {
    match flavor {
        vfs::Flavor::None => "none".to_owned(),
        vfs::Flavor::Sys => "sys".to_owned(),
    }
}

fn mapping(mapping: Option<&Mapping>) -> String {
    let Some(Mapping { uid, gid, groups }) = mapping else { return "off".to_owned() };
    let user = named(*uid, &[(0, "root"), (NOBODY, "nobody")]);
    let group_names = [(0, "root"), (NOGROUP, "nogroup")];
    let mut text = format!("user {user} group {}", named(*gid, &group_names));
    if !groups.is_empty() {
        let names: Vec<_> = groups.iter().map(|gid| named(*gid, &group_names)).collect();
        text += &format!(" groups {}", names.join(" "));
    }
    text
}

fn named(id: u32, names: &[(u32, &str)]) -> String {
    let name = names.iter().find(|(known, _)| *known == id);
    name.map_or_else(|| id.to_string(), |(_, name)| (*name).to_owned())
}
