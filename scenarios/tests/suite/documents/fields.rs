//! The reference of scenario files: its tables, and the test that holds the list of fields against what
//! is read.

use std::collections::BTreeSet;

use raft::config::definitions::{DEFINITIONS, PropertyKind};
use scenarios::aim::trigger_event::TriggerEvent;
use scenarios::catalog;
use scenarios::coverage;
use scenarios::knobs as drawn;
use scenarios::scenario::Scenario;
use scenarios::scenario::clients::SETTINGS;
use scenarios::scenario::reference::{FIELDS, FieldKind, Presence, ScenarioField};
use scenarios::scenario::values::Nanos;
use scenarios::scenario::world::{INPUT_KINDS, THREAD_NAMES};
use toml::{Table, Value};

use super::tables::{code, table};

/// The heading of the fields that stand in no table.
const TOP: &str = "scenario";

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

fn name(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, name)| name)
}

fn has_fields(field: &ScenarioField) -> bool {
    matches!(field.kind, FieldKind::Table | FieldKind::Tables)
}

/// Is it the mean gap of a kind of fault? All are alike, so the document has one row for them.
fn is_gap(field: &ScenarioField) -> bool {
    field.path.starts_with("nemesis.") && name(field.path) == "every" && field.about.is_empty()
}

fn row(field: &ScenarioField, heading: &str) -> Vec<String> {
    let path = field.path.strip_prefix(&format!("{heading}.")).unwrap_or(field.path);
    let default = match field.presence {
        Presence::Required(_) => "required".to_owned(),
        Presence::Default(literal) => code(literal),
        Presence::Unset(meaning) => meaning.to_owned(),
    };
    vec![code(path), field.kind.name().to_owned(), default, field.kind.allowed(), field.about.to_owned()]
}

/// The fields of one of a scenario's tables, with those of the tables in it.
pub fn of(heading: &str) -> Option<String> {
    let fields: Vec<&ScenarioField> = match heading {
        TOP => FIELDS.iter().filter(|field| parent(field.path).is_empty()).collect(),
        _ => FIELDS.iter().filter(|field| field.path.starts_with(&format!("{heading}."))).collect(),
    };
    let mut rows: Vec<Vec<String>> =
        fields.iter().filter(|field| !is_gap(field)).map(|field| row(field, heading)).collect();
    if let Some(gap) = fields.iter().find(|field| is_gap(field)) {
        let mut row = row(gap, heading);
        row[0] = code("KIND.every");
        row[4] = "Mean time between two faults of the kind. A kind without its table never occurs.".to_owned();
        rows.insert(fields.iter().position(|field| has_fields(field)).unwrap_or(0), row);
    }
    (!fields.is_empty()).then(|| table(&["field", "type", "default", "allowed", "meaning"], rows))
}

fn built_in(name: &str) -> Scenario {
    catalog::find(name).expect("built in").scenario().unwrap_or_else(|error| panic!("{error}"))
}

/// The names that `knobs.pinned` takes, with the values that a seed may draw beside the default.
pub fn knobs() -> String {
    let (cluster, quorum) = (drawn::values(&built_in("ci")), drawn::values(&built_in("quorum")));
    let values = |of: &[(&str, Vec<String>)], name: &str| {
        let values = of.iter().find(|(known, _)| *known == name).map(|(_, values)| values.as_slice());
        values.map_or_else(|| "-".to_owned(), |values| values.join(", "))
    };
    let rows = drawn::NAMES.iter().map(|name| vec![code(name), values(&cluster, name), values(&quorum, name)]);
    table(&["knob", "values in `ci`", "values in `quorum`"], rows)
}

/// The names that `require_probe` takes.
pub fn probes() -> String {
    table(&["probe", "situation"], coverage::described().map(|(name, about)| vec![code(name), about.to_owned()]))
}

/// What aimed faults wait for.
pub fn triggers() -> String {
    let is_shown =
        |event: TriggerEvent, has_brokers: bool| TriggerEvent::possible(has_brokers).any(|possible| possible == event);
    let shown = |event: TriggerEvent| match [true, false].map(|has_brokers| is_shown(event, has_brokers)) {
        [true, true] => "all",
        [true, false] if !event.is_drawn_unnamed() => "with brokers, where it is named",
        [true, false] => "with brokers",
        _ => "without brokers",
    };
    let rows = TriggerEvent::ALL
        .iter()
        .map(|event| vec![code(event.name()), event.about().to_owned(), shown(*event).to_owned()]);
    table(&["trigger", "occurs when", "clusters"], rows)
}

/// The names of `[threads]`.
pub fn threads() -> String {
    let list = |names: &[&str]| names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
    let rows = [("thread", list(THREAD_NAMES)), ("input", list(&INPUT_KINDS))];
    table(&["", "names"], rows.map(|(what, names)| vec![what.to_owned(), names]))
}

/// The names of `[clients.config]`.
pub fn client_properties() -> String {
    table(&["property", "allowed"], SETTINGS.iter().map(|(name, min, max)| vec![code(name), format!("{min}..{max}")]))
}

/// The names of `[cluster.config]` that take effect.
pub fn properties() -> String {
    let effective = DEFINITIONS.iter().filter(|definition| definition.field.is_some());
    let rows = effective.map(|definition| {
        let (allowed, unit) = match definition.kind {
            PropertyKind::Integer { min, max: i64::MAX, unit } => (format!("{min} and more"), unit),
            PropertyKind::Integer { min, max, unit } => (format!("{min}..{max}"), unit),
            PropertyKind::Boolean => ("`true`, `false`".to_owned(), ""),
            PropertyKind::Text => (String::new(), ""),
        };
        let default = match (definition.kind, definition.default) {
            (PropertyKind::Boolean, Some(value)) => (value != 0).to_string(),
            (_, Some(value)) => value.to_string(),
            (_, None) => "-".to_owned(),
        };
        vec![code(definition.name), default, allowed, unit.to_owned()]
    });
    table(&["property", "default", "allowed", "unit"], rows)
}

fn value(literal: &str) -> Value {
    let mut table: Table = format!("value = {literal}").parse().unwrap_or_else(|error| panic!("{literal}: {error}"));
    table.remove("value").expect("it stands there")
}

/// Puts a value at a field's path, and makes the tables on the way.
fn put(root: &mut Table, path: &str, new: Value) {
    let mut table = root;
    let mut walked = String::new();
    for part in path.split('.').take(path.split('.').count() - 1) {
        walked = if walked.is_empty() { part.to_owned() } else { format!("{walked}.{part}") };
        let is_array = FIELDS.iter().any(|field| field.path == walked && field.kind == FieldKind::Tables);
        let empty = || Value::Table(Table::new());
        let entry = table.entry(part).or_insert_with(|| if is_array { Value::Array(vec![empty()]) } else { empty() });
        let inner = if is_array { entry.as_array_mut().and_then(|all| all.first_mut()) } else { Some(entry) };
        table = inner.and_then(Value::as_table_mut).unwrap_or_else(|| panic!("{walked} is no table"));
    }
    table.insert(name(path).to_owned(), new);
}

/// A scenario in which the fields of a table can stand: those that are required do.
fn context(table: &str) -> Table {
    let mut root = Table::new();
    for field in FIELDS.iter().filter(|field| ["", table].contains(&parent(field.path))) {
        if let Presence::Required(literal) = field.presence {
            put(&mut root, field.path, value(literal));
        }
    }
    match table {
        "clients" => put(&mut root, "cluster.brokers", Value::Integer(9)),
        "network" => put(&mut root, "network.transport", Value::String("datagram".to_owned())),
        "nemesis" | "nemesis.aimed" => put(&mut root, "duration", Value::String("600s".to_owned())),
        _ => {}
    }
    if table == "nemesis.aimed" {
        put(&mut root, "nemesis.aimed.extra", Value::String("1s".to_owned()));
    }
    root
}

fn read(root: &Table) -> Result<Scenario, String> {
    root.clone().try_into::<Scenario>().map_err(|error| error.message().to_owned())
}

fn accepts(root: &Table) -> Result<(), String> {
    Scenario::from_toml("test", &root.to_string()).map(drop).map_err(|error| error.to_string())
}

/// The fields that a table may have, as serde lists them for one that it has not.
fn known_to_serde(table: &str) -> BTreeSet<String> {
    let mut root = context(table);
    let stranger = if table.is_empty() { "stranger".to_owned() } else { format!("{table}.stranger") };
    put(&mut root, &stranger, Value::Integer(1));
    let problem = read(&root).expect_err("no table takes what it does not know");
    let (_, expected) = problem.split_once(", expected ").unwrap_or_else(|| panic!("{table}: {problem}"));
    let quoted = expected.split('`').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

#[test]
fn every_field_is_in_the_reference_and_no_other() {
    let tables = FIELDS.iter().filter(|field| has_fields(field)).map(|field| field.path);
    for path in tables.chain([""]) {
        let listed = FIELDS.iter().filter(|field| parent(field.path) == path).map(|field| name(field.path).to_owned());
        assert_eq!(listed.collect::<BTreeSet<_>>(), known_to_serde(path), "fields of [{path}]");
    }
    // What is listed as a value is none with fields of its own, but for the content of a file in a repro.
    for field in FIELDS.iter().filter(|field| !has_fields(field) && field.path != "profile") {
        let mut root = context(parent(field.path));
        put(&mut root, field.path, Value::Table(Table::from_iter([("stranger".to_owned(), Value::Integer(1))])));
        let problem = read(&root).err().unwrap_or_default();
        assert!(!problem.starts_with("unknown field"), "{} has fields: {problem}", field.path);
    }
}

#[test]
fn fields_are_required_or_have_the_default_of_the_reference() {
    for field in FIELDS {
        let with_all = context(parent(field.path));
        match field.presence {
            Presence::Required(_) => {
                let mut without = with_all.clone();
                let (table, last) = (parent(field.path), name(field.path));
                let mut at = Some(&mut without);
                for part in table.split('.').filter(|part| !part.is_empty()) {
                    at = at.and_then(|table| table.get_mut(part)).and_then(|inner| match inner {
                        Value::Array(all) => all.first_mut().and_then(Value::as_table_mut),
                        inner => inner.as_table_mut(),
                    });
                }
                at.and_then(|table| table.remove(last)).expect("it was put there");
                let problem = read(&without).err().unwrap_or_default();
                assert!(problem.contains(&format!("missing field `{last}`")), "{}: {problem}", field.path);
            }
            Presence::Default(literal) => {
                let (mut given, mut left_out) = (with_all.clone(), with_all);
                put(&mut given, field.path, value(literal));
                if field.path == "network.transport" || field.path == "nemesis.aimed.extra" {
                    // The context needs another value.
                    let table = left_out.get_mut(field.path.split('.').next().unwrap_or_default());
                    let table = table.and_then(Value::as_table_mut).expect("it was put there");
                    let aimed = table.get_mut("aimed").and_then(Value::as_table_mut);
                    aimed.map(|aimed| aimed.remove("extra"));
                    table.remove("transport");
                }
                assert_eq!(read(&given), read(&left_out), "{} = {literal}", field.path);
            }
            Presence::Unset(_) => {}
        }
    }
}

/// Values just inside and just outside of the bounds.
fn at_bounds(kind: FieldKind) -> (Vec<Value>, Vec<Value>) {
    let text = |text: String| Value::String(text);
    let unknown = || vec![text("stranger".to_owned())];
    let unknowns = || vec![Value::Array(unknown())];
    let integers = |min: i64, max: i64| {
        let inside = vec![Value::Integer(min), Value::Integer(if max == i64::MAX { min } else { max })];
        (inside, [min.checked_sub(1), max.checked_add(1)].into_iter().flatten().map(Value::Integer).collect())
    };
    let durations = |min: u64, max: u64| {
        let outside = min.checked_sub(1).into_iter().chain([max + 1]).map(|ns| text(format!("{ns}ns"))).collect();
        (vec![text(Nanos(min).to_string())], outside)
    };
    match kind {
        FieldKind::Integer { min, max } => integers(min, max),
        FieldKind::IntegerRange { min, max } => {
            let (_, outside) = integers(min, max);
            (vec![text(format!("{min}..{max}"))], outside)
        }
        FieldKind::Duration { min_ns, max_ns } => durations(min_ns, max_ns),
        FieldKind::DurationRange { min_ns, max_ns } => {
            let (_, outside) = durations(min_ns, max_ns);
            (vec![text(format!("{min_ns}ns..{max_ns}ns"))], outside)
        }
        FieldKind::OneOf(names) => (names.iter().map(|name| text((*name).to_owned())).collect(), unknown()),
        FieldKind::NameOf(_) => (Vec::new(), unknown()),
        FieldKind::NamesOf("paths") => (Vec::new(), Vec::new()),
        FieldKind::NamesOf(_) => (Vec::new(), unknowns()),
        FieldKind::IntegersOf(_) => (Vec::new(), vec![Value::Array(vec![Value::Integer(99)])]),
        FieldKind::Boolean => (vec![Value::Boolean(true), Value::Boolean(false)], unknown()),
        FieldKind::Latency => (vec![text("1ns".to_owned())], vec![text("3601s".to_owned())]),
        FieldKind::Text | FieldKind::Table | FieldKind::Tables | FieldKind::Map(_) => (Vec::new(), Vec::new()),
    }
}

#[test]
fn values_within_the_bounds_of_the_reference_are_accepted_and_others_refused() {
    for field in FIELDS.iter().filter(|field| !field.path.starts_with("cluster.node.")) {
        let root = context(parent(field.path));
        assert_eq!(accepts(&root), Ok(()), "{} as it should be", parent(field.path));
        let (inside, outside) = at_bounds(field.kind);
        for good in inside {
            let mut root = root.clone();
            if field.path == "clients.acks" {
                put(&mut root, "clients.idempotence", Value::Boolean(false));
            }
            if ["cluster.spare_controllers", "cluster.kraft_version", "workload.membership_clients"]
                .contains(&field.path)
            {
                put(&mut root, "cluster.dynamic", Value::Boolean(true));
                put(&mut root, "cluster.brokers", Value::Integer(3));
            }
            put(&mut root, field.path, good);
            assert_eq!(accepts(&root), Ok(()), "{root}");
        }
        for bad in outside {
            let mut root = root.clone();
            put(&mut root, field.path, bad);
            assert!(accepts(&root).is_err(), "accepted: {root}");
        }
    }
}

#[test]
fn the_document_has_every_table_of_a_scenario() {
    let path = super::root().join("scenarios/README.md");
    let document = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let tables = FIELDS.iter().filter(|field| parent(field.path).is_empty() && has_fields(field));
    for heading in tables.map(|field| field.path).chain([TOP]) {
        assert!(document.contains(&format!("<!-- generated: fields {heading} -->")), "fields {heading}");
    }
}

/// The scenarios that the document shows are good ones.
#[test]
fn scenarios_of_the_document_can_be_read() {
    let document = std::fs::read_to_string(super::root().join("scenarios/README.md")).expect("the document");
    let blocks = document.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let whole: Vec<&str> = blocks.filter(|block| block.starts_with("name = ")).collect();
    assert!(!whole.is_empty());
    for text in whole {
        assert_eq!(Scenario::from_toml("scenarios/README.md", text).map(drop), Ok(()), "{text}");
    }
}
