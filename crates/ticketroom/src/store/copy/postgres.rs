//! The side that is a database.

use deadpool_postgres::Client;
use tokio_postgres::types::ToSql;

use super::table::{BYTES, Row, Table, Type, Value};
use super::{Identity, Side, SideError};
use crate::clock::Timestamp;
use crate::config::PostgresConfig;
use crate::store::day::Day;
use crate::store::postgres::{PostgresStore, rows, schema, statements};
use crate::store::requeue::BATCH;
use crate::store::values::millis;
use crate::store::{OpenError, Use, Why};

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

    async fn extent(&mut self, table: &Table) -> Result<(u64, i64), SideError> {
        let sql = format!("SELECT count(*), max(number) FROM {}", table.name);
        let row = self.client.query_one(&sql, &[]).await?;
        Ok((u64::try_from(row.get::<_, i64>(0)).unwrap_or(0), row.get::<_, Option<i64>>(1).unwrap_or(0)))
    }

    async fn read(&mut self, table: &Table, after: i64) -> Result<Vec<Row>, SideError> {
        let (columns, name, batch) = (table.names(), table.name, table.batch);
        let sizes: Vec<_> =
            table.long().map(|column| format!("coalesce(octet_length({column}), 0)")).collect();
        let size = sizes.join(" + ");
        // How long a value is can be told without reading it, so only what is sent is read.
        let sql = format!(
            "SELECT {columns} FROM (
                SELECT *, row_number() OVER ordered AS place, sum({size}) OVER ordered AS bytes
                FROM (SELECT {columns} FROM {name} WHERE number > $1 ORDER BY number LIMIT {batch}) AS next
                WINDOW ordered AS (ORDER BY number)
            ) AS sized WHERE place = 1 OR bytes <= {BYTES} ORDER BY number"
        );
        let statement = self.client.prepare_cached(&sql).await?;
        let rows = self.client.query(&statement, &[&after]).await?;
        let row = |row: &tokio_postgres::Row| {
            let values = table.columns.iter().enumerate().map(|(place, (_, kind))| value(row, place, *kind));
            Ok(Row(values.collect::<Result<_, tokio_postgres::Error>>()?))
        };
        rows.iter().map(row).collect()
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
        let row = self.client.query_one(statements::DAY, &[]).await?;
        Ok(rows::day(&row)?)
    }

    async fn finish(&mut self, day: Day, is_backup: bool, now: Timestamp) -> Result<(), SideError> {
        // Numbers were given by the other store; the next ones go on after them.
        let number =
            "SELECT setval(pg_get_serial_sequence($1, 'number'), greatest($2::bigint, 1), $2::bigint > 0)";
        for table in &super::TABLES {
            let (_, last) = self.extent(table).await?;
            self.client.execute(number, &[&table.name, &last]).await?;
        }
        // The planner should know how large the tables are before anybody works on them.
        self.client.batch_execute("ANALYZE ticket; ANALYZE delivery; ANALYZE timeline").await?;

        let now = millis(now);
        let transaction = self.client.build_transaction().start().await?;
        let sql = "UPDATE write_budget SET day_began_at = $1, used = $2, none_until = $3";
        let (began, used, none_until) = (millis(day.began), i64::from(day.used), millis(day.none_until));
        transaction.execute(sql, &[&began, &used, &none_until]).await?;
        let sql = "UPDATE ticket SET claimed = false, due_at = $1 WHERE claimed";
        transaction.execute(sql, &[&now]).await?;
        if is_backup {
            let why = Why::Restored;
            let (wishes, is_look, most) = (i64::from(why.wishes()), why.is_look(), i64::from(BATCH));
            let (kind, text, mut number) = (why.kind(), why.to_string(), 0_i64);
            let some = transaction.prepare(statements::REQUEUE_ALL).await?;
            let requeue = async |after: i64| {
                let parameters: [&(dyn ToSql + Sync); 8] =
                    [&now, &wishes, &is_look, &kind, &text, &after, &i64::MAX, &most];
                transaction.query_opt(&some, &parameters).await
            };
            while let Some(row) = requeue(number).await? {
                number = row.try_get(2)?;
            }
        }
        transaction.execute("UPDATE identity SET copying = NULL", &[]).await?;
        Ok(transaction.commit().await?)
    }
}
