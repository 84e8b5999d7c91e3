//! Input files of users: their text, or one problem with file and line.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::engine::Problem;

/// The byte order mark of UTF-8, which some editors write first.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The text of a file. A `.properties` file is ISO-8859-1, as Kafka reads it (by `Properties.load` of a stream), so
/// that every byte is a character; all others are UTF-8.
pub fn read_text(path: &Path) -> Result<String, Problem> {
    let file = path.display();
    if path.is_dir() {
        return Err(Problem::new(format!("{file}: is a folder, not a file")));
    }
    let bytes = fs::read(path).map_err(|error| Problem::new(format!("{file}: {}", reason(&error))))?;
    if path.extension().is_some_and(|extension| extension == "properties") {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
        return Ok(bytes.iter().copied().map(char::from).collect());
    }
    utf_8(&file.to_string(), bytes)
}

/// The text of this file or of standard input (`-`), and its name in messages.
pub fn read_text_or_stdin(path: &Path) -> Result<(String, String), Problem> {
    if path != Path::new("-") {
        return Ok((path.display().to_string(), read_text(path)?));
    }
    let (name, mut bytes) = ("standard input".to_owned(), Vec::new());
    io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Problem::new(format!("{name}: {}", reason(&error))))?;
    let text = utf_8(&name, bytes)?;
    Ok((name, text))
}

/// The message of the system, without its number.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error ").map_or(text.clone(), |(reason, _)| reason.to_owned())
}

/// Decodes it without the byte order mark that some editors write first.
fn utf_8(file: &str, bytes: Vec<u8>) -> Result<String, Problem> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let line = line_at(bytes, at);
        Problem::new(format!("{file}:{line}: byte 0x{:02x} is not UTF-8; allowed: UTF-8 text", bytes[at]))
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The line of a byte, from 1.
pub fn line_at(text: &[u8], byte: usize) -> usize {
    1 + text[..byte].iter().filter(|b| **b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_left_out() {
        for ending in ["properties", "toml"] {
            let path = std::env::temp_dir().join(format!("kraftsim-{}.{ending}", std::process::id()));
            fs::write(&path, [BYTE_ORDER_MARK, b"a=1"].concat()).expect("writes");
            assert_eq!(read_text(&path).expect("reads"), "a=1");
            fs::remove_file(&path).expect("removes");
        }
    }
}
