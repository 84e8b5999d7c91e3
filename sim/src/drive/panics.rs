//! Message and place of a panic; the place says whether the modelled code or the simulator panicked.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    pub message: String,
    /// File and line, if known.
    pub place: Option<String>,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "panicked at {place}: {}", self.message),
            None => write!(f, "panicked: {}", self.message),
        }
    }
}

impl Panic {
    /// Did it happen in one of these source folders? Each is named by a file in it, as returned by `file!()`: however a
    /// crate was built, `file!()` and the place of a panic have the same prefix.
    pub fn is_in(&self, files: &[&str]) -> bool {
        let folder = |file: &str| file.rfind(['/', '\\']).map_or(0, |end| end + 1);
        let is_below = |file: &&str| self.place.as_ref().is_some_and(|place| place.starts_with(&file[..folder(file)]));
        files.iter().any(is_below)
    }
}

/// Runs `f`; a panic in it is printed as usual, and returned.
pub fn catch<T>(f: impl FnOnce() -> T) -> Result<T, Panic> {
    remember_places();
    PLACE.take();
    panic::catch_unwind(AssertUnwindSafe(f))
        .map_err(|payload| Panic { message: text(payload.as_ref()), place: PLACE.take() })
}

/// Runs `f`; a panic in it, or in a run that it drives, is returned and not printed.
pub fn catch_quietly<T>(f: impl FnOnce() -> T) -> Result<T, Panic> {
    let outer = IS_QUIET.replace(true);
    let result = catch(f);
    IS_QUIET.set(outer);
    result
}

fn text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a message".to_owned())
}

fn remember_places() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PLACE.set(info.location().map(|place| format!("{}:{}", place.file(), place.line())));
            if !IS_QUIET.get() {
                usual(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_has_its_place_and_differs_from_those_of_other_folders() {
        let panic = catch_quietly(|| panic!("at the second of {}", 2)).expect_err("it panics");
        assert_eq!(panic.message, "at the second of 2");
        assert!(panic.is_in(&[file!()]), "{panic}");
        assert!(!panic.is_in(&["elsewhere/src/lib.rs"]), "{panic}");
        let nested = catch_quietly(|| catch(|| panic!("inner")).expect_err("it panics")).expect("it is caught inside");
        assert_eq!(nested.message, "inner");
        let unknown = Panic { message: "no place".to_owned(), place: None };
        assert!(!unknown.is_in(&[file!()]));
        assert_eq!(unknown.to_string(), "panicked: no place");
    }
}
