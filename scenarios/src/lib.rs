//! One run: a cluster in a world, a workload, faults, and what must hold.
//!
//! `raft` is what Kafka does, `sim` is the world it lives in; this crate puts one into the
//! other and says what must hold. Start at [`run`] (the spine, what one run is), then:
//! * [`scenario`] and [`catalog`]: all that a run is but its seed, as TOML
//! * [`cluster`]: from a scenario and a seed to a world about to boot; [`knobs`], [`nemesis`]
//! * [`aim`]: what aimed faults wait for, and what guards forbid
//! * [`actor`] and [`workload`]: Kafka's nodes and our clients as processes of the world; [`message`]: the messages
//!   between them; [`said`]: what they say of themselves
//! * [`run_observer`] and [`checks`]: what crosses the border, and what must hold of it
//! * [`recovery_bound`]: how long a healed cluster may take; [`reach`]: what may happen in a
//!   scenario at all
//! * [`bugs`]: bugs, and the scenarios in which they are looked for
//! * [`run::fork`]: a run that can be stopped, cloned, and gone on with otherwise; [`causes`]: what led to what
//! * [`run::listener`]: what is shown a run and decides nothing of it; [`trace`]: a run, line by line
//! * [`report`]: what one run has to say; [`topic_names`]: how its texts name topics
//! * [`history`]: the operations of clients and the answers to them; [`wgl`]: the search that judges them
//! * `story`: a run as an async function, in Kafka's terms (builds with the madsim host only; a crate
//!   outside this workspace depends on `scenarios` with the feature `story`, which says what is missing);
//!   [`client_answers`]: the answers to its clients

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
pub mod bugs;
pub mod catalog;
pub mod causes;
pub mod checks;
pub mod client_answers;
pub mod cluster;
pub mod coverage;
pub mod failover;
pub mod history;
mod identity;
pub mod knobs;
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
pub mod workload;
