//! The store that a test runs on. The same tests run on both kinds: on an SQLite file, and with
//! `TICKETROOM_TEST_STORE=postgres` on a database of the PostgreSQL server that this process
//! starts. `cargo xtask test` does both. With `pooler` there is one before that server.

use std::path::Path;

use postgres_server::Database;

/// A store of a test's own, which goes with this.
pub(crate) struct TestStore {
    pub(crate) url: String,
    database: Option<Database>,
}

impl TestStore {
    /// An empty one; a file is in this folder.
    pub(crate) fn new(folder: &Path) -> Self {
        match std::env::var("TICKETROOM_TEST_STORE").as_deref() {
            Err(_) | Ok("" | "sqlite") => {
                Self { url: testbed::sqlite(&folder.join("store.db")), database: None }
            }
            Ok("postgres") => Self::postgres(),
            Ok("pooler") => Self::behind_a_pooler(),
            Ok(other) => panic!("TICKETROOM_TEST_STORE is sqlite, postgres or pooler, not {other}"),
        }
    }

    /// Whether it is a database on a server, with a clock of its own.
    pub(crate) fn is_database(&self) -> bool {
        self.database.is_some()
    }

    /// What a database answers to a question.
    pub(crate) fn ask(&self, sql: &str) -> String {
        self.database.as_ref().expect("a database").run(sql).unwrap().trim().to_owned()
    }

    /// An empty database behind a pooler that lends sessions for a transaction only.
    pub(crate) fn behind_a_pooler() -> Self {
        let database = postgres_server::shared().create_database().unwrap();
        Self { url: postgres_server::shared_pooler().url(&database), database: Some(database) }
    }

    /// An empty database.
    pub(crate) fn postgres() -> Self {
        let database = postgres_server::shared().create_database().unwrap();
        Self { url: database.url().to_owned(), database: Some(database) }
    }
}
