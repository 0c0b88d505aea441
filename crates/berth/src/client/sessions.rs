//! `berth session list`.

use admin_api::{SESSIONS_PATH, Session};

use super::Listed;
use super::table::{Column, Table, or_dash};
use super::units::{bytes, seconds};

impl Listed for Session {
    const PATH: &'static str = SESSIONS_PATH;
    const NAME: &'static str = "connections";

    fn table(items: &[Self]) -> Table {
        let mut table = Table::new(&[
            Column::Text("ZONE"),
            Column::Text("CLIENT"),
            Column::Text("SERVER"),
            Column::Text("PROTOCOL"),
            Column::Text("USER"),
            Column::Number("OPEN FOR"),
            Column::Number("LAST CALL"),
            Column::Number("CALLS"),
            Column::Number("RUNNING"),
            Column::Number("IN"),
            Column::Number("OUT"),
            Column::Number("FILES"),
            Column::Text("MOUNTS"),
        ]);
        for session in items {
            table.row([
                or_dash(session.zone.clone()),
                session.client.clone(),
                session.server.clone(),
                session.protocol.clone(),
                or_dash(session.user.clone()),
                seconds(session.age_s),
                format!("{} ago", seconds(session.idle_ms / 1000)),
                session.calls.to_string(),
                session.in_flight.to_string(),
                bytes(session.bytes_in),
                bytes(session.bytes_out),
                session.opens.to_string(),
                or_dash(Some(session.mounts.join(" "))),
            ]);
        }
        table
    }
}
