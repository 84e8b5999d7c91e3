//! What the page says of a run as a whole.

use std::sync::atomic::AtomicBool;

use fuzz::case::{Case, violation};
use fuzz::seeds::show_seed;
use fuzz::why::{WhyProgress, turning};
use scenarios::report::{RunOutcome, RunReport};
use serde::Serialize;
use sim::duration::{DisplayDuration, in_words};

use crate::args::ProgressMode;
use crate::command;
use crate::engine::Problem;
use crate::json::show_digest;
use crate::output::Streams;
use crate::show::looking::Looking;
use crate::show::run_summary;
use crate::verb::job::Job;

/// What the page says of the run as a whole.
#[derive(Debug, Serialize)]
pub struct Heading {
    pub version: &'static str,
    pub commit: String,
    pub scenario: String,
    pub seed: String,
    pub digest: String,
    /// A few words.
    pub verdict: String,
    pub is_inconclusive: bool,
    pub violation: Option<Broken>,
    /// What to run next: a label, and the command.
    pub commands: Vec<(&'static str, String)>,
    pub turning: Option<Turning>,
}

/// The violated claim.
#[derive(Debug, Serialize)]
pub struct Broken {
    pub invariant: String,
    pub spec: String,
    pub detail: String,
    pub at_ns: u64,
}

/// The point of no return, as `why` finds it.
#[derive(Debug, Serialize)]
pub struct Turning {
    /// Number of events after which the claim could still hold.
    pub event: u64,
    /// When the next one was.
    pub at_ns: u64,
}

impl Heading {
    /// What is said of a replayed run.
    pub fn of(job: &Job, run: &RunReport, until_ns: Option<u64>) -> Heading {
        let violation = violation(run);
        let again = job.command(run.digest);
        let next = violation.and_then(|_| command::next(&again));
        let again = match (until_ns, again.rsplit_once(" --expect-digest ")) {
            // A part of a run has another digest than the run.
            (Some(until_ns), Some((run, _))) => format!("{run} --until {}", DisplayDuration(until_ns)),
            _ => again,
        };
        let mut commands = vec![("reproduce", again)];
        commands.extend(next.into_iter().flat_map(|[log, shrink]| [("log", log), ("shrink", shrink)]));
        let (verdict, is_inconclusive) = match &run.outcome {
            RunOutcome::Holds if run.is_undecided() => {
                ("no claim is violated, but whether the histories are linearizable is not decided".to_owned(), true)
            }
            outcome => (run_summary::outcome(run), matches!(outcome, RunOutcome::Inconclusive { .. })),
        };
        let verdict = match until_ns {
            Some(until_ns) => format!("until {}: {verdict}", in_words(until_ns)),
            None => verdict,
        };
        Heading {
            version: crate::VERSION,
            commit: crate::show_commit(crate::COMMIT),
            scenario: job.scenario.name.clone(),
            seed: show_seed(job.seed),
            digest: show_digest(run.digest),
            verdict,
            is_inconclusive,
            violation: violation.map(|broken| Broken {
                invariant: broken.invariant.clone(),
                spec: broken.spec.clone(),
                detail: broken.detail.clone(),
                at_ns: broken.at_ns,
            }),
            commands,
            turning: None,
        }
    }

    /// The same with the point of no return. It takes some hundred runs from checkpoints of this one, and is left out of a
    /// run that `--until` ended.
    pub fn with_turning(
        self,
        run: &RunReport,
        case: &Case,
        until_ns: Option<u64>,
        streams: &mut Streams<'_>,
    ) -> Result<Heading, Problem> {
        let Some(broken) = violation(run).filter(|_| until_ns.is_none()) else { return Ok(self) };
        let mut shown = Looking::new(ProgressMode::Auto, streams.err);
        shown.progress(WhyProgress::Turning);
        let found = turning::find(case, broken, &AtomicBool::new(false)).map_err(Problem::new);
        shown.finish();
        let turning = found?.map(|found| Turning { event: found.event, at_ns: found.at_ns });
        Ok(Heading { turning, ..self })
    }
}
