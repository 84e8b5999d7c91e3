//! `scenarios`.

use clap::Subcommand;

/// `scenarios`.
#[derive(Debug, Subcommand)]
pub enum ScenariosVerb {
    /// Names, and what each is about
    List,
    /// The TOML of one, to read or to start your own from
    Show {
        /// In the catalog.
        name: String,
    },
}
