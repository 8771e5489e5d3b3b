//! `folders` of a template.
//!
//! DocSpace does not tell names apart that differ only in case, accents or blanks at the end (it
//! compares by the database's collation), and replaces some characters. Both is said when the
//! configuration is read.

use super::reader::Value;
use super::reasons::{FOLDERS, RANGE};
use super::report::{Read, all};
use crate::room::{FOLDER_TITLE_LIMIT, sanitise_title};
use crate::template::{FolderTree, same_folder_title};

const MOST_FOLDERS: usize = 100;
const DEEPEST_FOLDER: usize = 10;
const HELP: &str = "write a list of names, such as [\"Logs\", \"Logs/Server\"]";

/// Reads the folders.
pub(super) fn folders(value: &Value<'_>) -> Read<FolderTree> {
    let entries = value.list(HELP)?;
    if entries.len() > MOST_FOLDERS {
        return Err(value.place.wrong(
            &RANGE,
            "is too long",
            format!("a room can have {MOST_FOLDERS} folders"),
        ));
    }
    let paths = all(entries.iter().map(folder))?;
    all(entries
        .iter()
        .zip(&paths)
        .enumerate()
        .map(|(at, (entry, path))| distinct(entry, path, paths.get(..at).unwrap_or_default())))?;
    FolderTree::parse(paths).map_err(|error| value.place.wrong(&FOLDERS, &format!("is wrong: {error}"), HELP))
}

/// Checks one folder by itself, so that the message can name its line.
fn folder<'t>(entry: &Value<'t>) -> Read<&'t str> {
    let path = entry.full_text(HELP)?;
    if path.split('/').nth(DEEPEST_FOLDER).is_some() {
        return Err(entry.place.wrong(
            &RANGE,
            "is too deep",
            format!("folders can nest {DEEPEST_FOLDER} deep"),
        ));
    }
    if path.contains("{{") || path.contains("{%") || path.contains("{ticket.") {
        let help = "write names that are good for every ticket; what a ticket has can be in the room's title";
        return Err(entry.place.wrong(
            &FOLDERS,
            "has a placeholder, and folders are called the same in every room",
            help,
        ));
    }
    FolderTree::parse([path])
        .map_err(|error| entry.place.wrong(&FOLDERS, &format!("is wrong: {error}"), HELP))?;
    for part in path.split('/') {
        let title = sanitise_title(part, FOLDER_TITLE_LIMIT);
        if title != part.split_whitespace().collect::<Vec<_>>().join(" ") {
            entry
                .place
                .odd(&format!("says “{part}”, which DocSpace changes; the folder is called “{title}”"));
        }
    }
    Ok(path)
}

/// Checks a folder against those before it.
fn distinct(entry: &Value<'_>, path: &str, before: &[&str]) -> Read<()> {
    let parts = |path: &str| -> Vec<String> {
        path.split('/').map(|part| sanitise_title(part, FOLDER_TITLE_LIMIT)).collect()
    };
    let own = parts(path);
    for other in before.iter().map(|other| parts(other)) {
        if own == other {
            entry.place.odd(&format!("says “{path}” a second time"));
            return Ok(());
        }
        for (ours, theirs) in own.iter().zip(&other) {
            if ours != theirs && same_folder_title(ours, theirs) {
                let message = format!(
                    "“{ours}” and “{theirs}” are one folder to DocSpace, which does not tell names apart by case, accents \
                     or blanks at the end"
                );
                return Err(entry.place.problem(
                    &FOLDERS,
                    message,
                    "write them alike, or give one of them another name",
                ));
            }
            if ours != theirs {
                break;
            }
        }
    }
    Ok(())
}
