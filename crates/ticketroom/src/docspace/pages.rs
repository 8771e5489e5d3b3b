//! Lists that come in pages: what bounds them.
//!
//! A list ends with a page that is not full, or with the total that DocSpace tells. A server that
//! repeats a page, or whose list goes on without end, is reported as a failure: a run must not
//! read, or hold in memory, what never ends.

use crate::call::{CallName, Cause, Failure};

/// Entries of a page, the most that DocSpace gives.
pub(super) const PAGE: usize = 100;
/// Pages of a list: 50,000 entries are more than any list here has on a server that honours the
/// filters.
const MOST_PAGES: usize = 500;

/// The pages of one list.
#[derive(Debug)]
pub(super) struct Pages {
    call: CallName,
    start: usize,
    pages: usize,
    last_first: Option<String>,
}

impl Pages {
    pub(super) fn new(call: CallName) -> Self {
        Self { call, start: 0, pages: 0, last_first: None }
    }

    /// Where the next page starts.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// A page of `received` entries came, whose first one is `first`. Whether there are more.
    ///
    /// # Errors
    /// When the list doesn't end.
    pub(super) fn more(
        &mut self,
        first: Option<String>,
        received: usize,
        total: Option<u64>,
    ) -> Result<bool, Failure> {
        self.start += received;
        self.pages += 1;
        if received < PAGE || total.is_some_and(|total| self.start as u64 >= total) {
            return Ok(false);
        }
        if first.is_some() && first == self.last_first {
            return Err(self.endless("the list repeats a page"));
        }
        if self.pages >= MOST_PAGES {
            return Err(self.endless("the list does not end"));
        }
        self.last_first = first;
        Ok(true)
    }

    fn endless(&self, why: &str) -> Failure {
        self.call.failed(Cause::Unusable(format!("{why} after {} entries", self.start)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages() -> Pages {
        Pages::new(CallName { system: &crate::docspace::reasons::DOCSPACE, call: "find_rooms" })
    }

    #[test]
    fn a_list_ends_with_a_short_page_or_its_total() {
        let mut list = pages();
        assert_eq!(list.more(Some("1".to_owned()), PAGE, None), Ok(true));
        assert_eq!(list.start(), PAGE);
        assert_eq!(list.more(Some("2".to_owned()), 3, None), Ok(false));
        assert_eq!(pages().more(Some("1".to_owned()), PAGE, Some(100)), Ok(false));
    }

    #[test]
    fn a_list_without_end_is_a_failure() {
        let mut repeating = pages();
        assert_eq!(repeating.more(Some("1".to_owned()), PAGE, None), Ok(true));
        assert!(repeating.more(Some("1".to_owned()), PAGE, None).is_err());
        let mut endless = pages();
        let ended = (0..=MOST_PAGES).find_map(|page| endless.more(Some(page.to_string()), PAGE, None).err());
        assert!(ended.is_some_and(|failure| failure.to_string().contains("does not end")));
    }
}
