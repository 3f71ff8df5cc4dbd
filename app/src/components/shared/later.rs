//! Parts of the page whose code is loaded when it is first wanted: `wasm_split` marks where
//! one begins, and `.ci/wasm-bindgen` cuts the built page there.

use crate::state::{Notice, State};
use crate::text::text;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use wasm_split_helpers::SplitLoaderError;

/// Declares a part: `later! { NAME: file, view, load => what is seen }`. Parts of the same
/// file come together; the names of the two functions are told apart by where they stand.
#[macro_export]
macro_rules! later {
    ($(#[$doc:meta])* $vis:vis $name:ident: $file:ident, $view:ident, $load:ident => $seen:expr) => {
        $(#[$doc])*
        $vis const $name: $crate::components::shared::later::Later = $crate::components::shared::later::Later {
            load: || Box::pin($load()),
            view: || Box::pin($view()),
        };

        #[wasm_split_helpers::wasm_split($file, fallible, preload($load))]
        fn $view() -> $crate::components::shared::later::Loaded {
            Ok(leptos::prelude::IntoAny::into_any($seen))
        }
    };
}

/// What comes, or why it does not.
type Coming<T> = Pin<Box<dyn Future<Output = Result<T, SplitLoaderError>>>>;

/// What the function of a part gives.
pub type Loaded = Result<AnyView, SplitLoaderError>;

/// A part that comes later.
#[derive(Clone, Copy)]
pub struct Later {
    /// Loads its code; gives at once where that is there already.
    pub load: fn() -> Coming<()>,
    /// Its view; gives at once where its code is there.
    pub view: fn() -> Coming<AnyView>,
}

impl Later {
    /// The part, once its code is there. Until then a line says that it is coming, or that
    /// it did not come and how to ask for it again.
    pub fn into_view(self) -> impl Fn() -> AnyView {
        let t = &text().later;
        let (arrived, failed) = (RwSignal::new(false), RwSignal::new(false));
        move || {
            arrived.track();
            if failed.get() {
                let again = move |_| failed.set(false);
                return view! {
                    <p class="problem" role="alert" data-testid="part-failed">
                        {t.failed} " "
                        <button type="button" data-testid="part-again" on:click=again>
                            {t.again}
                        </button>
                    </p>
                }
                .into_any();
            }
            let mut load = (self.load)();
            if now(&mut load).is_pending() {
                spawn_local(async move {
                    let outcome = if load.await.is_ok() { arrived } else { failed };
                    // It may come when nobody wants it any more.
                    let _ = outcome.try_set(true);
                });
            } else if let Poll::Ready(Ok(view)) = now(&mut (self.view)()) {
                return view;
            } else {
                failed.set(true);
            }
            view! { <p class="hint" role="status" data-testid="part-coming">{t.coming}</p> }
                .into_any()
        }
    }
}

/// What a future gives without waiting.
fn now<T>(future: &mut Coming<T>) -> Poll<Result<T, SplitLoaderError>> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

/// Saves something with what is loaded for it, and says where that did not come.
pub fn saved(state: State, saving: impl Future<Output = Result<(), SplitLoaderError>> + 'static) {
    spawn_local(async move {
        if saving.await.is_err() {
            state.notice.set(Some(Notice::File {
                message: text().later.failed.into(),
            }));
        }
    });
}
