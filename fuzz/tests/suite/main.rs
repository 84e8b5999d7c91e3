//! Sweeps, merges, guided search, shrinking and `why`. One binary, since each takes seconds to link.

mod fake;
mod guided;
mod merge;
mod shrink;
mod sweep;
mod why;
