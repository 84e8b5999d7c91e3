//! The properties of standard output.

use std::io::IsTerminal;

/// See the module's documentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// Columns; `None`: no terminal, and lines are not shortened.
    pub width: Option<usize>,
    /// True if colours are enabled.
    pub colours: bool,
}

impl Screen {
    /// Standard output of this process. `NO_COLOR`, `CLICOLOR` and `TERM=dumb` are respected.
    pub fn here() -> Screen {
        let stdout = std::io::stdout();
        let colours = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
        let width = || terminal_size::terminal_size_of(&stdout).map(|(width, _)| usize::from(width.0));
        Screen { width: if stdout.is_terminal() { width() } else { None }, colours }
    }
}
