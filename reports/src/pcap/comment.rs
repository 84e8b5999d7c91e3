//! The comment of a message: three lines, of which `docs/kraftsim.lua` reads the first and the last.

use std::fmt;

use scenarios::trace::text::Standings;
use scenarios::trace::{Line, Trace};
use scenarios::wire::Encoded;
use sim::process::Node;
use sim::watch::Way;

use super::fate::Fate;

/// What the comment is made of.
pub struct Comment<'a> {
    pub trace: &'a Trace,
    pub line: &'a Line,
    pub way: Way,
    pub encoded: &'a Encoded,
    pub standings: &'a Standings,
    pub fate: Fate,
}

impl fmt::Display for Comment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Comment { trace, line, way, encoded, fate, .. } = self;
        let kind = if way.is_request { "request" } else { "response" };
        let (api, version) = (trace.apis(line).join("/"), encoded.api_version);
        let (from, to) = (self.end(way.from), self.end(way.to));
        writeln!(f, "event {}: {api} v{version} {kind}, {from} to {to}", line.event)?;
        // Faults are in no text of a message.
        writeln!(f, "{}", trace.text(line, &|_| String::new()))?;
        match fate.delivered {
            Some((at_ns, event)) => write!(f, "delivered after {} us in event {event}", (at_ns - line.at_ns) / 1000)?,
            None => write!(f, "not delivered")?,
        }
        for (times, what) in [
            (fate.deliveries.saturating_sub(1), "delivered again"),
            (fate.blocked, "retransmitted"),
            (fate.dropped, "dropped"),
        ] {
            match times {
                0 => {}
                1 => write!(f, "; {what}")?,
                times => write!(f, "; {what} {times} times")?,
            }
        }
        Ok(())
    }
}

impl Comment<'_> {
    /// A node, with its role and epoch in the quorum.
    fn end(&self, node: Node) -> String {
        let standing = self.standings.of(node).map_or(String::new(), |standing| format!(" ({standing})"));
        format!("{}{standing}", self.trace.name(node))
    }
}
