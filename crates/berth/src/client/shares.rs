//! `berth share list`.

use admin_api::{SHARES_PATH, Share};

use super::Listed;
use super::table::{Column, Table, or_dash};

impl Listed for Share {
    const PATH: &'static str = SHARES_PATH;
    const NAME: &'static str = "shares";

    fn table(items: &[Self]) -> Table {
        let mut table = Table::new(&[
            Column::Text("ZONE"),
            Column::Text("SHARE"),
            Column::Text("PATH"),
            Column::Text("ACCESS"),
            Column::Text("OPTIONS"),
            Column::Text("DESCRIPTION"),
        ]);
        for share in items {
            let options = [("guests", share.guests), ("hidden", !share.browsable), ("encrypted", share.encrypted)];
            let set: Vec<_> = options.into_iter().filter_map(|(word, is_set)| is_set.then_some(word)).collect();
            table.row([
                share.zone.clone(),
                share.name.clone(),
                share.path.clone(),
                if share.read_only { "read only" } else { "read-write" }.to_owned(),
                or_dash(Some(set.join(" "))),
                or_dash(Some(share.description.clone())),
            ]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_line() {
        let share = Share {
            zone: "contoso".to_owned(),
            name: "Projects".to_owned(),
            path: "/projects".to_owned(),
            description: String::new(),
            read_only: true,
            guests: false,
            browsable: false,
            encrypted: true,
        };
        assert_eq!(
            Share::table(&[share]).text(),
            "ZONE     SHARE     PATH       ACCESS     OPTIONS           DESCRIPTION\n\
             contoso  Projects  /projects  read only  hidden encrypted  -\n"
        );
    }
}
