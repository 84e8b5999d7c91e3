//! What disturbed a cluster before an instant of its run: faults, and processes that ended by themselves.

use scenarios::trace::{Line, Trace, What};
use sim::duration::show_us;
use sim::fault::Fault;
use sim::process::Node;
use sim::watch::{Down, Phase};

/// How long after its end a disturbance is mentioned.
const MENTIONED_NS: u64 = 10_000_000_000;
/// At most so many are mentioned at once: those in force before those that have ended, and of each the latest.
const MENTIONED: usize = 4;

/// A disturbance, from begin to end.
pub struct Disturbance<'a> {
    from_ns: u64,
    /// `None`: not within the trace.
    to_ns: Option<u64>,
    what: String,
    fault: Option<&'a Fault>,
    /// Whose next boot ends it.
    down: Option<Node>,
}

/// All disturbances of a run, in the order of their begins. `words` describes a fault.
pub fn disturbances<'a>(trace: &'a Trace, words: &dyn Fn(&Fault) -> String) -> Vec<Disturbance<'a>> {
    let mut all: Vec<Disturbance<'a>> = Vec::new();
    for line in &trace.lines {
        let mut open = all.iter_mut().filter(|of| of.to_ns.is_none());
        match &line.what {
            What::Fault(fault, Phase::Start) => {
                let to_ns = (fault.lasts_ns == 0).then_some(line.at_ns);
                all.push(Disturbance {
                    from_ns: line.at_ns,
                    to_ns,
                    what: words(fault),
                    fault: Some(fault),
                    down: None,
                });
            }
            What::Fault(fault, Phase::End) => {
                if let Some(ended) = open.find(|of| of.fault == Some(&**fault)) {
                    ended.to_ns = Some(line.at_ns);
                }
            }
            What::Down(Down::Killed | Down::PowerLost) => {
                let of_the_node = |of: &&mut Disturbance<'_>| of.fault.is_some_and(|it| it.what.node() == line.node);
                open.filter(of_the_node).for_each(|of| of.down = line.node);
            }
            What::Down(Down::Halted { .. } | Down::Panicked) => all.push(ended_by_itself(trace, line, words)),
            What::Booted => {
                let ends = |of: &&mut Disturbance<'_>| of.down.is_some() && of.down == line.node;
                open.filter(ends).for_each(|of| of.to_ns = Some(line.at_ns));
            }
            What::Healed => {
                open.filter(|of| of.fault.is_some() && of.down.is_none()).for_each(|of| of.to_ns = Some(line.at_ns));
            }
            _ => {}
        }
    }
    all
}

fn ended_by_itself<'a>(trace: &Trace, line: &Line, words: &dyn Fn(&Fault) -> String) -> Disturbance<'a> {
    let who = line.node.map_or("", |node| trace.name(node));
    let what = format!("{who} {}", trace.text(line, words));
    Disturbance { from_ns: line.at_ns, to_ns: None, what, fault: None, down: line.node }
}

/// The disturbances in force at a time, or that ended a short time before, with their times.
pub struct Nearby {
    /// In the order of their begins.
    pub all: Vec<String>,
    /// At most `MENTIONED` of them, in the same order.
    pub mentioned: Vec<String>,
}

pub fn before(all: &[Disturbance<'_>], at_ns: u64) -> Nearby {
    let is_near = |of: &&Disturbance<'_>| {
        of.from_ns <= at_ns && of.to_ns.is_none_or(|to_ns| to_ns.saturating_add(MENTIONED_NS) > at_ns)
    };
    let near: Vec<&Disturbance<'_>> = all.iter().filter(is_near).collect();
    let mut by_weight: Vec<usize> = (0..near.len()).collect();
    by_weight.sort_by_key(|place| (near[*place].to_ns.is_none_or(|to_ns| to_ns > at_ns), *place));
    let mut places = by_weight.split_off(near.len().saturating_sub(MENTIONED));
    places.sort_unstable();
    let text = |of: &&Disturbance<'_>| of.text();
    Nearby { all: near.iter().map(text).collect(), mentioned: places.iter().map(|place| near[*place].text()).collect() }
}

impl Disturbance<'_> {
    fn text(&self) -> String {
        let from = show_us(self.from_ns / 1000);
        let when = match self.to_ns {
            Some(to_ns) if to_ns == self.from_ns => format!("at {from}"),
            Some(to_ns) => format!("{from} to {}", show_us(to_ns / 1000)),
            None => format!("from {from}"),
        };
        format!("{when}: {}", self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_force_is_mentioned_before_what_has_ended() {
        let of = |from_s: u64, to_s: u64| Disturbance {
            from_ns: from_s * 1_000_000_000,
            to_ns: Some(to_s * 1_000_000_000),
            what: String::new(),
            fault: None,
            down: None,
        };
        let all = [of(1, 40), of(2, 11), of(12, 13), of(14, 15), of(15, 16), of(16, 17), of(21, 30)];
        let nearby = before(&all, 20_000_000_000);
        let begins = |texts: &[String]| texts.iter().map(|text| text[..2].trim_end_matches('.').to_owned()).collect();
        let (whole, few): (Vec<String>, Vec<String>) = (begins(&nearby.all), begins(&nearby.mentioned));
        assert_eq!(whole, ["1", "2", "12", "14", "15", "16"]);
        assert_eq!(few, ["1", "14", "15", "16"]);
    }
}
