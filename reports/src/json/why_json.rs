//! `kraftsim.why.v1`: the point of no return of a run, its required faults, its causal chain.

use fuzz::case::Case;
use fuzz::case::story::Describer;
use fuzz::why::counterfactual::PartRole;
use fuzz::why::{FUTURES, Why};
use serde::Serialize;

use super::Seed;
use super::repetition_json::RepetitionJson;

/// The file.
#[derive(Debug, Serialize)]
pub struct WhyJson {
    schema: &'static str,
    version: String,
    commit: Option<&'static str>,
    scenario: String,
    seed: Seed,
    invariant: String,
    detail: String,
    at_ns: u64,
    event: u64,
    continuations: u64,
    /// `None`: no continuation holds even from the start.
    point_of_no_return: Option<TurningJson>,
    faults: Vec<PartJson>,
    operations: Vec<PartJson>,
    chain: Vec<HappeningJson>,
    /// Of a run that does not recover: what it repeated since its faults ended.
    repetitions: Vec<RepetitionJson>,
    wall_seconds: super::Seconds,
}

#[derive(Debug, Serialize)]
struct TurningJson {
    /// Number of events after which the claim could still hold.
    event: u64,
    /// Number of continuations in which it held.
    held: u64,
    /// The next event.
    by: String,
    /// Its time.
    at_ns: u64,
}

#[derive(Debug, Serialize)]
struct PartJson {
    at_ns: u64,
    what: String,
    /// `required`, `contributes` or `irrelevant`.
    verdict: &'static str,
    /// For a required part: the claim holds if it occurs earlier, or later, by this.
    sooner_ns: Option<u64>,
    later_ns: Option<u64>,
    /// For a contributing part: continuations that violate the claim with it, and without.
    with: Option<u64>,
    without: Option<u64>,
}

#[derive(Debug, Serialize)]
struct HappeningJson {
    at_ns: u64,
    /// Number of the event, from 1.
    event: u64,
    what: String,
    is_point_of_no_return: bool,
}

impl WhyJson {
    /// The schema's id.
    pub const SCHEMA: &'static str = "kraftsim.why.v1";

    pub fn of(name: &str, case: &Case, describer: &Describer<'_>, why: &Why, wall_ns: u64) -> WhyJson {
        let faults = case.plan.0.iter().map(|fault| (fault.at_ns, describer.fault(fault)));
        let operations = case.operations.iter().map(|requested| (requested.at_ns, describer.requested(requested)));
        let part = |((at_ns, what), verdict): ((u64, String), &PartRole)| PartJson::of(at_ns, what, *verdict);
        WhyJson {
            schema: WhyJson::SCHEMA,
            version: crate::VERSION.to_owned(),
            commit: crate::COMMIT,
            scenario: name.to_owned(),
            seed: Seed(case.seed),
            invariant: why.broken.invariant.clone(),
            detail: why.broken.detail.clone(),
            at_ns: why.broken.at_ns,
            event: why.broken.event,
            continuations: FUTURES,
            point_of_no_return: why.turning.as_ref().map(|turning| TurningJson {
                event: turning.event,
                held: turning.held,
                by: turning.by.clone(),
                at_ns: turning.at_ns,
            }),
            faults: faults.zip(&why.faults).map(part).collect(),
            operations: operations.zip(&why.operations).map(part).collect(),
            chain: why
                .chain
                .iter()
                .map(|it| HappeningJson {
                    at_ns: it.at_ns,
                    event: it.event,
                    what: it.what.clone(),
                    is_point_of_no_return: it.is_turning,
                })
                .collect(),
            repetitions: why.repetitions.iter().map(RepetitionJson::from).collect(),
            wall_seconds: super::Seconds(wall_ns),
        }
    }
}

impl PartJson {
    fn of(at_ns: u64, what: String, verdict: PartRole) -> PartJson {
        let plain = |verdict| PartJson {
            at_ns,
            what: what.clone(),
            verdict,
            sooner_ns: None,
            later_ns: None,
            with: None,
            without: None,
        };
        match verdict {
            PartRole::Necessary { sooner_ns, later_ns } => PartJson { sooner_ns, later_ns, ..plain("required") },
            PartRole::Helps { with, without } => {
                PartJson { with: Some(with), without: Some(without), ..plain("contributes") }
            }
            PartRole::Irrelevant => plain("irrelevant"),
        }
    }
}
