//! The tables that are copied, and their rows as neither database has them.

/// What a column holds. Truth is a number in SQLite, and a type of its own in PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Number,
    Truth,
    Text,
    Bytes,
}

/// A table; its first column is the number by which its rows are ordered.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Rows that go over at once. Deliveries carry whole bodies, so there are fewer of them.
    pub(super) batch: usize,
    pub(super) columns: &'static [(&'static str, Type)],
}

/// Those that are referred to come first.
pub(super) const TABLES: [Table; 3] = [
    Table {
        name: "ticket",
        batch: 500,
        columns: &[
            ("number", Type::Number),
            ("helpdesk", Type::Text),
            ("id", Type::Text),
            ("called", Type::Text),
            ("state", Type::Text),
            ("reason", Type::Text),
            ("due_at", Type::Number),
            ("claimed", Type::Truth),
            ("fence", Type::Number),
            ("saves", Type::Number),
            ("hints", Type::Number),
            ("asked", Type::Number),
            ("attempts", Type::Number),
            ("told", Type::Text),
            ("told_version", Type::Text),
            ("seen", Type::Text),
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
        columns: &[
            ("number", Type::Number),
            ("helpdesk", Type::Text),
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
        columns: &[
            ("number", Type::Number),
            ("ticket", Type::Number),
            ("at", Type::Number),
            ("kind", Type::Text),
            ("text", Type::Text),
        ],
    },
];

impl Table {
    /// Its columns, for SQL.
    pub(super) fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
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

/// A row, in the order of its table's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row(pub(super) Vec<Value>);

impl Row {
    /// Its number.
    pub(super) fn number(&self) -> Option<i64> {
        match self.0.first() {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }
}
