//! Aligned plain text: a label, and items that wrap beside it.

/// Where items begin.
const LABEL: usize = 16;
/// Where lines end.
const WIDTH: usize = 108;

/// Lines of a label and its items; of more than `lines`, the rest is counted.
pub fn paragraph(label: &str, items: &[String], lines: usize) -> String {
    let mut text = String::new();
    let mut line = format!("  {label:<width$}", width = LABEL - 2);
    let (mut begun, mut written) = (false, 1);
    for (shown, item) in items.iter().enumerate() {
        let wanted = line.chars().count() + if begun { 2 } else { 0 } + item.chars().count();
        if begun && wanted > WIDTH {
            if written == lines {
                line.push_str(&format!("  and {} more", items.len() - shown));
                break;
            }
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(LABEL);
            (begun, written) = (false, written + 1);
        }
        line.push_str(if begun { "  " } else { "" });
        line.push_str(item);
        begun = true;
    }
    if items.is_empty() {
        line.push_str("none");
    }
    text.push_str(line.trim_end());
    text.push('\n');
    text
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
    fn paragraphs_wrap_and_say_what_they_leave_out() {
        let items: Vec<String> = (0..40).map(|i| format!("item-number-{i}")).collect();
        let text = paragraph("things", &items, 2);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH + 14), "{text}");
        assert!(text.ends_with("  and 28 more\n"), "{text}");
        assert_eq!(paragraph("things", &[], 2), "  things        none\n");
        assert_eq!(
            (thousands(7), thousands(1000), thousands(1_234_567)),
            ("7".into(), "1,000".into(), "1,234,567".into())
        );
    }
}
