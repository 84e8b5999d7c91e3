//! `scenarios`.

use clap::Subcommand;

const SCHEMA_HELP: &str = "\
Example:
  kraftsim scenarios schema > scenario.schema.json

An editor with a language server for TOML, such as Taplo or Tombi, completes and
checks the fields of a file whose first line is
  #:schema ./scenario.schema.json";

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
    /// Print the JSON Schema of scenario files, for editors
    #[command(after_help = SCHEMA_HELP)]
    Schema,
}
