//! `coverage_estimate` of a sweep: how much its runs did not cover.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fuzz::aggregate::SweepReport;
use fuzz::silence::{Sample, Silence};
use serde::{Deserialize, Serialize};

use crate::engine::Problem;
use crate::json::last_hunt::{Power, power};

/// `runs` are those of seeds drawn independently of other runs; one abstract state in `sampled_one_in` is kept, by its
/// hash, and the estimates are computed from these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SilenceJson {
    pub runs: u64,
    pub failed: u64,
    pub failing_below_ppm: Option<u64>,
    pub runs_with_states: u64,
    pub state_visits: u64,
    pub states: u64,
    pub singletons: u64,
    pub unseen_states_in_next_seed: Option<f64>,
    pub unseen_share_ppm: Option<u64>,
    pub sampled_one_in: u64,
    pub sampled_states: u64,
    pub sampled_singletons: u64,
    pub power: Option<PowerJson>,
    pub seen_once: String,
    pub seen_more: String,
}

/// Of the bugs of the last hunt, the number that were caught by as few seeds of these scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerJson {
    pub bugs: u64,
    pub caught: u64,
    pub caught_elsewhere: u64,
}

impl From<&SweepReport> for SilenceJson {
    fn from(report: &SweepReport) -> SilenceJson {
        let silence = &report.silence;
        let sample = &silence.sample;
        SilenceJson {
            runs: silence.runs,
            failed: silence.failed,
            failing_below_ppm: silence.failing_below_ppm(),
            runs_with_states: silence.reported,
            state_visits: silence.visits,
            states: silence.states(),
            singletons: silence.singletons(),
            unseen_states_in_next_seed: silence.unseen_in_next_permille().map(|n| n as f64 / 1e3),
            unseen_share_ppm: silence.unseen_share_ppm(),
            sampled_one_in: sample.one_in(),
            sampled_states: (sample.once().len() + sample.more().len()) as u64,
            sampled_singletons: sample.once().len() as u64,
            power: power(report).map(PowerJson::from),
            seen_once: pack(sample.once()),
            seen_more: pack(sample.more()),
        }
    }
}

impl From<Power> for PowerJson {
    fn from(Power { bugs, caught, caught_elsewhere }: Power) -> PowerJson {
        PowerJson { bugs, caught, caught_elsewhere }
    }
}

impl SilenceJson {
    /// Decodes the object.
    pub fn read(self) -> Result<Silence, Problem> {
        let once = unpack("/coverage_estimate/seen_once", &self.seen_once)?;
        let more = unpack("/coverage_estimate/seen_more", &self.seen_more)?;
        let wrong = || Problem::at("/coverage_estimate/sampled_one_in", "its hashes do not match this sampling");
        let sample = Sample::read(self.sampled_one_in, once, more).ok_or_else(wrong)?;
        let (runs, failed, reported, visits) = (self.runs, self.failed, self.runs_with_states, self.state_visits);
        Ok(Silence { runs, failed, reported, visits, sample })
    }
}

fn pack(hashes: impl Iterator<Item = u64>) -> String {
    STANDARD.encode(hashes.flat_map(u64::to_le_bytes).collect::<Vec<u8>>())
}

fn unpack(at: &str, text: &str) -> Result<Vec<u64>, Problem> {
    let wrong = || Problem::at(at, "it is no list of hashes, 8 bytes each, in base64");
    let bytes = STANDARD.decode(text).map_err(|_| wrong())?;
    let (words, rest) = bytes.as_chunks::<8>();
    if rest.is_empty() { Ok(words.iter().copied().map(u64::from_le_bytes).collect()) } else { Err(wrong()) }
}
