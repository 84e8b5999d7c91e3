//! Tests of the metadata image.

mod bytes;
mod golden;
mod history;
mod image;
mod loader;
mod records;
