//! Tables of measurements that are stored in the repository.

use std::fs;

use serde_json::Value;

use super::root;
use super::tables::{code, table};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn seconds(value: &Value) -> String {
    value.as_f64().map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1}"))
}

/// A seed is a hexadecimal text in JSON.
fn seed(value: &Value) -> String {
    let digits = text(value).trim_start_matches("0x");
    u64::from_str_radix(digits, 16).map_or_else(|_| "-".to_owned(), |seed| seed.to_string())
}

/// Of a repro in the corpus: its faults and its operations (`-` if it has all that its scenario draws).
fn shrunk(bug: &str) -> String {
    let Ok(file) = fs::read_to_string(root().join(format!("fuzz/corpus/{bug}.json"))) else { return "-".to_owned() };
    let repro: Value = serde_json::from_str(&file).unwrap_or_else(|error| panic!("{bug}.json: {error}"));
    let count = |field: &str| repro[field].as_array().map_or_else(|| "-".to_owned(), |list| list.len().to_string());
    format!("{}, {}", count("plan"), count("operations"))
}

/// The last hunt, `kraftsim bugs hunt --json reports/last_hunt.json`, beside the repros of the corpus.
pub fn hunts() -> String {
    let path = root().join("reports/last_hunt.json");
    let file = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let hunt: Value = serde_json::from_str(&file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let bugs = hunt["bugs"].as_array().expect("a list of hunts");
    let rows = bugs.iter().map(|bug| {
        let caught = bug["caught"].as_bool().unwrap_or(false);
        vec![
            text(&bug["row"]).to_owned(),
            code(text(&bug["bug"])),
            text(&bug["layer"]).to_owned(),
            match caught {
                true => code(text(&bug["invariant"])),
                false => format!("not caught: {}", text(&bug["hidden_by"])),
            },
            if caught { format!("`{}` {}", text(&bug["scenario"]), seed(&bug["first_seed"])) } else { "-".to_owned() },
            bug["seeds_tried"].to_string(),
            seconds(&bug["wall_seconds"]),
            shrunk(text(&bug["bug"])),
        ]
    });
    let head = [
        "row",
        "switch",
        "layer",
        "violated check",
        "scenario, seed",
        "runs",
        "time (s)",
        "corpus: faults, operations",
    ];
    table(&head, rows)
}
