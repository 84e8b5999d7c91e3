//! The metadata log's records, and the image that replaying them makes.
//!
//! The map:
//! * [`records`]: the records, with Kafka's names; `codec` and `field`: their bytes
//! * `metadata_version`: which version of a record is written, and what else depends on it
//! * [`image`]: the metadata as of an offset, and how each record changes it
//! * `delta`: from one image to the next; [`loader`]: from committed batches to published images

mod codec;
mod delta;
mod field;
pub mod image;
pub mod loader;
mod metadata_version;
pub mod records;
#[cfg(test)]
mod tests;

pub use delta::{LocalReplicaChanges, MetadataDelta};
pub use field::EncodeError;
pub use image::MetadataImage;
pub use loader::MetadataLoader;
pub use metadata_version::MetadataVersion;
pub use records::MetadataRecord;
