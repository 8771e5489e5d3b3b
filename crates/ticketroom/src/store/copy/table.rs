//! The tables that are copied, and their rows as neither database has them.

/// What a column holds. Truth is a number in SQLite, and a type of its own in PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Number,
    Truth,
    Text,
    Bytes,
}

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Rows that go over at once, if they are not more than [`BYTES`]. Deliveries carry whole
    /// bodies, so there are fewer of them.
    pub(super) batch: usize,
    /// How many of its first columns are its key, by which its rows are ordered.
    pub(super) key: usize,
    pub(super) columns: &'static [(&'static str, Type)],
}

/// Texts and bytes that go over at once, unless one row alone has more: a body may have 64 MiB, and
/// a batch is in memory more than once.
pub(super) const BYTES: usize = 8 * 1024 * 1024;

/// Those that are referred to come first.
pub(super) const TABLES: [Table; 6] = [
    Table {
        name: "ticket",
        batch: 500,
        key: 1,
        columns: &[
            ("number", Type::Number),
            ("helpdesk", Type::Text),
            ("id", Type::Text),
            ("called", Type::Text),
            ("state", Type::Text),
            ("reason", Type::Text),
            ("reason_code", Type::Text),
            ("reason_help", Type::Text),
            ("due_at", Type::Number),
            ("claimed", Type::Truth),
            ("fence", Type::Number),
            ("saves", Type::Number),
            ("hints", Type::Number),
            ("asked", Type::Number),
            ("attempts", Type::Number),
            ("request", Type::Text),
            ("requests", Type::Number),
            ("unreported", Type::Number),
            ("reported", Type::Text),
            ("reported_version", Type::Text),
            ("seen", Type::Text),
            ("known_at", Type::Number),
            ("backfill", Type::Truth),
            ("subject", Type::Text),
            ("ledger", Type::Text),
            ("room_id", Type::Number),
            ("room_title", Type::Text),
            ("room_url", Type::Text),
            ("written_back", Type::Truth),
            ("created_at", Type::Number),
            ("updated_at", Type::Number),
        ],
    },
    Table {
        name: "delivery",
        batch: 100,
        key: 1,
        columns: &[
            ("number", Type::Number),
            ("source", Type::Text),
            ("ticket", Type::Number),
            ("received_at", Type::Number),
            ("delivery_id", Type::Text),
            ("event", Type::Text),
            ("outcome", Type::Text),
            ("problem", Type::Text),
            ("headers", Type::Text),
            ("query", Type::Text),
            ("body", Type::Bytes),
        ],
    },
    Table {
        name: "timeline",
        batch: 1000,
        key: 1,
        columns: &[
            ("number", Type::Number),
            ("ticket", Type::Number),
            ("at", Type::Number),
            ("kind", Type::Text),
            ("text", Type::Text),
        ],
    },
    Table {
        name: "effect",
        batch: 1000,
        key: 3,
        columns: &[
            ("ticket", Type::Number),
            ("kind", Type::Text),
            ("target", Type::Text),
            ("entry", Type::Text),
            ("updated_at", Type::Number),
        ],
    },
    Table {
        name: "room_event",
        batch: 1000,
        key: 1,
        columns: &[
            ("number", Type::Number),
            ("folder", Type::Number),
            ("ticket", Type::Number),
            ("placed", Type::Number),
            ("due_at", Type::Number),
            ("kind", Type::Text),
            ("entry", Type::Number),
            ("title", Type::Text),
            ("done_by", Type::Text),
            ("done_at", Type::Number),
            ("received_at", Type::Number),
        ],
    },
    Table {
        name: "progress",
        batch: 100,
        key: 1,
        columns: &[("name", Type::Text), ("turn", Type::Number), ("value", Type::Text)],
    },
];

impl Table {
    /// Its columns, for SQL.
    pub(super) fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// Those of its key, for SQL.
    pub(super) fn key_names(&self) -> Vec<&'static str> {
        self.columns.iter().take(self.key).map(|(name, _)| *name).collect()
    }

    /// Whether its rows have numbers, which the store gives them.
    pub(super) fn is_numbered(&self) -> bool {
        self.key_names() == ["number"]
    }

    /// Those of its columns whose values may be long.
    pub(super) fn long(&self) -> impl Iterator<Item = &'static str> {
        self.columns
            .iter()
            .filter(|(_, kind)| matches!(kind, Type::Text | Type::Bytes))
            .map(|(name, _)| *name)
    }
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    /// Or a truth: 0 or 1.
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// Where a row is in the order of its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(pub(super) Vec<Value>);

/// A row, in the order of its table's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row(pub(super) Vec<Value>);

impl Row {
    /// Its key.
    pub(super) fn key(&self, table: &Table) -> Key {
        Key(self.0.iter().take(table.key).cloned().collect())
    }

    /// How many bytes its texts and bytes have.
    pub(super) fn size(&self) -> usize {
        let size = |value: &Value| match value {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Null | Value::Number(_) => 0,
        };
        self.0.iter().map(size).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_as_large_as_what_may_be_long_in_it() {
        let row =
            Row(vec![Value::Number(7), Value::Text("ä".to_owned()), Value::Null, Value::Bytes(vec![0; 5])]);
        assert_eq!(row.size(), 7);
        let [ticket, delivery, timeline, effect, ..] = &TABLES;
        assert_eq!(row.key(ticket), Key(vec![Value::Number(7)]));
        assert!(ticket.is_numbered() && !effect.is_numbered());
        assert!(delivery.long().any(|column| column == "body"));
        assert!(ticket.long().any(|column| column == "ledger"));
        assert_eq!(timeline.long().collect::<Vec<_>>(), ["kind", "text"]);
    }
}
