//! Draws are legal, cover every value, and do not change pinned properties.

use std::collections::{BTreeMap, BTreeSet};

use super::table::{FETCH_MAX_WAIT_MS, round_trip_ms};
use super::*;
use crate::catalog;

/// All values of a knob other than the scenario's own.
fn others(scenario: &Scenario, name: &str) -> BTreeSet<String> {
    let knob = KNOBS.iter().find(|knob| knob.name == name).expect("declared");
    match knob.others {
        Others::Texts(texts) => texts.iter().map(|text| (*text).to_owned()).collect(),
        Others::Numbers(numbers) => numbers(scenario).iter().map(u64::to_string).collect(),
        Others::Flip(now) => BTreeSet::from([(!now(scenario)).to_string()]),
        Others::Seldom(text) => BTreeSet::from([text.to_owned()]),
    }
}

fn with_brokers(lines: &str) -> Scenario {
    let text = format!("name = \"brokers\"\nduration = \"20s\"\n{lines}\n");
    Scenario::from_toml("s", &text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn knobs_are_legal_leave_a_fifth_alone_and_can_elect() {
    for entry in catalog::list() {
        let scenario = entry.scenario().expect("good");
        let mut seen = BTreeSet::new();
        let mut defaults = 0;
        for seed in 0..1_000 {
            let drawn = draw(&scenario, Seed(seed));
            assert_eq!(drawn, draw(&scenario, Seed(seed)));
            defaults += u32::from(drawn.is_empty());
            let mut turned = scenario.clone();
            turned.apply_knobs(&drawn).unwrap_or_else(|error| panic!("{error}"));
            for config in turned.cluster.configs().expect("good") {
                let fetch = u64::try_from(config.quorum.fetch_timeout_ms).expect("positive");
                // A scenario that draws nothing may have a network that is too slow for its timeouts.
                let can_fetch = fetch > FETCH_MAX_WAIT_MS + round_trip_ms(&scenario);
                assert!(can_fetch || scenario.knobs.off, "{}: {drawn:?}", entry.name);
            }
            seen.extend(drawn);
        }
        let turned = names(&scenario);
        if turned.is_empty() {
            assert_eq!(defaults, 1_000, "{}", entry.name);
        } else {
            assert!((150..260).contains(&defaults), "{}: {defaults}", entry.name);
            let all: usize = turned.iter().map(|name| others(&scenario, name).len()).sum();
            assert!(seen.len() + 1 >= all, "{}: {seen:?}", entry.name);
        }
    }
}

/// Every value, the default too, in at least 2 % of the seeds; with every draw Kafka would start without a warning.
#[test]
fn every_value_of_every_knob_is_frequent_and_every_draw_is_legal() {
    for cluster in [
        "brokers = 3",
        "combined = true",
        "brokers = 5\n[network]\ntransport = \"datagram\"\nlatency = \"lognormal(2ms, 0.8)\"",
    ] {
        let scenario = with_brokers(&format!("[clients]\nreplication_factor = 0\n[cluster]\n{cluster}"));
        let mut counts: BTreeMap<(String, String), u32> = BTreeMap::new();
        let mut all_defaults = 0;
        for seed in 0..2_000 {
            let drawn = draw(&scenario, Seed(seed));
            all_defaults += u32::from(drawn.is_empty());
            let mut turned = scenario.clone();
            turned.apply_knobs(&drawn).unwrap_or_else(|error| panic!("{error}: {drawn:?}"));
            for config in turned.cluster.configs().expect("good") {
                assert_eq!(config.warnings(), [""; 0], "{drawn:?}");
                let session_ms = i64::from(config.controller.broker_session_timeout_ms);
                let may_register = config.broker.initial_registration_timeout_ms >= 3 * session_ms;
                assert!(may_register || !scenario.cluster.combined, "{drawn:?}");
            }
            let of_clients = turned.clients.settings([].into(), [].into());
            let of_clients = of_clients.unwrap_or_else(|error| panic!("{error}: {drawn:?}"));
            let value = |name: &str| drawn.iter().find(|(drawn, _)| drawn == name).map(|(_, value)| value.parse());
            if value("replica.fetch.min.bytes") == Some(Ok(1_024)) {
                let two_waits_ms: i64 = 2 * value("replica.fetch.wait.max.ms").unwrap_or(Ok(500)).expect("a number");
                assert!(two_waits_ms < of_clients.producer.client.request_timeout_ms, "no append succeeds: {drawn:?}");
            }
            for name in names(&scenario) {
                let value = drawn.iter().find(|(drawn, _)| drawn == name).map_or("default", |(_, value)| value);
                *counts.entry((name.into(), value.into())).or_default() += 1;
            }
        }
        assert!((350..450).contains(&all_defaults), "{all_defaults}");
        for name in names(&scenario) {
            for value in others(&scenario, name).into_iter().chain(["default".into()]) {
                let runs = counts.get(&(name.to_owned(), value.clone())).copied().unwrap_or(0);
                assert!(runs >= 40, "{cluster}: {name} = {value}: {runs} of 2000");
            }
        }
    }
}

#[test]
fn what_is_pinned_or_set_is_not_drawn() {
    let mut scenario = catalog::find("quorum").expect("built in").scenario().expect("good");
    scenario.knobs.pinned.push("cluster.voters".into());
    scenario.set("controller.quorum.fetch.timeout.ms", "1500").expect("legal");
    scenario.set("metadata.log.segment.bytes", "8388608").expect("legal");
    for seed in 0..200 {
        let drawn = draw(&scenario, Seed(seed));
        assert!(drawn.iter().all(|(name, _)| name != "cluster.voters" && !name.contains("fetch.timeout")), "{drawn:?}");
    }
    assert!(!names(&scenario).contains(&"broker.session.timeout.ms"), "there is no broker");
}

/// A user's extremes are kept, and drawn values are adjusted to them.
#[test]
fn a_draw_gives_way_to_what_is_pinned() {
    let scenario = with_brokers(
        "[cluster]\nbrokers = 3\nelr = false\n[cluster.config]\nbroker.heartbeat.interval.ms = 3000\n\
         replica.lag.time.max.ms = 60\nreplica.fetch.wait.max.ms = 40\nlog.segment.bytes = 1048576\n[knobs]\n\
         pinned = [\"client.retry.backoff.ms\"]\n[clients.config]\nrequest.timeout.ms = 20000",
    );
    let mut sessions = BTreeSet::new();
    for seed in 0..300 {
        let drawn = draw(&scenario, Seed(seed));
        let mut turned = scenario.clone();
        turned.apply_knobs(&drawn).unwrap_or_else(|error| panic!("{error}: {drawn:?}"));
        let config = &turned.cluster.configs().expect("good")[0];
        assert_eq!((config.broker.heartbeat_interval_ms, config.broker.log.segment_bytes), (3_000, 1 << 20));
        assert_eq!((config.broker.replica_lag_time_max_ms, turned.cluster.elr), (60, Some(false)));
        assert!(drawn.iter().all(|(name, _)| name != "client.delivery.timeout.ms"), "20 s do not fit into 10 s");
        assert!(drawn.iter().all(|(name, _)| name != "client.retry.backoff.ms"), "pinned");
        let of_clients = turned.clients.settings([].into(), [].into()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(of_clients.producer.client.request_timeout_ms, 20_000);
        sessions.insert(config.controller.broker_session_timeout_ms);
    }
    assert_eq!(sessions, BTreeSet::from([9_000, 18_000]));
}
