//! A trace on the terminal: selection of lines, and their format.

use std::fmt::Write;

use anstyle::{AnsiColor, Effects, Style};
use scenarios::trace::text::{Standings, contains_name};
use scenarios::trace::{Line, LineId, Relation, Stage, Trace, What, api_names, touched};
use sim::fault::Fault;
use sim::process::Node;

use super::screen::Screen;
use crate::engine::Problem;

/// Number of past lines shown by `--around violation`.
pub const LINES_BEFORE: usize = 200;

/// Number of lines shown by `--around EVENT` before the event, and from it on.
pub const LINES_BESIDE: usize = 100;

/// The value of `--around`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Around {
    /// The violation.
    Violation,
    /// An event by its number.
    Event(u64),
}

/// Reads `--around`.
pub fn parse_around(text: &str) -> Result<Around, String> {
    match text {
        "violation" => Ok(Around::Violation),
        number => number
            .parse()
            .map(Around::Event)
            .map_err(|_| format!("{number:?} is neither \"violation\" nor the number of an event")),
    }
}

/// The selected lines.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only these nodes; empty: all.
    pub nodes: Vec<Node>,
    /// From this time on, ns.
    pub from_ns: u64,
    /// To this time, ns.
    pub to_ns: Option<u64>,
    /// Only lines around this.
    pub around: Option<Around>,
    /// Only messages of these APIs; empty: all lines.
    pub apis: Vec<&'static str>,
    /// Only lines that contain one of these names, that of the node included; empty: all.
    pub about: Vec<String>,
}

/// Nodes by their ids in properties files or by their names.
pub fn nodes(flag: &str, requested: &[String], names: &[String]) -> Result<Vec<Node>, Problem> {
    let find = |requested: &String| {
        let is_it = |name: &&String| {
            *name == requested || name.strip_prefix("controller-").or(name.strip_prefix("broker-")) == Some(requested)
        };
        let place = names.iter().position(|name| is_it(&name)).ok_or_else(|| {
            Problem::new(format!("{flag} {requested}: this run has no such node; it has {}", names.join(", ")))
        })?;
        Ok(Node(place as u16))
    };
    requested.iter().map(find).collect()
}

/// APIs by their Kafka names, in any case.
pub fn apis(requested: &[String]) -> Result<Vec<&'static str>, Problem> {
    let names = api_names();
    let find = |requested: &String| {
        names.iter().copied().find(|name| name.eq_ignore_ascii_case(requested)).ok_or_else(|| {
            Problem::new(format!("--grep {requested}: there is no such RPC; allowed: {}", names.join(", ")))
        })
    };
    requested.iter().map(find).collect()
}

impl Filter {
    /// The selected lines, and the relation of each line of the run to the line of `--around`. An error says
    /// why there is no such line.
    fn select(&self, trace: &Trace, fault: &dyn Fn(&Fault) -> String) -> Result<(Vec<LineId>, Vec<Relation>), String> {
        let focus = match self.around {
            Some(Around::Event(event)) => {
                let of_event = |line: &Line| line.event >= event && !trace.is_internal(line);
                let found = trace.lines.iter().position(of_event);
                Some(found.ok_or_else(|| format!("--around {event}: the run ends before that event"))? as LineId)
            }
            Some(Around::Violation) => {
                Some(trace.violation().ok_or("--around violation: nothing in this run violates an invariant")?)
            }
            None => trace.violation(),
        };
        let relations = match focus {
            Some(focus) => trace.related_to(focus),
            None => vec![Relation::None; trace.lines.len()],
        };
        let is_wanted = |id: &usize| {
            let line = &trace.lines[*id];
            let in_time = line.at_ns >= self.from_ns && self.to_ns.is_none_or(|to| line.at_ns <= to);
            let is_focus = relations[*id] == Relation::Itself || matches!(line.what, What::Broken(_));
            let is_asked_for =
                || self.is_of_node(line) && self.is_of_api(trace, line) && self.is_about(trace, line, fault);
            in_time && !trace.is_internal(line) && (is_focus || is_asked_for())
        };
        let mut shown: Vec<LineId> = (0..trace.lines.len()).filter(is_wanted).map(|id| id as LineId).collect();
        match (self.around, focus) {
            (Some(Around::Violation), _) => {
                // The rest of the same event belongs to the violation.
                let rest = |id: LineId| focus.is_some_and(|focus| id > focus);
                shown.retain(|id| relations[*id as usize] != Relation::None || rest(*id));
                let end = shown.partition_point(|id| !rest(*id));
                shown.drain(..end.saturating_sub(LINES_BEFORE + 1));
            }
            (Some(Around::Event(_)), Some(focus)) => {
                let middle = shown.partition_point(|id| *id < focus);
                shown.truncate(middle + LINES_BESIDE);
                shown.drain(..middle.saturating_sub(LINES_BESIDE));
            }
            _ => {}
        }
        Ok((shown, relations))
    }

    fn is_of_node(&self, line: &Line) -> bool {
        if self.nodes.is_empty() {
            return true;
        }
        match &line.what {
            What::Message(Stage::Blocked | Stage::Dropped, way, _) => {
                self.nodes.contains(&way.from) || self.nodes.contains(&way.to)
            }
            What::Fault(fault, _) => touched(&fault.what).iter().any(|node| self.nodes.contains(node)),
            _ => line.node.is_none_or(|node| self.nodes.contains(&node)),
        }
    }

    fn is_about(&self, trace: &Trace, line: &Line, fault: &dyn Fn(&Fault) -> String) -> bool {
        if self.about.is_empty() {
            return true;
        }
        let text = format!("{} {}", line.node.map_or("", |node| trace.name(node)), trace.text(line, fault));
        self.about.iter().any(|name| contains_name(&text, name))
    }

    fn is_of_api(&self, trace: &Trace, line: &Line) -> bool {
        self.apis.is_empty() || trace.apis(line).iter().any(|api| self.apis.contains(api))
    }
}

/// The meaning of the marks in the margin.
pub const LEGEND: &str =
    "marks: ! the violation (or the event asked for), > its chain of causes, * what may have led to it";

/// The lines as text. `fault` describes a fault.
pub fn text(
    trace: &Trace,
    filter: &Filter,
    screen: Screen,
    fault: &dyn Fn(&Fault) -> String,
) -> Result<String, String> {
    let (shown, relations) = filter.select(trace, fault)?;
    if shown.is_empty() {
        return Err("--log: the filters select no line of this run".to_owned());
    }
    let width = shown.iter().filter_map(|id| trace.lines[*id as usize].node).map(|node| trace.name(node).len()).max();
    let mut standings = Standings::new(trace);
    let mut text = String::new();
    let mut shown = shown.into_iter().peekable();
    for (number, line) in trace.lines.iter().enumerate() {
        let standing = standings.after(line);
        if shown.next_if_eq(&(number as LineId)).is_none() {
            continue;
        }
        let relation = relations[number];
        let mark = match relation {
            Relation::Itself => '!',
            Relation::Chain => '>',
            Relation::Past => '*',
            Relation::None => ' ',
        };
        let who = line.node.map_or("", |node| trace.name(node));
        let standing = standing.map_or(String::new(), |standing| standing.to_string());
        let seconds = format!("{}.{:06}", line.at_ns / 1_000_000_000, line.at_ns / 1_000 % 1_000_000);
        let what = trace.text(line, fault);
        let whole = format!(
            "{mark} {seconds:>10} {:>6} {who:<width$} {standing:<13} {what}",
            line.event,
            width = width.unwrap_or_default()
        );
        push(&mut text, &cut(whole.trim_end(), screen.width), style(line, relation), screen.colours);
    }
    Ok(text)
}

fn push(text: &mut String, line: &str, style: Style, colours: bool) {
    // Writing to a string does not fail.
    let _ = if colours { writeln!(text, "{style}{line}{style:#}") } else { writeln!(text, "{line}") };
}

/// The text, truncated to the width.
pub(super) fn cut(line: &str, width: Option<usize>) -> String {
    match width {
        Some(width) if line.chars().count() > width => {
            line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
        }
        _ => line.to_owned(),
    }
}

fn style(line: &Line, relation: Relation) -> Style {
    let is_fault = matches!(line.what, What::Fault(..) | What::Down(_) | What::Healed);
    match relation {
        _ if matches!(line.what, What::Broken(_)) => AnsiColor::Red.on_default().effects(Effects::BOLD),
        _ if is_fault => AnsiColor::Magenta.on_default(),
        Relation::Itself | Relation::Chain => AnsiColor::Yellow.on_default(),
        Relation::Past => Style::new(),
        Relation::None => Style::new().effects(Effects::DIMMED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_found_by_id_and_by_name() {
        let names = ["controller-1", "broker-101", "producer-1"].map(str::to_owned);
        let find =
            |requested: &str| nodes("--node", &[requested.to_owned()], &names).map_err(|problem| problem.message);
        assert_eq!(find("1"), Ok(vec![Node(0)]));
        assert_eq!(find("101"), Ok(vec![Node(1)]));
        assert_eq!(find("producer-1"), Ok(vec![Node(2)]));
        let unknown = "--node 2: this run has no such node; it has controller-1, broker-101, producer-1";
        assert_eq!(find("2"), Err(unknown.to_owned()));
    }

    #[test]
    fn a_line_is_cut_only_to_fit_a_terminal() {
        assert_eq!(cut("abcdef", None), "abcdef");
        assert_eq!(cut("abcdef", Some(6)), "abcdef");
        assert_eq!(cut("abcdef", Some(4)), "abc…");
    }
}
