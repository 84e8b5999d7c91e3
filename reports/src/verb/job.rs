//! The run of a verb: a seed of a scenario, or a repro file.

use std::path::Path;

use fuzz::seeds::show_seed;

use crate::args::{OneRun, RunFlags};
use crate::command;
use crate::engine::{Engine, Named, Overrides, Problem};
use crate::input::read_text;
use crate::json::reading::in_file;
use crate::json::repro;
use crate::load;
use crate::output::Streams;

/// A digest, and the ladder of its run.
pub type Stored = (u128, Vec<(u64, u128)>);

/// The run, and its expected result.
pub struct Job {
    pub scenario: Named,
    pub seed: u64,
    /// The flags that alter it.
    pub overrides: Overrides,
    /// Digest that the run must have.
    pub expected: Option<u128>,
    /// Ladder of the expected run; empty if only its digest is known.
    pub ladder: Vec<(u64, u128)>,
    /// The repro file that contains the run, and the flags that it does not contain.
    pub repro: Option<(String, Overrides)>,
    /// The result in the repro file, if no flag alters the run.
    pub stored: Option<Stored>,
}

impl Job {
    /// Reads and prepares the run of a verb.
    pub fn load(
        requested: &OneRun,
        run: &RunFlags,
        verb: &str,
        engine: &dyn Engine,
        streams: &mut Streams<'_>,
    ) -> Result<Job, Problem> {
        if is_repro(requested, engine) {
            from_repro(requested, run, engine, streams)
        } else {
            from_scenario(requested, run, verb, engine)
        }
    }

    /// Of what is run, for those who wait.
    pub fn description(&self) -> String {
        format!("running {} seed {}", self.scenario.name, show_seed(self.seed))
    }

    /// The command that runs it again, and expects this digest.
    pub fn command(&self, digest: u128) -> String {
        match &self.repro {
            Some((path, on_top)) => command::replay_repro(path, digest, on_top),
            None => command::replay(&self.scenario.name, self.seed, digest, &self.overrides),
        }
    }

    /// Prints a note if the digest differs from that of the repro file.
    pub fn compare(&self, digest: u128, streams: &mut Streams<'_>) {
        if self.stored.as_ref().is_some_and(|(stored, _)| *stored != digest) {
            streams.note(
                "the digest of this run differs from that of its repro file: the file or the program was changed",
            );
        }
    }
}

/// A file that ends in `.json`, unless the catalog has a scenario of that name.
fn is_repro(requested: &OneRun, engine: &dyn Engine) -> bool {
    Path::new(&requested.what).extension().is_some_and(|e| e == "json") && engine.find(&requested.what).is_none()
}

fn from_scenario(requested: &OneRun, run: &RunFlags, verb: &str, engine: &dyn Engine) -> Result<Job, Problem> {
    let OneRun { what, seed } = requested;
    let seed = seed.ok_or_else(|| {
        Problem::new(format!("{verb} of scenario {what} needs a seed: --seed 0x2a (or give a repro file)"))
    })?;
    let overrides = load::overrides(run)?;
    let mut scenarios = load::load(engine, std::slice::from_ref(what), &overrides)?;
    let scenario = scenarios.pop().expect("one was named");
    Ok(Job { scenario, seed, overrides, expected: None, ladder: Vec::new(), repro: None, stored: None })
}

fn from_repro(
    requested: &OneRun,
    run: &RunFlags,
    engine: &dyn Engine,
    streams: &mut Streams<'_>,
) -> Result<Job, Problem> {
    let file = &requested.what[..];
    if requested.seed.is_some() {
        return Err(Problem::new(format!("{file}: a repro file has its own seed; --seed is for a scenario")));
    }
    let text = read_text(Path::new(file))?;
    let stored = repro::read(file, &text)?;
    let on_top = load::overrides(run)?;
    let overrides = stored.overrides.and(on_top.clone());
    let prepared = engine
        .prepare(&stored.scenario, &overrides, Some(&stored.plan))
        .map_err(|problem| in_file(problem, file, &text))?;
    if let Some(note) = of_another_build(&stored.version, stored.commit.as_deref()) {
        streams.note(&format!("{file} was written by {note}; its run may differ"));
    }
    Ok(Job {
        scenario: Named { name: stored.scenario.name, prepared },
        seed: stored.plan.seed,
        overrides,
        expected: None,
        ladder: Vec::new(),
        repro: Some((file.to_owned(), on_top)),
        stored: run.is_empty().then_some((stored.digest, stored.ladder)),
    })
}

/// The build that wrote a file, and this build, unless they are equal or unknown.
fn of_another_build(version: &str, commit: Option<&str>) -> Option<String> {
    let other_commit = commit.zip(crate::COMMIT).is_some_and(|(theirs, ours)| theirs != ours);
    let build = |version: &str, commit| format!("kraftsim {version} (commit: {})", crate::show_commit(commit));
    let same = version == crate::VERSION && !other_commit;
    (!same).then(|| format!("{}, and this is {}", build(version, commit), build(crate::VERSION, crate::COMMIT)))
}
