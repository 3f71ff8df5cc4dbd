use crate::components::models::open_menu;
use crate::format;
use crate::state::{Behind, MINI, Notice, State, Status, is_bundled, use_state};
use crate::text::{said, text};
use leptos::prelude::*;
use patchbay_engine::experiment::Problem;
use patchbay_engine::protocol::{BackendChoice, Failure, FailureCode};

/// Characters of an address that are shown at most.
const LONGEST_ADDRESS: usize = 200;

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
            <BehindNotice />
            <MisfitNotice />
            {move || failure().map(|failure| view! { <EngineFailed failure /> })}
            {move || state.notice.get().and_then(|notice| message(notice, stopped()))}
            <Unplaced />
        </div>
    }
}

/// The steering names layers that the model has not.
#[component]
fn MisfitNotice() -> impl IntoView {
    let state = use_state();
    let t = &text().notices;
    let misfit = Memo::new(move |_| state.misfit());
    move || {
        misfit.get().map(|misfit| {
            view! {
                <div class="note warn" data-testid="misfit">
                    <p>{(t.misfit)(&untrack(|| state.model_name()), &misfit)}</p>
                    <div class="buttons">
                        <button type="button" data-testid="use-nearest" on:click=move |_| state.take_nearest()>
                            {(t.nearest)(misfit.last)}
                        </button>
                    </div>
                </div>
            }
        })
    }
}

/// What is wrong with the experiment, where nothing on the page that is shown
/// now is about that.
#[component]
fn Unplaced() -> impl IntoView {
    let state = use_state();
    let problem = |problem: Problem| {
        view! {
            <div class="note warn" data-testid="notice">
                <p>{format::sentence(&said(&problem.message, &problem.says))}" ("{problem.field.to_string()}")"</p>
            </div>
        }
    };
    move || state.unplaced().into_iter().map(problem).collect_view()
}

/// Messages that are not the end of the engine.
fn message(notice: Notice, stopped: bool) -> Option<impl IntoView> {
    let state = use_state();
    let t = &text().notices;
    let sentence = match notice {
        // A problem of its field.
        Notice::Failure(Failure { field: Some(_), .. }) => return None,
        Notice::Failure(failure) => {
            format!("{} {}", t.failed, said(&failure.message, &failure.says))
        }
        Notice::File { message } => message,
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
            <p>{format::sentence(&sentence)}</p>
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
    let name = untrack(|| state.model_name());
    let gpu = matches!(
        failure.code,
        FailureCode::DeviceLost
            | FailureCode::OutOfMemory
            | FailureCode::NoWebgpu
            | FailureCode::WrongNumbers
    );
    // It would compute as wrongly again.
    let again = gpu && failure.code != FailureCode::WrongNumbers;
    let on_cpu = state.preferences.with_untracked(|p| p.backend) == BackendChoice::Cpu;
    let broken = failure.code == FailureCode::Model;
    let is_mini = name == MINI;
    let message = said(&failure.message, &failure.says);
    let message = match is_bundled(&name) && !is_mini {
        true => (t.no_such_model)(&name) + &message,
        false => message,
    };
    // Whether it helps, its label, its name in tests, and what it does.
    let buttons: [Button; 6] = [
        (again && !on_cpu, t.reload_gpu, "reload-gpu", |state| {
            state.choose_backend(BackendChoice::Webgpu);
        }),
        (gpu && !on_cpu, t.continue_cpu, "continue-cpu", |state| {
            state.choose_backend(BackendChoice::Cpu);
        }),
        (!gpu || on_cpu, t.try_again, "start-again", State::reload),
        (
            broken && untrack(|| state.kept()).is_some(),
            t.start_afresh,
            "start-afresh",
            State::start_afresh,
        ),
        (!is_mini, t.use_mini, "use-mini", |state| {
            state.choose_model(MINI)
        }),
        (!is_mini, t.other_model, "other", open_menu),
    ];
    let buttons = buttons
        .into_iter()
        .filter(|(helps, ..)| *helps)
        .map(|(_, label, testid, act)| {
            view! {
                <button type="button" data-testid=testid on:click=move |_| act(state)>
                    {label}
                </button>
            }
        })
        .collect_view();
    view! {
        <div class="note warn" data-testid="notice">
            <p>{message}</p>
            <div class="buttons">{buttons}</div>
        </div>
    }
}

/// What may help after a failure.
type Button = (bool, &'static str, &'static str, fn(State));

/// The link names a file on some server, and a person is asked before that is.
#[component]
fn BehindNotice() -> impl IntoView {
    let state = use_state();
    let t = &text().notices;
    let starting = move || state.status.get() == Status::Starting;
    move || {
        state.behind.get().map(|Behind { remote, fetching, fault }| {
            let says = match fetching || fault.is_some() {
                true => t.behind_asked,
                false => t.behind,
            };
            let told = fault.map(|fault| {
                view! { <p class="problem fatal" data-testid="behind-fault">{format::sentence(&fault)}</p> }
            });
            view! {
                <div class="note warn" data-testid="behind">
                    <p>{says(&remote.host)}</p>
                    <p><small class="mono">{format::shortened(&remote.url, LONGEST_ADDRESS)}</small></p>
                    {told}
                    <div class="buttons">
                        <button
                            type="button"
                            class="primary"
                            data-testid="behind-fetch"
                            disabled=move || fetching || starting()
                            on:click=move |_| state.fetch_behind()
                        >
                            {if fetching { t.fetching.to_owned() } else { (t.fetch_from)(&remote.host) }}
                        </button>
                        <button type="button" data-testid="behind-leave" on:click=move |_| state.leave_behind()>
                            {t.not_now}
                        </button>
                    </div>
                </div>
            }
        })
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
                    <label class="stack">
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
