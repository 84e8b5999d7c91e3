//! JSON of sweeps, files separated by NUL: a parsed sweep is encoded and parsed as equal; several are merged or
//! rejected, and shown.
#![no_main]

use fuzz::aggregate::SweepReport;
use libfuzzer_sys::fuzz_target;
use reports::json::sweep_json::{SweepJson, read};
use reports::json::to_text;
use reports::show::{junit, summary};
use reports::{exit, expect};

fuzz_target!(|text: &str| {
    let files: Vec<SweepReport> = text.split('\0').take(3).filter_map(|text| read("fuzzed.json", text).ok()).collect();
    for file in &files {
        let written = to_text(&SweepJson::from(file));
        let again = read("written.json", &written).unwrap_or_else(|problem| panic!("{problem}: {written}"));
        assert_eq!(to_text(&SweepJson::from(&again)), written);
    }
    if files.is_empty() {
        return;
    }
    let named = files.into_iter().enumerate().map(|(i, file)| (format!("{i}.json"), file)).collect();
    if let Ok(mut whole) = fuzz::merge::merge(named) {
        expect::judge(&mut whole);
        let _ = (
            to_text(&SweepJson::from(&whole)),
            summary::text(&whole, 80, true, "--json"),
            junit::text(&whole),
            exit::of_sweep(&whole),
        );
    }
});
