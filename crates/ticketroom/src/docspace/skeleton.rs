//! Folder skeletons: a template's folders kept once in the service user's own documents, so that a room gets all
//! of them by one copy, which is one of the day's writes however many folders there are.
//!
//! A skeleton is found by its name, which holds a fingerprint of its folders; what is missing of it is made. It is
//! a convenience: whenever anything about it fails, the caller makes the folders one by one.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::DocSpace;
use crate::call::Failure;
use crate::room::FolderId;
use crate::template::FolderTree;

/// The folder in the service user's documents that holds the skeletons.
const HOME: &str = "ticketroom folder skeletons (do not change)";

/// The skeletons that are known to be complete. One is made at a time.
#[derive(Debug, Default)]
pub struct Skeletons {
    complete: tokio::sync::Mutex<HashMap<FolderTree, FolderId>>,
}

impl Skeletons {
    /// The skeleton with these folders; made if there is none.
    ///
    /// # Errors
    /// When it can't be had now.
    pub async fn for_tree(&self, docspace: &DocSpace, tree: &FolderTree) -> Result<FolderId, Failure> {
        let mut complete = self.complete.lock().await;
        if let Some(known) = complete.get(tree) {
            return Ok(*known);
        }
        let (documents, folders) = docspace.my_documents().await?;
        let home =
            match folders.into_iter().filter(|folder| folder.title == HOME).map(|folder| folder.id).min() {
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
        complete.insert(tree.clone(), root);
        Ok(root)
    }

    /// Forgets a skeleton that could not be copied: somebody may have changed or deleted it.
    pub async fn forget(&self, tree: &FolderTree) {
        self.complete.lock().await.remove(tree);
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
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
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
