//! Files that people give: their text, or one problem that names file and line.

use std::fs;
use std::path::Path;

use crate::engine::Problem;

/// The text of a file, of which a `.properties` one is ISO-8859-1, as Kafka reads it (by
/// `Properties.load` of a stream), so that every byte is a character; all others are UTF-8.
pub fn read_text(path: &Path) -> Result<String, Problem> {
    let file = path.display();
    if path.is_dir() {
        return Err(Problem::new(format!("{file}: is a folder, not a file")));
    }
    let bytes = fs::read(path).map_err(|error| Problem::new(format!("{file}: {error}")))?;
    if path.extension().is_some_and(|extension| extension == "properties") {
        return Ok(bytes.into_iter().map(char::from).collect());
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let line = line_at(bytes, at);
        Problem::new(format!("{file}:{line}: byte 0x{:02x} is not UTF-8; allowed: UTF-8 text", bytes[at]))
    })
}

/// The line of a byte, from 1.
pub fn line_at(text: &[u8], byte: usize) -> usize {
    1 + text[..byte].iter().filter(|b| **b == b'\n').count()
}
