//! Firefox looks whether a buffer is mapped on a timer of 100 ms, and whenever
//! something is submitted. So while a map is waited for, nothing is submitted,
//! every few milliseconds. Other browsers do not mind.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::WorkerGlobalScope;

/// Milliseconds between two of them: the shortest that timers keep to.
const EVERY: i32 = 4;

/// Goes on until it is dropped.
pub(super) struct Nudges {
    scope: WorkerGlobalScope,
    timer: i32,
    /// Called by the timer.
    _submit: Closure<dyn FnMut()>,
}

impl Nudges {
    /// `None` outside of a worker.
    pub fn start(queue: &wgpu::Queue) -> Option<Self> {
        let scope: WorkerGlobalScope = js_sys::global().dyn_into().ok()?;
        let queue = queue.clone();
        let submit = Closure::<dyn FnMut()>::new(move || {
            queue.submit([]);
        });
        let function = submit.as_ref().unchecked_ref();
        let timer = scope
            .set_interval_with_callback_and_timeout_and_arguments_0(function, EVERY)
            .ok()?;
        Some(Self {
            scope,
            timer,
            _submit: submit,
        })
    }
}

impl Drop for Nudges {
    fn drop(&mut self) {
        self.scope.clear_interval_with_handle(self.timer);
    }
}
