//! Where the store's files are, and whether they are still those that were opened.
//!
//! A file that is removed or replaced lives on for whoever has it open: everything would go on
//! being committed to it, and be gone with the process. So the name is compared with what was
//! opened, by device and inode, around each transaction and before each question. That costs a
//! microsecond for each of the four files. What belongs to the database counts as much as the
//! database itself: commits are in the write-ahead log first, and whoever else opens the file finds
//! them by the index in shared memory. So does the file that is locked: once it is removed, a
//! second service can lock another one of that name, and both would work on the same tickets.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::store::StoreError;

/// The database, its write-ahead log, the index of that, and the lock.
const SUFFIXES: [&str; 4] = ["", "-wal", "-shm", ".lock"];

/// The files of a store that is open.
#[derive(Debug)]
pub(super) struct Place {
    files: [(PathBuf, OnceLock<Inode>); SUFFIXES.len()],
}

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Inode {
    device: u64,
    number: u64,
}

impl Inode {
    /// None: there is no file of that name.
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self { device: metadata.dev(), number: metadata.ino() })
    }
}

impl Place {
    /// Of a database that is open. What is there now is what has to be there from now on.
    pub(super) fn of(path: &Path) -> Self {
        let place = Self { files: SUFFIXES.map(|suffix| (beside(path, suffix), OnceLock::new())) };
        // Nothing is known yet that it could differ from.
        let _ = place.check();
        place
    }

    /// Makes sure that the files are still those that were opened.
    ///
    /// # Errors
    /// Which one was removed or replaced, and what to do.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        for (path, opened) in &self.files {
            let (there, opened) = match (Inode::of(path), opened.get()) {
                // SQLite makes its log and the index when they are needed.
                (None, None) => continue,
                (Some(there), None) => (Some(there), *opened.get_or_init(|| there)),
                (there, Some(opened)) => (there, *opened),
            };
            if there != Some(opened) {
                let what = if there.is_some() { "replaced" } else { "removed" };
                return Err(StoreError::Unavailable(format!(
                    "{} was {what} while it was in use: put the file back that was there, or stop ticketroom and \
                     start it again with the file that you want; nothing is taken in until then",
                    path.display()
                )));
            }
        }
        Ok(())
    }
}

/// A file that belongs to the database.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(suffix);
    PathBuf::from(beside)
}

/// The one name of a file, by whatever links it is reached. It need not be there yet.
pub(super) fn canonical(path: &Path) -> std::io::Result<PathBuf> {
    let mut path = path.to_owned();
    // As many links as Linux follows.
    for _ in 0..40 {
        if let Ok(canonical) = path.canonicalize() {
            return Ok(canonical);
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.canonicalize()?;
        let Ok(target) = path.read_link() else {
            return Ok(path.file_name().map_or(path.clone(), |name| folder.join(name)));
        };
        path = folder.join(target);
    }
    Err(std::io::Error::other("too many symbolic links"))
}
