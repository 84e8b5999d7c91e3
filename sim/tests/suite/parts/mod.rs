//! The parts of the world, each in isolation.

mod clock;
mod disk;
mod latency;
mod rng;
mod schedule;
mod trace;
