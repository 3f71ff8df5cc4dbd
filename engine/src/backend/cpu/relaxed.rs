//! The kernels with fused multiply-add, which in a browser are a module of their
//! own (see `engine/kernels`), and the engine's own kernels where it is not there.

#[cfg(all(target_arch = "wasm32", feature = "worker"))]
pub use choice::{is_here, take};
pub(super) use choice::{linear, unembed};

#[cfg(not(all(target_arch = "wasm32", feature = "worker")))]
mod choice {
    pub use patchbay_kernels::{linear, unembed};
}

#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod choice {
    use js_sys::{Function, Object, Reflect, WebAssembly};
    use patchbay_kernels::{Linear, Unembed};
    use std::cell::RefCell;
    use wasm_bindgen::{JsCast, JsValue};

    struct Kernels {
        linear: Function,
        unembed: Function,
    }

    thread_local! {
        static KERNELS: RefCell<Option<Kernels>> = const { RefCell::new(None) };
    }

    /// Takes the module for all products from now on. It is started in the
    /// engine's own memory, so that matrices are where they are.
    ///
    /// # Errors
    /// The browser's own, where the module is another one.
    pub fn take(module: &WebAssembly::Module) -> Result<(), JsValue> {
        let environment = Object::new();
        Reflect::set(&environment, &"memory".into(), &wasm_bindgen::memory())?;
        let imports = Object::new();
        Reflect::set(&imports, &"env".into(), &environment)?;
        let exports = WebAssembly::Instance::new(module, &imports)?.exports();
        let export = |name: &str| Reflect::get(&exports, &name.into())?.dyn_into();
        let kernels = Kernels {
            linear: export("linear")?,
            unembed: export("unembed")?,
        };
        KERNELS.replace(Some(kernels));
        Ok(())
    }

    /// Whether the module was taken.
    pub fn is_here() -> bool {
        KERNELS.with_borrow(Option::is_some)
    }

    /// # Safety
    /// As [`patchbay_kernels::linear`].
    pub unsafe fn linear(p: &Linear) {
        if !call(|kernels| &kernels.linear, p) {
            unsafe { patchbay_kernels::linear(p) }
        }
    }

    /// # Safety
    /// As [`patchbay_kernels::unembed`].
    pub unsafe fn unembed(p: &Unembed) {
        if !call(|kernels| &kernels.unembed, p) {
            unsafe { patchbay_kernels::unembed(p) }
        }
    }

    /// Whether the module did it.
    fn call<T>(which: impl Fn(&Kernels) -> &Function, argument: &T) -> bool {
        let address = JsValue::from(std::ptr::from_ref(argument) as usize);
        KERNELS.with_borrow(|kernels| {
            kernels
                .as_ref()
                .is_some_and(|kernels| which(kernels).call1(&JsValue::NULL, &address).is_ok())
        })
    }
}
