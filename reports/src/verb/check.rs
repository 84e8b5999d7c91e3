//! `check`: is a history linearizable?

use fuzz::stopwatch::Stopwatch;
use scenarios::history::History;
use scenarios::history::judge::{Finding, Judgement, Terms, judge};

use crate::args::CheckArgs;
use crate::engine::Problem;
use crate::exit;
use crate::history::{read, text};
use crate::input::read_text_or_stdin;
use crate::json::check_json::{CheckJson, WitnessJson};
use crate::json::{Seconds, to_text};
use crate::output::{OutputTarget, Streams};
use crate::show::columns::plural;

/// Number of search steps for each object in the first search, and the factor for each further search.
const FIRST_STEPS: u64 = 1_000_000;
const MORE: u64 = 8;
/// The state of a search with this number of steps still fits in memory.
const MOST_STEPS: u64 = 64_000_000;
/// Only the end of a longer prefix is shown.
const SHOWN: usize = 12;

/// Reads, checks, writes.
pub fn run(args: &CheckArgs, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let target = args.json.as_deref().map(OutputTarget::checked).transpose()?;
    let (file, text) = read_text_or_stdin(&args.history)?;
    let history = read(&file, &text, args.model)?;
    let clock = Stopwatch::start();
    let (judgement, objects) = within(&history, args.limit_ns, &clock);
    let wall_ns = clock.elapsed_ns();
    let (verdict, code, finding) = match &judgement {
        Judgement::Linearizable => ("linearizable", exit::HOLDS, None),
        Judgement::Violated(finding) => ("violated", exit::SAFETY, Some(finding)),
        Judgement::Unknown { .. } => ("unknown", exit::INCONCLUSIVE, None),
    };
    if let Some(target) = &target {
        let json = CheckJson {
            schema: CheckJson::SCHEMA,
            verdict,
            operations: history.operations.len(),
            partitions: objects,
            wall_seconds: Seconds(wall_ns),
            witness: finding.map(|finding| WitnessJson::of(finding, &history)),
        };
        target.write(&to_text(&json), streams)?;
    }
    let operations = plural(history.operations.len() as u64, "operation");
    let mut text = format!("{file}: {operations} on {}: {verdict}\n", plural(objects as u64, "object"));
    match &judgement {
        Judgement::Linearizable => {}
        Judgement::Violated(finding) => text.push_str(&describe(finding, &history)),
        Judgement::Unknown { steps } => {
            text.push_str(&format!(
                "  undecided after {steps} steps for each object; --for sets a longer time limit\n"
            ));
        }
    }
    match target {
        Some(OutputTarget::Stdout) => streams.hint(text.trim_end()),
        _ => streams.result(&text)?,
    }
    Ok(code)
}

/// Searches with more and more steps, until it is decided or the time limit is reached.
fn within(history: &History, limit_ns: u64, clock: &Stopwatch) -> (Judgement, usize) {
    let mut steps = FIRST_STEPS;
    loop {
        let judged = judge(history, Terms::strict(steps));
        let is_open = matches!(judged.0, Judgement::Unknown { .. });
        if !is_open || steps >= MOST_STEPS || clock.elapsed_ns() >= limit_ns {
            return judged;
        }
        steps = steps.saturating_mul(MORE).min(MOST_STEPS);
    }
}

fn describe(finding: &Finding, history: &History) -> String {
    let Finding { object, why, prefix, stuck } = finding;
    let mut text = match why {
        Some(why) => format!("  {object}: {why}\n"),
        None if prefix.is_empty() => format!("  {object}: no linearization found: the first response is impossible\n"),
        None => {
            format!("  {object}: no linearization found. The longest one, which explains every earlier response:\n")
        }
    };
    if prefix.len() > SHOWN {
        text.push_str(&format!("    … {} before\n", prefix.len() - SHOWN));
    }
    for place in &prefix[prefix.len().saturating_sub(SHOWN)..] {
        text.push_str(&format!("    {}\n", text::operation(history, *place)));
    }
    text.push_str(&format!("  impossible after it\n    {}\n", text::operation(history, *stuck)));
    text
}
