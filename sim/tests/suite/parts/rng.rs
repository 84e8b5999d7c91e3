//! Vectors that pin every value permanently (computed by an independent program), and tests that draws are uniform.

use proptest::prelude::*;
use sim::rng::{Purpose, Seed, scale};

const PURPOSES: [Purpose; 8] = [
    Purpose::Node,
    Purpose::Fsync,
    Purpose::DiskFault,
    Purpose::Link,
    Purpose::Clock,
    Purpose::Plan,
    Purpose::Knob,
    Purpose::Workload,
];

#[test]
fn entropy_vectors() {
    let first = |seed, purpose, owner| {
        let mut entropy = Seed(seed).entropy(purpose, owner);
        [entropy.next_u64(), entropy.next_u64()]
    };
    assert_eq!(first(0, Purpose::Node, 0), [0xfef13372a044402b, 0x0c45dbdb6c42bcab]);
    assert_eq!(first(1, Purpose::Node, 0), [0x3dfe1f3be516436e, 0x25defb019ecd9bd4]);
    assert_eq!(first(0, Purpose::Fsync, 0), [0xd5ba9214a12a2a0d, 0xe1dd7357a743d621]);
    assert_eq!(first(0, Purpose::Node, 1), [0xcdf38a87421f12cd, 0xc211c8c4dcf5d0ca]);
    assert_eq!(first(u64::MAX, Purpose::Workload, u64::MAX), [0xc7db84985f3c2c07, 0xa9c4b3e87e072630]);
}

#[test]
fn mix_vectors() {
    assert_eq!(Seed(0).mix(Purpose::Link, 0, 0), 0xdebf9f45eac2cb7c);
    assert_eq!(Seed(0).mix(Purpose::Link, 0, 1), 0x1b5ecb21b813f671);
    assert_eq!(Seed(0).mix(Purpose::Link, 1, 0), 0xbe106a621b5e0bb0);
    assert_eq!(Seed(1).mix(Purpose::Link, 0, 0), 0x229648cb188e3672);
    assert_eq!(Seed(0).mix(Purpose::Node, 0, 0), 0x45770989b04019bf);
    assert_eq!(Seed(u64::MAX).mix(Purpose::Workload, u64::MAX, u64::MAX), 0x74a8b192cfca5a8a);
}

#[test]
fn bounded_vectors() {
    let mut entropy = Seed(42).entropy(Purpose::Plan, 7);
    let dice: Vec<u64> = (0..12).map(|_| entropy.below(6)).collect();
    assert_eq!(dice, [3, 2, 0, 5, 1, 1, 1, 5, 0, 0, 1, 0]);
    // Rejection is frequent here: about every fourth draw.
    let large: Vec<u64> = (0..4).map(|_| entropy.below(3 << 62)).collect();
    assert_eq!(large, [0x90701036817fad94, 0x211fb5bef2209986, 0xaf9cbeb11933aae1, 0x07b3826afc636d19]);
    let coins: Vec<bool> = (0..12).map(|_| entropy.chance_ppm(250_000)).collect();
    assert_eq!(coins, [false, false, true, true, true, true, false, false, false, false, true, false]);
    assert_eq!(entropy.next_u64(), 0xf72cedac8d583789);
}

#[test]
fn edges_of_bounded_draws() {
    assert_eq!(scale(0, 10), 0);
    assert_eq!(scale(u64::MAX, 10), 9);
    assert_eq!(scale(1 << 63, 10), 5);
    assert_eq!(scale(u64::MAX, u64::MAX), u64::MAX - 1);
    let mut entropy = Seed(0).entropy(Purpose::Node, 0);
    assert_eq!(entropy.below(1), 0);
    assert!((0..1_000).all(|_| entropy.below(u64::MAX) < u64::MAX));
    assert!((0..1_000).all(|_| entropy.chance_ppm(1_000_000) && !entropy.chance_ppm(0)));
}

/// Each input bit of a mix flips each output bit in half of the cases: of 4,096, 2,048 with a standard deviation of 32,
/// and among 12,288 pairs of bits none deviates by 6 standard deviations.
#[test]
fn mix_avalanches() {
    const TRIALS: u64 = 4_096;
    let flips_of = |input: usize, bit: u32| {
        let mut flips = [0_u32; 64];
        for trial in 0..TRIALS {
            let mut inputs = [trial % 64, trial / 64, trial % 61];
            let mix = |[seed, owner, ordinal]: [u64; 3]| Seed(seed).mix(Purpose::Link, owner, ordinal);
            let before = mix(inputs);
            inputs[input] ^= 1 << bit;
            let changed = before ^ mix(inputs);
            for (output, flips) in flips.iter_mut().enumerate() {
                *flips += (changed >> output & 1) as u32;
            }
        }
        flips
    };
    for input in 0..3 {
        for bit in 0..64 {
            for (output, flips) in flips_of(input, bit).into_iter().enumerate() {
                assert!((1_856..=2_240).contains(&flips), "input {input} bit {bit} flips bit {output} {flips} times");
            }
        }
    }
}

/// Structured inputs, as the world makes them, never collide: 2^17 values of 64 bits collide with a chance of 2^-31.
#[test]
fn mix_tells_structured_inputs_apart() {
    let mut values = Vec::new();
    for seed in 0..4 {
        for purpose in PURPOSES {
            for owner in 0..64_u64 {
                for ordinal in 0..32 {
                    values.push(Seed(seed).mix(purpose, owner, ordinal));
                    values.push(Seed(seed).mix(purpose, (owner + 1) << 32, ordinal));
                }
            }
        }
    }
    values.sort_unstable();
    assert!(values.windows(2).all(|pair| pair[0] != pair[1]));
}

proptest! {
    #[test]
    fn streams_are_a_function_of_their_key(seed: u64, owner: u64, other: u64) {
        let first = |seed, purpose, owner| Seed(seed).entropy(purpose, owner).next_u64();
        prop_assert_eq!(first(seed, Purpose::Node, owner), first(seed, Purpose::Node, owner));
        prop_assert_ne!(first(seed, Purpose::Node, owner), first(seed, Purpose::Fsync, owner));
        if owner != other {
            prop_assert_ne!(first(seed, Purpose::Node, owner), first(seed, Purpose::Node, other));
            prop_assert_ne!(first(owner, Purpose::Node, seed), first(other, Purpose::Node, seed));
        }
    }

    #[test]
    fn bounded_draws_stay_below(seed: u64, bound in 1..u64::MAX, draw: u64) {
        prop_assert!(scale(draw, bound) < bound);
        prop_assert!(Seed(seed).entropy(Purpose::Node, 0).below(bound) < bound);
    }
}
