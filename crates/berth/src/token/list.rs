//! `berth token list`.

use std::io::{self, Write};

use admin_api::rfc3339;
use admin_server::Token;
use anyhow::Result;
use serde_json::{Value, json};

use super::{Book, now_s};
use crate::arguments::TokenListArguments;
use crate::client::{Column, Table};
use crate::settings::Settings;

pub(super) fn run(arguments: &TokenListArguments) -> Result<()> {
    let book = Book::open(&Settings::load(&arguments.config)?)?;
    let now = now_s();
    let text = if arguments.json {
        let tokens: Vec<_> = book.tokens.iter().map(|token| json_of(token, now)).collect();
        json!({ "items": tokens }).to_string() + "\n"
    } else {
        table_of(&book.tokens, now)
    };
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}

pub(super) fn json_of(token: &Token, now_s: u64) -> Value {
    json!({
        "name": token.name,
        "role": token.role,
        "zone": token.zone,
        "expires": token.expires.map(moment),
        "expired": token.is_expired(now_s),
    })
}

fn table_of(tokens: &[Token], now_s: u64) -> String {
    if tokens.is_empty() {
        return "no tokens\n".to_owned();
    }
    let columns = ["NAME", "ROLE", "ZONE", "EXPIRES"].map(Column::Text);
    let mut table = Table::new(&columns);
    for token in tokens {
        let expires = match token.expires.map(moment) {
            None => "never".to_owned(),
            Some(moment) if token.is_expired(now_s) => format!("{moment} EXPIRED"),
            Some(moment) => moment,
        };
        let zone = token.zone.clone().unwrap_or_else(|| "-".to_owned());
        table.row([token.name.clone(), token.role.to_string(), zone, expires]);
    }
    table.text()
}

fn moment(seconds: u64) -> String {
    rfc3339(i64::try_from(seconds).unwrap_or(i64::MAX))
}
