//! Links: partitions of every shape, all made of one-way cuts, links that lose, delay or duplicate messages,
//! connections that carry nothing, and names that are not resolved, or lead elsewhere.

use serde::{Deserialize, Serialize};
use sim::fault::{BlackHole, Cut, Delay, Duplicate, Fault, Link, Loss, Trigger, UnresolvedName, What, WrongName};
use sim::network::{ADDRESS_TTL_NS, NO_ADDRESS_TTL_NS};
use sim::process::Node;
use sim::rng::Entropy;
use strum::VariantArray;

use super::nodes::Timed;
use super::planner::{Generate, Injection, Planner, draw_ns, draw_u32, one_way, pick, shuffle};
use crate::aim::trigger_event::TriggerEvent;
use crate::scenario::error::Refusal;
use crate::scenario::fault_profile::{
    FaultProfile, LeadsTo, Means, is_chance, kind_fields, nothing_to_check, profiles, rhythm_of_profile, within,
};
use crate::scenario::reference::{self, Presence, ScenarioField};
use crate::scenario::values::{IntRange, NanosRange};

/// A flapping link is up or down for this long at a time.
const FLAP_MIN_NS: u64 = 100_000_000;
const FLAP_SPREAD_NS: u64 = 700_000_000;
/// Ranks of connections to draw from: a node opens at most about this number to all servers.
const RANKS: u64 = 16;

profiles! {
    Cuts {
        /// The shapes to draw from.
        #[serde(default = "usual_shapes")]
        shapes: Vec<CutShape>,
        /// How often a cut waits for the next commit and is then aimed at the leader that has committed, parts per million.
        #[serde(default, skip_serializing_if = "is_never")]
        leader_ppm: u32,
    }
    /// Gray links that lose packets.
    Losses {
        /// Chance per packet, parts per million.
        ppm: IntRange,
    }
    /// Links with additional delay.
    Delays {
        extra: NanosRange,
    }
    /// Links that deliver datagrams twice.
    Duplicates {
        /// Chance per datagram, parts per million.
        ppm: IntRange,
    }
    /// Host names that lead elsewhere.
    WrongNames {
        /// How often to another server, parts per million.
        #[serde(default, skip_serializing_if = "is_never")]
        other_servers_ppm: u32,
        /// How often the first one is in force at the first boot, parts per million.
        #[serde(default, skip_serializing_if = "is_never")]
        at_boot_ppm: u32,
    }
    /// Host names that servers do not resolve.
    UnresolvedNames {
        /// The shapes to draw from.
        #[serde(default = "every_name_shape")]
        shapes: Vec<NameShape>,
        /// How often the first one is in force at the first boot, parts per million.
        #[serde(default, skip_serializing_if = "is_never")]
        at_boot_ppm: u32,
    }
}

/// Which lookups of servers fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum NameShape {
    /// No server resolves the name of one server: its record is missing.
    Name,
    /// One server resolves no name: it does not reach its name server.
    Resolver,
    /// No server resolves any name: the name server is down.
    All,
}

fn every_name_shape() -> Vec<NameShape> {
    NameShape::VARIANTS.to_vec()
}

/// The shapes of network partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum CutShape {
    /// One server neither sends nor receives.
    Isolate,
    /// Two sides that cannot reach each other.
    Split,
    /// One server cannot send, or cannot receive.
    OneWay,
    /// Two sides, and one server that both sides reach.
    Bridge,
    /// Each server reaches two neighbours only.
    Ring,
    /// One server is repeatedly cut off and reconnected.
    Flapping,
    /// Clients reach some servers only.
    Clients,
    /// Three sides that cannot reach each other.
    ThreeWay,
    /// Three sides, and one server that all sides reach.
    ThreeWayBridge,
    /// The members of a majority reach each other; each other server reaches one of them, and no other server.
    Pendants,
}

/// Those that scenarios have drawn from before there were others: a longer list would change what each seed draws.
fn usual_shapes() -> Vec<CutShape> {
    use CutShape::{Bridge, Clients, Flapping, Isolate, OneWay, Ring, Split};
    vec![Isolate, Split, OneWay, Bridge, Ring, Flapping, Clients]
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_never(ppm: &u32) -> bool {
    *ppm == 0
}

impl FaultProfile for Cut {
    type Profile = Cuts;

    const FIELDS: &'static [ScenarioField] = kind_fields!("cut", "Links carry nothing.", lasts: "Time until the links carry packets again.";
        "shapes": reference::FieldKind::NamesOf("shapes, see below"), Presence::Default("[\"isolate\", \"split\", \"one-way\", \"bridge\", \"ring\", \"flapping\", \"clients\"]"), "Shapes of cuts, at least one.";
        "leader_ppm": reference::PPM, Presence::Default("0"), "Share of the cuts, other than `flapping`, that wait for the next commit and are then aimed at the leader that has committed, parts per million; only without brokers.";
    );

    const MEANS: Means = Means { leads_to: &[LeadsTo::Cut], weakens: true, ..Means::HARMLESS };

    rhythm_of_profile!();

    fn check(profile: &Self::Profile) -> Result<(), Refusal> {
        if profile.shapes.is_empty() {
            return Err(Refusal::new("nemesis.cut.shapes", "no shape to draw from"));
        }
        is_chance("nemesis.cut.leader_ppm", profile.leader_ppm)
    }

    fn lengths(profile: &Self::Profile) -> (u64, u64) {
        // Links that flap are cut for a part of the time only.
        (0, profile.lasts.max_ns)
    }

    fn parts(profile: &Self::Profile, _servers: u16) -> u64 {
        let flaps = profile.shapes.contains(&CutShape::Flapping);
        if flaps { profile.lasts.max_ns / (2 * FLAP_MIN_NS) + 1 } else { 1 }
    }

    fn is_part_of(&self, other: &Self, _apart_ns: u64) -> bool {
        self.links == other.links
    }

    fn cuts(&self) -> &[Link] {
        &self.links
    }
}

impl Generate for Cut {
    fn generate(planner: &mut Planner<'_>, profile: &Self::Profile, mut injection: Injection) {
        planner.cut(profile, &mut injection);
    }
}

impl FaultProfile for Loss {
    type Profile = Losses;

    const FIELDS: &'static [ScenarioField] = kind_fields!("loss", "Links lose packets.", lasts: "Time until the links lose no more packets.";
        "ppm": reference::PPM_RANGE, Presence::Required("\"1000..300000\""), "Probability for each packet, parts per million.";
    );

    const MEANS: Means = Means { weakens: true, ..Means::HARMLESS };

    rhythm_of_profile!();

    fn check(profile: &Self::Profile) -> Result<(), Refusal> {
        within("nemesis.loss.ppm", profile.ppm, 0, 1_000_000)
    }
}

impl Generate for Loss {
    fn generate(planner: &mut Planner<'_>, profile: &Self::Profile, mut injection: Injection) {
        let entropy = &mut injection.entropy;
        let links = planner.some_links(entropy);
        let ppm = draw_u32(entropy, profile.ppm);
        planner.push(injection.at_ns, injection.lasts_ns, Loss { links, ppm });
    }
}

impl FaultProfile for Delay {
    type Profile = Delays;

    const FIELDS: &'static [ScenarioField] = kind_fields!("delay", "Links have an additional latency.", lasts: "Time until the latency is normal again.";
        "extra": reference::RANGE, Presence::Required("\"5ms..500ms\""), "Additional one-way latency.";
    );

    const MEANS: Means = Means { weakens: true, ..Means::HARMLESS };

    rhythm_of_profile!();

    nothing_to_check!();
}

impl Generate for Delay {
    fn generate(planner: &mut Planner<'_>, profile: &Self::Profile, mut injection: Injection) {
        let entropy = &mut injection.entropy;
        let links = planner.some_links(entropy);
        let extra_ns = draw_ns(entropy, profile.extra);
        planner.push(injection.at_ns, injection.lasts_ns, Delay { links, extra_ns });
    }
}

impl FaultProfile for Duplicate {
    type Profile = Duplicates;

    const FIELDS: &'static [ScenarioField] = kind_fields!("duplicate", "Links deliver datagrams twice; no effect with `tcp`.", lasts: "Time until datagrams are delivered once.";
        "ppm": reference::PPM_RANGE, Presence::Required("\"1000..300000\""), "Probability for each datagram, parts per million.";
    );

    const MEANS: Means = Means::HARMLESS;

    rhythm_of_profile!();

    fn check(profile: &Self::Profile) -> Result<(), Refusal> {
        within("nemesis.duplicate.ppm", profile.ppm, 0, 1_000_000)
    }
}

impl Generate for Duplicate {
    fn generate(planner: &mut Planner<'_>, profile: &Self::Profile, mut injection: Injection) {
        let entropy = &mut injection.entropy;
        let links = planner.some_links(entropy);
        let ppm = draw_u32(entropy, profile.ppm);
        planner.push(injection.at_ns, injection.lasts_ns, Duplicate { links, ppm });
    }
}

impl FaultProfile for BlackHole {
    type Profile = Timed;

    const FIELDS: &'static [ScenarioField] = kind_fields!("black-hole", "An established connection drops every packet both ways, and neither host is told; new connections work.", lasts: "Time until the connection carries packets again.";);

    const MEANS: Means = Means { weakens: true, ..Means::HARMLESS };

    rhythm_of_profile!();

    nothing_to_check!();
}

impl Generate for BlackHole {
    fn generate(planner: &mut Planner<'_>, _profile: &Self::Profile, mut injection: Injection) {
        let entropy = &mut injection.entropy;
        let openers = [planner.servers, planner.clients].concat();
        let links = one_way(&[pick(entropy, &openers)], planner.servers);
        let rank = entropy.below(RANKS) as u32;
        if !links.is_empty() {
            planner.push(injection.at_ns, injection.lasts_ns, BlackHole { links, rank });
        }
    }
}

impl FaultProfile for UnresolvedName {
    type Profile = UnresolvedNames;

    const FIELDS: &'static [ScenarioField] = kind_fields!("unresolved-name", "Servers do not resolve host names; established connections stay. Java remembers an address for 30 s, and a failed lookup for 10 s.", lasts: "Time until lookups succeed again.";
        "shapes": reference::FieldKind::NamesOf("`name`, `resolver`, `all`"), Presence::Default("[\"name\", \"resolver\", \"all\"]"), "Lookups that fail: of one name, by one server, or all; at least one.";
        "at_boot_ppm": reference::PPM, Presence::Default("0"), "Probability that the first one is in force when the nodes boot for the first time, parts per million.";
    );

    const MEANS: Means = Means { weakens: true, afterwards_ns: NO_ADDRESS_TTL_NS, ..Means::HARMLESS };

    rhythm_of_profile!(at_boot_ppm);

    fn check(profile: &Self::Profile) -> Result<(), Refusal> {
        if profile.shapes.is_empty() {
            return Err(Refusal::new("nemesis.unresolved-name.shapes", "no shape to draw from"));
        }
        is_chance("nemesis.unresolved-name.at_boot_ppm", profile.at_boot_ppm)
    }
}

impl Generate for UnresolvedName {
    fn generate(planner: &mut Planner<'_>, profile: &Self::Profile, mut injection: Injection) {
        let entropy = &mut injection.entropy;
        let one = pick(entropy, planner.servers);
        let links = match pick(entropy, &profile.shapes) {
            NameShape::Name => one_way(planner.servers, &[one]),
            NameShape::Resolver => one_way(&[one], planner.servers),
            NameShape::All => one_way(planner.servers, planner.servers),
        };
        if !links.is_empty() {
            planner.push(injection.at_ns, injection.lasts_ns, UnresolvedName { links });
        }
    }
}

impl FaultProfile for WrongName {
    type Profile = WrongNames;

    const FIELDS: &'static [ScenarioField] = kind_fields!("wrong-name", "The name of a server leads one server, or all, to an address that no host has, as that of a host that has moved, or to another server; established connections stay. Java remembers an address for 30 s, a wrong one too.", lasts: "Time until lookups give the right address again.";
        "other_servers_ppm": reference::PPM, Presence::Default("0"), "Share of the names that lead to another server, parts per million.";
        "at_boot_ppm": reference::PPM, Presence::Default("0"), "Probability that the first one is in force when the nodes boot for the first time, parts per million.";
    );

    const MEANS: Means = Means { weakens: true, afterwards_ns: ADDRESS_TTL_NS, ..Means::HARMLESS };

    rhythm_of_profile!(at_boot_ppm);

    fn check(profile: &Self::Profile) -> Result<(), Refusal> {
        is_chance("nemesis.wrong-name.other_servers_ppm", profile.other_servers_ppm)?;
        is_chance("nemesis.wrong-name.at_boot_ppm", profile.at_boot_ppm)
    }
}

impl Generate for WrongName {
    fn generate(planner: &mut Planner<'_>, profile: &Self::Profile, mut injection: Injection) {
        let entropy = &mut injection.entropy;
        let mut servers = planner.servers.to_vec();
        shuffle(entropy, &mut servers);
        let (named, other, reader) = (servers[0], servers.get(1).copied(), servers.last().copied());
        let to = other.filter(|_| entropy.chance_ppm(profile.other_servers_ppm));
        let links = match reader {
            Some(reader) if entropy.below(2) == 0 => one_way(&[reader], &[named]),
            _ => one_way(planner.servers, &[named]),
        };
        if !links.is_empty() {
            planner.push(injection.at_ns, injection.lasts_ns, WrongName { links, to });
        }
    }
}

impl Planner<'_> {
    fn cut(&mut self, profile: &Cuts, injection: &mut Injection) {
        let entropy = &mut injection.entropy;
        let shape = pick(entropy, &profile.shapes);
        // With few servers some shapes cut nothing: a ring of three is complete.
        let shape = match (shape, self.servers.len()) {
            (_, 1) => CutShape::Clients,
            (CutShape::Bridge | CutShape::Ring | CutShape::ThreeWay | CutShape::ThreeWayBridge, 2) => CutShape::Split,
            (CutShape::Ring | CutShape::ThreeWayBridge, 3) => CutShape::Bridge,
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
            CutShape::Split => self.sides(&servers, (2, 0), entropy),
            CutShape::Bridge => self.sides(&servers, (2, 1), entropy),
            CutShape::Ring => not_neighbours(&servers),
            CutShape::Clients => {
                let cut_off = 1 + entropy.below(servers.len() as u64) as usize;
                between(&servers[..cut_off], self.clients)
            }
            CutShape::ThreeWay => self.sides(&servers, (3, 0), entropy),
            CutShape::ThreeWayBridge => self.sides(&servers, (3, 1), entropy),
            CutShape::Pendants => pendants(&servers),
        };
        if shape == CutShape::Flapping {
            return self.flap(&links, injection);
        }
        let mut fault = Fault::at(injection.at_ns, injection.lasts_ns, Cut { links });
        // Without such cuts nothing more is drawn, so that older plans stay as they are.
        if profile.leader_ppm > 0 && injection.entropy.chance_ppm(profile.leader_ppm) {
            // The server that is alone, or any: a leader may be a bridge, and on any side.
            let alone = matches!(shape, CutShape::Isolate | CutShape::OneWay | CutShape::Clients);
            let leader = if alone { servers[0] } else { pick(&mut injection.entropy, &servers) };
            fault = fault.aimed(at_present_leader(leader));
        }
        self.push_fault(fault);
    }

    fn flap(&mut self, links: &[Link], injection: &mut Injection) {
        let (mut at, end) = (injection.at_ns, injection.at_ns + injection.lasts_ns);
        while at < end {
            let down = (FLAP_MIN_NS + injection.entropy.below(FLAP_SPREAD_NS)).min(end - at);
            let up = FLAP_MIN_NS + injection.entropy.below(FLAP_SPREAD_NS);
            self.push(at, down, Cut { links: links.to_vec() });
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

    /// Cuts between sides, with the first `bridges` servers between them, which all sides reach. Each client belongs to
    /// one side, or reaches all.
    fn sides(&self, servers: &[Node], (count, bridges): (usize, usize), entropy: &mut Entropy) -> Vec<Link> {
        let mut rest = &servers[bridges..];
        let mut sides: Vec<Vec<Node>> = Vec::with_capacity(count);
        for left in (1..count).rev() {
            let size = 1 + entropy.below((rest.len() - left) as u64) as usize;
            sides.push(rest[..size].to_vec());
            rest = &rest[size..];
        }
        sides.push(rest.to_vec());
        for client in self.clients {
            if let Some(side) = sides.get_mut(entropy.below(count as u64 + 1) as usize) {
                side.push(*client);
            }
        }
        let pairs = (0..count).flat_map(|left| (left + 1..count).map(move |right| (left, right)));
        pairs.flat_map(|(left, right)| between(&sides[left], &sides[right])).collect()
    }

    /// One direction between two servers, all links of one server, or all links between servers.
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

/// Waits for the next commit; the leader that has committed takes the place of `leader` in the fault.
fn at_present_leader(leader: Node) -> Trigger {
    let name = TriggerEvent::RecordCommitted.name().into();
    Trigger { name, nth: 1, after_ns: 0, seen_as: Some(leader), peer_as: None }
}

/// Whether a fault is a cut that is aimed at the present leader, as a profile of cuts makes them.
pub(super) fn is_aimed_at_leader(fault: &Fault) -> bool {
    let as_planned = |trigger: &Trigger| trigger.seen_as.is_some_and(|node| *trigger == at_present_leader(node));
    matches!(fault.what, What::Cut(_)) && fault.on.as_ref().is_some_and(as_planned)
}

fn between(left: &[Node], right: &[Node]) -> Vec<Link> {
    let mut links = one_way(left, right);
    links.extend(one_way(right, left));
    links
}

/// All links but those between members of the first majority, and those of each other server with one of them.
pub(super) fn pendants(servers: &[Node]) -> Vec<Link> {
    let majority = servers.len() / 2 + 1;
    let (members, others) = servers.split_at(majority);
    let mut links = between(others, members);
    links.retain(|Link(from, to)| {
        !others.iter().zip(members).any(|(a, b)| (a, b) == (from, to) || (b, a) == (from, to))
    });
    links.extend(one_way(others, others));
    links
}

/// In a ring, all links but those to the next and from the previous node.
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
