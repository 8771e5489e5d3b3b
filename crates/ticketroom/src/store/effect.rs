//! What is known of effects that come in numbers, such as attachments and members: an entry for
//! each, beside the ledger, which stays small. An entry is written by a commit of a claim, and so
//! under its fence.

use serde_json::Value;

use super::values::text_of;
use crate::clock::Timestamp;

/// Which effect. Together with the target that is its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectKind(&'static str);

impl EffectKind {
    /// The kind with this name, which stays once it is in a store.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// On what it takes effect, in the words of another system: the id of an attachment, say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectTarget(String);

impl EffectTarget {
    /// The name of a target.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The same in every store: none of its names has the character NUL, which not all can keep.
impl From<&str> for EffectTarget {
    fn from(name: &str) -> Self {
        Self(text_of(name).into_owned())
    }
}

/// What is known of one effect from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectEntry {
    /// Which effect.
    pub kind: EffectKind,
    /// On what.
    pub target: EffectTarget,
    /// What is known of it, in place of what was known before.
    pub entry: Value,
}

/// What is known of one effect.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectRecord {
    /// On what it takes effect.
    pub target: EffectTarget,
    /// What is known of it.
    pub entry: Value,
    /// Since when.
    pub updated: Timestamp,
}

impl EffectRecord {
    /// Reads the columns of one.
    pub(super) fn read(target: &str, entry: &str, updated: i64) -> Result<Self, super::StoreError> {
        let entry = super::values::from_json(Some(entry))?.unwrap_or_default();
        Ok(Self { target: target.into(), entry, updated: super::values::timestamp(updated) })
    }
}
