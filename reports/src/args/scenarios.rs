//! `scenarios`.

use clap::Subcommand;

/// `scenarios`.
#[derive(Debug, Subcommand)]
pub enum ScenariosVerb {
    /// List the names with the purpose of each
    List,
    /// Print the TOML of one, to read or to copy for your own
    Show {
        /// A name of the catalog.
        name: String,
    },
}
