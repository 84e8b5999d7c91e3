//! Stories and properties of data logs over a disk that their effects are applied to.
