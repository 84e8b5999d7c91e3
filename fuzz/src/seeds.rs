//! The seeds of a sweep and their order: by seed, then by scenario as named.

use std::fmt;
use std::str::FromStr;

/// An error in a seed, a range or a shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    #[error("`{0}` is not a seed: give a decimal number, or 0x and up to 16 hex digits")]
    Seed(String),
    /// The end is before the start.
    #[error("`{0}` ends before it starts: A..B takes A up to but not B")]
    Backwards(String),
    /// Not `i/n`.
    #[error("`{0}` is not a shard: give i/n with i from 1 to n, such as 1/4")]
    Shard(String),
}

/// Reads a seed, decimal or hex.
pub fn parse_seed(text: &str) -> Result<u64, SeedError> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None => (text, 10),
    };
    let plain = digits.bytes().all(|b| b.is_ascii_alphanumeric());
    if !plain {
        return Err(SeedError::Seed(text.to_owned()));
    }
    u64::from_str_radix(digits, radix).map_err(|_| SeedError::Seed(text.to_owned()))
}

/// Prints a seed: `0x` and 16 hex digits.
pub fn show_seed(seed: u64) -> String {
    format!("0x{seed:016x}")
}

/// `N` (which is `0..N`) or `A..B`, without B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedRange {
    /// First.
    pub start: u64,
    /// One past the last.
    pub end: u64,
}

impl fmt::Display for SeedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

impl FromStr for SeedRange {
    type Err = SeedError;

    fn from_str(text: &str) -> Result<Self, SeedError> {
        let Some((start, end)) = text.split_once("..") else {
            return Ok(SeedRange { start: 0, end: parse_seed(text)? });
        };
        let range = SeedRange { start: parse_seed(start)?, end: parse_seed(end)? };
        if range.end < range.start {
            return Err(SeedError::Backwards(text.to_owned()));
        }
        Ok(range)
    }
}

/// `i/n`, i from 1: the seeds of a range with `(seed - A) mod n = i - 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Number of the shard, from 1.
    pub index: u32,
    /// Number of shards.
    pub of: u32,
}

impl Shard {
    /// The whole range.
    pub const WHOLE: Shard = Shard { index: 1, of: 1 };
}

impl FromStr for Shard {
    type Err = SeedError;

    fn from_str(text: &str) -> Result<Self, SeedError> {
        let wrong = || SeedError::Shard(text.to_owned());
        let (index, of) = text.split_once('/').ok_or_else(wrong)?;
        let number = |s: &str| s.bytes().all(|b| b.is_ascii_digit()).then(|| s.parse().ok()).flatten();
        let shard = Shard { index: number(index).ok_or_else(wrong)?, of: number(of).ok_or_else(wrong)? };
        if shard.index == 0 || shard.index > shard.of { Err(wrong()) } else { Ok(shard) }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// Seeds at equal steps: the part of a range that belongs to a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seeds {
    /// First seed.
    pub first: u64,
    /// Distance of two seeds; at least 1.
    pub step: u32,
    pub count: u64,
}

impl Seeds {
    /// The seeds of `range` that belong to `shard`.
    pub fn of(range: SeedRange, shard: Shard) -> Seeds {
        let skip = u64::from(shard.index - 1);
        let length = range.end - range.start;
        let count = length.saturating_sub(skip).div_ceil(u64::from(shard.of));
        Seeds { first: range.start.saturating_add(skip), step: shard.of, count }
    }

    /// The `k`-th seed.
    pub fn nth(&self, k: u64) -> u64 {
        assert!(k < self.count, "seed {k} of {}", self.count);
        self.first + k * u64::from(self.step)
    }

    /// Do they all fit 64 bits? (For values read from a file.)
    pub fn is_sound(&self) -> bool {
        let reach = u64::from(self.step).checked_mul(self.count.saturating_sub(1));
        self.step > 0 && reach.is_some_and(|reach| self.first.checked_add(reach).is_some())
    }

    /// The first `count` of them.
    #[must_use]
    pub fn prefix(self, count: u64) -> Seeds {
        Seeds { count: count.min(self.count), ..self }
    }

    /// The smallest seed that both contain, if any.
    pub fn shared_with(&self, other: &Seeds) -> Option<u64> {
        if self.count == 0 || other.count == 0 {
            return None;
        }
        // Chinese remainder theorem: x = first (mod step) for both. Steps are u32, so i128 does not overflow.
        let (a, n) = (i128::from(self.first), i128::from(self.step));
        let (b, m) = (i128::from(other.first), i128::from(other.step));
        let (gcd, inverse) = gcd_and_inverse(n, m);
        if (b - a) % gcd != 0 {
            return None;
        }
        let lcm = n / gcd * m;
        let x = a + n * (((b - a) / gcd * inverse).rem_euclid(m / gcd));
        let from = a.max(b);
        let least = x + (from - x).div_euclid(lcm) * lcm;
        let least = if least < from { least + lcm } else { least };
        let last = i128::from(self.nth(self.count - 1)).min(i128::from(other.nth(other.count - 1)));
        (least <= last).then(|| u64::try_from(least).expect("between two seeds"))
    }
}

/// (g, x) with `g = gcd(n, m)` and `n * x = g (mod m)`.
fn gcd_and_inverse(n: i128, m: i128) -> (i128, i128) {
    let (mut r0, mut r1, mut x0, mut x1) = (n, m, 1i128, 0i128);
    while r1 != 0 {
        let q = r0 / r1;
        (r0, r1) = (r1, r0 - q * r1);
        (x0, x1) = (x1, x0 - q * x1);
    }
    (r0, x0)
}

/// Joins adjacent pieces, and all shards of a range.
pub fn coalesce(mut pieces: Vec<Seeds>) -> Vec<Seeds> {
    pieces.retain(|p| p.count > 0);
    pieces.sort_unstable_by_key(|p| (p.step, p.first));
    let mut whole: Vec<Seeds> = Vec::new();
    let mut rest = pieces.as_slice();
    while let Some(piece) = rest.first() {
        let n = piece.step as usize;
        match rest.get(..n).and_then(interleave) {
            Some(range) => {
                whole.push(range);
                rest = &rest[n..];
            }
            None => {
                whole.push(*piece);
                rest = &rest[1..];
            }
        }
    }
    whole.sort_unstable();
    whole.dedup_by(|next, before| {
        let touch = next.step == 1 && before.step == 1 && before.first.checked_add(before.count) == Some(next.first);
        if touch {
            before.count += next.count;
        }
        touch
    });
    whole
}

/// All `n` shards of one range, joined to that range.
fn interleave(shards: &[Seeds]) -> Option<Seeds> {
    let first = shards.first()?.first;
    let end = shards.iter().try_fold(first, |end, s| end.checked_add(s.count))?;
    let of = u32::try_from(shards.len()).ok()?;
    let range = SeedRange { start: first, end };
    let fits = (1..=of).zip(shards).all(|(index, s)| *s == Seeds::of(range, Shard { index, of }));
    fits.then_some(Seeds { first, step: 1, count: end - first })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn seeds_are_read_in_decimal_and_hex() {
        assert_eq!(parse_seed("42"), Ok(42));
        assert_eq!(parse_seed("0x2A"), Ok(42));
        assert_eq!(parse_seed(&show_seed(u64::MAX)), Ok(u64::MAX));
        for wrong in ["", "0x", "-1", "+1", "2a", "1_000", " 1", "0x10000000000000000", "1.5"] {
            assert_eq!(parse_seed(wrong), Err(SeedError::Seed(wrong.to_owned())), "{wrong:?}");
        }
    }

    #[test]
    fn ranges_and_shards_are_read() {
        assert_eq!("10".parse(), Ok(SeedRange { start: 0, end: 10 }));
        assert_eq!("0x10..20".parse(), Ok(SeedRange { start: 16, end: 20 }));
        assert_eq!("7..7".parse(), Ok(SeedRange { start: 7, end: 7 }));
        assert_eq!("8..7".parse::<SeedRange>(), Err(SeedError::Backwards("8..7".to_owned())));
        assert!("..7".parse::<SeedRange>().is_err() && "7..".parse::<SeedRange>().is_err());
        assert_eq!("4/4".parse(), Ok(Shard { index: 4, of: 4 }));
        for wrong in ["0/4", "5/4", "1", "1/", "/4", "+1/4", "1/4/4", "1/99999999999"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    fn seeds() -> impl Strategy<Value = Seeds> {
        (0u64..60, 1u32..9, 0u64..20).prop_map(|(first, step, count)| Seeds { first, step, count })
    }

    fn list(seeds: &Seeds) -> Vec<u64> {
        (0..seeds.count).map(|k| seeds.nth(k)).collect()
    }

    proptest! {
        #[test]
        fn shards_take_each_seed_once(start in 0u64..1000, length in 0u64..200, of in 1u32..20) {
            let range = SeedRange { start, end: start + length };
            let shards: Vec<Seeds> = (1..=of).map(|index| Seeds::of(range, Shard { index, of })).collect();
            for (index, shard) in shards.iter().enumerate() {
                prop_assert!(list(shard).iter().all(|seed| (seed - start) % u64::from(of) == index as u64));
            }
            let mut all: Vec<u64> = shards.iter().flat_map(list).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (start..start + length).collect::<Vec<_>>());
            let mut whole = coalesce(shards);
            whole.retain(|piece| piece.count > 0);
            if length >= u64::from(of) {
                prop_assert_eq!(whole, vec![Seeds { first: start, step: 1, count: length }]);
            }
        }

        #[test]
        fn shared_seeds_are_found(a in seeds(), b in seeds()) {
            let in_b = list(&b);
            prop_assert_eq!(a.shared_with(&b), list(&a).into_iter().find(|seed| in_b.contains(seed)));
        }

        #[test]
        fn coalescing_loses_no_seed(pieces in proptest::collection::vec(seeds(), 0..6)) {
            let sorted = |pieces: &[Seeds]| {
                let mut all: Vec<u64> = pieces.iter().flat_map(list).collect();
                all.sort_unstable();
                all
            };
            prop_assert_eq!(sorted(&coalesce(pieces.clone())), sorted(&pieces));
        }
    }
}
