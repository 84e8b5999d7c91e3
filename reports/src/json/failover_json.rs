//! Failovers in `kraftsim.sweep.v1`: by kind, each with its phases and causes.

use std::collections::BTreeMap;

use fuzz::durations::Durations;
use fuzz::failover::{FailoverTimes, Failovers, Times, Worst};
use scenarios::report::FailoverKind;
use serde::{Deserialize, Serialize};

use super::{Ms, Seed};
use crate::engine::Problem;

/// Every kind, including those without failovers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailoverJson {
    pub controller: TimesJson,
    pub partition: TimesJson,
    pub produce_gap: TimesJson,
    pub consume_gap: TimesJson,
    pub admin_gap: TimesJson,
    pub append_gap: TimesJson,
    pub voter_replacement: TimesJson,
}

/// Failovers of a kind; null if there were none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimesJson {
    pub count: u64,
    pub p50_ms: Option<Ms>,
    pub p90_ms: Option<Ms>,
    pub p99_ms: Option<Ms>,
    pub max_ms: Option<Ms>,
    pub worst_seed: Option<Seed>,
    pub histogram: String,
    pub phases: BTreeMap<String, PartJson>,
    pub causes: BTreeMap<String, PartJson>,
    /// Durations of failovers that had not ended; they are in none of the other fields.
    #[serde(default)]
    pub unended: Option<PartJson>,
}

/// Failovers of one phase or cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartJson {
    pub count: u64,
    pub p50_ms: Option<Ms>,
    pub p99_ms: Option<Ms>,
    pub max_ms: Option<Ms>,
    pub worst_seed: Option<Seed>,
    pub histogram: String,
}

impl From<&Failovers> for FailoverJson {
    fn from(failovers: &Failovers) -> Self {
        let nothing = FailoverTimes::default();
        let of = |kind| times(failovers.get(&kind).unwrap_or(&nothing));
        FailoverJson {
            controller: of(FailoverKind::Controller),
            partition: of(FailoverKind::Partition),
            produce_gap: of(FailoverKind::ProduceGap),
            consume_gap: of(FailoverKind::ConsumeGap),
            admin_gap: of(FailoverKind::AdminGap),
            append_gap: of(FailoverKind::AppendGap),
            voter_replacement: of(FailoverKind::VoterReplacement),
        }
    }
}

impl FailoverJson {
    /// Reads it back; errors have a JSON pointer.
    pub fn read(self) -> Result<Failovers, Problem> {
        let kinds = [
            (FailoverKind::Controller, self.controller),
            (FailoverKind::Partition, self.partition),
            (FailoverKind::ProduceGap, self.produce_gap),
            (FailoverKind::ConsumeGap, self.consume_gap),
            (FailoverKind::AdminGap, self.admin_gap),
            (FailoverKind::AppendGap, self.append_gap),
            (FailoverKind::VoterReplacement, self.voter_replacement),
        ];
        let mut failovers = Failovers::default();
        for (kind, json) in kinds {
            let times = read_times(&format!("/failover/{}", kind.name()), json)?;
            if times.total.all.count() + times.unended.all.count() > 0 {
                failovers.insert(kind, times);
            }
        }
        Ok(failovers)
    }
}

fn times(times: &FailoverTimes) -> TimesJson {
    let total = &times.total.all;
    TimesJson {
        count: total.count(),
        p50_ms: total.quantile_us(0.50).map(Ms),
        p90_ms: total.quantile_us(0.90).map(Ms),
        p99_ms: total.quantile_us(0.99).map(Ms),
        max_ms: total.max_us().map(Ms),
        worst_seed: times.total.worst.as_ref().map(|worst| Seed(worst.seed)),
        histogram: total.to_base64(),
        phases: times.phases.iter().map(|(name, times)| (name.clone(), part(times))).collect(),
        causes: times.causes.iter().map(|(name, times)| (name.clone(), part(times))).collect(),
        unended: Some(part(&times.unended)),
    }
}

fn part(times: &Times) -> PartJson {
    PartJson {
        count: times.all.count(),
        p50_ms: times.all.quantile_us(0.50).map(Ms),
        p99_ms: times.all.quantile_us(0.99).map(Ms),
        max_ms: times.all.max_us().map(Ms),
        worst_seed: times.worst.as_ref().map(|worst| Seed(worst.seed)),
        histogram: times.all.to_base64(),
    }
}

fn read_times(at: &str, json: TimesJson) -> Result<FailoverTimes, Problem> {
    // Merged one by one, because their order differs from that of the file.
    let mut read =
        FailoverTimes { total: read_one(at, &json.histogram, json.max_ms, json.worst_seed)?, ..Default::default() };
    let parts = |of: &str, parts: BTreeMap<String, PartJson>| {
        let part = |(name, part): (String, PartJson)| {
            let at = format!("{at}/{of}/{name}");
            Ok((name, read_one(&at, &part.histogram, part.max_ms, part.worst_seed)?))
        };
        parts.into_iter().map(part).collect::<Result<Vec<_>, Problem>>()
    };
    read.merge(&FailoverTimes { phases: parts("phases", json.phases)?, ..Default::default() });
    if let Some(unended) = json.unended {
        read.unended = read_one(&format!("{at}/unended"), &unended.histogram, unended.max_ms, unended.worst_seed)?;
    }
    read.causes = parts("causes", json.causes)?.into_iter().collect();
    Ok(read)
}

fn read_one(at: &str, histogram: &str, max: Option<Ms>, worst_seed: Option<Seed>) -> Result<Times, Problem> {
    let all = read_durations(at, histogram, max)?;
    // The scenario is in the limits; only the seed is needed here.
    let worst = worst_seed.zip(all.max_us());
    let worst = worst.map(|(seed, us)| Worst { us, seed: seed.0, scenario: String::new(), at_ns: 0, digest: 0 });
    Ok(Times { all, worst })
}

/// A histogram and its exact longest duration.
pub fn read_durations(at: &str, histogram: &str, max: Option<Ms>) -> Result<Durations, Problem> {
    Durations::from_base64(histogram, max.map(|max| max.0))
        .map_err(|error| Problem::at(format!("{at}/histogram"), error.to_string()))
}
