//! How a statement is run on a connection, which keeps it prepared.

use rusqlite::{Connection, OptionalExtension, Result, Row, ToSql};

/// A statement with the values of its parameters.
pub(in crate::store) trait Statement {
    /// Its text, with numbers for names.
    fn sql(&self) -> &'static str;

    /// The values, in the order of the numbers.
    fn values(&self) -> Vec<&(dyn ToSql + '_)>;

    /// Changes rows, and returns how many.
    fn execute(&self, connection: &Connection) -> Result<usize> {
        connection.prepare_cached(self.sql())?.execute(self.values().as_slice())
    }

    /// Adds a row, and returns its number.
    fn insert(&self, connection: &Connection) -> Result<i64> {
        connection.prepare_cached(self.sql())?.insert(self.values().as_slice())
    }

    /// Whether there is a row.
    fn exists(&self, connection: &Connection) -> Result<bool> {
        connection.prepare_cached(self.sql())?.exists(self.values().as_slice())
    }

    /// The row of a question that always has one.
    fn row<T>(&self, connection: &Connection, read: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<T> {
        connection.prepare_cached(self.sql())?.query_row(self.values().as_slice(), read)
    }

    /// The row, if there is one.
    fn maybe<T>(
        &self,
        connection: &Connection,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.row(connection, read).optional()
    }

    /// All rows.
    fn rows<T>(&self, connection: &Connection, read: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        connection.prepare_cached(self.sql())?.query_map(self.values().as_slice(), read)?.collect()
    }
}
