//! What a sweep is of.

use scenarios::scenario::cluster::usage::ClusterReport;
use xxhash_rust::xxh3::xxh3_128;

/// What was swept. Only sweeps of equal subjects can be merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Of kraftsim.
    pub version: String,
    /// Of the build, with `-dirty` if its sources differ from it; none if it is not known.
    pub commit: Option<String>,
    /// `madsim` or `bare`.
    pub host: String,
    /// As named.
    pub scenarios: Vec<String>,
    /// In force, from scenarios and flags.
    pub fixes: Vec<String>,
    /// In force, from scenarios and flags.
    pub bugs: Vec<String>,
    /// Each `--set`.
    pub set: Vec<String>,
    /// `--cluster`.
    pub cluster: Option<String>,
    /// What becomes of the properties in its files.
    pub cluster_report: Option<ClusterReport>,
    /// Rare situations that the sweep must reach.
    pub required_probes: Vec<RequiredProbe>,
    /// Of the texts of scenarios and of the files of `--cluster`: two sweeps may name the same files at
    /// different times.
    pub inputs_digest: u128,
}

/// Of [`Subject::inputs_digest`].
pub fn digest_of_inputs(texts: &[String]) -> u128 {
    let lengths = texts.iter().flat_map(|text| (text.len() as u64).to_le_bytes());
    xxh3_128(&lengths.chain(texts.iter().flat_map(|text| text.bytes())).collect::<Vec<u8>>())
}

/// A rare situation that runs must reach, or the sweep says nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequiredProbe {
    /// Whose runs must; any, if a flag asked.
    pub scenario: Option<String>,
    /// Its name.
    pub probe: String,
    /// Only sweeps of so many seeds must.
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
    /// What `--require-probe` asks: that some run reaches it, however few there are.
    pub fn by_flag(probe: &str) -> RequiredProbe {
        RequiredProbe { scenario: None, probe: probe.to_owned(), from_seeds: 0 }
    }
}
