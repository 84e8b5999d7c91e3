//! The metadata log's records, and the image built by replaying them.
//!
//! Modules:
//! * [`records`]: the records, with Kafka's names; `codec` and `field`: their bytes
//! * `metadata_version`: the version in which a record is written, and other effects of `metadata.version`
//! * [`image`]: the metadata at an offset, and the effect of each record on it
//! * `delta`: the difference between two images; [`loader`]: builds images from committed batches and publishes them

mod codec;
mod delta;
mod field;
pub mod image;
pub mod loader;
mod metadata_version;
pub mod records;
#[cfg(test)]
pub(crate) mod tests;

pub use delta::{LocalReplicaChanges, MetadataDelta};
pub use field::EncodeError;
pub use image::MetadataImage;
pub use loader::MetadataLoader;
pub use metadata_version::MetadataVersion;
pub use records::MetadataRecord;
