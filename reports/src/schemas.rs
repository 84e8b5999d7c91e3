//! The JSON Schemas of files that kraftsim writes.

pub const SCHEMAS: &[(&str, &str)] = &[
    ("chart", include_str!("chart/schema.json")),
    ("client-dialogue", include_str!("trace/client_dialogue.schema.json")),
    ("controller-dialogue", include_str!("trace/controller_dialogue.schema.json")),
    ("dialogue", include_str!("trace/dialogue.schema.json")),
    ("partition-dialogue", include_str!("trace/partition_dialogue.schema.json")),
    ("trace", include_str!("trace/schema.json")),
];
