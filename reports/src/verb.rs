//! The implementation of each verb.

use std::io::IsTerminal;
use std::sync::atomic::AtomicBool;

use clap::{CommandFactory, Parser};

use crate::args::{BugsVerb, ChartVerb, ChecksVerb, Cli, FixesVerb, InspectVerb, ScenariosVerb, Verb};
use crate::engine::{Engine, Problem};
use crate::exit;
use crate::output::Streams;
use crate::show::quoted::quoted;

pub mod against;
pub mod bugs;
pub mod chart;
pub mod check;
pub mod cluster;
pub mod finding_search;
pub mod inspect;
pub mod instruments;
pub mod job;
pub mod merge;
pub mod metrics;
pub mod reference;
pub mod regressions;
pub mod replay;
pub mod scenarios;
pub mod shrink;
pub mod sweep;
pub mod why;

/// Parses a command line, executes it, and returns the exit code.
pub fn run(words: &[String], engine: &dyn Engine, interrupted: &AtomicBool, streams: &mut Streams<'_>) -> u8 {
    let done = match Cli::try_parse_from(words) {
        Ok(cli) => obey(cli, engine, interrupted, streams),
        Err(error) if error.use_stderr() => {
            streams.hint(error.render().to_string().trim_end());
            return exit::USAGE;
        }
        Err(help) => streams.result(&help.render().to_string()).map(|()| exit::HOLDS),
    };
    done.unwrap_or_else(|problem| {
        for line in problem.message.lines() {
            streams.hint(&format!("error: {line}"));
            // For a person; a program that reads stderr finds one line for each error.
            let quoted = std::io::stderr().is_terminal().then(|| quoted(line)).flatten();
            quoted.iter().for_each(|quoted| streams.hint(quoted));
        }
        exit::USAGE
    })
}

fn obey(cli: Cli, engine: &dyn Engine, interrupted: &AtomicBool, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    match cli.verb {
        Some(Verb::Sweep(args)) => sweep::run(&args, engine, interrupted, streams),
        Some(Verb::Replay(args)) => replay::run(&args, engine, streams),
        Some(Verb::Shrink(args)) => shrink::run(&args, engine, interrupted, streams),
        Some(Verb::Why(args)) => why::run(&args, engine, interrupted, streams),
        Some(Verb::Bugs { what: BugsVerb::List }) => reference::list_bugs(streams),
        Some(Verb::Bugs { what: BugsVerb::Hunt(args) }) => bugs::hunt_for(&args, engine, interrupted, streams),
        Some(Verb::Chart { what: ChartVerb::Gallery(args) }) => {
            chart::gallery::run(&args, engine, interrupted, streams)
        }
        Some(Verb::Chart { what }) => chart::run(&what, engine, interrupted, streams),
        Some(Verb::Scenarios { what: ScenariosVerb::List }) => scenarios::list(engine, streams),
        Some(Verb::Scenarios { what: ScenariosVerb::Show { name } }) => scenarios::show(engine, &name, streams),
        Some(Verb::Scenarios { what: ScenariosVerb::Schema }) => scenarios::schema(streams),
        Some(Verb::Inspect { what: InspectVerb::Log(args) }) => inspect::log(&args, engine, streams),
        Some(Verb::Inspect { what: InspectVerb::Metrics(args) }) => metrics::run(&args, engine, streams),
        Some(Verb::Inspect { what: InspectVerb::Quorum(args) }) => instruments::quorum(&args, engine, streams),
        Some(Verb::Inspect { what: InspectVerb::Shell(args) }) => instruments::shell(&args, engine, streams),
        Some(Verb::Inspect { what: InspectVerb::State(args) }) => instruments::state(&args, engine, streams),
        Some(Verb::Inspect { what: InspectVerb::Storage(args) }) => instruments::storage(&args, engine, streams),
        Some(Verb::Cluster(args)) => cluster::run(&args, engine, streams),
        Some(Verb::Schema { name }) => reference::schema(&name, streams),
        Some(Verb::Check(args)) => check::run(&args, streams),
        Some(Verb::Merge(args)) => merge::run(&args, engine, streams),
        Some(Verb::Fixes { what: FixesVerb::List }) => reference::list_fixes(streams),
        Some(Verb::Checks { what: ChecksVerb::List }) => reference::list_checks(streams),
        Some(Verb::Checks { what: ChecksVerb::Show { name } }) => reference::show_check(&name, streams),
        Some(Verb::Completions(args)) => reference::completions(&args, streams),
        Some(Verb::Man(args)) => reference::man(&args, streams),
        None => streams.result(&Cli::command().render_help().to_string()).map(|()| exit::HOLDS),
    }
}
