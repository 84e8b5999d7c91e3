//! A run as an async function: actions on a cluster and observations of it, in Kafka's terms. The public test API.
//!
//! A story runs in the cluster's simulated time. All its actions are recorded as data, so [`Story::replay`] repeats
//! them without the story and gives the same run, byte for byte. All checks of a run are on. During the story clients
//! are idle except for operations that the story requests; then they continue, the world heals at the scenario's
//! `duration`, and the cluster must recover.
//!
//! ```
//! use scenarios::story::{Cluster, Story, StoryError};
//!
//! async fn a_leader_dies(c: Cluster) -> Result<(), StoryError> {
//!     c.create_topic("topic-0").await?;
//!     let mut sent = c.produce("topic-0", 0, 3).await?;
//!     let leader = c.leader_of("topic-0", 0).await?;
//!     c.kill(leader, 20_000).await?;
//!     c.wait_for_partition_leader_other_than(leader, "topic-0", 0).await?;
//!     sent.extend(c.produce("topic-0", 0, 3).await?);
//!     assert_eq!(c.consume("topic-0", 0, sent[5].offset).await?, sent);
//!     Ok(())
//! }
//!
//! let scenario = scenarios::catalog::find("calm").expect("built in").scenario()?;
//! let run = Story::new(&scenario, 7).tell(a_leader_dies)?;
//! run.holds()?;
//! assert_eq!(Story::new(&scenario, 7).replay(&run.recording)?.digest, run.report.digest);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In scenarios of controllers alone clients append to the metadata log itself:
//!
//! ```
//! # use scenarios::story::{Cluster, Story, StoryError};
//! async fn one_dies(c: Cluster) -> Result<(), StoryError> {
//!     let leader = c.active_controller().await?;
//!     c.kill(leader, 5_000).await?;
//!     let next = c.wait_for_leader_other_than(leader).await?;
//!     let offsets = c.append(2).await?;
//!     c.wait_for_high_watermark(next, offsets[1]).await
//! }
//! # let scenario = scenarios::catalog::find("controller-failover").expect("built in").scenario()?;
//! # Story::new(&scenario, 7).tell(one_dies)?.holds()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A wait for something that does not happen ends after 30 s, or when all faults end, with a [`StoryError`]. All that a
//! story can do is a method of [`Cluster`], by module: `cluster` (nodes and time), `faults`, `quorum`, `brokers` (and
//! partitions), `clients` (topics, producing, consuming).

mod brokers;
mod clients;
mod cluster;
mod error;
mod faults;
mod quorum;

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use crate::cluster::Explicit;
use sim::drive::Ended;
use sim::fault::Plan;
use sim::world::Recorded;

pub use clients::Operation;
pub use cluster::Cluster;
pub use error::StoryError;
pub use quorum::{Attempt, AttemptOutcome};

use crate::actor::Actor;
pub use crate::client_answers::{OperationOutcome, Record};
use crate::report::{RunOutcome, RunReport};
use crate::run::conclude::conclude;
use crate::run::{Host, Request, drive_by};
use crate::scenario::{Floor, Scenario};

/// A cluster and a seed for stories: the scenario's cluster and world, without
/// its faults, its knobs and its floors.
#[derive(Clone, Debug)]
pub struct Story {
    scenario: Scenario,
    seed: u64,
    host_seed: u64,
}

/// A story that has ended.
#[derive(Clone, Debug)]
pub struct StoryResult {
    /// The run.
    pub report: RunReport,
    /// What the story returned.
    pub story: Result<(), StoryError>,
    /// What it did, for [`Story::replay`].
    pub recording: Vec<Recorded<Actor>>,
}

impl StoryResult {
    /// Fails if the story failed, or the run did not hold.
    pub fn holds(&self) -> Result<(), StoryError> {
        self.story.clone()?;
        match &self.report.outcome {
            RunOutcome::Holds => Ok(()),
            other => Err(StoryError(format!("the story ended well, but {other}"))),
        }
    }
}

type StoryEnd = Rc<RefCell<Option<Result<(), StoryError>>>>;

impl Story {
    /// A story on this scenario's cluster and world.
    pub fn new(scenario: &Scenario, seed: u64) -> Story {
        let mut scenario = scenario.clone();
        scenario.floor = Floor { append_ok: 0, elections: 0, produce_ok: 0, acked_kept_percent: 0 };
        scenario.knobs.off = true;
        Story { scenario, seed, host_seed: seed }
    }

    /// The host's own seed, on which nothing may depend.
    #[must_use]
    pub fn host_seed(mut self, seed: u64) -> Story {
        self.host_seed = seed;
        self
    }

    /// Runs the story. An error is a scenario that cannot be run at all.
    pub fn tell<F>(&self, story: impl FnOnce(Cluster) -> F) -> Result<StoryResult, StoryError>
    where
        F: Future<Output = Result<(), StoryError>> + 'static,
    {
        let request = self.request(Host::Madsim);
        let verdict = StoryEnd::default();
        let finished = drive_by(&request, |prepared, run, end| {
            let cluster = Cluster::new(prepared);
            let reported = scene(cluster.clone(), story(cluster), verdict.clone());
            let (run, ended, sentinel) = sim::host::drive_hosted(run, end, self.host_seed, vec![Box::pin(reported)]);
            (run, ended, Some((sentinel.elapsed_ns, sentinel.next_draw)))
        })?;
        let report = conclude(&request, &finished);
        let unfinished = || match &finished.ended {
            Ended::Panicked(panic) => format!("the story or its run {panic}"),
            _ => format!("the run ended before the story: {}", report.outcome),
        };
        let story = verdict.take().unwrap_or_else(|| Err(StoryError(unfinished())));
        let recording = finished.run.world.recorded().to_vec();
        Ok(StoryResult { report, story, recording })
    }

    /// Repeats the recorded actions of a story, on the bare loop.
    pub fn replay(&self, recording: &[Recorded<Actor>]) -> Result<RunReport, StoryError> {
        let request = self.request(Host::Bare);
        let finished = drive_by(&request, |_, mut run, end| {
            let ended = run.drive_recorded(end, recording);
            (run, ended, None)
        })?;
        Ok(conclude(&request, &finished))
    }

    fn request(&self, host: Host) -> Request<'_> {
        Request { host, explicit: Explicit::plan(Plan::default()), ..Request::new(&self.scenario, self.seed) }
    }
}

/// Clients are idle while the story runs, and work after it.
async fn scene(cluster: Cluster, story: impl Future<Output = Result<(), StoryError>>, verdict: StoryEnd) {
    cluster.begin();
    let result = story.await;
    cluster.end();
    *verdict.borrow_mut() = Some(result);
}
