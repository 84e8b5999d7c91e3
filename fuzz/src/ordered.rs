//! Work on several threads whose results are processed in order, so that nothing depends on the number of threads.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// The work for each index, and its threads.
pub struct Work<'a, T> {
    /// Threads.
    pub jobs: usize,
    /// Called once on each thread before its first item.
    pub warm_up: &'a (dyn Fn() + Sync),
    /// Called before each item; after it returns true no new item is begun, and those begun are finished.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Processes one item.
    pub item: &'a (dyn Fn(u64) -> T + Sync),
}

/// Receives results in order of their index, on the caller's thread.
pub trait Take<T> {
    /// The next result; `Break` ends the work here and later results are dropped.
    fn take(&mut self, index: u64, result: T) -> ControlFlow<()>;
    /// Called when some real time has passed.
    fn tick(&mut self);
}

/// Frequent enough for a progress line.
const TICK: Duration = Duration::from_millis(200);

/// Does the work of `range`. Indexes are handed out by a counter, so the processed results are a contiguous prefix,
/// whatever ends the work.
pub fn run<T: Send>(range: Range<u64>, work: &Work<'_, T>, take: &mut dyn Take<T>) {
    let next = AtomicU64::new(range.start);
    let halt = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (results, inbox) = mpsc::channel();
        // At most as many threads as items.
        for _ in range.clone().take(work.jobs.max(1)) {
            let results = results.clone();
            let (next, halt) = (&next, &halt);
            scope.spawn(move || {
                (work.warm_up)();
                while !halt.load(Ordering::Relaxed) && !(work.stop)() {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= range.end || results.send((index, (work.item)(index))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(results);
        let mut early = BTreeMap::new();
        let mut due = range.start;
        'inbox: loop {
            match inbox.recv_timeout(TICK) {
                Ok((index, result)) => {
                    early.insert(index, result);
                    while let Some(result) = early.remove(&due) {
                        if take.take(due, result).is_break() {
                            halt.store(true, Ordering::Relaxed);
                            break 'inbox;
                        }
                        due += 1;
                    }
                }
                Err(RecvTimeoutError::Timeout) => take.tick(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    });
}
