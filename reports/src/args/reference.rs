//! `fixes`, `completions` and `man`: verbs that print reference text and run nothing.

use clap::{Args, Subcommand};
use clap_complete::Shell;

/// `fixes`.
#[derive(Debug, Subcommand)]
pub enum FixesVerb {
    /// List every fix: Kafka's behaviour, the fix, and the scenario that shows the difference
    List,
}

/// `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// A verb, such as sweep or chart failover [default: the command itself]
    #[arg(value_name = "VERB")]
    pub verb: Vec<String>,
}
