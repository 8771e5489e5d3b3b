//! Tables of figures: one line each, with what it is compared with.

use std::fmt;

use comfy_table::CellAlignment::Right;
use comfy_table::presets::NOTHING;

/// A table of figures.
pub(crate) struct Table {
    title: String,
    table: comfy_table::Table,
}

impl Table {
    /// A table that compares the product with `other`, if that has a name.
    pub(crate) fn new(title: impl Into<String>, other: &str) -> Self {
        Self::between(title, "ticketroom", other)
    }

    /// A table that compares one thing with another one.
    pub(crate) fn between(title: impl Into<String>, ours: &str, other: &str) -> Self {
        let ratio = if other.is_empty() { "" } else { "ratio" };
        Self::with_head(title, ["", ours, other, ratio, "aim"].map(str::to_owned).to_vec())
    }

    /// A table with these columns. The first and the last one are for words.
    pub(crate) fn with_head(title: impl Into<String>, head: Vec<String>) -> Self {
        let mut table = comfy_table::Table::new();
        let last = head.len().saturating_sub(1);
        table.load_style(NOTHING).set_header(head);
        for (column, place) in table.column_iter_mut().zip(0..) {
            column.set_padding((if place == last { 3 } else { 2 }, 0));
            if place != 0 && place != last {
                column.set_cell_alignment(Right);
            }
        }
        Self { title: title.into(), table }
    }

    /// A figure beside what it is compared with.
    pub(crate) fn compare(&mut self, what: &str, ours: &Figure, other: &Figure, aim: &str) {
        self.add_line(vec![
            what.to_owned(),
            ours.to_string(),
            other.to_string(),
            ours.ratio(other),
            aim.to_owned(),
        ]);
    }

    /// A figure of its own.
    pub(crate) fn add(&mut self, what: &str, ours: &Figure, aim: &str) {
        self.add_line(vec![what.to_owned(), ours.to_string(), String::new(), String::new(), aim.to_owned()]);
    }

    /// A line, column by column.
    pub(crate) fn add_line(&mut self, line: Vec<String>) {
        self.table.add_row(line);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n\n{}", self.title, self.table.trim_fmt())
    }
}

/// A number with its unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    value: f64,
    decimals: usize,
    unit: &'static str,
}

impl Figure {
    /// A number.
    pub(crate) fn new(value: f64, decimals: usize, unit: &'static str) -> Self {
        Self { value, decimals, unit }
    }

    /// Its ratio to the other one, unless that is zero.
    pub(crate) fn ratio(&self, other: &Self) -> String {
        if other.value <= 0.0 {
            return String::new();
        }
        let ratio = self.value / other.value;
        Self::new(ratio, if ratio < 100.0 { 2 } else { 0 }, "").to_string()
    }

    /// Milliseconds.
    pub(crate) fn millis(duration: std::time::Duration) -> Self {
        let millis = duration.as_secs_f64() * 1000.0;
        Self::new(millis, if millis < 10.0 { 2 } else { 1 }, " ms")
    }

    /// Microseconds.
    pub(crate) fn micros(duration: std::time::Duration) -> Self {
        Self::new(duration.as_secs_f64() * 1e6, 0, " µs")
    }

    /// Something that was counted.
    #[allow(clippy::cast_precision_loss, reason = "what is counted here is far below 2^52")]
    pub(crate) fn count(count: u64) -> Self {
        Self::new(count as f64, 0, "")
    }

    /// How much of `count` there is of each of `of`.
    pub(crate) fn per(count: u64, of: usize) -> Self {
        let of = u32::try_from(of).unwrap_or(u32::MAX);
        Self::new(Self::count(count).value / f64::from(of.max(1)), 2, "")
    }

    /// Bytes, as megabytes.
    pub(crate) fn megabytes(bytes: u64) -> Self {
        Self::new(Self::count(bytes).value / 1e6, 1, " MB")
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.decimals;
        let number = format!("{:.decimals$}", self.value);
        let (whole, fraction) = match number.split_once('.') {
            Some((whole, fraction)) => (whole, format!(".{fraction}")),
            None => (number.as_str(), String::new()),
        };
        // Thousands are grouped.
        let mut grouped = String::new();
        for (position, digit) in whole.chars().enumerate() {
            if position > 0 && (whole.len() - position) % 3 == 0 && !grouped.ends_with('-') {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        write!(f, "{grouped}{fraction}{}", self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_grouped_by_thousands() {
        assert_eq!(Figure::count(7).to_string(), "7");
        assert_eq!(Figure::count(123).to_string(), "123");
        assert_eq!(Figure::count(1_234_567).to_string(), "1,234,567");
        assert_eq!(Figure::new(-123.25, 1, " s").to_string(), "-123.2 s");
    }

    #[test]
    fn columns_line_up_and_nothing_is_divided_by_nothing() {
        let mut table = Table::new("title", "other");
        table.compare("first", &Figure::count(10), &Figure::count(4), "");
        table.compare("a second", &Figure::count(1), &Figure::count(0), "none");
        let expected = "title

            ticketroom  other  ratio   aim
  first             10      4   2.50
  a second           1      0          none
";
        assert_eq!(table.to_string(), expected);
    }
}
