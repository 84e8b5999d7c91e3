//! Tests of the room.

mod bytes;
mod golden;
mod history;
mod image;
mod loader;
mod records;
