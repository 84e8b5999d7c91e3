//! The line of a file that an error is about, with a mark below the word that is wrong.

use std::fs;
use std::path::Path;

/// Files with longer lines, such as those with a whole object in a line, are not quoted.
const LONGEST: usize = 200;

/// Quotes the line that a message of the form `FILE:LINE: FIELD...` names. `None`: it names none that can be read.
pub fn quoted(message: &str) -> Option<String> {
    let (file, rest) = message.match_indices(':').find_map(|(at, _)| {
        let (file, rest) = (&message[..at], &message[at + 1..]);
        let number = rest.split(':').next()?;
        (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some((file, rest))
    })?;
    let (number, what) = rest.split_once(':')?;
    let number: usize = number.parse().ok()?;
    let is_file = Path::new(file).is_file();
    let text = is_file.then(|| fs::read_to_string(file).ok()).flatten()?;
    let line = text.lines().nth(number.checked_sub(1)?)?.trim_end();
    if line.is_empty() || line.chars().count() > LONGEST {
        return None;
    }
    let (column, width) = marked(line, what.trim_start());
    let margin = " ".repeat(number.to_string().len());
    Some(format!(
        " {number} | {}\n {margin} | {}{}",
        line.replace(char::is_control, " "),
        " ".repeat(column),
        "^".repeat(width)
    ))
}

/// Column and width of the value or word that is quoted, or of the field that is named, or of the begin of the line.
fn marked(line: &str, what: &str) -> (usize, usize) {
    let field = what.split([':', ' ', '=']).next().unwrap_or_default().trim_matches('`');
    let name = field.rsplit('.').next().unwrap_or_default();
    let value = what.split('"').nth(1).unwrap_or_default();
    let is_there = |word: &&str| !word.is_empty() && line.contains(*word);
    let start = line.len() - line.trim_start().len();
    let Some(word) = [value, field, name].into_iter().find(is_there) else { return (line[..start].chars().count(), 1) };
    let at = if word == value { line.rfind(word) } else { line.find(word) }.unwrap_or(start);
    (line[..at].chars().count(), word.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrong_word_is_marked() {
        let file = tempfile::NamedTempFile::new().expect("it can be made");
        fs::write(&file, "name = \"x\"\n  evry = \"8s\"\nnode.id=x\n").expect("it can be written");
        let path = file.path().display();
        let quote = |line: usize, what: &str| quoted(&format!("{path}:{line}: {what}"));
        assert_eq!(quote(2, "nemesis.cut.evry: no such field").as_deref(), Some(" 2 |   evry = \"8s\"\n   |   ^^^^"));
        assert_eq!(quote(3, "node.id = \"x\": Not a number").as_deref(), Some(" 3 | node.id=x\n   |         ^"));
        assert_eq!(quote(1, "duration is missing").as_deref(), Some(" 1 | name = \"x\"\n   | ^"));
        assert_eq!((quote(9, "beyond its end"), quoted("no file:3: here"), quoted("nothing")), (None, None, None));
    }
}
