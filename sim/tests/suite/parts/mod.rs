//! The parts of the world, each in isolation.

mod clock;
mod disk;
mod latency;
mod pages;
mod rng;
mod schedule;
mod trace;
