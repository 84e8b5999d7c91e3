//! The hash of the canonical field walk: fixed-width little-endian fields, lengths prefixed; no usize, pointer or
//! float.

/// Folds fields into 64 bits with one multiplication each: (state ^ word) times an odd constant, the high half folded
/// onto the low one. The order of the fields matters.
#[derive(Clone, Copy, Debug)]
pub struct CanonicalHasher(u64);

const START: u64 = 0x2d35_8dcc_aa6c_78a5;
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Default for CanonicalHasher {
    fn default() -> Self {
        CanonicalHasher(START)
    }
}

impl CanonicalHasher {
    #[inline]
    pub fn u64(&mut self, n: u64) -> &mut Self {
        let product = u128::from(self.0 ^ n ^ FACTOR) * u128::from(n.rotate_left(32) ^ FACTOR);
        self.0 = self.0.rotate_left(23) ^ (product as u64) ^ (product >> 64) as u64;
        self
    }
    #[inline]
    pub fn i64(&mut self, n: i64) -> &mut Self {
        self.u64(n as u64)
    }
    #[inline]
    pub fn i32(&mut self, n: i32) -> &mut Self {
        self.u64(u64::from(n as u32))
    }
    #[inline]
    pub fn u8(&mut self, n: u8) -> &mut Self {
        self.u64(u64::from(n))
    }
    /// Adds bytes with a length prefix.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.u64(bytes.len() as u64);
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.u64(u64::from_le_bytes(word));
        }
        self
    }
    /// The 64-bit identity of everything added.
    pub fn finish(&self) -> u64 {
        let mixed = (self.0 ^ self.0 >> 32).wrapping_mul(FACTOR);
        mixed ^ mixed >> 29
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_width_and_every_bit_count() {
        let of = |words: &[u64]| {
            let mut hasher = CanonicalHasher::default();
            for word in words {
                hasher.u64(*word);
            }
            hasher.finish()
        };
        let mut seen = std::collections::BTreeSet::new();
        for bit in 0..64 {
            seen.insert(of(&[1 << bit, 0]));
            seen.insert(of(&[0, 1 << bit]));
            seen.insert(of(&[1 << bit]));
        }
        assert_eq!(seen.len(), 192);
        assert_ne!(
            CanonicalHasher::default().bytes(b"ab").finish(),
            CanonicalHasher::default().bytes(b"ab\0").finish()
        );
    }
}
