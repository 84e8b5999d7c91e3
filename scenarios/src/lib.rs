//! One run: a cluster in a world, a workload, faults, and what must hold.
//!
//! `raft` models Kafka, `sim` models the environment it runs in; this crate runs one in the other and says what must
//! hold. Start at [`run`] (the course of one run), then:
//! * [`scenario`] and [`catalog`]: everything that defines a run except its seed, as TOML
//! * [`cluster`]: from a scenario and a seed to a world about to boot; [`knobs`], [`nemesis`]
//! * [`aim`]: the events that aimed faults wait for, and the guards that forbid faults
//! * [`actor`] and [`workload`]: Kafka's nodes and our clients as processes of the world; [`message`]: the messages
//!   between them; [`said`]: their observations
//! * [`run_observer`] and [`checks`]: what crosses the border of a node, and what must hold of it
//! * [`recovery_bound`]: how long a healed cluster may take; [`reach`]: which situations a scenario can reach at all
//! * [`bugs`]: bugs, and the scenarios in which they are searched for
//! * [`run::fork`]: a run that can be stopped, cloned, and continued differently
//! * [`run::listener`]: receives everything that a run's observer receives, without an effect on the run; [`trace`]: a
//!   run, line by line; [`wire`]: its messages as Kafka's own bytes
//! * [`log_directory`]: the files of a run's nodes, and what a log directory holds
//! * [`instruments`]: what an operator's tools show of a run at an instant
//! * [`report`]: the report of one run; [`topic_names`]: how its texts name topics
//! * [`history`]: the operations of clients and the responses to them; [`wgl`]: the search that judges them
//! * `story`: a run as an async function, in Kafka's terms (builds with the madsim host only; a crate outside this
//!   workspace depends on `scenarios` with the feature `story`, which says what is missing); [`client_answers`]: the
//!   responses to its clients

#![deny(clippy::float_arithmetic)]

#[cfg(all(feature = "story", not(madsim)))]
compile_error!(
    "stories are hosted by madsim, which a cfg compiles in: add these two lines to .cargo/config.toml \
     beside your Cargo.toml, and unset RUSTFLAGS, which would replace them:\n\n\
     [build]\n\
     rustflags = [\"--cfg\", \"madsim\"]\n"
);

pub mod abstract_state;
pub mod actor;
pub mod aim;
pub mod availability_bound;
pub mod bugs;
pub mod catalog;
pub mod checks;
pub mod client_answers;
pub mod cluster;
pub mod coverage;
pub mod failover;
pub mod history;
mod identity;
pub mod instruments;
pub mod knobs;
pub mod log_directory;
pub mod message;
pub mod nemesis;
pub mod reach;
pub mod recovery_bound;
pub mod report;
pub mod run;
pub mod run_observer;
pub mod said;
pub mod scenario;
#[cfg(madsim)]
pub mod story;
pub mod topic_names;
pub mod trace;
pub mod wgl;
pub mod wire;
pub mod workload;
