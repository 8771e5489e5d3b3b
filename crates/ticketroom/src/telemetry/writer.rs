//! Takes lines to a file descriptor in a thread of its own.
//!
//! Whoever logs puts its line into a buffer and goes on. The thread takes the whole buffer and
//! writes it. While a write blocks, the buffer fills; then lines are dropped and counted, in
//! [`dropped_lines`] and, once there is room again, in a line of the log.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Bytes that wait to be written at most; as many again may be in the write that blocks.
const BUFFER: usize = 2 << 20;

/// How long the end of the process waits for what is left.
const LAST_LINES: Duration = Duration::from_secs(1);

/// A process has one standard error, and so one count.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// How many log lines this process has dropped, because standard error was not read or could not be
/// written to.
#[must_use]
pub fn dropped_lines() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Writes what is left when it is dropped, for at most a second.
#[derive(Debug)]
#[must_use = "dropping it ends the log"]
pub struct Logging {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    buffer: Mutex<Buffer>,
    /// Told of every change.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    lines: u64,
    /// The thread is writing what it took.
    writing: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        let left = |buffer: &mut Buffer| buffer.writing || !buffer.bytes.is_empty();
        drop(self.shared.changed.wait_timeout_while(self.shared.lock(), LAST_LINES, left));
    }
}

/// Where lines are put. Each write is one line.
#[derive(Debug, Clone)]
pub(super) struct Lines(Arc<Shared>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut buffer = self.0.lock();
        if buffer.bytes.len() + line.len() > BUFFER {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        } else {
            buffer.bytes.extend_from_slice(line);
            buffer.lines += 1;
            drop(buffer);
            self.0.changed.notify_all();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Starts a thread that writes lines to `target`.
pub(super) fn start(target: impl Write + Send + 'static) -> io::Result<(Lines, Logging)> {
    let shared = Arc::<Shared>::default();
    let written = Arc::clone(&shared);
    // Nobody waits for it: it may be in a write that never ends.
    std::thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&written, target))?;
    Ok((Lines(Arc::clone(&shared)), Logging { shared }))
}

fn write_all(shared: &Shared, mut target: impl Write) {
    let mut reported = 0;
    loop {
        let buffer = shared.changed.wait_while(shared.lock(), |buffer| buffer.bytes.is_empty());
        let mut buffer = buffer.unwrap_or_else(PoisonError::into_inner);
        let bytes = std::mem::take(&mut buffer.bytes);
        let lines = std::mem::take(&mut buffer.lines);
        buffer.writing = true;
        drop(buffer);
        // A failure is most often a full disk. What was written of it can't be told, so all of it
        // counts as dropped.
        let failed = target.write_all(&bytes).and_then(|()| target.flush()).is_err();
        shared.lock().writing = false;
        shared.changed.notify_all();
        if failed {
            DROPPED.fetch_add(lines, Ordering::Relaxed);
            continue;
        }
        let dropped = dropped_lines();
        if dropped > reported {
            // Through the subscriber, so that it looks like any other line.
            tracing::warn!(
                dropped = dropped - reported,
                "log lines were dropped: standard error was not read, or could not be written to"
            );
            reported = dropped;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Blocks in each write until it is told to go on.
    struct Slow {
        go_on: Receiver<()>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.go_on.recv();
            let _ = self.written.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_write_that_blocks_delays_nobody_and_what_was_kept_is_written() {
        let ((go, go_on), (written, result)) = (channel(), channel());
        let (mut lines, logging) = start(Slow { go_on, written }).unwrap();
        let before = dropped_lines();
        let line = [b'x'; 1000];
        let sent = 3 * BUFFER / line.len();
        for _ in 0..sent {
            assert_eq!(lines.write(&line).unwrap(), line.len());
        }
        let dropped = usize::try_from(dropped_lines() - before).unwrap();
        assert!(dropped >= sent / 3, "{dropped} of {sent} lines");
        drop(go);
        drop(logging);
        let kept: usize = result.try_iter().map(|bytes| bytes.len()).sum();
        assert_eq!(kept, (sent - dropped) * line.len());
    }
}
