//! Links: cuts of every shape, all made of one-way ones, and links that lose, delay or double.

use sim::fault::{Cut, Delay, Duplicate, Kind, Link, Loss, What};
use sim::process::Node;
use sim::rng::Entropy;

use super::planner::{Injection, Planner, draw_ns, draw_u32, pick, shuffle};
use crate::scenario::faults::CutShape;

/// A flapping link is up or down for this long at a time.
pub(super) const FLAP_MIN_NS: u64 = 100_000_000;
const FLAP_SPREAD_NS: u64 = 700_000_000;

impl Planner<'_> {
    pub(super) fn links(&mut self, kind: Kind, injections: Vec<Injection>) {
        let nemesis = &self.scenario.nemesis;
        for mut injection in injections {
            if kind == Kind::Cut {
                let shapes = nemesis.cut.as_ref().map_or(&[][..], |cuts| &cuts.shapes);
                self.cut(shapes, &mut injection);
                continue;
            }
            let entropy = &mut injection.entropy;
            let links = self.some_links(entropy);
            let what = match kind {
                Kind::Loss => nemesis.loss.as_ref().map(|p| What::Loss(Loss { links, ppm: draw_u32(entropy, p.ppm) })),
                Kind::Delay => {
                    nemesis.delay.as_ref().map(|p| What::Delay(Delay { links, extra_ns: draw_ns(entropy, p.extra) }))
                }
                _ => nemesis
                    .duplicate
                    .as_ref()
                    .map(|p| What::Duplicate(Duplicate { links, ppm: draw_u32(entropy, p.ppm) })),
            };
            if let Some(what) = what {
                self.push(injection.at_ns, injection.lasts_ns, what);
            }
        }
    }

    fn cut(&mut self, shapes: &[CutShape], injection: &mut Injection) {
        let entropy = &mut injection.entropy;
        let shape = pick(entropy, shapes);
        // With few servers some shapes are no cut: a ring of three is whole.
        let shape = match (shape, self.servers.len()) {
            (_, 1) => CutShape::Clients,
            (CutShape::Bridge | CutShape::Ring, 2) => CutShape::Split,
            (CutShape::Ring, 3) => CutShape::Bridge,
            (shape, _) => shape,
        };
        let mut servers = self.servers.to_vec();
        shuffle(entropy, &mut servers);
        let links = match shape {
            CutShape::Isolate | CutShape::Flapping => between(&servers[..1], &self.others(&servers, entropy)),
            CutShape::OneWay => {
                let others = self.others(&servers, entropy);
                if entropy.below(2) == 0 { one_way(&servers[..1], &others) } else { one_way(&others, &servers[..1]) }
            }
            CutShape::Split => self.sides(&servers, 0, entropy),
            CutShape::Bridge => self.sides(&servers, 1, entropy),
            CutShape::Ring => not_neighbours(&servers),
            CutShape::Clients => {
                let cut_off = 1 + entropy.below(servers.len() as u64) as usize;
                between(&servers[..cut_off], self.clients)
            }
        };
        if shape != CutShape::Flapping {
            self.push(injection.at_ns, injection.lasts_ns, What::Cut(Cut { links }));
            return;
        }
        let (mut at, end) = (injection.at_ns, injection.at_ns + injection.lasts_ns);
        while at < end {
            let down = (FLAP_MIN_NS + injection.entropy.below(FLAP_SPREAD_NS)).min(end - at);
            let up = FLAP_MIN_NS + injection.entropy.below(FLAP_SPREAD_NS);
            self.push(at, down, What::Cut(Cut { links: links.clone() }));
            at += down + up;
        }
    }

    /// All but the first server; half the time the clients as well.
    fn others(&self, servers: &[Node], entropy: &mut Entropy) -> Vec<Node> {
        let mut others = servers[1..].to_vec();
        if entropy.below(2) == 0 {
            others.extend(self.clients);
        }
        others
    }

    /// Two sides, and between them the first `bridges` servers, which both sides reach. Each
    /// client stands on one side, or reaches both.
    fn sides(&self, servers: &[Node], bridges: usize, entropy: &mut Entropy) -> Vec<Link> {
        let rest = &servers[bridges..];
        let size = 1 + entropy.below(rest.len() as u64 - 1) as usize;
        let (mut left, mut right) = (rest[..size].to_vec(), rest[size..].to_vec());
        for client in self.clients {
            match entropy.below(3) {
                0 => left.push(*client),
                1 => right.push(*client),
                _ => {}
            }
        }
        between(&left, &right)
    }

    /// One way between two servers, all of one server's, or all between servers.
    fn some_links(&self, entropy: &mut Entropy) -> Vec<Link> {
        let mut servers = self.servers.to_vec();
        shuffle(entropy, &mut servers);
        if servers.len() == 1 {
            return between(&servers, self.clients);
        }
        match entropy.below(3) {
            0 => one_way(&servers[..1], &servers[1..2]),
            1 => between(&servers[..1], &servers[1..]),
            _ => one_way(&servers, &servers),
        }
    }
}

fn one_way(from: &[Node], to: &[Node]) -> Vec<Link> {
    let pairs = from.iter().flat_map(|a| to.iter().map(move |b| Link(*a, *b)));
    pairs.filter(|link| link.0 != link.1).collect()
}

fn between(left: &[Node], right: &[Node]) -> Vec<Link> {
    let mut links = one_way(left, right);
    links.extend(one_way(right, left));
    links
}

/// In a circle, all links but those to the next and from the one before.
fn not_neighbours(circle: &[Node]) -> Vec<Link> {
    let mut links = Vec::new();
    for (i, a) in circle.iter().enumerate() {
        for (j, b) in circle.iter().enumerate() {
            let apart = i.abs_diff(j);
            if apart > 1 && apart != circle.len() - 1 {
                links.push(Link(*a, *b));
            }
        }
    }
    links
}
