//! Suggestions for names that are not known.

/// The known name that was probably meant: the one with the fewest letters changed, if these are few enough for a
/// typing mistake; else the only one that contains the given text.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known: Vec<&str> = known.into_iter().collect();
    let typed = name.to_lowercase();
    let distance = |known: &&&str| strsim::osa_distance(&typed, &known.to_lowercase());
    let best = known.iter().min_by_key(distance)?;
    let most = (name.len() / 3).max(1).min(name.len().saturating_sub(1));
    if distance(&best) <= most {
        return Some(best);
    }
    let mut containing = known.iter().filter(|known| typed.len() > 3 && known.to_lowercase().contains(&typed));
    containing.next().filter(|_| containing.next().is_none()).copied()
}

/// `; did you mean X?`, or nothing.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map_or(String::new(), |known| format!("; did you mean {known}?"))
}

/// `; did you mean X? allowed: those that COMMAND lists`, if there are too many names for a message.
pub fn listed<'a>(name: &str, known: impl IntoIterator<Item = &'a str>, command: &str) -> String {
    let meant = did_you_mean(name, known);
    format!("{meant}{} allowed: those that `{command}` lists", if meant.is_empty() { ";" } else { "" })
}

/// `; did you mean X? allowed: X, Y, Z`.
pub fn allowed<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let meant = did_you_mean(name, known.iter().copied());
    format!("{meant}{} allowed: {}", if meant.is_empty() { ";" } else { "" }, known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_and_parts_of_names_are_recognised() {
        let known = ["Kafka10533AckBeforeFlush", "AckAtAppend", "AckByOffset"];
        assert_eq!(nearest("AckAtApend", known), Some("AckAtAppend"));
        assert_eq!(nearest("ackatappend", known), Some("AckAtAppend"));
        assert_eq!(nearest("BeforeFlush", known), Some("Kafka10533AckBeforeFlush"));
        assert_eq!(nearest("Nonsense", known), None);
        assert_eq!(nearest("Nonsense", []), None);
        assert_eq!([nearest("x", ["elr"]), nearest("udp", ["tcp"])], [None; 2]);
        assert_eq!(
            allowed("AckAtApend", known[1..].iter().copied()),
            "; did you mean AckAtAppend? allowed: AckAtAppend, AckByOffset"
        );
        assert_eq!(allowed("Nonsense", ["A"]), "; allowed: A");
    }
}
