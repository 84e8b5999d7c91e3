//! Good and bad histories.
