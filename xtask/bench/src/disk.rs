//! How long the disk takes for the write that each acknowledged delivery waits for.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use crate::Result;
use crate::spread::Spread;

const TIMES: usize = 300;
const PAGE: [u8; 4096] = [0x5a; 4096];

/// How long it takes to append a page to a file and have the disk confirm it.
pub(crate) fn time_to_sync(folder: &Path) -> Result<Spread> {
    let path = folder.join("sync");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let start = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    std::fs::remove_file(path)?;
    Ok(times.into_iter().collect())
}
