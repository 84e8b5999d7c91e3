//! Tests of the metadata image.

mod bytes;
mod golden;
pub(crate) mod history;
mod image;
mod loader;
mod records;
