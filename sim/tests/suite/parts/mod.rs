//! The parts of the world, each on its own.

mod clock;
mod disk;
mod latency;
mod rng;
mod schedule;
mod trace;
