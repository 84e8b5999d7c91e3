//! Properties of data logs over a disk that their effects are applied to.

mod log_model;
mod producer_model;
