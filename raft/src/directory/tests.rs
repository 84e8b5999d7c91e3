//! Tests of reading a log directory.
