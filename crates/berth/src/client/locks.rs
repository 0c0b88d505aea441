//! `berth lock list`.

use admin_api::{LOCKS_PATH, Lock, LockKind, LockState};

use super::Listed;
use super::table::{Column, Table, or_dash};
use super::units::seconds;

impl Listed for Lock {
    const PATH: &'static str = LOCKS_PATH;
    const NAME: &'static str = "locks";

    fn table(items: &[Self]) -> Table {
        let mut table = Table::new(&[
            Column::Text("ZONE"),
            Column::Text("EXPORT"),
            Column::Number("INODE"),
            Column::Text("STATE"),
            Column::Text("KIND"),
            Column::Text("BYTES"),
            Column::Text("CLIENT"),
            Column::Text("ADDRESS"),
            Column::Text("OWNER"),
            Column::Number("FOR"),
        ]);
        for lock in items {
            let (name, address) = lock.client.clone().map(|client| (client.name, client.address)).unzip();
            table.row([
                or_dash(lock.zone.clone()),
                or_dash(lock.export.clone()),
                lock.inode.to_string(),
                match lock.state {
                    LockState::Held => "held".to_owned(),
                    LockState::Waiting => "WAITING".to_owned(),
                },
                match lock.kind {
                    LockKind::Shared => "shared".to_owned(),
                    LockKind::Exclusive => "exclusive".to_owned(),
                    LockKind::Share => "share".to_owned(),
                },
                range(lock),
                or_dash(name),
                or_dash(address),
                or_dash(Some(lock.owner.clone())),
                seconds(lock.age_s),
            ]);
        }
        table
    }
}

/// First and last byte.
fn range(lock: &Lock) -> String {
    match (lock.kind, lock.length) {
        (LockKind::Share, _) | (_, None) if lock.offset == 0 => "all".to_owned(),
        (_, None) => format!("{}-", lock.offset),
        (_, Some(length)) => format!("{}-{}", lock.offset, lock.offset.saturating_add(length).saturating_sub(1)),
    }
}

#[cfg(test)]
mod tests {
    use admin_api::LockHolder;

    use super::*;

    #[test]
    fn a_lock_is_a_line() {
        let holder = LockHolder { name: "vm1".to_owned(), address: "192.0.2.7".to_owned() };
        let held = Lock {
            zone: Some("contoso".to_owned()),
            client: Some(holder),
            owner: "12@vm1".to_owned(),
            export: Some("/projects".to_owned()),
            inode: 9,
            state: LockState::Held,
            kind: LockKind::Exclusive,
            offset: 100,
            length: Some(50),
            since: String::new(),
            age_s: 5,
        };
        let waiting =
            Lock { state: LockState::Waiting, kind: LockKind::Shared, offset: 0, length: None, ..held.clone() };
        let rest = Lock { zone: None, client: None, export: None, length: None, ..held.clone() };
        assert_eq!(
            Lock::table(&[held, waiting, rest]).text(),
            "ZONE     EXPORT     INODE  STATE    KIND       BYTES    CLIENT  ADDRESS    OWNER   FOR\n\
             contoso  /projects      9  held     exclusive  100-149  vm1     192.0.2.7  12@vm1  5 s\n\
             contoso  /projects      9  WAITING  shared     all      vm1     192.0.2.7  12@vm1  5 s\n\
             -        -              9  held     exclusive  100-     -       -          12@vm1  5 s\n"
        );
    }
}
