//! The image of a log directory is that of the node whose directory it is.

use std::collections::BTreeMap;

use raft::io::Observation;
use scenarios::actor::Said;
use scenarios::catalog;
use scenarios::log_directory::{Inspection, node_files, to_json};
use scenarios::run::Request;
use scenarios::trace::{Trace, What};

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
