//! A panic inside a run is an outcome of its seed, not the end of the sweep.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static IN_RUN: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What a panic said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caught {
    /// Its message.
    pub message: String,
    /// File and line, if known.
    pub place: Option<String>,
}

/// Runs `f`; a panic in it is returned and not printed, for the sweep's report tells it better.
pub fn catch<T>(f: impl FnOnce() -> T) -> Result<T, Caught> {
    quiet_inside_runs();
    IN_RUN.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    IN_RUN.set(false);
    result.map_err(|payload| Caught {
        message: payload
            .downcast_ref::<&str>()
            .map(|s| (*s).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".to_owned()),
        place: PLACE.take(),
    })
}

fn quiet_inside_runs() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let elsewhere = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if IN_RUN.get() {
                PLACE.set(info.location().map(|l| format!("{}:{}", l.file(), l.line())));
            } else {
                elsewhere(info);
            }
        }));
    });
}
