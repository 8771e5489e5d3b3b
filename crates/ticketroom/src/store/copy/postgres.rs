//! The side that is a database.

use deadpool_postgres::Client;
use tokio_postgres::types::ToSql;

use super::table::{BYTES, Key, Row, Table, Type, Value};
use super::{Identity, Side, SideError};
use crate::clock::Timestamp;
use crate::config::PostgresConfig;
use crate::store::day::Day;
use crate::store::postgres::parameter::{Parameter, Statement};
use crate::store::postgres::{PostgresStore, rows, schema, statements};
use crate::store::requeue::BATCH;
use crate::store::values::millis;
use crate::store::{OpenError, RoomRequest, Use, Why};

/// A database that no replica works on.
pub(super) struct Database {
    name: String,
    client: Client,
}

impl Database {
    pub(super) async fn open(config: &PostgresConfig, may_be_new: bool) -> Result<Self, OpenError> {
        let purpose = if may_be_new { Use::Serve } else { Use::Operate };
        let (client, name) = PostgresStore::alone(config, purpose).await?;
        let exact = schema::demand_exact(&client).await;
        exact.map_err(|error| OpenError::Database { database: name.clone(), why: error.to_string() })?;
        Ok(Self { name, client })
    }
}

/// The values of one column of many rows, as PostgreSQL takes them.
enum Column {
    Numbers(Vec<Option<i64>>),
    Truths(Vec<Option<bool>>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Column {
    fn of(place: usize, kind: Type, rows: &[Row]) -> Self {
        let values = rows.iter().map(|row| row.0.get(place).unwrap_or(&Value::Null));
        let number = |value: &Value| match value {
            Value::Number(number) => Some(*number),
            _ => None,
        };
        match kind {
            Type::Number => Self::Numbers(values.map(number).collect()),
            Type::Truth => {
                Self::Truths(values.map(|value| number(value).map(|number| number != 0)).collect())
            }
            Type::Text => Self::Texts(
                values
                    .map(|value| match value {
                        Value::Text(text) => Some(text.clone()),
                        _ => None,
                    })
                    .collect(),
            ),
            Type::Bytes => Self::Bytes(
                values
                    .map(|value| match value {
                        Value::Bytes(bytes) => Some(bytes.clone()),
                        _ => None,
                    })
                    .collect(),
            ),
        }
    }

    fn parameter(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Numbers(values) => values,
            Self::Truths(values) => values,
            Self::Texts(values) => values,
            Self::Bytes(values) => values,
        }
    }
}

fn array(kind: Type) -> &'static str {
    match kind {
        Type::Number => "bigint[]",
        Type::Truth => "boolean[]",
        Type::Text => "text[]",
        Type::Bytes => "bytea[]",
    }
}

fn value(row: &tokio_postgres::Row, place: usize, kind: Type) -> Result<Value, tokio_postgres::Error> {
    Ok(match kind {
        Type::Number => row.try_get::<_, Option<i64>>(place)?.map_or(Value::Null, Value::Number),
        Type::Truth => {
            row.try_get::<_, Option<bool>>(place)?.map_or(Value::Null, |truth| Value::Number(truth.into()))
        }
        Type::Text => row.try_get::<_, Option<String>>(place)?.map_or(Value::Null, Value::Text),
        Type::Bytes => row.try_get::<_, Option<Vec<u8>>>(place)?.map_or(Value::Null, Value::Bytes),
    })
}

/// The first columns of a row.
fn values(
    row: &tokio_postgres::Row,
    columns: &[(&'static str, Type)],
) -> Result<Vec<Value>, tokio_postgres::Error> {
    columns.iter().enumerate().map(|(place, (_, kind))| value(row, place, *kind)).collect()
}

/// A value of a key, as PostgreSQL takes it.
fn parameter(value: &Value) -> &(dyn ToSql + Sync) {
    match value {
        Value::Null => &None::<i64>,
        Value::Number(number) => number,
        Value::Text(text) => text,
        Value::Bytes(bytes) => bytes,
    }
}

#[async_trait::async_trait]
impl Side for Database {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn identity(&mut self) -> Result<Identity, SideError> {
        let row = self.client.query_one("SELECT id, copying FROM identity", &[]).await?;
        Ok(Identity { id: row.get(0), copying: row.get(1), is_backup: false })
    }

    async fn is_in_use(&mut self) -> Result<bool, SideError> {
        let sql = "SELECT EXISTS (SELECT FROM replica WHERE alive_until >= server_millis())";
        Ok(self.client.query_one(sql, &[]).await?.get(0))
    }

    async fn begin(&mut self, source: &str) -> Result<(), SideError> {
        let sql = "UPDATE identity SET copying = $1";
        self.client.execute(sql, &[&source]).await?;
        Ok(())
    }

    async fn extent(&mut self, table: &Table) -> Result<(u64, Option<Key>), SideError> {
        let (name, keys) = (table.name, table.key_names());
        let sql = format!("SELECT count(*) FROM {name}");
        let count: i64 = self.client.query_one(&sql, &[]).await?.get(0);
        let sql =
            format!("SELECT {} FROM {name} ORDER BY {} DESC LIMIT 1", keys.join(", "), keys.join(" DESC, "));
        let last = self.client.query_opt(&sql, &[]).await?;
        let last = last.map(|row| values(&row, &table.columns[..table.key]).map(Key)).transpose();
        Ok((u64::try_from(count).unwrap_or(0), last?))
    }

    async fn read(&mut self, table: &Table, after: Option<&Key>) -> Result<Vec<Row>, SideError> {
        let (columns, name, batch, key) =
            (table.names(), table.name, table.batch, table.key_names().join(", "));
        let sizes: Vec<_> =
            table.long().map(|column| format!("coalesce(octet_length({column}), 0)")).collect();
        let size = sizes.join(" + ");
        let places: Vec<String> = (1..=table.key).map(|place| format!("${place}")).collect();
        let condition = after.map_or(String::new(), |_| format!("WHERE ({key}) > ({})", places.join(", ")));
        // How long a value is can be told without reading it, so only what is sent is read.
        let sql = format!(
            "SELECT {columns} FROM (
                SELECT *, row_number() OVER ordered AS place, sum({size}) OVER ordered AS bytes
                FROM (SELECT {columns} FROM {name} {condition} ORDER BY {key} LIMIT {batch}) AS next
                WINDOW ordered AS (ORDER BY {key})
            ) AS sized WHERE place = 1 OR bytes <= {BYTES} ORDER BY {key}"
        );
        let statement = self.client.prepare_cached(&sql).await?;
        let after: Vec<_> = after.map_or(&[][..], |Key(values)| values).iter().map(parameter).collect();
        let rows = self.client.query(&statement, &after).await?;
        rows.iter().map(|row| Ok(Row(values(row, table.columns)?))).collect()
    }

    async fn write(&mut self, table: &Table, rows: &[Row]) -> Result<(), SideError> {
        let arrays: Vec<String> = (1..)
            .zip(table.columns)
            .map(|(place, (_, kind))| format!("${place}::{}", array(*kind)))
            .collect();
        let (name, names) = (table.name, table.names());
        let sql = format!("INSERT INTO {name} ({names}) SELECT * FROM unnest({})", arrays.join(", "));
        let columns: Vec<Column> =
            (0..).zip(table.columns).map(|(place, (_, kind))| Column::of(place, *kind, rows)).collect();
        let parameters: Vec<_> = columns.iter().map(Column::parameter).collect();
        let statement = self.client.prepare_cached(&sql).await?;
        self.client.execute(&statement, &parameters).await?;
        Ok(())
    }

    async fn day(&mut self) -> Result<Day, SideError> {
        let row = self.client.query_one(statements::Day.sql(), &[]).await?;
        Ok(rows::day(&row)?)
    }

    async fn finish(&mut self, day: Day, is_backup: bool, now: Timestamp) -> Result<(), SideError> {
        // Numbers were given by the other store; the next ones go on after them.
        let number =
            "SELECT setval(pg_get_serial_sequence($1, 'number'), greatest($2::bigint, 1), $2::bigint > 0)";
        for table in super::TABLES.iter().filter(|table| table.is_numbered()) {
            let last = match self.extent(table).await?.1.as_ref().and_then(|Key(values)| values.first()) {
                Some(Value::Number(number)) => *number,
                _ => 0,
            };
            self.client.execute(number, &[&table.name, &last]).await?;
        }
        // The planner should know how large the tables are before anybody works on them.
        self.client
            .batch_execute(
                "ANALYZE ticket; ANALYZE delivery; ANALYZE timeline; ANALYZE effect; ANALYZE room_event",
            )
            .await?;

        let now = millis(now);
        let transaction = self.client.build_transaction().start().await?;
        let sql = "UPDATE write_budget SET day_began_at = $1, used = $2, none_until = $3";
        let (began, used, none_until) = (millis(day.began), i64::from(day.used), millis(day.none_until));
        transaction.execute(sql, &[&began, &used, &none_until]).await?;
        let sql = "UPDATE ticket SET claimed = false, due_at = $1 WHERE claimed";
        transaction.execute(sql, &[&now]).await?;
        if is_backup {
            let why = Why::Restored;
            let mut number = 0_i64;
            loop {
                let some = statements::RequeueAll {
                    asks: &i64::from(why.asks()),
                    request: &why.request().map(RoomRequest::as_str),
                    is_look: &why.is_look(),
                    kind: &why.kind(),
                    text: &why.to_string(),
                    after: &number,
                    last: &i64::MAX,
                    most: &i64::from(BATCH),
                };
                let prepared = transaction.prepare_cached(some.sql()).await?;
                let values: Vec<_> = some.values().into_iter().map(Parameter::value).collect();
                let Some(row) = transaction.query_opt(&prepared, &values).await? else {
                    break;
                };
                number = row.try_get(2)?;
            }
        }
        transaction.execute("UPDATE identity SET copying = NULL", &[]).await?;
        Ok(transaction.commit().await?)
    }
}
