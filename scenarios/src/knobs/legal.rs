//! Corrects a draw with which Kafka would not start, or would log a warning.
//!
//! Each knob is drawn by itself, so that every value occurs with every other; a few pairs are then illegal together.
//! The one that causes the conflict is set to another of its declared values, or to its default; a value that a user
//! has pinned never changes:
//!
//! * `2 * broker.heartbeat.interval.ms <= broker.session.timeout.ms` (Kafka logs an error): the
//!   longest declared heartbeat that fits
//! * `3 * broker.session.timeout.ms <= initial.broker.registration.timeout.ms` where brokers are controllers, too: a
//!   broker whose registration is refused because the session of its previous incarnation is still valid ends its
//!   process, and a controller with it, and the next controller restarts every session timeout. Three nodes that end
//!   themselves in turn, a third of that time apart, never register again unless a session has expired by then; Kafka
//!   permits this configuration. The longest session timeout that fits
//! * `replica.fetch.wait.max.ms <= replica.lag.time.max.ms` (Kafka does not start) and well below
//!   `request.timeout.ms` (each idle fetch would time out): the shortest wait
//! * `replica.fetch.min.bytes <= replica.fetch.max.bytes`: a leader counts at most the latter for each partition, so
//!   otherwise a follower of few partitions waits each time for the whole `replica.fetch.wait.max.ms` and gets one
//!   batch for it: two batches a second for each leader, and no replica of a partition under load ever gets in sync.
//!   The shorter minimum
//! * with `replica.fetch.min.bytes` above one a leader receives a follower's log end offset only when the follower's
//!   wait has expired, and an `acks=all` append is answered after two such waits. They must fit into
//!   `client.request.timeout.ms` (which, by Kafka's documentation, should even be larger than
//!   `replica.lag.time.max.ms`); otherwise every attempt times out. The shorter wait
//! * `client.linger.ms + client.request.timeout.ms <= client.delivery.timeout.ms` (a producer does
//!   not start): the shorter request timeout
//!
//! If the user's pins leave no such value, the other knob of the pair is not drawn.

use super::pinned::{CLIENT, is_pinned};
use super::table::{KNOBS, Others, round_trip_ms};
use crate::scenario::Scenario;

/// A draw of one seed, and the values that it replaces.
struct Draw<'a> {
    scenario: &'a Scenario,
    drawn: &'a mut Vec<(String, String)>,
}

/// Corrects a draw.
pub(super) fn make_valid(scenario: &Scenario, drawn: &mut Vec<(String, String)>) {
    let round_trip_ms = round_trip_ms(scenario);
    let mut draw = Draw { scenario, drawn };
    if scenario.cluster.combined {
        let registration = "initial.broker.registration.timeout.ms";
        draw.at_most("broker.session.timeout.ms", registration, |timeout| timeout / 3);
    }
    draw.at_most("broker.heartbeat.interval.ms", "broker.session.timeout.ms", |session| session / 2);
    draw.at_most("replica.fetch.wait.max.ms", "replica.lag.time.max.ms", |lag| lag);
    draw.at_most("replica.fetch.wait.max.ms", "request.timeout.ms", |request| {
        request.saturating_sub(100 + 2 * round_trip_ms)
    });
    draw.at_most("replica.fetch.min.bytes", "replica.fetch.max.bytes", |max| max);
    draw.deliver_in_time();
    if draw.value("replica.fetch.min.bytes") > 1 {
        draw.at_most("replica.fetch.wait.max.ms", "client.request.timeout.ms", |request| {
            request.saturating_sub(100 + 4 * round_trip_ms) / 2
        });
        // The corrections above may have changed the request timeout.
        draw.deliver_in_time();
    }
}

impl Draw<'_> {
    fn deliver_in_time(&mut self) {
        let linger = self.value("client.linger.ms");
        self.at_most("client.request.timeout.ms", "client.delivery.timeout.ms", |delivery| {
            delivery.saturating_sub(linger)
        });
    }

    /// Ensures that `low` does not exceed `limit` of `high`.
    fn at_most(&mut self, low: &'static str, high: &'static str, limit: impl Fn(u64) -> u64) {
        if self.value(low) <= limit(self.value(high)) {
            return;
        }
        let most = limit(self.value(high));
        let fits = if is_pinned(self.scenario, low) { None } else { self.longest(low, most) };
        match fits {
            Some(value) => self.put(low, value),
            None => self.drawn.retain(|(name, _)| name != high),
        }
    }

    /// The longest declared value up to `most`; the default counts too.
    fn longest(&self, name: &str, most: u64) -> Option<u64> {
        let knob = KNOBS.iter().find(|knob| knob.name == name)?;
        let mut values = match knob.others {
            Others::Texts(texts) => texts.iter().filter_map(|text| text.parse().ok()).collect(),
            Others::Numbers(numbers) => numbers(self.scenario),
            Others::Flip(_) | Others::Seldom(_) => Vec::new(),
        };
        values.push(self.base(name));
        values.into_iter().filter(|value| *value <= most).max()
    }

    fn put(&mut self, name: &str, value: u64) {
        let place = self.drawn.iter().position(|(other, _)| other == name);
        if value == self.base(name) {
            self.drawn.retain(|(other, _)| other != name);
        } else if let Some(place) = place {
            self.drawn[place].1 = value.to_string();
        } else {
            self.drawn.push((name.to_owned(), value.to_string()));
        }
    }

    /// The value in force: drawn, or else the base value.
    fn value(&self, name: &str) -> u64 {
        let drawn = self.drawn.iter().find(|(other, _)| other == name).and_then(|(_, value)| value.parse().ok());
        drawn.unwrap_or_else(|| self.base(name))
    }

    /// The value if not drawn: the scenario's, or Kafka's default (controller-broker.md §6.10 for clients).
    fn base(&self, name: &str) -> u64 {
        let set = match name.strip_prefix(CLIENT) {
            Some(name) => self.scenario.clients.config.0.get(name),
            None => self.scenario.cluster.config.0.get(name),
        };
        set.and_then(|value| value.trim().parse().ok()).unwrap_or_else(|| match name {
            "client.linger.ms" => 5,
            "client.request.timeout.ms" => 30_000,
            "client.delivery.timeout.ms" => 120_000,
            _ => {
                let default = raft::config::definitions::find(name).and_then(|definition| definition.default);
                default.and_then(|default| u64::try_from(default).ok()).unwrap_or(0)
            }
        })
    }
}
