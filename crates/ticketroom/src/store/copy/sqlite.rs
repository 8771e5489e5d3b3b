//! The side that is a file. Its calls block the thread, which has nothing else to do.

use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ToSql, params_from_iter};

use super::table::{BYTES, Key, Row, Table, Value};
use super::{Identity, Side, SideError};
use crate::clock::Timestamp;
use crate::store::day::Day;
use crate::store::sqlite::requeue::requeue_all;
use crate::store::sqlite::{create_private, lock, schema, transitions};
use crate::store::{OpenError, Why, values::text_of};

/// A file that nobody serves from.
pub(super) struct File {
    path: PathBuf,
    connection: Connection,
    _lock: std::fs::File,
}

impl File {
    pub(super) fn open(path: &Path, may_be_new: bool) -> Result<Self, OpenError> {
        if !may_be_new && !path.exists() {
            return Err(OpenError::Missing(path.to_owned()));
        }
        let unusable = |why: String| OpenError::Unusable { path: path.to_owned(), why };
        let lock = lock(path)?;
        if may_be_new {
            create_private(path).map_err(|error| unusable(error.to_string()))?;
        }
        let mut connection = Connection::open(path).map_err(|error| unusable(error.to_string()))?;
        // What is copied from stays as it is.
        if may_be_new {
            schema::configure_with_log(&connection).map_err(|error| unusable(error.to_string()))?;
            schema::migrate(&mut connection).map_err(|error| unusable(error.to_string()))?;
        } else {
            schema::configure(&connection).map_err(|error| unusable(error.to_string()))?;
            schema::demand_current(&connection).map_err(|error| unusable(error.to_string()))?;
        }
        Ok(Self { path: path.to_owned(), connection, _lock: lock })
    }
}

fn value(value: ValueRef<'_>) -> Result<Value, SideError> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Number(number),
        // As the other side can keep it.
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text)?;
            Value::Text(text_of(text).into_owned())
        }
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_owned()),
        ValueRef::Real(_) => return Err(SideError::Fraction),
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => rusqlite::types::Null.into(),
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
            Self::Bytes(bytes) => bytes.as_slice().into(),
        })
    }
}

#[async_trait::async_trait]
impl Side for File {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    async fn identity(&mut self) -> Result<Identity, SideError> {
        let sql = "SELECT id, copying, backup_at IS NOT NULL FROM identity";
        let row = self.connection.query_row(sql, [], |row| {
            Ok(Identity { id: row.get(0)?, copying: row.get(1)?, is_backup: row.get(2)? })
        });
        Ok(row?)
    }

    async fn is_in_use(&mut self) -> Result<bool, SideError> {
        // It is locked.
        Ok(false)
    }

    async fn begin(&mut self, source: &str) -> Result<(), SideError> {
        self.connection.execute("UPDATE identity SET copying = ?1", [source])?;
        Ok(())
    }

    async fn extent(&mut self, table: &Table) -> Result<(u64, Option<Key>), SideError> {
        let (name, keys) = (table.name, table.key_names());
        let sql = format!("SELECT count(*) FROM {name}");
        let count: i64 = self.connection.query_row(&sql, [], |row| row.get(0))?;
        let sql =
            format!("SELECT {} FROM {name} ORDER BY {} DESC LIMIT 1", keys.join(", "), keys.join(" DESC, "));
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let last = rows.next()?.map(|row| {
            let values = (0..keys.len()).map(|column| value(row.get_ref(column)?));
            values.collect::<Result<_, _>>().map(Key)
        });
        Ok((u64::try_from(count).unwrap_or(0), last.transpose()?))
    }

    async fn read(&mut self, table: &Table, after: Option<&Key>) -> Result<Vec<Row>, SideError> {
        let (columns, name, batch, key) =
            (table.names(), table.name, table.batch, table.key_names().join(", "));
        let places: Vec<String> = (1..=table.key).map(|place| format!("?{place}")).collect();
        let condition = after.map_or(String::new(), |_| format!("WHERE ({key}) > ({})", places.join(", ")));
        let sql = format!("SELECT {columns} FROM {name} {condition} ORDER BY {key} LIMIT {batch}");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let after = after.map_or(&[][..], |Key(values)| values);
        let mut rows = statement.query(params_from_iter(after))?;
        let (mut batch, mut bytes) = (Vec::with_capacity(table.batch), 0);
        while let Some(row) = rows.next()? {
            let values = (0..table.columns.len()).map(|column| value(row.get_ref(column)?));
            let row = Row(values.collect::<Result<_, _>>()?);
            bytes += row.size();
            if bytes > BYTES && !batch.is_empty() {
                break;
            }
            batch.push(row);
        }
        Ok(batch)
    }

    async fn write(&mut self, table: &Table, rows: &[Row]) -> Result<(), SideError> {
        let places: Vec<String> = (1..=table.columns.len()).map(|place| format!("?{place}")).collect();
        let sql = format!("INSERT INTO {} ({}) VALUES ({})", table.name, table.names(), places.join(", "));
        let transaction = self.connection.transaction()?;
        {
            let mut statement = transaction.prepare_cached(&sql)?;
            for row in rows {
                statement.execute(params_from_iter(&row.0))?;
            }
        }
        Ok(transaction.commit()?)
    }

    async fn day(&mut self) -> Result<Day, SideError> {
        Ok(transitions::day(&self.connection)?)
    }

    async fn finish(&mut self, day: Day, is_backup: bool, now: Timestamp) -> Result<(), SideError> {
        let transaction = self.connection.transaction()?;
        transitions::set_day(&transaction, day)?;
        transitions::let_all_go(&transaction, now)?;
        if is_backup {
            requeue_all(&transaction, &Why::Restored, now)?;
        }
        transaction.execute("UPDATE identity SET copying = NULL", [])?;
        Ok(transaction.commit()?)
    }
}
