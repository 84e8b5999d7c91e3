//! Disks that fill up, at a write or at an fsync.

use std::rc::Rc;

use sim::drive::Ended;
use sim::fault::{FullAtFsync, FullDisk, ShortWrite, What};
use sim::process::*;
use sim::watch::Phase;

use crate::puppet::*;

/// Writes four bytes and forces them each 20 ms, observes when that is done or which error it got.
const WRITES: Strings = Strings {
    boot: |now, out| {
        out.push(Effect::Open { file: File(1), path: Rc::from("log"), truncate: false });
        out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(20) });
    },
    step: |_, _, now, input, out| match input {
        Input::Timer => {
            out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(20) });
            out.push(Effect::Append { file: File(1), bytes: Rc::from([1, 2, 3, 4].as_slice()) });
            out.push(Effect::Fsync { file: File(1) });
            out.push(Effect::Observe(1));
        }
        Input::DiskError(error) => out.push(Effect::Observe(if error == DiskError::NoSpace { 2 } else { 3 })),
        _ => {}
    },
};

fn drive_until(faults: Vec<sim::fault::Fault>, end_ms: u64) -> (Vec<u64>, Vec<(u64, Phase)>, Vec<u8>) {
    let mut config = config(&[WRITES], faults);
    config.heal_at_ns = ms(end_ms - 10);
    let (ended, run) = drive(config, end_ms);
    assert_eq!(ended, Ended::End);
    let said = run.watch.said.iter().map(|(_, _, number)| *number).collect();
    let written = run.world.disk(Node(0)).read("log").expect("it exists");
    (said, run.watch.faults.clone(), written)
}

#[test]
fn a_short_write_leaves_the_first_bytes_and_is_refused() {
    let node = Node(0);
    let short = |at_ppm| fault(5, 0, What::ShortWrite(ShortWrite { node, at_ppm }));
    // Writes at 20, 40, 60 … ms, whose fsyncs end 10 ms later.
    for (at_ppm, kept) in [(0, 1), (500_000, 2), (1_000_000, 3)] {
        let (said, faults, written) = drive_until(vec![short(at_ppm)], 55);
        assert_eq!(said, [2, 1]);
        assert_eq!(written, [&[1, 2, 3, 4][..kept], &[1, 2, 3, 4]].concat());
        assert_eq!((faults.len(), faults[0].1), (1, Phase::Start));
    }
    let full = fault(5, 25, What::FullDisk(FullDisk { node }));
    let (said, _, written) = drive_until(vec![full, short(500_000)], 75);
    assert_eq!(said, [2, 2, 1], "nothing of a write fits before there is space again");
    assert_eq!(written, [1, 2, 1, 2, 3, 4]);
    let (_, faults, _) = drive_until(vec![fault(69, 0, What::ShortWrite(ShortWrite { node, at_ppm: 0 }))], 80);
    assert_eq!(faults, [(ms(70), Phase::Skipped)], "no write was due");
}

#[test]
fn a_disk_without_space_for_what_it_accepted_says_so_at_the_fsync() {
    let node = Node(0);
    let full = fault(25, 20, What::FullAtFsync(FullAtFsync { node }));
    let (said, faults, written) = drive_until(vec![full], 75);
    assert_eq!(said, [2, 1, 1]);
    assert_eq!(written.len(), 12, "all can be read");
    assert_eq!(faults, [(ms(25), Phase::Start), (ms(45), Phase::End)]);
}
