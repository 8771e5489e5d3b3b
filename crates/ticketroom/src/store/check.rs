//! Tries the store, and changes nothing.

use std::path::Path;
use std::sync::Arc;

use super::{OpenError, Use, open};
use crate::clock::Clock;
use crate::config::StoreUrl;
use crate::finding::Finding;
use crate::reason::codes;

codes! {
    UNREADABLE = "check.store.unreadable", Never,
        "The store is there and can't be read.",
        "look at its disk and its server";
    UNUSABLE = "check.store.unusable", Never,
        "The store can't be opened, so “ticketroom serve” would not start.",
        "correct what the message names: the file, the database's server, or [store] url";
    FOLDER_MISSING = "check.store.folder-missing", Never,
        "The folder of the store's file does not exist.",
        "make it, or correct [store] url";
}

/// Whether the store can be used, or can be made.
pub async fn store(url: &StoreUrl, clock: &Arc<dyn Clock>) -> Vec<Finding> {
    let name = match url {
        StoreUrl::Sqlite(path) => path.display().to_string(),
        StoreUrl::Postgres(_) => "the database".to_owned(),
    };
    let finding = match open(url, Use::Operate, clock).await {
        Ok(store) => match store.counts().await {
            Ok(counts) => {
                let tickets: u64 = counts.iter().map(|(_, count)| count).sum();
                Finding::good(match tickets {
                    1 => format!("{name} has 1 ticket"),
                    _ => format!("{name} has {tickets} tickets"),
                })
            }
            Err(error) => Finding::Bad(UNREADABLE.reason(error.to_string())),
        },
        Err(OpenError::Missing(path)) => missing(&path),
        Err(OpenError::NoTables(database)) => {
            Finding::good(format!("{database} answers, and has no tables yet: “ticketroom serve” makes them"))
        }
        Err(OpenError::Older(_)) => Finding::good(format!(
            "{name} is from an earlier version: “ticketroom serve” will bring its tables up to date"
        )),
        Err(error) => {
            Finding::Bad(UNUSABLE.with_help(error.to_string(), "“ticketroom serve” would not start"))
        }
    };
    vec![finding]
}

fn missing(path: &Path) -> Finding {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() {
        Finding::good(format!("there is no {} yet: “ticketroom serve” makes it", path.display()))
    } else {
        Finding::Bad(FOLDER_MISSING.reason(format!("there is no folder {} for the store", folder.display())))
    }
}
