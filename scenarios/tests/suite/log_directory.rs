//! A log directory, against the node whose directory it is: the image that it published, and the log of its next boot.

use std::collections::BTreeMap;

use raft::io::Observation;
use scenarios::actor::Said;
use scenarios::catalog;
use scenarios::log_directory::{Inspection, node_files, to_json};
use scenarios::run::Request;
use scenarios::trace::dialogue::{self, Dialogue};
use scenarios::trace::{Trace, What};
use sim::watch::Down;

#[test]
fn the_digest_of_a_directory_is_that_of_the_image_that_its_broker_published() {
    let scenario = catalog::find("calm").expect("built in").scenario().expect("good");
    let request = Request { until_ns: Some(9_000_000_000), ..Request::new(&scenario, 3) };
    let (report, trace) = Trace::of(&request).expect("it runs");
    let mut published: BTreeMap<String, (i64, u64)> = BTreeMap::new();
    for line in &trace.lines {
        if let (Some(node), What::Said(Said::Server(Observation::Published { offset, digest }))) =
            (line.node, &line.what)
        {
            published.insert(trace.name(node).to_owned(), (offset.0, *digest));
        }
    }
    let (again, nodes) = node_files(&request).expect("it runs");
    assert_eq!((report.digest, nodes.len()), (again.digest, 6));
    let mut compared = 0;
    for node in &nodes {
        let json = to_json(&Inspection::of(node).expect("a log directory"));
        let Some((offset, digest)) = published.get(&node.name) else { continue };
        // Records behind the published offset may not be committed yet.
        if json["image"]["offset"].as_i64() == Some(*offset) {
            assert_eq!(json["image"]["digest"], format!("{digest:016x}"), "{}", node.name);
            compared += 1;
        }
    }
    assert!(compared > 0, "no broker had published all of its log");
}

#[test]
fn the_next_boot_of_a_directory_is_that_of_the_run() {
    let scenario = catalog::find("cluster-power-loss").expect("built in").scenario().expect("good");
    let request = || Request::new(&scenario, 9);
    let (_, dialogue) = Dialogue::of(&Request { dialogue: Some(0), ..request() }).expect("it runs");
    let mut compared = 0;
    for pair in dialogue.lines.windows(2) {
        let [down, boot] = pair else { continue };
        let is_loss = matches!(down.what, dialogue::What::Down { how: Down::PowerLost, .. });
        let Some(state) = boot.state.as_ref().filter(|_| is_loss) else { continue };
        let (_, nodes) = node_files(&Request { until_ns: Some(down.at_ns), ..request() }).expect("it runs");
        let json = to_json(&Inspection::of(&nodes[0]).expect("a log directory"));
        let found = &json["next_boot"]["metadata"];
        assert!(matches!(boot.what, dialogue::What::Boot { .. }) && !nodes[0].is_up);
        assert_eq!(
            (&found["start_offset"], &found["end_offset"]),
            (&state.log_start.0.into(), &state.log_end.0.into())
        );
        compared += 1;
    }
    assert!(compared > 0, "the controller lost no power");
}
