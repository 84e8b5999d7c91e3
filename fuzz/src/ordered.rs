//! Work on many threads whose results are taken in order, so that nothing depends on how
//! many there are.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// What is done for each index, on which threads.
pub struct Work<'a, T> {
    /// Threads.
    pub jobs: usize,
    /// Called once on each thread before its first item.
    pub warm_up: &'a (dyn Fn() + Sync),
    /// Asked before each item; after a yes no new item is begun, and those begun are finished.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// One item.
    pub item: &'a (dyn Fn(u64) -> T + Sync),
}

/// Takes results in order of their index, on the caller's thread.
pub trait Take<T> {
    /// The next result; `Break` ends the work here and later results are dropped.
    fn take(&mut self, index: u64, result: T) -> ControlFlow<()>;
    /// Some real time has passed.
    fn tick(&mut self);
}

/// Often enough for a progress line.
const TICK: Duration = Duration::from_millis(200);

/// Does the work of `range`. Indexes are handed out by a counter, so whatever ends it,
/// what was taken is a contiguous prefix.
pub fn run<T: Send>(range: Range<u64>, work: &Work<'_, T>, take: &mut dyn Take<T>) {
    let next = AtomicU64::new(range.start);
    let halt = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (results, inbox) = mpsc::channel();
        // No more threads than work.
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
