//! Who reaches whom, by the faults in force: which one-way links carry packets, and which voters run.

use raft::ids::NodeId;
use sim::fault::Link;

/// A set of voters, or of clients, by their indices.
pub type Set = u64;

/// A voter set by whose majority a replica may be elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Electorate {
    pub members: Set,
    /// Of all its voters, also of those whose disk is lost and who are no members therefore.
    pub majority: u32,
}

impl Electorate {
    /// Of the first servers.
    pub fn of_first(voters: usize) -> Electorate {
        Electorate { members: (0..voters).map(|voter| 1 << voter).sum(), majority: voters as u32 / 2 + 1 }
    }

    fn has_majority_in(&self, set: Set) -> bool {
        (self.members & set).count_ones() >= self.majority
    }
}

/// The links between voters, and between voters and clients; and which voters run.
#[derive(Clone, Debug)]
pub struct Connectivity {
    /// One, unless the voters change; never none.
    electorates: Vec<Electorate>,
    /// Of nodes: servers, then clients.
    servers: usize,
    nodes: usize,
    /// Number of cuts in force, by `from * nodes + to`.
    cuts: Vec<u16>,
    up: Vec<bool>,
    /// Number of faults in force that stop the process, or its host.
    paused: Vec<u16>,
}

impl Connectivity {
    /// Every link is open, and no server runs.
    pub fn new(electorate: Electorate, servers: usize, clients: usize) -> Connectivity {
        let nodes = servers + clients;
        let (up, paused) = (vec![false; servers], vec![0; servers]);
        Connectivity { electorates: vec![electorate], servers, nodes, cuts: vec![0; nodes * nodes], up, paused }
    }

    /// The voter sets that may decide an election now.
    pub fn set_electorates(&mut self, electorates: Vec<Electorate>) {
        self.electorates = electorates;
    }

    pub fn cut(&mut self, links: &[Link], begins: bool) {
        for Link(from, to) in links {
            let (from, to) = (usize::from(from.0), usize::from(to.0));
            if from.max(to) < self.nodes {
                let cuts = &mut self.cuts[from * self.nodes + to];
                *cuts = if begins { *cuts + 1 } else { cuts.saturating_sub(1) };
            }
        }
    }

    pub fn set_up(&mut self, server: usize, is_up: bool) {
        self.up[server] = is_up;
    }

    pub fn pause(&mut self, server: usize, begins: bool) {
        let paused = &mut self.paused[server];
        *paused = if begins { *paused + 1 } else { paused.saturating_sub(1) };
    }

    /// Does the one-way link carry packets?
    pub fn is_open(&self, from: usize, to: usize) -> bool {
        from == to || self.cuts[from * self.nodes + to] == 0
    }

    /// Do both links carry packets? A connection needs both.
    fn talk(&self, a: usize, b: usize) -> bool {
        self.is_open(a, b) && self.is_open(b, a)
    }

    fn runs(&self, voter: usize) -> bool {
        self.up[voter] && self.paused[voter] == 0
    }

    /// The running voters that a running voter talks to, itself included.
    fn reached_by(&self, voter: usize) -> Set {
        if !self.runs(voter) {
            return 0;
        }
        self.voters().filter(|other| self.runs(*other) && self.talk(voter, *other)).map(|other| 1 << other).sum()
    }

    /// The voters that talk to a majority, themselves included: no other voter can win an election, or stay leader.
    pub fn may_lead(&self) -> Set {
        let reaches = |voter: &usize| {
            let reached = self.reached_by(*voter);
            self.electorates.iter().any(|electorate| electorate.has_majority_in(reached))
        };
        self.voters().filter(reaches).map(|voter| 1 << voter).sum()
    }

    fn has_majorities_in(&self, set: Set) -> bool {
        self.electorates.iter().all(|electorate| electorate.has_majority_in(set))
    }

    /// A majority whose members all talk to each other, and each to a client, if there is one.
    pub fn majority_with_client(&self) -> Option<Set> {
        self.cliques(self.may_lead(), 0).into_iter().find(|members| self.clients_of(*members) != 0)
    }

    /// A majority (of each voter set) whose members all talk to each other, if there is one.
    pub fn connected_majority(&self) -> Option<Set> {
        self.cliques(self.may_lead(), 0).into_iter().next()
    }

    /// The smallest majorities whose members all talk to each other: `members`, and some of `candidates`.
    fn cliques(&self, candidates: Set, members: Set) -> Vec<Set> {
        if self.has_majorities_in(members) {
            return vec![members];
        }
        let mut found = Vec::new();
        let mut left = candidates;
        while left != 0 && self.has_majorities_in(left | members) {
            let next = left.trailing_zeros() as usize;
            left &= left - 1;
            found.extend(self.cliques(left & self.reached_by(next), members | 1 << next));
        }
        found
    }

    /// The clients that talk to each of these voters.
    pub fn clients_of(&self, voters: Set) -> Set {
        let reaches = |client: &usize| each(voters).all(|voter| self.talk(self.servers + client, voter));
        (0..self.nodes - self.servers).filter(reaches).map(|client| 1 << client).sum()
    }

    /// The number of sides of running voters: those of different sides reach each other over no voter, but perhaps over `bridge`.
    pub fn sides(&self, bridge: Option<usize>) -> usize {
        let mut left: Set =
            self.voters().filter(|voter| self.runs(*voter) && Some(*voter) != bridge).map(|voter| 1 << voter).sum();
        let mut sides = 0;
        while left != 0 {
            let mut side = 1 << left.trailing_zeros();
            loop {
                let reached = each(side).map(|voter| self.reached_by(voter)).fold(side, |all, more| all | more & left);
                if reached == side {
                    break;
                }
                side = reached;
            }
            left &= !side;
            sides += 1;
        }
        sides
    }

    /// Is there a voter that talks to two others which do not talk to each other?
    pub fn has_bridge(&self) -> bool {
        self.voters().any(|bridge| {
            let ends = self.reached_by(bridge);
            each(ends).any(|a| ends & !self.reached_by(a) != 0)
        })
    }

    /// Who is in any of the voter sets.
    pub fn voters(&self) -> impl Iterator<Item = usize> + use<> {
        each(self.electorates.iter().fold(0, |all, electorate| all | electorate.members))
    }
}

/// The members of a set, in ascending order.
pub fn each(set: Set) -> impl Iterator<Item = usize> {
    (0..Set::BITS as usize).filter(move |index| set & 1 << index != 0)
}

/// The node ids of a set of voters, in words.
pub fn named(set: Set, id: impl Fn(usize) -> NodeId) -> String {
    each(set).map(|voter| id(voter).to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use sim::process::Node;

    use super::*;

    /// So many voters that all run, two clients, and cuts.
    fn with_cuts(voters: usize, cuts: &[(u16, u16)]) -> Connectivity {
        let mut links = Connectivity::new(Electorate::of_first(voters), voters, 2);
        (0..voters).for_each(|voter| links.set_up(voter, true));
        links.cut(&cuts.iter().map(|(from, to)| Link(Node(*from), Node(*to))).collect::<Vec<_>>(), true);
        links
    }

    #[test]
    fn a_majority_needs_links_both_ways() {
        assert_eq!(with_cuts(3, &[]).connected_majority(), Some(0b011));
        let one_way = with_cuts(3, &[(0, 1)]);
        assert_eq!(one_way.connected_majority(), Some(0b101));
        assert_eq!(one_way.may_lead(), 0b111);
        let none = with_cuts(3, &[(0, 1), (2, 0), (1, 2)]);
        assert_eq!((none.connected_majority(), none.may_lead(), none.sides(None)), (None, 0, 3));
        let mut healed = none.clone();
        healed.cut(&[Link(Node(1), Node(2))], false);
        assert_eq!(healed.connected_majority(), Some(0b110));
        healed.pause(2, true);
        assert_eq!(healed.connected_majority(), None);
    }

    #[test]
    fn a_star_has_a_voter_that_may_lead_and_no_connected_majority() {
        // All talk to 0 only.
        let cuts: Vec<(u16, u16)> = (1..5).flat_map(|a| (1..5).filter(move |b| *b > a).map(move |b| (a, b))).collect();
        let star = with_cuts(5, &cuts);
        assert_eq!((star.may_lead(), star.connected_majority()), (0b00001, None));
        assert!(star.has_bridge() && star.sides(None) == 1 && star.sides(Some(0)) == 4);
        assert!(!with_cuts(5, &[]).has_bridge());
    }

    #[test]
    fn while_the_voters_change_a_majority_is_one_of_both_sets() {
        let mut links = with_cuts(4, &[(0, 3)]);
        let old = Electorate { members: 0b0011, majority: 2 };
        links.set_electorates(vec![old]);
        assert_eq!((links.connected_majority(), links.may_lead()), (Some(0b0011), 0b0011));
        // Another voter, and none that reaches all.
        links.set_electorates(vec![old, Electorate { members: 0b1011, majority: 2 }]);
        assert_eq!((links.connected_majority(), links.may_lead()), (Some(0b0011), 0b1011));
        links.set_electorates(vec![old, Electorate { members: 0b1001, majority: 2 }]);
        assert_eq!((links.connected_majority(), links.may_lead()), (None, 0b0011));
        // One whose disk is lost counts for the majority only.
        links.set_electorates(vec![Electorate { members: 0b0100, majority: 2 }]);
        assert_eq!((links.connected_majority(), links.may_lead()), (None, 0));
    }

    #[test]
    fn a_client_counts_that_reaches_all_who_may_lead() {
        // Client 0 is node 3.
        let links = with_cuts(3, &[(3, 2)]);
        assert_eq!(links.clients_of(0b011), 0b11);
        assert_eq!(links.clients_of(0b111), 0b10);
        assert_eq!(with_cuts(3, &[(3, 2), (4, 2)]).majority_with_client(), Some(0b011));
        assert_eq!(with_cuts(3, &[(3, 2), (4, 2), (3, 1), (1, 4)]).majority_with_client(), None);
    }
}
