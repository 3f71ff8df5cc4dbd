//! The target that the environment names, under libFuzzer.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use patchbay_fuzz::{Target, watch};
use std::sync::LazyLock;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    patchbay_fuzz::target(&name).expect("FUZZ_TARGET names a target")
});

fuzz_target!(|bytes: &[u8]| -> Corpus {
    // libFuzzer itself looks at the time, and at panics.
    let most = watch::most_memory(bytes);
    let ((), peak) = patchbay_fuzz::memory::peak(|| drop((TARGET.run)(bytes)));
    assert!(
        peak <= most,
        "{peak} bytes of memory, at most {most} were expected"
    );
    Corpus::Keep
});
