//! `berth user list`.

use std::io::{self, Write};

use anyhow::Result;
use serde_json::{Value, json};
use zones::{LocalUser, Persona, ZoneDefinition};

use super::files::find;
use crate::arguments::UserListArguments;
use crate::client::{Column, Table};

pub(super) fn run(arguments: &UserListArguments) -> Result<()> {
    let zone = find(&arguments.zone)?;
    let text = if arguments.json { json_of(&zone).to_string() + "\n" } else { table_of(&zone) };
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}

fn json_of(zone: &ZoneDefinition) -> Value {
    let user = |user: &LocalUser| {
        let changed = user.password.as_ref().map(|password| password.changed);
        json!({
            "name": user.name,
            "uid": user.uid,
            "gid": user.gid,
            "groups": user.groups.as_ref(),
            "sid": sid(zone, user),
            "state": state(user),
            "password_changed": changed,
        })
    };
    let users: Vec<_> = zone.local_users().iter().map(user).collect();
    json!({ "zone": zone.name(), "users": users })
}

fn table_of(zone: &ZoneDefinition) -> String {
    let users = zone.local_users();
    if users.is_empty() {
        return "no users\n".to_owned();
    }
    let columns = [
        Column::Text("NAME"),
        Column::Number("UID"),
        Column::Number("GID"),
        Column::Text("LOGON"),
        Column::Text("SID"),
    ];
    let mut table = Table::new(&columns);
    for user in &users {
        let (uid, gid) = (user.uid.to_string(), user.gid.to_string());
        table.row([user.name.clone(), uid, gid, state(user).to_owned(), sid(zone, user)]);
    }
    table.text()
}

fn sid(zone: &ZoneDefinition, user: &LocalUser) -> String {
    zone.sids().sid(Persona::User(user.uid)).to_string()
}

fn state(user: &LocalUser) -> &'static str {
    match &user.password {
        Some(password) if password.is_disabled => "disabled",
        Some(password) if password.hash.is_some() => "enabled",
        Some(_) | None => "no password",
    }
}
