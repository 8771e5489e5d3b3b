//! How large the binary is.

use crate::table::{Figure, Table};
use crate::{Result, product};

pub(crate) fn measure() -> Result<Table> {
    let bytes = std::fs::metadata(product()?)?.len();
    let mut table = Table::new("size: the release build of the product", "");
    table.add("binary", &Figure::megabytes(bytes), "< 25 MB");
    Ok(table)
}
