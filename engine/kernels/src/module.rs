//! What the module exports. It has no memory of its own: the pointers are the
//! engine's.

use crate::{Linear, Unembed};

/// # Safety
/// As [`crate::linear`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linear(p: *const Linear) {
    unsafe { crate::linear(&*p) }
}

/// # Safety
/// As [`crate::unembed`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unembed(p: *const Unembed) {
    unsafe { crate::unembed(&*p) }
}

/// Nothing here panics; the language wants to know what would happen.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
