//! `checks`, `fixes`, `completions` and `man`: verbs that print reference text and run nothing.

use clap::{Args, Subcommand};
use clap_complete::Shell;

/// `fixes`.
#[derive(Debug, Subcommand)]
pub enum FixesVerb {
    /// List every fix: Kafka's behaviour, the fix, and the scenario that shows the difference
    List,
}

/// `checks`.
#[derive(Debug, Subcommand)]
pub enum ChecksVerb {
    /// List every check: its scope, whether it is of safety or liveness, and its claim
    List,
    /// Show one check: its claim, where that comes from, and the bugs that should violate it
    Show {
        /// Its name
        name: String,
    },
}

/// `completions`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kraftsim completions bash > ~/.local/share/bash-completion/completions/kraftsim")]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// `man`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kraftsim man | man -l -\n  kraftsim man chart failover | man -l -")]
pub struct ManArgs {
    /// A verb, such as sweep or chart failover [default: the command itself]
    #[arg(value_name = "VERB")]
    pub verb: Vec<String>,
}
