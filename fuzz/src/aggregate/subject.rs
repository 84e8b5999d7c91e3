//! The subject of a sweep: scenarios, flags and build.

use scenarios::scenario::cluster::usage::ClusterReport;
use xxhash_rust::xxh3::xxh3_128;

/// The subject of a sweep. Only sweeps with equal subjects can be merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Version of kraftsim.
    pub version: String,
    /// The commit of the build, with `-dirty` if its sources differ from it; `None` if unknown.
    pub commit: Option<String>,
    /// `madsim` or `bare`.
    pub host: String,
    /// The scenarios, as named on the command line.
    pub scenarios: Vec<String>,
    /// Fixes in force, from scenarios and flags.
    pub fixes: Vec<String>,
    /// Bugs in force, from scenarios and flags.
    pub bugs: Vec<String>,
    /// Machine profiles in force: whose service times the servers have.
    pub profiles: Vec<String>,
    /// The values of `--set`.
    pub set: Vec<String>,
    /// The value of `--cluster`.
    pub cluster: Option<String>,
    /// The report on the properties in its files.
    pub cluster_report: Option<ClusterReport>,
    /// Rare situations that the sweep must reach.
    pub required_probes: Vec<RequiredProbe>,
    /// Digest of the texts of scenarios and of the files of `--cluster`, which may change between two sweeps that
    /// name them.
    pub inputs_digest: u128,
}

/// The digest for [`Subject::inputs_digest`].
pub fn digest_of_inputs(texts: &[String]) -> u128 {
    let lengths = texts.iter().flat_map(|text| (text.len() as u64).to_le_bytes());
    xxh3_128(&lengths.chain(texts.iter().flat_map(|text| text.bytes())).collect::<Vec<u8>>())
}

/// A rare situation that some run must reach; otherwise the sweep is vacuous.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequiredProbe {
    /// The scenario whose runs must reach it; any scenario if a flag requested it.
    pub scenario: Option<String>,
    pub probe: String,
    /// Only sweeps of at least this number of seeds must reach it.
    pub from_seeds: u64,
}

impl std::fmt::Display for RequiredProbe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let RequiredProbe { scenario, probe, from_seeds } = self;
        match scenario {
            Some(scenario) => write!(f, "{probe} of {scenario} from {from_seeds} seeds on"),
            None => f.write_str(probe),
        }
    }
}

impl RequiredProbe {
    /// The requirement of `--require-probe`: some run reaches it, whatever the number of runs.
    pub fn by_flag(probe: &str) -> RequiredProbe {
        RequiredProbe { scenario: None, probe: probe.to_owned(), from_seeds: 0 }
    }
}
