//! `cluster`: the report on the properties in a cluster's files.

use scenarios::scenario::cluster::usage::{ClusterReport, PropertyReport, Status, ValueReport};
use serde::Serialize;

use crate::args::ClusterArgs;
use crate::engine::{Engine, Problem};
use crate::exit;
use crate::json::to_text;
use crate::load;
use crate::output::{OutputTarget, Streams};
use crate::show::columns::{hanging, plural};

/// The schema's id.
const SCHEMA: &str = "kraftsim.cluster.v1";

#[derive(Serialize)]
struct ClusterJson {
    schema: &'static str,
    #[serde(flatten)]
    report: ClusterReport,
}

/// Reads the files, reports, writes.
pub fn run(args: &ClusterArgs, engine: &dyn Engine, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let files = load::read_cluster("cluster", &args.dir)?;
    let target = args.json.as_deref().map(OutputTarget::checked).transpose()?;
    let report = engine.cluster(&files)?;
    let text = text(&report, streams.width);
    if let Some(target) = &target {
        target.write(&to_text(&ClusterJson { schema: SCHEMA, report }), streams)?;
    }
    match target {
        Some(OutputTarget::Stdout) => streams.hint(text.trim_end()),
        _ => streams.result(&text)?,
    }
    Ok(exit::HOLDS)
}

/// The report as text.
fn text(report: &ClusterReport, width: usize) -> String {
    let mut text = format!("{}\n", plural(report.nodes.len() as u64, "node"));
    for node in &report.nodes {
        text.push_str(&hanging(width, "  ", 4, &format!("{} {} ({})", node.id, node.roles, node.file)));
    }
    for note in &report.notes {
        text.push_str(&hanging(width, "note:", 2, note));
    }
    let parts = [(Status::Used, "used"), (Status::WithoutEffect, "without effect"), (Status::Unknown, "unknown")];
    for (status, title) in parts {
        let properties: Vec<&PropertyReport> = report.of(status).collect();
        let hidden = if properties.iter().any(|it| it.status == Status::Unknown) {
            "; as in Kafka, their values are not shown, for they may be secrets"
        } else {
            ""
        };
        let head = format!("{title}: {}{hidden}", plural_properties(properties.len()));
        text.push_str(&format!("\n{}", hanging(width, "", 2, &head)));
        // Properties without effect have few reasons, and many names for each.
        let mut reasons: Vec<&str> = Vec::new();
        for property in &properties {
            if status != Status::WithoutEffect {
                text.push_str(&hanging(width, "  ", 4, &format!("{}{}", values(property, report), nearest(property))));
                text.push_str(&hanging(width, "      ", 6, &property.why));
            } else if !reasons.contains(&property.why.as_str()) {
                reasons.push(&property.why);
            }
        }
        for reason in reasons {
            text.push_str(&hanging(width, "  ", 4, &format!("{reason}:")));
            for property in properties.iter().filter(|property| property.why == reason) {
                text.push_str(&hanging(width, "      ", 8, &values(property, report)));
            }
        }
    }
    text
}

fn plural_properties(count: usize) -> String {
    if count == 1 { "1 property".to_owned() } else { format!("{count} properties") }
}

fn nearest(property: &PropertyReport) -> String {
    let at = property.values.first().map_or("", |value| value.first_at.as_str());
    match (property.status, &property.nearest) {
        (Status::Unknown, Some(name)) => format!("  ({at}); the nearest name that Kafka knows is {name}"),
        (Status::Unknown, None) => format!("  ({at})"),
        _ => String::new(),
    }
}

/// Longest value that is shown; the JSON contains longer values and further ones.
const VALUE_CHARS: usize = 60;
const VALUES: usize = 3;

/// `NAME = VALUE`, with the nodes of each value if they differ.
fn values(property: &PropertyReport, report: &ClusterReport) -> String {
    let short = |value: &str| match value.char_indices().nth(VALUE_CHARS) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    };
    let on = |value: &ValueReport| format!("{} on {}", short(&value.value), nodes(&value.nodes, report));
    match property.values.as_slice() {
        [all] if all.nodes.len() == report.nodes.len() => format!("{} = {}", property.name, short(&all.value)),
        values => {
            let shown: Vec<String> = values.iter().take(VALUES).map(on).collect();
            let more = values.len().saturating_sub(VALUES);
            let more = if more == 0 { String::new() } else { format!("; and {more} more") };
            format!("{} = {}{more}", property.name, shown.join("; "))
        }
    }
}

/// The nodes, or their role if they are all nodes of it.
fn nodes(ids: &[i32], report: &ClusterReport) -> String {
    let of_role = |role: &str| {
        let with_role = report.nodes.iter().filter(|node| node.roles == role);
        with_role.map(|node| node.id).collect::<Vec<_>>()
    };
    for role in ["controller", "broker"] {
        if ids.len() > 1 && of_role(role) == ids {
            return format!("all {role}s");
        }
    }
    let ids: Vec<String> = ids.iter().map(i32::to_string).collect();
    format!("node{} {}", if ids.len() == 1 { "" } else { "s" }, ids.join(", "))
}
