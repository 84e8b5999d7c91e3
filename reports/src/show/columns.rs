//! Plain text that fits a width: a label, and items that wrap beside it.

use crate::command::quote;

/// Column in which items begin.
const LABEL: usize = 16;
/// Below this width a label has its own line.
const NARROW: usize = 60;
/// The width if neither a terminal nor `COLUMNS` provides one.
pub const DEFAULT_WIDTH: usize = 80;

/// The output width: `COLUMNS`, otherwise that of the terminal on stdout, otherwise 80.
#[expect(clippy::disallowed_methods, reason = "how to print, not what to run")]
pub fn width_of_stdout() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let terminal = || terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0.into());
    columns.or_else(terminal).filter(|width| *width > 0).unwrap_or(DEFAULT_WIDTH)
}

/// A label and its items, two spaces apart, on at most `most` lines unless one item alone needs more;
/// items that are left out are counted. Lines break between items, and at spaces of an item that is
/// longer than a line.
pub fn paragraph(width: usize, label: &str, items: &[String], most: usize) -> String {
    let none = ["none".to_owned()];
    let items = if items.is_empty() { &none } else { items };
    if width < NARROW {
        let lines = fill(items, width.saturating_sub(4), most);
        let head = if label.is_empty() { String::new() } else { format!("  {}\n", label.trim_start()) };
        return head + &lines.iter().map(|line| format!("    {line}\n")).collect::<String>();
    }
    let mut text = String::new();
    for (i, line) in fill(items, width - LABEL, most).iter().enumerate() {
        let label = if i == 0 { label } else { "" };
        text.push_str(format!("  {label:<column$}{line}", column = LABEL - 2).trim_end());
        text.push('\n');
    }
    text
}

/// A sentence, indented by two; its further lines by four.
pub fn sentence(width: usize, text: &str) -> String {
    let mut lines = vec![String::new()];
    put_words(&mut lines, text, width.saturating_sub(4));
    format!("  {}\n", lines.join("\n    "))
}

/// Text after a label that ends at column `indent`; its further lines are aligned with the first one. Below 60 columns
/// these are indented by four.
pub fn beside(width: usize, label: &str, indent: usize, text: &str) -> String {
    hanging(width, &format!("{label:<indent$}"), if width < NARROW { 4 } else { indent }, text)
}

/// Text after a label; its further lines are indented.
pub fn hanging(width: usize, label: &str, indent: usize, text: &str) -> String {
    let length = |text: &str| text.chars().count();
    let mut lines = vec![label.to_owned()];
    for word in words(text) {
        let line = lines.last_mut().expect("never empty");
        let gap = usize::from(!line.is_empty() && !line.ends_with(' '));
        let is_first = line.trim().is_empty();
        if is_first || length(line) + gap + length(&word) <= width {
            *line += &" ".repeat(gap);
            *line += &word;
        } else {
            lines.push(" ".repeat(indent) + &word);
        }
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn fill(items: &[String], room: usize, most: usize) -> Vec<String> {
    let length = |text: &str| text.chars().count();
    let mut lines = vec![String::new()];
    for (shown, item) in items.iter().enumerate() {
        let left = items.len() - shown;
        let more = |n: usize| format!("  and {n} more");
        let is_last = lines.len() >= most;
        let rest = if is_last && left > 1 { length(&more(left - 1)) } else { 0 };
        let line = lines.last_mut().expect("never empty");
        let gap = if line.is_empty() { "" } else { "  " };
        if length(line) + gap.len() + length(item) + rest <= room {
            line.push_str(gap);
            line.push_str(item);
        } else if is_last && !line.is_empty() {
            if length(line) + length(&more(left)) > room {
                lines.push(more(left).trim_start().to_owned());
            } else {
                line.push_str(&more(left));
            }
            break;
        } else {
            if !line.is_empty() {
                lines.push(String::new());
            }
            put_words(&mut lines, item, room);
        }
    }
    lines
}

/// Words between which a line may break: a number keeps its unit.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let unit = word.trim_end_matches([',', ';', '.', ':']);
        let follows_number = words.last().is_some_and(|last| last.ends_with(|end: char| end.is_ascii_digit()));
        match words.last_mut() {
            Some(last) if follows_number && ["s", "ms", "us", "%"].contains(&unit) => *last += &format!(" {word}"),
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// Appends words to the last line, which is empty, and to new ones.
fn put_words(lines: &mut Vec<String>, text: &str, room: usize) {
    for word in words(text) {
        let line = lines.last_mut().expect("never empty");
        if line.is_empty() {
            line.push_str(&word);
        } else if line.chars().count() + 1 + word.chars().count() <= room {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(word);
        }
    }
}

/// A shell command, continued by backslashes so that it fits: lines break before flags if possible.
pub fn command_lines(width: usize, command: &str) -> String {
    let room = width.saturating_sub(6);
    let mut parts: Vec<String> = Vec::new();
    for word in shlex::split(command).unwrap_or_default().iter().map(|word| quote(word)) {
        match parts.last_mut() {
            // A value stays on the line of its flag.
            Some(part) if part.starts_with("--") && !word.starts_with("--") && fits(part, &word, room) => {
                *part += &format!(" {word}");
            }
            _ => parts.push(word),
        }
    }
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if fits(line, &part, room) => *line += &format!(" {part}"),
            _ => lines.push(part),
        }
    }
    format!("  {}\n", lines.join(" \\\n    "))
}

fn fits(line: &str, word: &str, room: usize) -> bool {
    line.chars().count() + 1 + word.chars().count() <= room
}

/// `1,234,567`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 seed`, `2 seeds`.
pub fn plural(n: u64, one: &str) -> String {
    format!("{} {one}{}", thousands(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_fit_any_width_and_count_what_they_leave_out() {
        let items: Vec<String> = (0..40).map(|i| format!("item-number-{i}")).collect();
        for width in 24..200 {
            for most in 1..6 {
                let text = paragraph(width, "things", &items, most);
                let own_line = usize::from(width < NARROW);
                assert!(text.lines().count() <= most + 2 * own_line, "{width}: {text}");
                assert!(text.lines().all(|line| line.chars().count() <= width), "{width}: {text}");
                let shown = text.matches("item-number-").count();
                assert!(shown == 40 || text.ends_with(&format!("  and {} more\n", 40 - shown)), "{width}: {text}");
            }
        }
        assert_eq!(paragraph(80, "things", &[], 2), "  things        none\n");
        assert_eq!(
            (thousands(7), thousands(1000), thousands(1_234_567)),
            ("7".into(), "1,000".into(), "1,234,567".into())
        );
    }

    #[test]
    fn long_items_break_at_spaces_alone() {
        let item = "one sentence that is longer than the line it is to stand on".to_owned();
        assert_eq!(
            paragraph(60, "verdict", &[item], 1),
            "  verdict       one sentence that is longer than the line it\n                is to stand on\n"
        );
    }

    #[test]
    fn a_number_keeps_its_unit() {
        let item = "at 7.5 s: the slowest took 3.680 s, the median 1.2 ms and 45 % of the limit, in 12 runs".to_owned();
        for width in 24..100 {
            let text = paragraph(width, "limits", std::slice::from_ref(&item), 1);
            for kept in ["7.5 s:", "3.680 s,", "1.2 ms", "45 %"] {
                assert!(text.contains(kept), "{width}: {text}");
            }
        }
        let broken = |width| paragraph(width, "limits", std::slice::from_ref(&item), 1).contains("12\n");
        assert!((24..100).any(broken), "a word that is no unit may stand on the next line");
    }

    #[test]
    fn text_beside_a_label_fits_any_width() {
        let text = "one sentence that is longer than the line it is to stand on";
        for width in 30..100 {
            let all = beside(width, "  label", 12, text);
            assert!(all.lines().all(|line| line.chars().count() <= width), "{width}: {all}");
            let words: Vec<&str> = all.split_whitespace().collect();
            assert_eq!(words.join(" "), format!("label {text}"));
        }
        assert_eq!(
            beside(60, "  label", 12, text),
            "  label     one sentence that is longer than the line it is\n            to stand on\n"
        );
        assert_eq!(hanging(60, "note:", 2, "short"), "note: short\n");
    }

    #[test]
    fn a_continued_command_is_the_same_command() {
        let command = "kraftsim replay quorum --seed 0x2a --set \"network.latency=it's 2ms\" --bug A --fix B";
        let text = command_lines(50, command);
        assert_eq!(text.replace(" \\\n   ", ""), format!("  {command}\n"));
        assert!(text.lines().count() > 1 && text.lines().all(|line| line.chars().count() <= 50), "{text}");
        assert_eq!(command_lines(100, command), format!("  {command}\n"));
    }
}
