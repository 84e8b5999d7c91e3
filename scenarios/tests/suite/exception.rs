//! An exception in a controller's event queue: it renounces, raft resigns, and another controller takes over.

use raft::io::ThreadName;
use scenarios::catalog;
use scenarios::cluster::Explicit;
use scenarios::report::RunOutcome;
use scenarios::run::{Host, Request, run};
use sim::fault::{Exception, Fault, Plan};
use sim::process::Node;

const SECOND_NS: u64 = 1_000_000_000;

#[test]
fn a_controller_whose_handler_throws_is_succeeded() {
    let scenario = catalog::find("calm").expect("built in").scenario().expect("good");
    let thread = ThreadName::ControllerEventQueue as u8;
    // One of them is active; the others have nothing to do that could throw.
    let exception = |node| Fault::at(10 * SECOND_NS, 0, Exception { node: Node(node), thread });
    let explicit = Explicit::plan(Plan((0..3).map(exception).collect()));
    let report = run(&Request { host: Host::Bare, explicit, ..Request::new(&scenario, 1) }).expect("it runs");
    assert!(!matches!(report.outcome, RunOutcome::Violated(_)), "{:?}", report.outcome);
    assert_eq!(report.probes.get("controller_failed_over"), Some(&true));
}
