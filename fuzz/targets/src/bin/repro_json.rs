//! Repro files: rejected, or ready to run with their own plan.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reports::catalog::Catalog;
use reports::engine::Engine as _;
use reports::json::repro::read;

fuzz_target!(|text: &str| {
    let Ok(repro) = read("fuzzed.json", text) else { return };
    let Ok(ready) = Catalog.prepare(&repro.scenario, &repro.overrides, Some(&repro.plan)) else { return };
    let plan = ready.plan(repro.plan.seed);
    assert_eq!(plan.as_array().map(Vec::len), repro.plan.faults.as_array().map(Vec::len));
    let _ = (ready.toml(), ready.remarks(), ready.expect(), ready.require_probe());
});
