//! The metadata log's records, and the image that replaying them makes.
//!
//! The map:
//! * [`records`]: the records, with Kafka's names; `codec` and `field`: their bytes
//! * `metadata_version`: which version of a record is written, and what else depends on it

mod codec;
mod field;
mod metadata_version;
pub mod records;
#[cfg(test)]
mod tests;

pub use field::EncodeError;
pub use metadata_version::MetadataVersion;
pub use records::MetadataRecord;
