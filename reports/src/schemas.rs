//! The JSON Schemas of files that kraftsim writes.

pub const SCHEMAS: &[(&str, &str)] = &[("trace", include_str!("trace/schema.json"))];
