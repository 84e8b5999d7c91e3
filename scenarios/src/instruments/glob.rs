//! Patterns of the metadata shell: Kafka's `GlobComponent`, with `*`, `?`, `{one,other}` and `\` as an escape.

/// A component of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Glob {
    /// It names itself: it has no special character, or is malformed.
    Literal(String),
    Pattern(Vec<Piece>),
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    One(char),
    AnyOne,
    AnyMany,
    /// Alternatives, which contain no further ones.
    Either(Vec<Vec<Piece>>),
}

impl Glob {
    /// Reads a component.
    pub fn of(text: &str) -> Glob {
        pieces(text).map_or_else(|| Glob::Literal(text.to_owned()), Glob::Pattern)
    }

    /// Does it match a whole name?
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Glob::Literal(text) => text == name,
            Glob::Pattern(pieces) => {
                let pieces: Vec<&Piece> = pieces.iter().collect();
                is_match(&pieces, &name.chars().collect::<Vec<char>>())
            }
        }
    }
}

/// `None`: without a special character, or a group is nested or not closed.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut found = Vec::new();
    let mut group: Option<Vec<Vec<Piece>>> = None;
    let mut is_literal = true;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let piece = match (c, &mut group) {
            ('?', _) => Piece::AnyOne,
            ('*', _) => Piece::AnyMany,
            ('\\', _) => Piece::One(rest.next().unwrap_or('\\')),
            ('{', Some(_)) => return None,
            ('{', None) => {
                (group, is_literal) = (Some(vec![Vec::new()]), false);
                continue;
            }
            (',', Some(alternatives)) => {
                alternatives.push(Vec::new());
                continue;
            }
            ('}', Some(alternatives)) => {
                found.push(Piece::Either(std::mem::take(alternatives)));
                group = None;
                continue;
            }
            (c, _) => Piece::One(c),
        };
        is_literal &= matches!(piece, Piece::One(_));
        match group.as_mut().and_then(|alternatives| alternatives.last_mut()) {
            Some(alternative) => alternative.push(piece),
            None => found.push(piece),
        }
    }
    (!is_literal && group.is_none()).then_some(found)
}

fn is_match(pieces: &[&Piece], name: &[char]) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return name.is_empty() };
    match first {
        Piece::One(c) => name.first() == Some(c) && is_match(rest, &name[1..]),
        Piece::AnyOne => !name.is_empty() && is_match(rest, &name[1..]),
        Piece::AnyMany => (0..=name.len()).any(|from| is_match(rest, &name[from..])),
        Piece::Either(alternatives) => alternatives.iter().any(|alternative| {
            let all: Vec<&Piece> = alternative.iter().chain(rest.iter().copied()).collect();
            is_match(&all, name)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `GlobComponentTest`
    #[test]
    fn patterns_match_as_in_kafka() {
        assert_eq!(Glob::of("*"), Glob::Pattern(vec![Piece::AnyMany]));
        for literal in ["", "abc", "blah.blah", "$blah+(etc)", "{nested{twice}}", "{open", "a,b", "a}", "\\*"] {
            assert_eq!(Glob::of(literal), Glob::Literal(literal.to_owned()), "{literal}");
        }
        for (glob, names, others) in [
            ("b?b", &["bob", "bib"][..], &["bb", "boob"][..]),
            ("to*-0", &["topic-0", "to-0"], &["topic-1", "atopic-0"]),
            ("{ab,xy}z*", &["abz", "xyzzy"], &["abxy", "z"]),
            ("{,a}b", &["b", "ab"], &["aab"]),
            ("*\\**", &["a*b", "*"], &["ab"]),
        ] {
            let of = Glob::of(glob);
            names.iter().for_each(|name| assert!(of.matches(name), "{glob} {name}"));
            others.iter().for_each(|name| assert!(!of.matches(name), "{glob} {name}"));
        }
    }
}
