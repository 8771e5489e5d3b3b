//! Folders: list, create, copy a skeleton's.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::json;

use super::client::DocSpace;
use super::operations::OperationId;
use super::pages::{PAGE, Pages};
use super::wire::{ContentDto, FolderDto, Folders, OperationDto, PathPart};
use crate::call::{Failure, SideEffect};
use crate::room::{FolderId, RoomId};
use crate::template::{FolderTree, same_folder_title};

/// A folder that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its number.
    pub id: FolderId,
    /// Its title.
    pub title: String,
}

impl From<FolderDto> for Folder {
    fn from(folder: FolderDto) -> Self {
        Self { id: FolderId(folder.id), title: folder.title }
    }
}

/// Which folders of a tree are there, and which are not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeState {
    /// Paths that exist, with their numbers.
    pub present: Vec<(Vec<String>, FolderId)>,
    /// Paths that don't, parents before children.
    pub missing: Vec<Vec<String>>,
}

impl DocSpace {
    /// The direct children of a room or folder, from the database over there: nothing is missing.
    ///
    /// # Errors
    /// When DocSpace can't say.
    pub async fn subfolders(&self, parent: FolderId) -> Result<Vec<Folder>, Failure> {
        let folders: Folders =
            self.get("subfolders", format!("files/{parent}/subfolders"), &[]).await?.unwrap_or_default();
        Ok(folders.into_iter().map(Folder::from).collect())
    }

    /// The room that a folder is in; a room is in itself. `None` if it is in no room.
    ///
    /// # Errors
    /// `NotFound` or `Forbidden` if there is no such folder, or if our user may not see it.
    pub async fn room_of(&self, folder: FolderId) -> Result<Option<RoomId>, Failure> {
        let path = format!("files/folder/{folder}/path");
        let parts: Vec<PathPart> = self.get("folder_path", path, &[]).await?.unwrap_or_default();
        Ok(parts.iter().find_map(PathPart::room).map(RoomId))
    }

    /// Makes a folder. Not repeatable: the same title twice makes two.
    ///
    /// # Errors
    /// When it is not sure that there is a folder now.
    pub async fn create_folder(&self, parent: FolderId, title: &str) -> Result<Folder, Failure> {
        let body = json!({ "title": title });
        let folder: FolderDto = self
            .write("create_folder", Method::POST, format!("files/folder/{parent}"), &body)
            .await?
            .ok_or_else(|| self.nothing("create_folder"))?;
        Ok(folder.into())
    }

    /// Starts copying what is in `skeleton` into `destination`, in one operation that goes on over
    /// there. Folders that are there already are merged, so it is repeatable. Returns the
    /// operation, if the answer names it.
    ///
    /// # Errors
    /// When it may not have been started.
    pub async fn copy_children(
        &self,
        skeleton: FolderId,
        destination: FolderId,
    ) -> Result<Option<OperationId>, Failure> {
        let body = json!({
            "folderIds": [skeleton],
            "fileIds": [],
            "destFolderId": destination,
            // Skip what exists.
            "conflictResolveType": 0,
            // The children, not the folder itself.
            "content": true,
            "deleteAfter": false,
            "returnSingleOperation": true,
        });
        let operations: Option<Vec<OperationDto>> =
            self.write("copy", Method::PUT, "files/fileops/copy".to_owned(), &body).await?;
        // Only this one is asked for; some servers answer with all that our user has.
        let mut operations = operations.unwrap_or_default();
        Ok(if operations.len() == 1 { operations.pop().map(OperationId::from) } else { None })
    }

    /// The service user's own documents: the folder, and the folders of that title in it. DocSpace
    /// gives the first 100 entries in the order that the user chose last, so all pages are read.
    ///
    /// # Errors
    /// When DocSpace can't say, or the user has none.
    pub async fn my_documents(&self, title: &str) -> Result<(FolderId, Vec<Folder>), Failure> {
        let mut found: Vec<Folder> = Vec::new();
        let mut pages = Pages::new(self.name("my_documents"));
        loop {
            let query = [("count", PAGE.to_string()), ("startIndex", pages.start().to_string())];
            let content: ContentDto = self
                .get("my_documents", "files/@my".to_owned(), &query)
                .await?
                .ok_or_else(|| self.nothing("my_documents"))?;
            let current = content.current.as_ref().ok_or_else(|| self.nothing("my_documents"))?.id;
            let received = content.folders.received() + content.files.len();
            let more = pages.more(content.first_id(), received, content.total)?;
            found
                .extend(content.folders.into_iter().map(Folder::from).filter(|folder| folder.title == title));
            if !more {
                return Ok((FolderId(current), found));
            }
        }
    }

    /// Compares a tree with what is below `root`. Reads only folders whose children are in
    /// question, those of one level side by side.
    ///
    /// # Errors
    /// When DocSpace can't say.
    pub async fn tree_state(&self, root: FolderId, tree: &FolderTree) -> Result<TreeState, Failure> {
        let mut state = TreeState::default();
        let mut level: Vec<(Vec<String>, FolderId)> = vec![(Vec::new(), root)];
        while !level.is_empty() {
            let wanted = |parent: &[String]| {
                let parent = parent.to_vec();
                tree.paths().filter(move |path| path.len() == parent.len() + 1 && path.starts_with(&parent))
            };
            level.retain(|(path, _)| wanted(path).next().is_some());
            let lists = level.iter().map(|(_, id)| self.subfolders(*id));
            let lists = futures_util::future::try_join_all(lists).await?;
            let mut next = Vec::new();
            for ((parent, _), children) in level.iter().zip(lists) {
                for path in wanted(parent) {
                    let title = path.last().map(String::as_str).unwrap_or_default();
                    // Of two with the same title the older one is ours.
                    let mut same = children.iter().filter(|child| same_folder_title(&child.title, title));
                    if let Some(first) = same.next() {
                        let oldest = same.fold(first.id, |oldest, child| oldest.min(child.id));
                        state.present.push((path.to_vec(), oldest));
                        next.push((path.to_vec(), oldest));
                    }
                }
            }
            level = next;
        }
        let is_present = |path: &[String]| state.present.iter().any(|(present, _)| present == path);
        state.missing = tree.paths().filter(|path| !is_present(path)).map(<[String]>::to_vec).collect();
        Ok(state)
    }

    /// Makes what is missing of a tree below `root`, one call a folder, those of one level side by
    /// side. Returns how many were made. Repeatable only once it is certain that no earlier call
    /// can still land.
    ///
    /// # Errors
    /// When not all of the folders may be there now.
    pub async fn create_missing_folders(&self, root: FolderId, tree: &FolderTree) -> Result<usize, Failure> {
        let TreeState { present, missing } = self.tree_state(root, tree).await?;
        let mut ids: HashMap<Vec<String>, FolderId> = present.into_iter().collect();
        ids.insert(Vec::new(), root);
        for level in missing.chunk_by(|a, b| a.len() == b.len()) {
            let creates = level.iter().filter_map(|path| {
                let (title, parent) = path.split_last()?;
                let parent = *ids.get(parent)?;
                Some(async move { Ok((path.clone(), self.create_folder(parent, title).await?.id)) })
            });
            // All of a level are awaited even if one fails: none is cut off halfway.
            let results: Vec<Result<_, Failure>> = futures_util::future::join_all(creates).await;
            // One that may have been made counts for more than one that surely wasn't.
            let mut failures = results.iter().filter_map(|result| result.as_ref().err());
            if let Some(failure) = failures.find(|failure| failure.side_effect() == SideEffect::Unknown) {
                return Err(failure.clone());
            }
            for made in results {
                let (path, id) = made?;
                ids.insert(path, id);
            }
        }
        Ok(missing.len())
    }
}
