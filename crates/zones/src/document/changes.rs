//! What differs between two documents, key by key.

use serde_json::{Map, Value};

/// A key whose value differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The key, as `export[0].clients`.
    pub key: String,
    /// Its value before; `None`: it was not there.
    pub old: Option<Value>,
    /// Its value after; `None`: it is gone.
    pub new: Option<Value>,
}

/// Every key that is added, changed or removed, in the order of keys. Tables and lists of tables are walked into (tables
/// of a list are told apart by their place); other lists are told as a whole.
#[must_use]
pub fn changes(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<Change> {
    let mut found = Vec::new();
    walk_tables("", old, new, &mut found);
    found
}

fn walk_tables(prefix: &str, old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<Change>) {
    let added = new.keys().filter(|key| !old.contains_key(*key));
    let mut keys: Vec<_> = old.keys().chain(added).collect();
    keys.sort();
    for key in keys {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        walk(path, old.get(key), new.get(key), found);
    }
}

fn walk(key: String, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Change>) {
    match (old, new) {
        _ if old == new => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) => walk_tables(&key, old, new, found),
        (old, new) => match (tables(old), tables(new)) {
            (Some(old), Some(new)) if !(old.is_empty() && new.is_empty()) => {
                for index in 0..old.len().max(new.len()) {
                    walk(format!("{key}[{index}]"), old.get(index), new.get(index), found);
                }
            }
            _ => found.push(Change { key, old: old.cloned(), new: new.cloned() }),
        },
    }
}

/// The tables of a list that has nothing else; a list that is not there has none.
fn tables(value: Option<&Value>) -> Option<&[Value]> {
    match value {
        None => Some(&[]),
        Some(Value::Array(items)) if items.iter().all(Value::is_object) => Some(items),
        Some(_) => None,
    }
}
