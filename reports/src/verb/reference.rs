//! Reference text: checks, optional bugs and fixes, schemas of files, completions for shells, manual pages.

use clap::CommandFactory;
use clap_mangen::Man;
use scenarios::bugs::{Bug, CATALOG, Layer};
use scenarios::catalog;
use scenarios::checks::claim::Claim;
use scenarios::checks::list::CLAIMS;
use scenarios::scenario::finding::{Finding, Fix};
use scenarios::scenario::nearest::listed;

use crate::args::{Cli, CompletionsArgs, ManArgs};
use crate::engine::Problem;
use crate::exit;
use crate::output::Streams;
use crate::schemas::SCHEMAS;
use crate::show::columns::{beside, hanging};
use crate::show::known_finding;

/// Indent of the lines below the name of a bug.
const BELOW: &str = "                 ";
/// Column in which prose begins.
const INDENT: usize = 13;

/// Every bug: rows of the bug catalog by layer (layer, row, name; below it what it does, its source and the checks that
/// should detect it), then synthetic mutants, each made for one check (what it does).
pub fn list_bugs(streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let mut text = String::new();
    let mut bug = |layer: &str, id: &str, name: &str, lines: &[String]| {
        text.push_str(&format!("{layer:<10}  {id:<3}  {name}\n"));
        lines.iter().for_each(|line| text.push_str(&hanging(streams.width, BELOW, BELOW.len() + 2, line)));
    };
    for layer in Layer::ALL {
        for row in CATALOG.iter().filter(|row| row.layer == *layer) {
            let noticed = match row.expected {
                [] => format!("hidden: {}", row.hidden_by),
                expected => format!("expected: {}", expected.join(", ")),
            };
            let doc = plain(row.bug.doc());
            let does = doc.split_once(": ").map_or(&*doc, |(_, does)| does);
            bug(layer.name(), row.id, row.bug.name(), &[does.to_owned(), format!("source: {}", row.source), noticed]);
        }
    }
    for synthetic in Bug::ALL.iter().filter(|bug| bug.row().is_none()) {
        bug("synthetic", "-", synthetic.name(), &[plain(synthetic.doc())]);
    }
    streams.result(&text)?;
    Ok(exit::HOLDS)
}

/// Every fix that Kafka does not have, and the finding that it removes.
pub fn list_fixes(streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let findings: Vec<(&str, Finding)> =
        catalog::list().iter().filter_map(|entry| Some((entry.name, entry.scenario().ok()?.finding?))).collect();
    let mut text = String::new();
    for fix in Fix::ALL {
        let doc = plain(fix.doc());
        let (kafka, instead) = doc.split_once(" Fix: ").unwrap_or((&doc, "-"));
        text.push_str(&format!("{}\n", fix.name()));
        text.push_str(&beside(streams.width, "  Kafka", INDENT, kafka));
        text.push_str(&beside(streams.width, "  fix", INDENT, instead));
        if let Some((scenario, finding)) = findings.iter().find(|(_, finding)| finding.fix == *fix) {
            text.push_str(&beside(streams.width, "  finding", INDENT, known_finding::DOCUMENT));
            let shows = format!("{scenario} (shows {})", finding.shows.join(", "));
            text.push_str(&beside(streams.width, "  scenario", INDENT, &shows));
        }
    }
    streams.result(&text)?;
    Ok(exit::HOLDS)
}

/// Every claim, in the order of the list.
pub fn list_checks(streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let mut text = String::new();
    for claim in CLAIMS {
        text.push_str(&format!("{}\n", claim.name));
        text.push_str(&beside(streams.width, "  kind", INDENT, &kind_and_scope(claim)));
        text.push_str(&beside(streams.width, "  claim", INDENT, claim.text));
    }
    streams.result(&text)?;
    Ok(exit::HOLDS)
}

/// One check, by its name in any case.
pub fn show_check(name: &str, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let Some(claim) = CLAIMS.iter().find(|claim| claim.name.eq_ignore_ascii_case(name)) else {
        let allowed = listed(name, CLAIMS.iter().map(|claim| claim.name), "kraftsim checks list");
        return Err(Problem::new(format!("no check is named {name:?}{allowed}")));
    };
    let bugs = CATALOG.iter().filter(|row| row.expected.contains(&claim.name)).map(|row| row.bug.name());
    let bugs: Vec<&str> = bugs.collect();
    let bugs = if bugs.is_empty() { "none of the catalog".to_owned() } else { bugs.join(", ") };
    let mut text = format!("{}\n", claim.name);
    let kind = kind_and_scope(claim);
    for (label, line) in
        [("  kind", &*kind), ("  claim", claim.text), ("  source", &plain(claim.source)), ("  bugs", &bugs)]
    {
        text.push_str(&beside(streams.width, label, INDENT, line));
    }
    streams.result(&text)?;
    Ok(exit::HOLDS)
}

fn kind_and_scope(claim: &Claim) -> String {
    format!("{}, {}", claim.kind.name(), claim.scope.name())
}

/// One of the schemas.
pub fn schema(name: &str, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let found = SCHEMAS.iter().find(|(other, _)| *other == name);
    let (_, text) = found.ok_or_else(|| Problem::new(format!("schema: there is no {name}")))?;
    streams.result(text).map(|()| exit::HOLDS)
}

/// The completion script of a shell.
pub fn completions(args: &CompletionsArgs, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "kraftsim", &mut script);
    streams.result(&script)?;
    Ok(exit::HOLDS)
}

/// The manual page of the command or of a verb, for `man -l`.
pub fn man(args: &ManArgs, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let mut command = Cli::command();
    command.build();
    let mut path = "kraftsim".to_owned();
    for word in &args.verb {
        let Some(verb) = command.find_subcommand(word).cloned() else {
            let names: Vec<&str> = command.get_subcommands().map(|verb| verb.get_name()).collect();
            let allowed = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(Problem::new(format!("man: {path} has no verb {word}; allowed: {allowed}")));
        };
        command = verb;
        path.push_str(&format!(" {word}"));
    }
    let mut page = Vec::new();
    Man::new(command).render(&mut page).map_err(|error| Problem::new(format!("man: {error}")))?;
    streams.result(&page)?;
    Ok(exit::HOLDS)
}

/// Documentation as one line, in which cited documents are named by their paths.
fn plain(doc: &str) -> String {
    let line = doc.split_whitespace().collect::<Vec<_>>().join(" ");
    let of_spec = |text: String, name: &str| text.replace(name, &format!("raft/spec/{name}"));
    ["consensus.md", "controller-broker.md"].into_iter().fold(line, of_spec)
}
