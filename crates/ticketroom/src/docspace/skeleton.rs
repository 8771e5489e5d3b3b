//! Folder skeletons: a template's folders kept once in the service user's own documents, so that a
//! room gets all of them by one copy, which is one of the day's writes however many folders there
//! are.
//!
//! A skeleton is found by its name, which holds a fingerprint of its folders; what is missing of it
//! is made, by one process at a time, since DocSpace makes a second folder of the same title
//! without a word. It is a convenience: whenever anything about it fails, or somebody else is at
//! it, the caller makes the folders one by one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::DocSpace;
use crate::call::{Failure, SideEffect};
use crate::clock::{Clock, Timestamp, after};
use crate::room::FolderId;
use crate::store::Reservations;
use crate::template::FolderTree;

/// The folder in the service user's documents that holds the skeletons.
const HOME: &str = "ticketroom folder skeletons (do not change)";

/// What only one process may do at a time.
const MAKING: &str = "folder skeletons";

/// The skeletons of one user of a portal. One is made at a time.
#[derive(Debug)]
pub struct Skeletons {
    shared: Arc<Shared>,
    /// How long after a lost answer a folder may still come.
    settle: Duration,
}

#[derive(Debug)]
struct Shared {
    /// Those that are known to be complete.
    complete: tokio::sync::Mutex<HashMap<FolderTree, FolderId>>,
    store: Arc<dyn Reservations>,
    replica: Uuid,
    clock: Arc<dyn Clock>,
    /// Until then, one may.
    unsettled_until: Mutex<Option<Timestamp>>,
}

impl Skeletons {
    /// Skeletons that `replica` makes.
    #[must_use]
    pub fn new(store: Arc<dyn Reservations>, replica: Uuid, clock: Arc<dyn Clock>, settle: Duration) -> Self {
        let (complete, unsettled_until) = (tokio::sync::Mutex::default(), Mutex::default());
        Self { shared: Arc::new(Shared { complete, store, replica, clock, unsettled_until }), settle }
    }

    /// The same ones with another settle time.
    #[must_use]
    pub fn settling_within(&self, settle: Duration) -> Self {
        Self { shared: Arc::clone(&self.shared), settle }
    }

    /// The skeleton with these folders; made if there is none. `None` while that is not possible.
    ///
    /// # Errors
    /// When it can't be had now.
    pub async fn for_tree(
        &self,
        docspace: &DocSpace,
        tree: &FolderTree,
    ) -> Result<Option<FolderId>, Failure> {
        let mut complete = self.shared.complete.lock().await;
        if let Some(known) = complete.get(tree) {
            return Ok(Some(*known));
        }
        // Whoever stops in the middle may have a call on its way for so long.
        let lease = self.settle + docspace.timeout() * 2;
        if self.may_be_unsettled() || !self.reserve(lease).await {
            return Ok(None);
        }
        let made = tokio::select! {
            made = Self::make(docspace, tree) => made,
            // Somebody else makes them now.
            () = self.lose_reservation(lease) => {
                self.be_unsettled();
                return Ok(None);
            }
        };
        match &made {
            Ok(root) => {
                complete.insert(tree.clone(), *root);
            }
            Err(failure) if failure.side_effect() == SideEffect::Unknown => {
                self.be_unsettled();
                self.reserve(lease).await;
                return made.map(Some);
            }
            Err(_) => {}
        }
        self.reserve(Duration::ZERO).await;
        made.map(Some)
    }

    /// A call may be on its way.
    fn be_unsettled(&self) {
        let until = after(self.shared.clock.now(), self.settle);
        *self.shared.unsettled_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    fn may_be_unsettled(&self) -> bool {
        let until = *self.shared.unsettled_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| self.shared.clock.now() < until)
    }

    /// Keeps the right to make one, however long its calls wait for their turn; ends when it is
    /// lost.
    async fn lose_reservation(&self, lease: Duration) {
        loop {
            tokio::time::sleep(lease / 4).await;
            if !self.reserve(lease).await {
                return;
            }
        }
    }

    /// Takes the right to make one, or gives it back.
    async fn reserve(&self, lease: Duration) -> bool {
        let Shared { store, replica, .. } = &*self.shared;
        let reserved = store.reserve(MAKING, *replica, lease).await;
        reserved.unwrap_or_else(|error| {
            tracing::warn!(%error, "whether another process makes a folder skeleton can't be told");
            false
        })
    }

    async fn make(docspace: &DocSpace, tree: &FolderTree) -> Result<FolderId, Failure> {
        let (documents, homes) = docspace.my_documents(HOME).await?;
        let home = match homes.into_iter().map(|folder| folder.id).min() {
            Some(home) => home,
            None => docspace.create_folder(documents, HOME).await?.id,
        };
        let name = fingerprint(tree);
        let skeletons = docspace.subfolders(home).await?;
        let root =
            match skeletons.into_iter().filter(|folder| folder.title == name).map(|folder| folder.id).min() {
                Some(root) => root,
                None => docspace.create_folder(home, &name).await?.id,
            };
        docspace.create_missing_folders(root, tree).await?;
        Ok(root)
    }

    /// Forgets a skeleton that could not be copied: somebody may have changed or deleted it.
    pub async fn forget(&self, tree: &FolderTree) {
        self.shared.complete.lock().await.remove(tree);
    }
}

fn fingerprint(tree: &FolderTree) -> String {
    let mut hash = Sha256::new();
    for path in tree.paths() {
        for title in path {
            hash.update(title.as_bytes());
            hash.update([0]);
        }
        hash.update([1]);
    }
    hex::encode(&hash.finalize()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_folders_have_different_fingerprints() {
        let of = |paths: &[&str]| fingerprint(&FolderTree::parse(paths.iter().copied()).unwrap());
        assert_eq!(of(&["Logs", "Findings"]), of(&["Logs", "Findings"]));
        assert_ne!(of(&["Logs/Server"]), of(&["Logs", "Server"]));
        assert_ne!(of(&["Logs", "Findings"]), of(&["Logs"]));
        assert_eq!(of(&["Logs"]).len(), 16);
    }
}
