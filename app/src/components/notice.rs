use crate::state::{Notice, Status, use_state};
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::worker::{BackendChoice, Failure, FailureCode};

/// What went wrong, in sentences, with what to do about it.
#[component]
pub fn Notices() -> impl IntoView {
    let state = use_state();
    let failure = move || match state.status.get() {
        Status::Failed(failure) => Some(failure),
        _ => None,
    };
    let stopped = move || state.status.get() == Status::Stopped;
    view! {
        <div class="notices" role="status">
            <BrokenLinkNotice />
            {move || failure().map(|failure| view! { <EngineFailed failure /> })}
            {move || state.notice.get().and_then(|notice| message(notice, stopped()))}
        </div>
    }
}

/// Messages that are not the end of the engine.
fn message(notice: Notice, stopped: bool) -> Option<impl IntoView> {
    let state = use_state();
    let t = &text().notices;
    let sentence = match notice {
        // Shown beside its field.
        Notice::Failure(Failure { field: Some(_), .. }) => return None,
        Notice::Failure(failure) => format!("{} {}", t.failed, failure.message),
        Notice::Restarted { reason } if stopped => (t.stopped)(&reason),
        Notice::Restarted { reason } => (t.restarted)(&reason),
    };
    let start_again = stopped.then(|| {
        view! {
            <button type="button" data-testid="start-again" on:click=move |_| state.reload()>
                {t.try_again}
            </button>
        }
    });
    Some(view! {
        <div class="note warn" data-testid="notice">
            <p>{sentence}</p>
            <div class="buttons">
                {start_again}
                <button type="button" class="quiet" on:click=move |_| state.notice.set(None)>
                    {t.dismiss}
                </button>
            </div>
        </div>
    })
}

/// The model is not loaded, or its device was lost.
#[component]
fn EngineFailed(failure: Failure) -> impl IntoView {
    let state = use_state();
    let t = &text().notices;
    let gpu = matches!(
        failure.code,
        FailureCode::DeviceLost | FailureCode::OutOfMemory | FailureCode::NoWebgpu
    );
    let button = |choice, label, testid| {
        view! {
            <button type="button" data-testid=testid on:click=move |_| state.choose_backend(choice)>
                {label}
            </button>
        }
    };
    let buttons = if gpu {
        view! {
            {button(BackendChoice::Webgpu, t.reload_gpu, "reload-gpu")}
            {button(BackendChoice::Cpu, t.continue_cpu, "continue-cpu")}
        }
        .into_any()
    } else {
        view! {
            <button type="button" data-testid="start-again" on:click=move |_| state.reload()>
                {t.try_again}
            </button>
        }
        .into_any()
    };
    view! {
        <div class="note warn" data-testid="notice">
            <p>{failure.message}</p>
            <div class="buttons">{buttons}</div>
        </div>
    }
}

/// The link could not be read; its text is kept where it can be copied.
#[component]
fn BrokenLinkNotice() -> impl IntoView {
    let state = use_state();
    let t = &text().notices;
    move || {
        state.broken_link.get().map(|broken| {
            view! {
                <div class="note warn" data-testid="broken-link">
                    <p>{t.broken_link}" ("{broken.message}")"</p>
                    <label class="field">
                        <small>{t.broken_link_text}</small>
                        <input type="text" readonly=true prop:value=broken.text />
                    </label>
                    <div class="buttons">
                        <button type="button" class="quiet" on:click=move |_| state.broken_link.set(None)>
                            {t.dismiss}
                        </button>
                    </div>
                </div>
            }
        })
    }
}
