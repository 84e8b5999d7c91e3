//! Small values as text: each prints what it parses, and two parsers of one kind agree.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use fuzz::seeds::{SeedRange, Seeds, Shard, coalesce, parse_seed, show_seed};
use libfuzzer_sys::fuzz_target;
use raft::ids::Uuid;
use raft::log::{parse_segment_path, segment_path};
use reports::chart::configurations::parse_vary;
use scenarios::report::FailoverKind;
use scenarios::scenario::metric::Metric;
use scenarios::scenario::values::{IntRange, LatencyProfile, Limit, Nanos, NanosRange};
use sim::duration::{DisplayDuration, parse_duration};
use sim::trace::Digest;

fuzz_target!(|text: &str| {
    printed_and_read::<Nanos>(text);
    printed_and_read::<NanosRange>(text);
    printed_and_read::<IntRange>(text);
    printed_and_read::<Limit>(text);
    printed_and_read::<Digest>(text);
    printed_and_read::<Shard>(text);
    let _ = (text.parse::<Metric>(), text.parse::<FailoverKind>(), text.parse::<LatencyProfile>(), parse_vary(text));
    durations(text);
    seeds(text);
    if let Some(uuid) = Uuid::parse(text) {
        assert_eq!(uuid.to_string(), text);
    }
    if let Ok(Some(base)) = parse_segment_path(text) {
        assert_eq!(&*segment_path(base), text);
    }
});

fn printed_and_read<T: FromStr + Display + Debug + PartialEq>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    let printed = value.to_string();
    assert!(printed.parse::<T>().is_ok_and(|again| again == value), "{text:?} is {value:?}, printed {printed:?}");
}

/// Durations of the command line and of scenarios.
fn durations(text: &str) {
    if let Ok(ns) = parse_duration(text) {
        assert_eq!(parse_duration(&DisplayDuration(ns).to_string()), Ok(ns));
    }
}

/// `RANGE SHARD`: the shard's seeds are in no other shard, and all shards together are the range.
fn seeds(text: &str) {
    if let Ok(seed) = parse_seed(text) {
        assert_eq!(parse_seed(&show_seed(seed)), Ok(seed));
    }
    let Some((range, shard)) = text.split_once(' ') else { return };
    let (Ok(range), Ok(shard)) = (range.parse::<SeedRange>(), shard.parse::<Shard>()) else { return };
    let mine = Seeds::of(range, shard);
    assert!(mine.count == 0 || mine.is_sound(), "{mine:?}");
    if shard.of <= 64 {
        let shards: Vec<Seeds> = (1..=shard.of).map(|index| Seeds::of(range, Shard { index, ..shard })).collect();
        for (i, one) in shards.iter().enumerate() {
            assert!(shards[..i].iter().all(|other| one.shared_with(other).is_none()), "{shards:?}");
        }
        let count: u128 = coalesce(shards).iter().map(|piece| u128::from(piece.count)).sum();
        assert_eq!(count, u128::from(range.end - range.start));
    }
}
