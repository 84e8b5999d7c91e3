//! Printed output in which `…` stands for omitted words or lines.

const ELISION: &str = "…";

/// Does the line match, where `…` matches any text?
pub fn fits(printed: &str, line: &str) -> bool {
    let Some((before, after)) = printed.split_once(ELISION) else { return printed == line };
    let Some(rest) = line.strip_prefix(before) else { return false };
    let starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    starts.into_iter().any(|at| fits(after, &rest[at..]))
}

/// Do the lines match, where a line of `…` alone matches any lines?
pub fn all_fit(printed: &[String], lines: &[String]) -> bool {
    match printed.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first.trim() == ELISION => (0..=lines.len()).any(|at| all_fit(rest, &lines[at..])),
        Some((first, rest)) => {
            lines.split_first().is_some_and(|(line, others)| fits(first, line) && all_fit(rest, others))
        }
    }
}

/// The current line, without the words that the document omits.
fn line_today(printed: &str, line: &str) -> String {
    if fits(printed, line) {
        return printed.to_owned();
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (printed.split(' ').collect(), line.split(' ').collect());
    if old.len() != new.len() {
        return line.to_owned();
    }
    let word = |(old, new): (&&str, &&str)| if fits(old, new) { (*old).to_owned() } else { (*new).to_owned() };
    old.iter().zip(&new).map(word).collect::<Vec<_>>().join(" ")
}

/// Number of words that two lines have in common, by position.
fn likeness(printed: &str, line: &str) -> usize {
    let pairs = printed.split_whitespace().zip(line.split_whitespace());
    pairs.filter(|(old, new)| fits(old, new)).count()
}

/// The text that the document should print. Lines that omit lines between two others are placed at the best match.
pub fn lines_today(printed: &[String], lines: &[String]) -> Vec<String> {
    let parts: Vec<&[String]> = printed.split(|line| line.trim() == ELISION).collect();
    if parts.len() == 1 {
        let likest = |line: &String| printed.iter().max_by_key(|old| likeness(old, line)).cloned().unwrap_or_default();
        return lines.iter().map(|line| line_today(&likest(line), line)).collect();
    }
    let (mut from, mut today) = (0, Vec::new());
    for (at, part) in parts.iter().enumerate() {
        let last = lines.len().saturating_sub(part.len());
        let score =
            |start: usize| part.iter().zip(&lines[start..]).map(|(old, line)| likeness(old, line)).sum::<usize>();
        let start = match at {
            0 => 0,
            _ if at + 1 == parts.len() => last,
            _ => (from..=last.max(from)).rev().max_by_key(|start| score(*start)).unwrap_or(from),
        };
        if at > 0 {
            today.push(ELISION.to_owned());
        }
        today.extend(part.iter().zip(&lines[start..]).map(|(old, line)| line_today(old, line)));
        from = (start + part.len()).min(lines.len());
    }
    today
}
