//! How figures are printed: one line each, what was measured beside what it is compared with.

use std::fmt;

/// A table of figures.
pub(crate) struct Table {
    title: String,
    lines: Vec<[String; 5]>,
}

impl Table {
    /// A table that compares the product with `other`, if that has a name.
    pub(crate) fn new(title: impl Into<String>, other: &str) -> Self {
        let ratio = if other.is_empty() { "" } else { "ratio" };
        let head = ["", "ticketroom", other, ratio, "aim"].map(str::to_owned);
        Self { title: title.into(), lines: vec![head] }
    }

    /// A figure beside what it is compared with.
    pub(crate) fn compare(&mut self, what: &str, ours: &Figure, other: &Figure, aim: &str) {
        let ratio =
            if other.value > 0.0 { format!("{:.2}", ours.value / other.value) } else { String::new() };
        self.lines.push([what.to_owned(), ours.to_string(), other.to_string(), ratio, aim.to_owned()]);
    }

    /// A figure of its own.
    pub(crate) fn add(&mut self, what: &str, ours: &Figure, aim: &str) {
        self.lines.push([what.to_owned(), ours.to_string(), String::new(), String::new(), aim.to_owned()]);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.title)?;
        let width = |column: usize| {
            self.lines
                .iter()
                .filter_map(|line| line.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let (what, ours, other, ratio) = (width(0), width(1), width(2), width(3));
        for line in &self.lines {
            let [a, b, c, d, aim] = line;
            let line = format!("  {a:<what$}  {b:>ours$}  {c:>other$}  {d:>ratio$}   {aim}");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
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

    /// Milliseconds.
    pub(crate) fn millis(duration: std::time::Duration) -> Self {
        let millis = duration.as_secs_f64() * 1000.0;
        Self::new(millis, if millis < 10.0 { 2 } else { 1 }, " ms")
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
        // Thousands, so that magnitudes are seen at once.
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
