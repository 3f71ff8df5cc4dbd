//! The corpora and some seconds of inputs made from them, through every target.
#![allow(clippy::unwrap_used, clippy::panic)]

use patchbay_fuzz::campaign::{self, Wish};
use patchbay_fuzz::{TARGETS, corpus};
use std::time::Duration;

/// As many as are tried where the machine is quick; on a slow one, what the time allows.
const WISH: Wish = Wish {
    inputs: 10_000,
    time: Duration::from_secs(2),
    seed: 0,
    threads: 2,
};

#[test]
fn no_reader_fails_on_any_bytes() {
    for target in TARGETS {
        let outcome = campaign::run(target, WISH);
        let outcome = outcome.unwrap_or_else(|e| panic!("{e}"));
        println!("{}: {outcome:?}", target.name);
    }
}

#[test]
fn the_corpora_show_what_is_taken_and_what_is_not() {
    for target in TARGETS {
        let seeds = corpus(target).unwrap();
        let taken = seeds.iter().filter(|s| (target.run)(s)).count();
        assert!(taken > 0, "{}: no input is taken", target.name);
        assert!(taken < seeds.len(), "{}: all are taken", target.name);
        let longest = seeds.iter().map(Vec::len).max();
        assert!(longest <= Some(target.longest), "{}", target.name);
    }
}
