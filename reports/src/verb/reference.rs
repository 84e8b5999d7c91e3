//! Reference text: bugs and fixes that can be switched on, schemas of files, completions for shells, manual pages.

use clap::CommandFactory;
use clap_mangen::Man;
use scenarios::bugs::{Bug, CATALOG, Layer};
use scenarios::catalog;
use scenarios::scenario::finding::{Finding, Fix};

use crate::args::{Cli, CompletionsArgs, ManArgs};
use crate::engine::Problem;
use crate::exit;
use crate::output::Streams;
use crate::show::known_finding;
use crate::trace;

/// The JSON Schemas of files that kraftsim writes, by name.
pub const SCHEMAS: &[(&str, &str)] = &[("trace", trace::SCHEMA)];

/// Columns of a line of prose.
const WIDTH: usize = 80;
/// Columns before prose.
const INDENT: usize = 13;

/// Every bug: rows of the bug catalog by layer (layer, row, name, source, the checks that should detect it), then
/// synthetic mutants (what each does).
pub fn list_bugs(streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let width = Bug::ALL.iter().map(|bug| bug.name().len()).max().unwrap_or(0);
    let mut text = String::new();
    for layer in Layer::ALL {
        for row in CATALOG.iter().filter(|row| row.layer == *layer) {
            let expected =
                if row.expected.is_empty() { format!("hidden: {}", row.hidden_by) } else { row.expected.join(", ") };
            let (id, name) = (row.id, row.bug.name());
            text.push_str(&format!("{:<10}  {id}  {name:<width$}  {}  [{expected}]\n", layer.name(), row.source));
        }
    }
    for bug in Bug::ALL.iter().filter(|bug| bug.row().is_none()) {
        text.push_str(&format!("{:<10}  -    {:<width$}  {}\n", "synthetic", bug.name(), plain(bug.doc())));
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
        text.push_str(&prose("Kafka", kafka));
        text.push_str(&prose("fix", instead));
        if let Some((scenario, finding)) = findings.iter().find(|(_, finding)| finding.fix == *fix) {
            text.push_str(&prose("finding", known_finding::DOCUMENT));
            text.push_str(&prose("scenario", &format!("{scenario} (shows {})", finding.shows.join(", "))));
        }
    }
    streams.result(&text)?;
    Ok(exit::HOLDS)
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
    streams.result(&String::from_utf8_lossy(&script))?;
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
    streams.result(&String::from_utf8_lossy(&page))?;
    Ok(exit::HOLDS)
}

/// Documentation as one line.
fn plain(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A label, and prose beside it that wraps.
fn prose(label: &str, prose: &str) -> String {
    let mut text = format!("  {label:<width$}", width = INDENT - 2);
    let mut column = INDENT;
    for word in prose.split(' ') {
        let length = word.chars().count();
        if column > INDENT && column + 1 + length > WIDTH {
            text.push_str(&format!("\n{}", " ".repeat(INDENT)));
            column = INDENT;
        } else if column > INDENT {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
    text
}
