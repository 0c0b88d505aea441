//! Changes the text of a zone file to a state that is wished for. What keeps its value keeps its place and its comments.

use serde_json::{Map, Value as Json};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::DocumentError;

/// The text with exactly these keys and values. A key that is `null` is one that is not there.
///
/// Errors, in order: the text is no TOML; a value that TOML does not have (`null` in a list, a whole number above 2^63-1),
/// more than 16 tables in each other.
pub fn merge(text: &str, wished: &Map<String, Json>) -> Result<String, DocumentError> {
    let refuse = |error: toml_edit::TomlError| refusal("", error.message().trim().replace('\n', "; "));
    let mut document: DocumentMut = text.parse().map_err(refuse)?;
    let wished = cleaned("", wished, 0)?;
    merge_table(document.as_table_mut(), &wished, &Place::Root);
    Ok(document.to_string())
}

/// Where a table stands: only at the root new ones get headers.
#[derive(PartialEq)]
enum Place {
    Root,
    Below,
}

/// Without keys that are `null`, and with nothing that TOML does not have.
fn cleaned(prefix: &str, wished: &Map<String, Json>, depth: usize) -> Result<Map<String, Json>, DocumentError> {
    let present = wished.iter().filter(|(_, value)| !value.is_null());
    let cleaned = present.map(|(name, value)| {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        Ok((name.clone(), cleaned_value(key, value, depth + 1)?))
    });
    cleaned.collect()
}

fn cleaned_value(key: String, value: &Json, depth: usize) -> Result<Json, DocumentError> {
    match value {
        _ if depth > DEPTH_MAX => Err(refusal(&key, "tables in tables, too deep")),
        Json::Null => Err(refusal(&key, "null in a list")),
        Json::Number(number) if !number.is_f64() && number.as_i64().is_none() => {
            Err(refusal(&key, format!("{number} is out of range")))
        }
        Json::Object(table) => Ok(Json::Object(cleaned(&key, table, depth)?)),
        Json::Array(items) => {
            let items = items.iter().enumerate();
            let items = items.map(|(index, item)| cleaned_value(format!("{key}[{index}]"), item, depth + 1));
            Ok(Json::Array(items.collect::<Result<_, _>>()?))
        }
        _ => Ok(value.clone()),
    }
}

fn merge_table(table: &mut dyn TableLike, wished: &Map<String, Json>, place: &Place) {
    let gone: Vec<_> = table.iter().map(|(key, _)| key.to_owned()).filter(|key| !wished.contains_key(key)).collect();
    for key in gone {
        table.remove(&key);
    }
    for (key, value) in wished {
        match table.get_mut(key) {
            Some(item) if !item.is_none() => merge_item(item, value),
            _ => {
                table.insert(key, new_item(value, place));
            }
        }
    }
}

fn merge_item(item: &mut Item, wished: &Json) {
    if item_json(item).as_ref() == Some(wished) {
        return;
    }
    // A table without keys may have nothing that says that it is there.
    if let (Some(table), Json::Object(wished)) = (item.as_table_like_mut(), wished)
        && !wished.is_empty()
    {
        return merge_table(table, wished, &Place::Below);
    }
    match (&mut *item, wished) {
        (Item::ArrayOfTables(tables), Json::Array(items)) if is_tables(items) => merge_tables(tables, items),
        (Item::Value(Value::Array(array)), Json::Array(items)) => merge_array(array, items),
        _ => replace(item, value_of(wished)),
    }
}

/// Puts a value in place of an item, with the space and comments around that.
fn replace(item: &mut Item, mut value: Value) {
    if let Some(old) = item.as_value() {
        *value.decor_mut() = old.decor().clone();
    }
    *item = Item::Value(value);
}

/// Each wished table is the old one that equals it, else the one with its name or paths, else the next that is left.
fn merge_tables(tables: &mut ArrayOfTables, wished: &[Json]) {
    let mut old: Vec<_> = tables.iter().cloned().map(|table| (item_json(&Item::Table(table.clone())), table)).collect();
    let mut found: Vec<Option<Table>> = vec![None; wished.len()];
    let matches: [fn(&Json, &Json) -> bool; 3] = [|old, new| old == new, has_same_identity, |_, _| true];
    for is_match in matches {
        for (slot, new) in found.iter_mut().zip(wished).filter(|(slot, _)| slot.is_none()) {
            let at = old.iter().position(|(json, _)| json.as_ref().is_some_and(|json| is_match(json, new)));
            *slot = at.map(|at| old.remove(at).1);
        }
    }
    let positions: Vec<_> = found.iter().flatten().map(Table::position).collect();
    let is_in_order =
        positions.is_sorted() && positions.len() == found.iter().take_while(|table| table.is_some()).count();
    tables.clear();
    for (table, wished) in found.into_iter().zip(wished) {
        let mut table = table.unwrap_or_default();
        if !is_in_order {
            forget_positions(&mut table);
        }
        if let Json::Object(wished) = wished {
            merge_table(&mut table, wished, &Place::Below);
        }
        tables.push(table);
    }
}

/// Two `[[share]]` of one name, or two `[[export]]` of the same paths.
fn has_same_identity(old: &Json, new: &Json) -> bool {
    ["name", "paths"].iter().any(|key| old.get(key).is_some_and(|value| new.get(key) == Some(value)))
}

/// Makes a table, with those in it, follow what stands before it in the document.
fn forget_positions(table: &mut Table) {
    table.set_position(None);
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(table) => forget_positions(table),
            Item::ArrayOfTables(tables) => tables.iter_mut().for_each(forget_positions),
            _ => {}
        }
    }
}

/// Items that stay keep the comments before them; new ones begin as the first does.
fn merge_array(array: &mut Array, wished: &[Json]) {
    let mut old: Vec<_> = array.iter().cloned().map(|value| (value_json(&value), value)).collect();
    let indent = old.first().map(|(_, value)| indent_of(value)).unwrap_or_default();
    array.clear();
    for new in wished {
        let at = old.iter().position(|(json, _)| json.as_ref() == Some(new));
        let value = at.map_or_else(
            || {
                let prefix = if array.is_empty() || !indent.is_empty() { indent.as_str() } else { " " };
                value_of(new).decorated(prefix, "")
            },
            |at| old.remove(at).1,
        );
        array.push_formatted(value);
    }
}

/// The line break and the space before a value that begins its line; empty for others.
fn indent_of(value: &Value) -> String {
    let prefix = value.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
    prefix.rfind('\n').and_then(|at| prefix.get(at..)).unwrap_or_default().to_owned()
}

fn new_item(value: &Json, place: &Place) -> Item {
    match value {
        Json::Array(items) if *place == Place::Root && !items.is_empty() && is_tables(items) => {
            let tables = items.iter().filter_map(Json::as_object).map(|wished| {
                let mut table = Table::new();
                merge_table(&mut table, wished, &Place::Below);
                table
            });
            Item::ArrayOfTables(tables.collect())
        }
        Json::Object(wished) if *place == Place::Root => {
            let mut table = Table::new();
            merge_table(&mut table, wished, &Place::Below);
            Item::Table(table)
        }
        _ => Item::Value(value_of(value)),
    }
}

fn is_tables(items: &[Json]) -> bool {
    !items.is_empty() && items.iter().all(Json::is_object)
}

/// What TOML writes for a value without `null`.
fn value_of(value: &Json) -> Value {
    match value {
        Json::Null => Value::from(""),
        Json::Bool(is_set) => Value::from(*is_set),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::from(number),
            None => Value::from(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::Array(items.iter().map(value_of).collect()),
        Json::Object(members) => {
            let members = members.iter().map(|(key, value)| (key.as_str(), value_of(value)));
            Value::InlineTable(members.collect::<InlineTable>())
        }
    }
}

/// The value of an item; `None` for what JSON does not have.
fn item_json(item: &Item) -> Option<Json> {
    match item {
        Item::None => None,
        Item::Value(value) => value_json(value),
        Item::Table(table) => table_json(table),
        Item::ArrayOfTables(tables) => {
            tables.iter().map(|table| table_json(table)).collect::<Option<_>>().map(Json::Array)
        }
    }
}

fn table_json(table: &dyn TableLike) -> Option<Json> {
    let members = table.iter().map(|(key, item)| Some((key.to_owned(), item_json(item)?)));
    members.collect::<Option<_>>().map(Json::Object)
}

fn value_json(value: &Value) -> Option<Json> {
    Some(match value {
        Value::String(text) => Json::String(text.value().clone()),
        Value::Integer(number) => (*number.value()).into(),
        Value::Boolean(is_set) => (*is_set.value()).into(),
        Value::Float(number) => Json::Number(serde_json::Number::from_f64(*number.value())?),
        Value::Datetime(_) => return None,
        Value::Array(array) => Json::Array(array.iter().map(value_json).collect::<Option<_>>()?),
        Value::InlineTable(table) => table_json(table)?,
    })
}

fn refusal(key: &str, reason: impl Into<String>) -> DocumentError {
    DocumentError { key: key.to_owned(), reason: reason.into() }
}

/// Tables and lists in each other.
const DEPTH_MAX: usize = 16;
