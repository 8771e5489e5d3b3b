//! Makes the template's folders, each once.
//!
//! DocSpace makes a second folder of the same title without a word, so nothing is asked for again while an earlier
//! call may still land. An empty room gets several folders by one copy of a skeleton, which goes on over there after
//! the answer; the room's own list of folders tells when it is done. Everything else is made folder by folder.

use std::time::Duration;

use super::{Context, Outcome};
use crate::call::{Cause, Effect, Failure};
use crate::docspace::client::SERVICE;
use crate::ledger::{Entry, Ledger};
use crate::reconcile::steps::FoldersStart;
use crate::room::{FolderId, RoomId};

/// Waits between looks whether a copy is done; the last one repeats.
const POLLS: [u64; 6] = [60, 120, 250, 500, 1000, 2000];

pub(super) async fn run(context: Context<'_>, room: RoomId, start: FoldersStart) -> Result<Outcome, Failure> {
    let Context { docspace, template, .. } = context;
    let (root, tree) = (FolderId::from(room), &template.folders);
    match start {
        FoldersStart::Empty if tree.len() > 1 => {
            if let Some(made) = copy_skeleton(context, root).await? {
                return Ok(Outcome::Folders { made });
            }
        }
        FoldersStart::Settling(until) => {
            let state = docspace.tree_state(root, tree).await?;
            return Ok(if state.missing.is_empty() {
                Outcome::Folders { made: 0 }
            } else {
                Outcome::FoldersMayCome { until }
            });
        }
        FoldersStart::Empty | FoldersStart::Unknown => {}
    }
    match docspace.create_missing_folders(root, tree).await {
        Ok(made) => Ok(Outcome::Folders { made }),
        // A refusal does not prove that nothing happened; what is there counts.
        Err(failure) if !failure.is_transient() && failure.effect() == Effect::Unknown => {
            let state = docspace.tree_state(root, tree).await?;
            if state.missing.is_empty() { Ok(Outcome::Folders { made: tree.len() }) } else { Err(failure) }
        }
        Err(failure) => Err(failure),
    }
}

/// `None`: nothing was copied, for sure; the folders have to be made one by one.
async fn copy_skeleton(context: Context<'_>, root: FolderId) -> Result<Option<usize>, Failure> {
    let Context { docspace, template, clock, .. } = context;
    let (Some(skeletons), tree) = (context.skeletons, &template.folders) else { return Ok(None) };
    let skeleton = match skeletons.for_tree(docspace, tree).await {
        Ok(Some(skeleton)) => skeleton,
        Ok(None) => return Ok(None),
        Err(failure) => {
            tracing::warn!(%failure, "no folder skeleton can be had; folders are made one by one");
            return Ok(None);
        }
    };
    if let Err(failure) = docspace.copy_children(skeleton, root).await {
        skeletons.forget(tree).await;
        // A copy that was refused and comes all the same merges with folders of the same titles, so they can be made one
        // by one whatever the refusal proves.
        return if failure.is_transient() { Err(failure) } else { Ok(None) };
    }
    let started = clock.now();
    let mut polls = POLLS.into_iter().map(Duration::from_millis);
    let mut wait = Duration::ZERO;
    loop {
        wait = polls.next().unwrap_or(wait);
        tokio::time::sleep(wait).await;
        // The copy goes on, whatever becomes of a look at it.
        match docspace.tree_state(root, tree).await {
            Ok(state) if state.missing.is_empty() => return Ok(Some(tree.len())),
            Err(failure) if !failure.is_transient() => {
                let cause = Cause::NoAnswer(format!("the folders can't be looked at: {failure}"));
                return Err(Failure { service: SERVICE, call: "copy", cause, effect_uncertain: false });
            }
            _ => {}
        }
        if crate::clock::until(started, clock.now()) > docspace.timeout() {
            skeletons.forget(tree).await;
            let cause = Cause::NoAnswer("the copy of the folders did not end in time".to_owned());
            return Err(Failure { service: SERVICE, call: "copy", cause, effect_uncertain: false });
        }
    }
}

/// Some folders may have been made before the call that surely wasn't; the next look tells.
pub(super) fn record_failure(ledger: &mut Ledger) {
    ledger.folders = Entry::NotBegun;
}
