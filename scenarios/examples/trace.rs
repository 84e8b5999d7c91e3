//! Prints what one server does at its border before a violation.
use scenarios::actor::*;
use scenarios::onlooker::Onlooker;
use scenarios::run::*;
use sim::disk::Disk;
use sim::drive::Run;
use sim::fault::Fault;
use sim::process::*;
use sim::watch::*;
use sim::world::World;
struct T {
    o: Onlooker,
    node: i32,
    from: u64,
    names: std::collections::BTreeMap<(u16, u32), String>,
}
macro_rules! p { ($s:expr, $at:expr, $n:expr, $($a:tt)*) => { if ($s.node < 0 || $s.node == $n.0 as i32) && $at >= $s.from { println!("{:.6} n{} {}", $at as f64/1e9, $n.0, format!($($a)*)); } } }
impl Watch<Actor> for T {
    fn booted(&mut self, at: u64, n: Node, i: u32, d: &Disk) {
        p!(self, at, n, "BOOT {i}");
        self.o.booted(at, n, i, d)
    }
    fn before_down(&mut self, at: u64, n: Node, s: bool, pr: &Actor, d: &Disk, h: Down) {
        p!(self, at, n, "DYING {h:?} settled {s}");
        self.o.before_down(at, n, s, pr, d, h)
    }
    fn down(&mut self, at: u64, n: Node, d: &Disk, h: Down) {
        p!(self, at, n, "DOWN {h:?}");
        Watch::<Actor>::down(&mut self.o, at, n, d, h)
    }
    fn input(&mut self, at: u64, n: Node, t: Thread, i: &Input<Actor>) {
        let s = format!("{i:?}");
        p!(self, at, n, "<- t{} {}", t.0, &s[..s.len().min(600)]);
        self.o.input(at, n, t, i)
    }
    fn sent(&mut self, at: u64, n: Node, pe: Node, c: Connection, r: bool, m: &Message) {
        let s = format!("{m:?}");
        p!(self, at, n, "-> n{} {}", pe.0, &s[..s.len().min(600)]);
        self.o.sent(at, n, pe, c, r, m)
    }
    fn wrote(&mut self, at: u64, n: Node, w: Write<'_>) {
        let d = match w {
            Write::Append { file, bytes } => format!(
                "append f{} {} bytes {}",
                file.0,
                bytes.len(),
                if bytes.len() < 200 && file.0 < 16 {
                    String::from_utf8_lossy(bytes).to_string()
                } else {
                    raft::log::Batch::peek_header(bytes).map(|h| format!("{h:?}")).unwrap_or_default()
                }
            ),
            o => format!("{o:?}"),
        };
        p!(self, at, n, "disk {d}");
        self.o.wrote(at, n, w)
    }
    fn synced(&mut self, at: u64, n: Node, s: Synced) {
        p!(self, at, n, "synced {s:?}");
        self.o.synced(at, n, s)
    }
    fn disk_failed(&mut self, at: u64, n: Node, e: DiskError) {
        p!(self, at, n, "disk failed {e:?}");
        self.o.disk_failed(at, n, e)
    }
    fn observed(&mut self, at: u64, n: Node, s: &Said) {
        p!(self, at, n, "says {s:?}");
        self.o.observed(at, n, s)
    }
    fn halted(&mut self, at: u64, n: Node, r: &str, f: bool) {
        p!(self, at, n, "HALT {r} {f}");
        self.o.halted(at, n, r, f)
    }
    fn fault(&mut self, at: u64, f: &Fault, ph: Phase) {
        if at >= self.from {
            println!("{:.6} FAULT {ph:?} {f:?}", at as f64 / 1e9);
        }
        Watch::<Actor>::fault(&mut self.o, at, f, ph)
    }
    fn healed(&mut self, at: u64) {
        Watch::<Actor>::healed(&mut self.o, at)
    }
    fn disk_damaged(&mut self, at: u64, n: Node, d: &Disk) {
        p!(self, at, n, "DAMAGED");
        Watch::<Actor>::disk_damaged(&mut self.o, at, n, d)
    }
    fn audit(&mut self, at: u64, n: Node, s: bool, pr: &Actor, d: &Disk) {
        self.o.audit(at, n, s, pr, d)
    }
    fn stop(&self) -> bool {
        Watch::<Actor>::stop(&self.o)
    }
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let scenario = scenarios::catalog::find(&a[1]).expect("catalog").scenario().expect("good");
    let mut req = Request::new(&scenario, a[2].parse().unwrap());
    req.host = Host::Bare;
    let prepared = scenarios::cluster::prepare(&scenario, sim::rng::Seed(req.seed), None).unwrap();
    let o = onlooker(&prepared, &req);
    let t = T {
        o,
        node: a[3].parse().unwrap(),
        from: (a[4].parse::<f64>().unwrap() * 1e9) as u64,
        names: Default::default(),
    };
    let end = prepared.scenario.duration.0 + prepared.recovery_bound_ns;
    let mut run = Run { world: World::new(prepared.world), watch: t };
    println!("{:?}", run.drive_bare(end));
    println!("{:?}", run.watch.o.checks.as_ref().unwrap().violation());
    let _ = &run.watch.names;
}
