//! Properties of data logs over a disk to which their effects are applied.

mod log_model;
mod producer_model;
