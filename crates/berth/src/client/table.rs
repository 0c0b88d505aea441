//! Tables for people: columns as wide as what they hold.

/// Rows under a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    head: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// Words, from the left.
    Text(&'static str),
    /// Numbers, to the right.
    Number(&'static str),
}

impl Table {
    pub(crate) fn new(head: &[Column]) -> Self {
        Self { head: head.to_vec(), rows: Vec::new() }
    }

    /// A row with a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell)).collect());
    }

    /// The table, each line with its end.
    pub(crate) fn text(&self) -> String {
        let head: Vec<_> = self.head.iter().map(|column| column.name().to_owned()).collect();
        let widths: Vec<_> = (0..self.head.len()).map(|column| self.width(column)).collect();
        let lines = [&head].into_iter().chain(&self.rows);
        lines.map(|cells| self.line(cells, &widths)).collect()
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let columns = self.head.iter().zip(widths).zip(cells);
        let cells = columns.map(|((column, width), cell)| match column {
            Column::Text(_) => format!("{cell:<width$}"),
            Column::Number(_) => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        let head = self.head.get(column).map_or(0, |column| column.name().len());
        cells.max().unwrap_or(0).max(head)
    }
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Self::Text(name) | Self::Number(name) => name,
        }
    }
}

/// What a terminal would obey is not sent to it: names come from tenants.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { char::REPLACEMENT_CHARACTER } else { one }).collect()
}

/// What there is of something, or a dash.
pub(super) fn or_dash(text: Option<String>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_terminals_obey_nobody() {
        let mut table = Table::new(&[Column::Text("NAME"), Column::Number("BYTES"), Column::Text("NOTE")]);
        table.row(["a".to_owned(), "10".to_owned(), String::new()]);
        table.row(["long ünd".to_owned(), "1234567".to_owned(), "\u{1b}[2Jx\n".to_owned()]);
        assert_eq!(
            table.text(),
            "NAME        BYTES  NOTE\na              10\nlong ünd  1234567  \u{fffd}[2Jx\u{fffd}\n"
        );
    }
}
