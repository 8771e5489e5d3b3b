//! A page out of many items, without putting all of them into order: lists are asked for page by
//! page, and an account may have 100,000 tickets.

use std::cmp::Ordering;

/// The items from that place on, at most `size`, of all items in that order.
pub(crate) fn page<T>(
    mut items: Vec<T>,
    from: usize,
    size: usize,
    mut order: impl FnMut(&T, &T) -> Ordering,
) -> Vec<T> {
    if from >= items.len() {
        return Vec::new();
    }
    if from > 0 {
        items.select_nth_unstable_by(from, &mut order);
        items.drain(..from);
    }
    if size < items.len() {
        items.select_nth_unstable_by(size, &mut order);
        items.truncate(size);
    }
    items.sort_unstable_by(order);
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_sorting_all_would_give() {
        let items: Vec<u32> = (0..100).map(|number| number * 37 % 101).collect();
        let mut sorted = items.clone();
        sorted.sort_unstable();
        for (from, size) in [(0, 10), (0, 0), (13, 7), (90, 50), (99, 1), (100, 1), (500, 1), (0, 500)] {
            let end = (from + size).min(sorted.len());
            let expected = sorted.get(from..end).unwrap_or_default();
            assert_eq!(page(items.clone(), from, size, u32::cmp), expected, "{from} {size}");
        }
    }
}
