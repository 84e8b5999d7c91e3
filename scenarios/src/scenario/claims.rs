//! `[workload]`, `[floor]`, `[expect]`: the operations of clients, what a run must reach, what a sweep must keep.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer};
use serde::{Deserialize as DeriveDeserialize, Serialize};

use super::cluster::flat;
use super::error::Refusal;
use super::metric::Metric;
use super::values::{IntRange, Limit, Nanos};

/// `[workload]`: clients that append unique values and read committed ones back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Workload {
    pub clients: u16,
    /// Mean gap between two operations of one client.
    pub interval: Nanos,
    /// Appends of one client that may be in flight at once.
    pub max_in_flight: u32,
    /// Number of records in one append.
    pub records: IntRange,
    /// Share of reads among the operations, parts per million.
    pub reads_ppm: u32,
    /// An attempt without a response is given up after this time; its outcome stays unknown.
    pub attempt_timeout: Nanos,
    /// Operators who add and remove voters of a dynamic quorum.
    #[serde(skip_serializing_if = "is_zero")]
    pub membership_clients: u16,
    /// Mean gap between two changes of one operator.
    #[serde(skip_serializing_if = "is_usual_gap")]
    pub membership_interval: Nanos,
    /// An operator leaves at least so many voters.
    #[serde(skip_serializing_if = "is_one")]
    pub min_voters: u8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(value: &u16) -> bool {
    *value == 0
}

fn is_usual_gap(value: &Nanos) -> bool {
    *value == MEMBERSHIP_INTERVAL
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_one(value: &u8) -> bool {
    *value == 1
}

const MEMBERSHIP_INTERVAL: Nanos = Nanos(2_000_000_000);

impl Default for Workload {
    fn default() -> Workload {
        Workload {
            clients: 3,
            interval: Nanos::from_ms(50),
            max_in_flight: 5,
            records: IntRange { min: 1, max: 3 },
            reads_ppm: 200_000,
            attempt_timeout: Nanos::from_ms(2_000),
            membership_clients: 0,
            membership_interval: MEMBERSHIP_INTERVAL,
            min_voters: 1,
        }
    }
}

impl Workload {
    /// Operators remove voters that work as long as more than so many are left; `None` without operators.
    pub fn least_voters(&self) -> Option<usize> {
        (self.membership_clients > 0).then_some(usize::from(self.min_voters))
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        let refuse = |name: &str, value: String, allowed: &str| {
            Err(Refusal::new(format!("workload.{name}"), format!("{value}; allowed: {allowed}")))
        };
        match self {
            w if !(1..=64).contains(&w.clients) => refuse("clients", w.clients.to_string(), "1..64"),
            w if w.interval < Nanos(100_000) => refuse("interval", w.interval.to_string(), "100us and more"),
            w if !(1..=5).contains(&w.max_in_flight) => refuse("max_in_flight", w.max_in_flight.to_string(), "1..5"),
            w if w.records.min < 1 || w.records.max > 200 => refuse("records", w.records.to_string(), "within 1..200"),
            w if w.reads_ppm > 1_000_000 => refuse("reads_ppm", w.reads_ppm.to_string(), "0..1000000"),
            w if w.membership_clients > 4 => refuse("membership_clients", w.membership_clients.to_string(), "0..4"),
            w if w.membership_interval < Nanos::from_ms(1) => {
                refuse("membership_interval", w.membership_interval.to_string(), "1ms and more")
            }
            w if !(1..=7).contains(&w.min_voters) => refuse("min_voters", w.min_voters.to_string(), "1..7"),
            w if w.attempt_timeout < Nanos::from_ms(1) => {
                refuse("attempt_timeout", w.attempt_timeout.to_string(), "1ms and more")
            }
            _ => Ok(()),
        }
    }
}

/// `[floor]`: a run that does not reach these is inconclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Floor {
    /// Acknowledged appends, in scenarios of the quorum alone.
    pub append_ok: u64,
    pub elections: u64,
    /// Acknowledged batches of producers, in scenarios with brokers.
    pub produce_ok: u64,
    /// Share of the records acknowledged with `acks=all` that must not be lost with an excuse, percent, of all runs of
    /// a sweep together.
    pub acked_kept_percent: u64,
}

impl Floor {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let percent = self.acked_kept_percent;
        if percent <= 100 {
            return Ok(());
        }
        Err(Refusal::new("floor.acked_kept_percent", format!("{percent}; allowed: 0..100")))
    }
}

impl Default for Floor {
    fn default() -> Floor {
        Floor { append_ok: 200, elections: 1, produce_ok: 200, acked_kept_percent: 0 }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Expect(pub BTreeMap<String, Limit>);

impl Expect {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        for (name, limit) in &self.0 {
            let refuse = |problem: String| Err(Refusal::new(format!("expect.{name}"), problem));
            match name.parse::<Metric>() {
                Err(problem) => return refuse(problem),
                Ok(metric) if metric.is_time() && !limit.is_time => {
                    return refuse(format!("\"{limit}\" needs a unit, as in \"<= 4s\""));
                }
                Ok(metric) if !metric.is_time() && limit.is_time => {
                    return refuse(format!("\"{limit}\" is a time, and this is a count"));
                }
                Ok(_) => {}
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Expect {
    /// Metric names contain dots; in TOML these may be quoted or not.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Expect, D::Error> {
        flat(deserializer, |limit| limit.parse()).map(Expect)
    }
}
