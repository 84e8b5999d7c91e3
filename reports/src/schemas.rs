//! The JSON Schemas of files that kraftsim writes.

/// Names and texts, by name.
pub const SCHEMAS: &[(&str, &str)] = &[
    ("bugs", include_str!("schemas/bugs.json")),
    ("chart", include_str!("chart/schema.json")),
    ("check", include_str!("schemas/check.json")),
    ("checkpoint", include_str!("schemas/checkpoint.json")),
    ("client-dialogue", include_str!("trace/client_dialogue.schema.json")),
    ("cluster", include_str!("schemas/cluster.json")),
    ("controller-dialogue", include_str!("trace/controller_dialogue.schema.json")),
    ("dialogue", include_str!("trace/dialogue.schema.json")),
    ("disks", include_str!("schemas/disks.json")),
    ("history", include_str!("schemas/history.json")),
    ("log", include_str!("schemas/log.json")),
    ("metrics", include_str!("schemas/metrics.json")),
    ("partition-dialogue", include_str!("trace/partition_dialogue.schema.json")),
    ("repro", include_str!("schemas/repro.json")),
    ("run", include_str!("schemas/run.json")),
    ("state", include_str!("schemas/state.json")),
    ("sweep", include_str!("schemas/sweep.json")),
    ("trace", include_str!("trace/schema.json")),
    ("why", include_str!("schemas/why.json")),
];
