//! The tables: each is generated from the code that it describes.

use raft::bugs::{Bug, CATALOG};
use raft::fixes::Fix;
use scenarios::catalog::{self, CatalogEntry};
use scenarios::checks::claim::Claim;
use scenarios::checks::list::CLAIMS;
use scenarios::checks::loss::excuses::{ARGUMENTS, Excuse};
use scenarios::scenario::Scenario;

use super::{fields, measured};
use crate::findings::FINDINGS;
use crate::lost::LOST;
use crate::mutants::MUTANTS;

/// A table's name in a document's marker, and what generates it.
type Generated = (&'static str, fn() -> String);

/// Every table.
pub const TABLES: &[Generated] = &[
    ("catalog", catalog),
    ("quorum-catalog", quorum_catalog),
    ("lost", lost),
    ("troubles", troubles),
    ("checks", checks),
    ("excuses", excuses),
    ("findings", findings),
    ("bugs", bugs),
    ("hunts", measured::hunts),
    ("mutants", mutants),
    ("knobs", fields::knobs),
    ("probes", fields::probes),
    ("triggers", fields::triggers),
    ("threads", fields::threads),
    ("client-properties", fields::client_properties),
    ("properties", fields::properties),
];

/// A Markdown table.
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let row = |cells: Vec<String>| {
        assert_eq!(cells.len(), head.len(), "{cells:?}");
        let cells: Vec<String> = cells.into_iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut text = row(head.iter().map(|name| (*name).to_owned()).collect());
    text.push_str(&format!("|{}\n", "---|".repeat(head.len())));
    text.extend(rows.into_iter().map(row));
    text
}

/// As code; an empty text stays empty.
pub fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}

fn codes<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(code).collect::<Vec<_>>().join(", ")
}

fn scenario(entry: &CatalogEntry) -> Scenario {
    entry.scenario().unwrap_or_else(|error| panic!("{error}"))
}

fn servers(scenario: &Scenario) -> String {
    let of = &scenario.cluster;
    let voters = scenario.cluster.voter_count();
    let plural = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let mut parts = vec![plural(voters, if of.combined { "combined node" } else { "controller" })];
    for (count, what) in [(of.observers, "observer"), (of.brokers, "broker")] {
        if count > 0 {
            parts.push(plural(count.into(), what));
        }
    }
    parts.join(", ")
}

/// The kinds of fault that the scenario injects, at drawn instants or at triggers.
fn faults(scenario: &Scenario) -> String {
    let mut kinds: Vec<&str> = scenario.nemesis.rhythms().into_iter().map(|(kind, _)| kind.name()).collect();
    if scenario.nemesis.aimed.is_some() {
        kinds.push("aimed");
    }
    if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") }
}

fn catalog_of(keep: impl Fn(&CatalogEntry, &Scenario) -> bool) -> String {
    let scenarios = catalog::list().iter().map(|entry| (entry, scenario(entry)));
    let rows = scenarios.filter(|(entry, scenario)| keep(entry, scenario)).map(|(entry, scenario)| {
        vec![
            code(entry.name),
            scenario.about.clone(),
            servers(&scenario),
            scenario.duration.to_string(),
            faults(&scenario),
        ]
    });
    table(&["scenario", "purpose", "servers", "`duration`", "faults"], rows)
}

fn catalog() -> String {
    let is_own = |entry: &CatalogEntry| !entry.is_finding() && !entry.name.contains('/');
    catalog_of(|entry, scenario| scenario.cluster.has_brokers() && is_own(entry))
}

fn troubles() -> String {
    let of_trouble = |entry: &&CatalogEntry| entry.name.starts_with("trouble/");
    let row = |entry: &CatalogEntry| vec![code(entry.name), scenario(entry).about];
    table(&["scenario", "trouble"], catalog::list().iter().filter(of_trouble).map(row))
}

fn quorum_catalog() -> String {
    catalog_of(|entry, scenario| !scenario.cluster.has_brokers() && !entry.is_finding())
}

fn lost() -> String {
    let rows = LOST.iter().map(|(name, losses, settings)| {
        let entry = catalog::find(name).unwrap_or_else(|| panic!("no scenario {name}"));
        let restored: Vec<String> = settings.iter().map(|(key, value)| format!("`--set {key}={value}`")).collect();
        vec![code(name), scenario(entry).about, codes(losses.iter().copied()), restored.join(" ")]
    });
    table(&["scenario", "lost precondition", "excused as", "setting that restores the guarantee"], rows)
}

fn checks() -> String {
    let row = |claim: &Claim| {
        let kind = format!("{}, {}", claim.kind.name(), claim.scope.name());
        vec![code(claim.name), claim.text.to_owned(), kind, claim.source.to_owned()]
    };
    table(&["check", "claim", "kind and scope", "source"], CLAIMS.iter().map(row))
}

fn excuses() -> String {
    let rows = Excuse::ALL.iter().map(|it| vec![code(it.name()), it.cause().to_owned(), it.argument().to_string()]);
    let numbered = (1..).zip(ARGUMENTS).map(|(number, argument): (usize, _)| format!("{number}. {argument}\n"));
    format!("{}\nArguments:\n\n{}", table(&["excuse", "cause", "argument"], rows), numbered.collect::<String>())
}

fn findings() -> String {
    let rows = FINDINGS.iter().map(|finding| {
        let entry = catalog::find(finding.scenario).unwrap_or_else(|| panic!("no scenario {}", finding.scenario));
        let shown = scenario(entry).finding.expect("a finding");
        let (seeds, least) = (&finding.seeds, finding.at_least);
        vec![
            code(shown.fix.name()),
            code(finding.scenario),
            codes(shown.shows.iter().map(String::as_str)),
            format!("{}..{}: at least {least}", seeds.start, seeds.end),
        ]
    });
    assert_eq!(FINDINGS.len(), Fix::ALL.len(), "each fix has its finding");
    table(&["fix switch", "scenario", "violated checks", "seeds: failing runs"], rows)
}

/// The documentation of a switch without the row and the source that begin it, which have columns.
fn mistake(bug: Bug) -> String {
    let doc = bug.doc().trim();
    let Some(row) = bug.row() else { return doc.to_owned() };
    let text = match doc.split_once(": ") {
        Some((head, rest)) if head.starts_with(row.id) => rest,
        _ => doc,
    };
    text.to_owned()
}

fn bugs() -> String {
    let of_row = |row: &raft::bugs::Row| {
        let hidden = if row.hidden_by.is_empty() { String::new() } else { format!("not caught: {}", row.hidden_by) };
        let expected = if row.expected.is_empty() { hidden } else { codes(row.expected.iter().copied()) };
        vec![
            row.id.to_owned(),
            code(row.bug.name()),
            row.layer.name().to_owned(),
            mistake(row.bug),
            row.source.to_owned(),
            expected,
        ]
    };
    let synthetic = Bug::ALL.iter().filter(|bug| bug.row().is_none()).map(|bug| {
        let checks = MUTANTS.iter().filter(|mutant| mutant.bug == *bug).map(|mutant| mutant.check);
        let source = "synthetic mutant".to_owned();
        vec![String::new(), code(bug.name()), String::new(), mistake(*bug), source, codes(checks)]
    });
    let head = ["row", "switch (`--bug`)", "layer", "mistake", "source", "checks that detect it"];
    table(&head, CATALOG.iter().map(of_row).chain(synthetic))
}

fn mutants() -> String {
    let rows = MUTANTS.iter().map(|mutant| {
        let row = mutant.bug.row();
        vec![
            row.map_or("synthetic", |row| row.id).to_owned(),
            code(mutant.bug.name()),
            code(mutant.check),
            format!("`{}` {}", mutant.scenario, mutant.seed),
            codes(mutant.then.iter().copied()),
        ]
    });
    table(&["row", "switch", "first violated check", "scenario, seed", "also violated if the run continues"], rows)
}
