//! What is wrong with a file, and where.

use std::rc::Rc;

/// A file that is not as Kafka writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub file: Rc<str>,
    /// In bytes from the start of the file; `None` of a small file, whose text is cited instead.
    pub position: Option<u64>,
    pub problem: String,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.position {
            Some(position) => write!(f, "{}: at byte {position}: {}", self.file, self.problem),
            None => write!(f, "{}: {}", self.file, self.problem),
        }
    }
}
