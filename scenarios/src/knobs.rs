//! The knob swarm: each seed draws timeouts and sizes anew, so that a sweep covers many different configurations.
//!
//! A knob is a Kafka property, a field of the scenario, or `client.` and a property of clients. Its value is the
//! default, small, or extreme but legal; one fifth of the seeds have all defaults. Properties that a user has set are
//! not drawn: an explicit `[cluster.config]` or `--set` pins its property, and nodes given as files pin all of theirs.
//! `table` holds the knobs, and `legal` corrects draws with which Kafka would not start.

mod legal;
mod pinned;
mod table;
#[cfg(test)]
mod tests;

use sim::rng::{Purpose, Seed};

use crate::scenario::Scenario;
use pinned::is_pinned;
use table::{KNOBS, Knob, Others, Where};

pub use pinned::CLIENT;
pub use table::NAMES;

/// A scenario that sets it, or draws it, writes snapshots within a run.
pub const BYTES_BETWEEN_SNAPSHOTS: &str = "metadata.log.max.record.bytes.between.snapshots";

/// Stream of the draw that decides whether a seed has all defaults; no knob has this number.
const ALL_DEFAULTS: u64 = 1 << 32;

/// The knobs that this seed changes, with their values, ready for [`Scenario::apply_knobs`]. A knob at its default is
/// left out.
pub fn draw(scenario: &Scenario, seed: Seed) -> Vec<(String, String)> {
    let all_defaults = seed.entropy(Purpose::Knob, ALL_DEFAULTS).below(5) == 0;
    if all_defaults || scenario.knobs.off {
        return Vec::new();
    }
    let has_brokers = scenario.cluster.has_brokers();
    let mut drawn = Vec::new();
    for (index, knob) in KNOBS.iter().enumerate() {
        if !is_of(knob, scenario) || is_pinned(scenario, knob.name) {
            continue;
        }
        let mut entropy = seed.entropy(Purpose::Knob, index as u64);
        // One time in three the default, whatever the number of others. A fifth of all seeds is a quarter of those that
        // draw.
        let is_drawn = match knob.others {
            Others::Seldom(_) => entropy.below(4) == 0,
            _ => entropy.below(3) > 0,
        };
        if is_drawn {
            let mut pick = |count: usize| entropy.below(count as u64) as usize;
            let value = match knob.others {
                Others::Seldom(text) => text.to_owned(),
                Others::Texts(texts) => texts[pick(texts.len())].to_owned(),
                Others::Numbers(numbers) => {
                    let numbers = numbers(scenario);
                    numbers[pick(numbers.len())].to_string()
                }
                Others::Flip(now) => (!now(scenario)).to_string(),
            };
            drawn.push((knob.name.to_owned(), value));
        }
    }
    if has_brokers {
        legal::make_valid(scenario, &mut drawn);
    }
    drawn
}

/// Applies drawn knobs. A run's start must be cheap, so it parses no TOML.
pub fn put_in_force(scenario: &mut Scenario, drawn: &[(String, String)]) -> Result<(), String> {
    for (name, value) in drawn {
        let refuse = || format!("knob {name} drew {value:?}, which it cannot take");
        match name.as_str() {
            "cluster.voters" => scenario.cluster.voters = Some(value.parse().map_err(|_| refuse())?),
            "cluster.dynamic" => scenario.cluster.dynamic = value.parse().map_err(|_| refuse())?,
            "cluster.kraft_version" => scenario.cluster.kraft_version = Some(value.parse().map_err(|_| refuse())?),
            "cluster.elr" => scenario.cluster.elr = Some(value.parse().map_err(|_| refuse())?),
            "workload.max_in_flight" => scenario.workload.max_in_flight = value.parse().map_err(|_| refuse())?,
            _ => {
                let (config, name) = match name.strip_prefix(CLIENT) {
                    Some(name) => (&mut scenario.clients.config, name),
                    None => (&mut scenario.cluster.config, name.as_str()),
                };
                config.0.insert(name.to_owned(), value.clone());
            }
        }
    }
    Ok(())
}

/// Each knob of this scenario's seeds with its values other than the default, for the document.
pub fn values(scenario: &Scenario) -> Vec<(&'static str, Vec<String>)> {
    let of = |knob: &table::Knob| match knob.others {
        Others::Texts(texts) => texts.iter().map(|text| (*text).to_owned()).collect(),
        Others::Numbers(numbers) => numbers(scenario).iter().map(u64::to_string).collect(),
        Others::Flip(now) => vec![(!now(scenario)).to_string()],
        Others::Seldom(text) => vec![text.to_owned()],
    };
    KNOBS.iter().filter(|knob| is_of(knob, scenario)).map(|knob| (knob.name, of(knob))).collect()
}

/// The knobs that this scenario's seeds may change, for reports.
pub fn names(scenario: &Scenario) -> Vec<&'static str> {
    if scenario.knobs.off {
        return Vec::new();
    }
    let may_turn = KNOBS.iter().filter(|knob| is_of(knob, scenario) && !is_pinned(scenario, knob.name));
    may_turn.map(|knob| knob.name).collect()
}

fn is_of(knob: &Knob, scenario: &Scenario) -> bool {
    let has_brokers = scenario.cluster.has_brokers();
    let is_named = |knob: &str| scenario.knobs.also.iter().any(|name| name == knob);
    match knob.at {
        Where::Everywhere => true,
        Where::Quorum => !has_brokers,
        Where::Brokers => has_brokers,
        Where::Named => has_brokers && is_named(knob.name),
        Where::Snapshots => {
            let sets = scenario.cluster.config.0.contains_key(BYTES_BETWEEN_SNAPSHOTS);
            has_brokers && (sets || is_named(BYTES_BETWEEN_SNAPSHOTS))
        }
    }
}
