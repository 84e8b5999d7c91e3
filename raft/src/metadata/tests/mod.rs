//! Tests of the room.

mod bytes;
mod golden;
mod records;
