//! Creates the template's folders, each once.
//!
//! DocSpace creates a second folder of the same title without a word, so nothing is asked for again
//! while an earlier call may still land. An empty room gets several folders by one copy of a
//! skeleton, which goes on over there after the answer; the room's own list of folders tells when
//! it is done. Everything else is created folder by folder.

use std::time::Duration;

use super::{Context, Perform, Recorded, Records, Wait};
use crate::call::{Cause, Failure, SideEffect};
use crate::clock::{Timestamp, after, until};
use crate::docspace::reasons::{DOCSPACE, FOLDERS_UNSETTLED};
use crate::ledger::Entry;
use crate::room::{FolderId, RoomId};
use crate::store::{EffectKind, EffectTarget};
use crate::template::FolderTree;

/// Waits between looks whether a copy is done; the last one repeats.
const POLLS: [u64; 6] = [60, 120, 250, 500, 1000, 2000];
/// How often to look whether folders have come after all.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Creates what is missing of the template's folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// The room.
    pub room: RoomId,
    /// The folders.
    pub tree: FolderTree,
    /// What is known about the folders before.
    pub start: FoldersStart,
}

/// What is known about a room's folders before they are created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoldersStart {
    /// The room was created in this very run: there are none.
    Empty,
    /// There may be some: look first.
    Unknown,
    /// A call without an answer may still create some until then: look, but create none before.
    Settling(Timestamp),
}

/// What there is of the folders.
#[derive(Debug)]
pub(in crate::reconcile) enum Found {
    /// All are there; so many were created now.
    All { created: usize },
    /// Some are missing, and may still come until then.
    Some { until: Timestamp },
}

impl Perform for Folders {
    const KIND: EffectKind = EffectKind::new("folders");
    type Outcome = Found;

    fn target(&self) -> Option<EffectTarget> {
        None
    }

    fn intend(&self, records: &mut Records<'_>) {
        match self.start {
            // While an earlier call may land, nothing new is asked for.
            FoldersStart::Settling(_) => {}
            FoldersStart::Empty | FoldersStart::Unknown => {
                records.ledger.folders = Entry::Pending { since: records.now };
            }
        }
    }

    async fn run(&self, context: Context<'_>) -> Result<Found, Failure> {
        let (docspace, tree, root) = (context.docspace, &self.tree, FolderId::from(self.room));
        match self.start {
            FoldersStart::Empty if tree.len() > 1 => {
                if let Some(created) = copy_skeleton(context, tree, root).await? {
                    return Ok(Found::All { created });
                }
            }
            FoldersStart::Settling(until) => {
                let state = docspace.tree_state(root, tree).await?;
                return Ok(if state.missing.is_empty() {
                    Found::All { created: 0 }
                } else {
                    Found::Some { until }
                });
            }
            FoldersStart::Empty | FoldersStart::Unknown => {}
        }
        match docspace.create_missing_folders(root, tree).await {
            Ok(created) => Ok(Found::All { created }),
            // A refusal does not prove that nothing happened; what is there counts.
            Err(failure) if !failure.is_transient() && failure.side_effect() == SideEffect::Unknown => {
                let state = docspace.tree_state(root, tree).await?;
                if state.missing.is_empty() { Ok(Found::All { created: tree.len() }) } else { Err(failure) }
            }
            Err(failure) => Err(failure),
        }
    }

    fn record(&self, found: Found, records: &mut Records<'_>) -> Recorded {
        let created = match found {
            Found::All { created } => created,
            Found::Some { until } => {
                let until = after(records.now, LOOK_AGAIN).min(until);
                let reason = FOLDERS_UNSETTLED
                    .reason("DocSpace did not say whether it created all folders; looking for them");
                return Recorded { event: None, is_progress: false, wait: Some(Wait { until, reason }) };
            }
        };
        records.ledger.folders = Entry::Done;
        let text = match created {
            0 => "all folders are there".to_owned(),
            created => format!("created {created} folders"),
        };
        Recorded::done(records, "folders_ready", text)
    }

    fn take_back(&self, failure: &Failure, records: &mut Records<'_>) {
        match (self.start, failure.side_effect()) {
            // It only looked.
            (FoldersStart::Settling(_), _) => {}
            // Some folders may have been created before the call that surely was not; the next look
            // tells.
            (_, SideEffect::None) => records.ledger.folders = Entry::NotBegun,
            // What was sent may have been sent just now, however long ago it was intended.
            (_, SideEffect::Unknown) => records.ledger.folders = Entry::Pending { since: records.now },
        }
    }
}

/// `None`: nothing was copied, for sure; the folders have to be created one by one.
async fn copy_skeleton(
    context: Context<'_>,
    tree: &FolderTree,
    root: FolderId,
) -> Result<Option<usize>, Failure> {
    let Context { docspace, clock, .. } = context;
    let Some(skeletons) = context.skeletons else { return Ok(None) };
    let skeleton = match skeletons.for_tree(docspace, tree).await {
        Ok(Some(skeleton)) => skeleton,
        Ok(None) => return Ok(None),
        Err(failure) => {
            tracing::warn!(%failure, "no folder skeleton is available; folders are created one by one");
            return Ok(None);
        }
    };
    let operation = match docspace.copy_children(skeleton, root).await {
        Ok(operation) => operation,
        Err(failure) => {
            skeletons.forget(tree).await;
            // A copy that was refused and comes all the same merges with folders of the same
            // titles, so they can be created one by one whatever the refusal proves.
            return if failure.is_transient() { Err(failure) } else { Ok(None) };
        }
    };
    let started = clock.now();
    let mut polls = POLLS.into_iter().map(Duration::from_millis);
    let mut wait = Duration::ZERO;
    loop {
        wait = polls.next().unwrap_or(wait);
        tokio::time::sleep(wait).await;
        // The copy goes on, whatever becomes of a look at it.
        match docspace.tree_state(root, tree).await {
            Ok(state) if state.missing.is_empty() => {
                // A finished operation takes a place in the portal's queue until its report is
                // read.
                if let Some(operation) = operation {
                    let _ = docspace.operation(&operation).await;
                }
                return Ok(Some(tree.len()));
            }
            Err(failure) if !failure.is_transient() => {
                let cause = Cause::NoAnswer(format!("the folders can't be looked at: {failure}"));
                return Err(Failure { system: &DOCSPACE, call: "copy", cause, effect_uncertain: false });
            }
            _ => {}
        }
        if until(started, clock.now()) > docspace.timeout() {
            skeletons.forget(tree).await;
            let cause = Cause::NoAnswer("the copy of the folders did not end in time".to_owned());
            return Err(Failure { system: &DOCSPACE, call: "copy", cause, effect_uncertain: false });
        }
    }
}
