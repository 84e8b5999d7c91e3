//! Two kinds of partitions.

/// How values are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As metadata records.
    Metadata,
    /// As bytes.
    Data,
}
