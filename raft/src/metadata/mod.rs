//! The metadata log's records, and the image that replaying them makes.
//!
//! * [`records`]: the records, with Kafka's names

mod codec;
pub mod records;

pub use records::MetadataRecord;
