//! Reduces a finished run to its report.

use std::collections::BTreeMap;

use sim::drive::Ended;
use sim::fault::Kind;
use sim::world::World;

use crate::actor::Actor;
use crate::aim::trigger_event::TriggerEvent;
use crate::checks::Checks;
use crate::coverage;
use crate::knobs;
use crate::reach::Reach;
use crate::report::{AckedRecords, Linearizability, Recovered, RunOutcome, RunReport, Violation, ViolationKind};
use crate::run::request::{Finished, Request};
use crate::run_observer::RunObserver;
use crate::scenario::Scenario;

/// The report of a finished run.
pub(crate) fn conclude(request: &Request<'_>, finished: &Finished) -> RunReport {
    let Finished { run, ended, sentinel, prepared } = finished;
    let (world, watch) = (&run.world, &run.watch);
    let scenario = &prepared.scenario;
    let checks = watch.checks.as_ref();
    let counts = world.counts();
    let mut operations = BTreeMap::new();
    let mut probes = BTreeMap::new();
    let mut excused = BTreeMap::new();
    if let Some(checks) = checks {
        match checks.cluster() {
            Some(cluster) => {
                let of_clients = cluster.histories.counts.operations();
                operations.extend(of_clients.map(|(kind, counts)| (kind.to_owned(), counts)));
            }
            None => operations.extend([("append".to_owned(), checks.appends()), ("read".to_owned(), checks.reads())]),
        }
        // Situations that an explicit plan led to are reported, too.
        let met = checks.coverage().filter(|(_, count)| *count > 0).map(|(name, _)| (name, true));
        let possible = coverage::possible(Reach::of(request.scenario)).map(|name| (name, false));
        probes.extend(possible.chain(met).map(|(name, met)| (name.to_owned(), met)));
        let excuses = checks.excused().filter(|(_, count)| *count > 0);
        excused.extend(excuses.map(|(excuse, count)| (excuse.name().to_owned(), count)));
    }
    RunReport {
        scenario: request.scenario.name.clone(),
        seed: request.seed,
        digest: world.digest().0,
        behaviour_digest: world.trace().behaviour_digest().0,
        plan_digest: world.trace().plan_digest().0,
        ladder: world.trace().ladder().iter().map(|rung| (rung.entries, rung.digest.0)).collect(),
        outcome: outcome(ended, world, checks, request, scenario),
        events: counts.events,
        messages: counts.messages,
        sim_ns: world.now(),
        operations,
        records: records(checks, scenario),
        probes,
        faults: faults(scenario, watch),
        aimed: aimed(scenario, watch),
        knobs: knob_values(request.scenario, &prepared.knobs),
        excused,
        bugs: scenario.bugs.iter().map(|bug| bug.name().to_owned()).collect(),
        fixes: scenario.fixes.iter().map(|fix| fix.name().to_owned()).collect(),
        recovery: watch.has_recovered().then(|| Recovered {
            took_ns: world.now().saturating_sub(scenario.duration.0),
            bound_ns: prepared.recovery_bound_ns,
        }),
        failovers: checks.map_or(Vec::new(), |checks| checks.failovers().to_vec()),
        linearizability: checks.map_or(Linearizability::Unknown, Checks::linearizability),
        black_box: None,
        abstract_states: watch.states.as_deref().cloned(),
        host_sentinel: *sentinel,
    }
}

fn outcome(
    ended: &Ended,
    world: &World<Actor>,
    checks: Option<&Checks>,
    request: &Request<'_>,
    scenario: &Scenario,
) -> RunOutcome {
    let counts = world.counts();
    let ours = |kind, invariant: &str, detail: String| {
        let spec = "a run is a function of its seed, and ends".to_owned();
        let at_ns = world.now();
        RunOutcome::Violated(Violation {
            kind,
            invariant: invariant.to_owned(),
            predicate: None,
            spec,
            detail,
            at_ns,
            event: counts.events,
        })
    };
    let violation = checks.and_then(Checks::violation);
    match ended {
        Ended::Panicked(panic) => {
            let violation = Violation::of_panic(panic, &[]);
            return RunOutcome::Violated(Violation { at_ns: world.now(), event: counts.events, ..violation });
        }
        _ if violation.is_some() => {}
        Ended::Runaway(true) => {
            return ours(
                ViolationKind::Runaway,
                "TimeMoves",
                format!("simulated time does not advance after {} events", counts.events),
            );
        }
        Ended::Runaway(false) => {
            return ours(
                ViolationKind::Runaway,
                "EventBudget",
                format!("the run has not ended after {} events", counts.events),
            );
        }
        Ended::End | Ended::Stopped | Ended::AfterEvent => {}
    }
    if let Some(violation) = violation {
        return RunOutcome::Violated(Violation { event: counts.events, ..violation });
    }
    let Some(checks) = checks else { return RunOutcome::Holds };
    if let Some(cause) = checks.ended_by() {
        return RunOutcome::Inconclusive { floor: format!("excused: {cause}"), wanted: 0, got: 1 };
    }
    if request.until_ns.is_some_and(|until| world.now() >= until) {
        // The floor may not be reached only because of the faults that were left out.
        return RunOutcome::Holds;
    }
    let work = match checks.cluster() {
        Some(cluster) => ("produce_ok", scenario.floor.produce_ok, cluster.histories.counts.of("produce").ok),
        None => ("append_ok", scenario.floor.append_ok, checks.appends().ok),
    };
    let floors = [work, ("elections", scenario.floor.elections, checks.elections())];
    for (floor, wanted, got) in floors {
        if got < wanted {
            return RunOutcome::Inconclusive { floor: floor.to_owned(), wanted, got };
        }
    }
    RunOutcome::Holds
}

fn records(checks: Option<&Checks>, scenario: &Scenario) -> AckedRecords {
    let (acked, excused) = checks.map_or((0, 0), Checks::acked_records);
    AckedRecords { acked, excused, must_keep_percent: scenario.floor.acked_kept_percent }
}

/// Every kind the scenario's nemesis knows, and how often it was injected.
fn faults(scenario: &Scenario, watch: &RunObserver) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for kind in Kind::ALL {
        let struck = watch.faults[*kind as usize];
        if scenario.nemesis.allows(*kind) || struck > 0 {
            counts.insert(kind.name().to_owned(), struck);
        }
    }
    counts
}

/// Every trigger of its aimed faults, and the number of faults that it started.
fn aimed(scenario: &Scenario, watch: &RunObserver) -> BTreeMap<String, u64> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    if let Some(aimed) = &scenario.nemesis.aimed {
        let possible = TriggerEvent::possible(scenario.cluster.has_brokers());
        counts.extend(possible.filter(|event| aimed.may_draw(*event)).map(|event| (event.name().to_owned(), 0)));
    }
    counts.extend(watch.aimed.iter().map(|(name, count)| (name.clone(), *count)));
    counts
}

/// Every knob this scenario's seeds may change, and its value here (`default` if not changed).
fn knob_values(scenario: &Scenario, drawn: &[(String, String)]) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, String> =
        knobs::names(scenario).into_iter().map(|name| (name.to_owned(), "default".to_owned())).collect();
    values.extend(drawn.iter().cloned());
    values
}
