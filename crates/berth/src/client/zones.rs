//! `berth zone list`.

use admin_api::{ZONES_PATH, Zone};

use super::Listed;
use super::table::{Column, Table, or_dash};

impl Listed for Zone {
    const PATH: &'static str = ZONES_PATH;
    const NAME: &'static str = "zones";

    fn table(items: &[Self]) -> Table {
        let mut table = Table::new(&[
            Column::Text("ZONE"),
            Column::Text("SERVED"),
            Column::Text("ADDRESSES"),
            Column::Text("BASE"),
            Column::Number("EXPORTS"),
            Column::Number("CONNECTIONS"),
            Column::Text("WHAT IS MISSING"),
        ]);
        for zone in items {
            table.row([
                zone.name.clone(),
                if zone.served { "yes".to_owned() } else { "NO".to_owned() },
                zone.addresses.join(" "),
                zone.base.clone(),
                zone.exports.to_string(),
                zone.connections.to_string(),
                or_dash(Some(zone.reasons.join("; "))),
            ]);
        }
        table
    }
}
