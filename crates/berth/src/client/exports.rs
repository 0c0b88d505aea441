//! `berth export list`.

use admin_api::{EXPORTS_PATH, Export};

use super::Listed;
use super::table::{Column, Table, or_dash};

impl Listed for Export {
    const PATH: &'static str = EXPORTS_PATH;
    const NAME: &'static str = "exports";

    /// The options that people ask for first; `--json` has all.
    fn table(items: &[Self]) -> Table {
        let mut table = Table::new(&[
            Column::Text("ZONE"),
            Column::Text("PATH"),
            Column::Text("ACCESS"),
            Column::Text("SECURITY"),
            Column::Text("ROOT BECOMES"),
            Column::Text("OTHERS BECOME"),
            Column::Text("CLIENTS"),
        ]);
        for export in items {
            let option = |key: &str| {
                let found = export.options.iter().find_map(|option| option.strip_prefix(key)?.strip_prefix('='));
                found.map(str::to_owned)
            };
            let access = if option("read_only").as_deref() == Some("true") { "read only" } else { "read-write" };
            let all = option("map_all").filter(|mapping| mapping != "off");
            table.row([
                export.zone.clone(),
                export.path.clone(),
                access.to_owned(),
                or_dash(option("security")),
                mapped(all.clone().or_else(|| option("map_root")), "root"),
                mapped(all.or_else(|| option("map_non_root")), "themselves"),
                if export.clients.is_empty() { "everyone".to_owned() } else { export.clients.join(" ") },
            ]);
        }
        table
    }
}

/// `user nobody group nogroup` in short; `kept` when nothing is mapped.
fn mapped(mapping: Option<String>, kept: &str) -> String {
    match mapping {
        Some(mapping) if mapping != "off" => mapping.replace("user ", "").replace(" group ", ":"),
        _ => kept.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_a_line() {
        let options = ["read_only=true", "map_root=user nobody group nogroup", "map_all=off", "security=sys"];
        let export = Export {
            zone: "contoso".to_owned(),
            path: "/projects".to_owned(),
            id: 7,
            clients: Vec::new(),
            options: options.map(str::to_owned).to_vec(),
        };
        assert_eq!(
            Export::table(&[export]).text(),
            "ZONE     PATH       ACCESS     SECURITY  ROOT BECOMES    OTHERS BECOME  CLIENTS\n\
             contoso  /projects  read only  sys       nobody:nogroup  themselves     everyone\n"
        );
    }
}
