//! Making a workshop of what is on the page.

use super::parts::Parts;
use crate::components::fields::{Check, Taken};
use crate::components::shared::{live, whether};
use crate::download::download;
use crate::link::{self, collecting, opening};
use crate::scorm;
use crate::share::{height, html};
use crate::state::use_state;
use crate::text::{forms, make};
use leptos::prelude::*;
use patchbay_engine::experiment::link::Link;
use patchbay_engine::experiment::{Ask, MOST_CELLS, MOST_STEPS, RunName, Show, Step, Workshop};

/// Where what is being made is kept in this browser.
const KEPT: &str = "patchbay.making";

/// Kinds of what is asked for, by the name that a choice has in the page.
const KINDS: [&str; 7] = [
    "nothing",
    "run",
    "cells",
    "clean",
    "corrupted",
    "choice",
    "words",
];

fn kind(ask: &Ask) -> &'static str {
    match ask {
        Ask::Nothing => "nothing",
        Ask::Run => "run",
        Ask::Cells { .. } => "cells",
        Ask::Token {
            run: RunName::Clean,
        } => "clean",
        Ask::Token {
            run: RunName::Corrupted,
        } => "corrupted",
        Ask::Choice { .. } => "choice",
        Ask::Words { .. } => "words",
    }
}

fn ask_of(kind: &str) -> Ask {
    match kind {
        "run" => Ask::Run,
        "cells" => Ask::Cells { most: 1 },
        "clean" => Ask::Token {
            run: RunName::Clean,
        },
        "corrupted" => Ask::Token {
            run: RunName::Corrupted,
        },
        "choice" => Ask::Choice {
            choices: Vec::new(),
            right: 0,
        },
        "words" => Ask::Words {
            after: String::new(),
        },
        _ => Ask::Nothing,
    }
}

/// Choices as they are typed, one a line, the right one behind a `*`.
fn written(choices: &[String], right: usize) -> String {
    let line = |(at, choice): (usize, &String)| match at == right {
        true => format!("* {choice}"),
        false => choice.clone(),
    };
    let lines: Vec<String> = choices.iter().enumerate().map(line).collect();
    lines.join("\n")
}

fn read(typed: &str) -> Ask {
    let lines = typed.lines().map(str::trim).filter(|l| !l.is_empty());
    let (mut choices, mut right) = (Vec::new(), None);
    for line in lines {
        let choice = match line.strip_prefix('*') {
            Some(rest) => {
                right.get_or_insert(choices.len());
                rest.trim()
            }
            None => line,
        };
        choices.push(choice.to_owned());
    }
    // Where none is marked, none is: the workshop then says so.
    let right = right.unwrap_or(choices.len());
    Ask::Choice { choices, right }
}

fn kept() -> Option<Workshop> {
    let storage = window().local_storage().ok()??;
    let json = storage.get_item(KEPT).ok()??;
    Workshop::from_json(&json).ok()
}

/// A workshop with one step, as a beginning.
fn beginning() -> Workshop {
    Workshop {
        title: String::new(),
        steps: vec![Step::default()],
    }
}

/// The form.
#[component]
pub(super) fn MakeForm() -> impl IntoView {
    let state = use_state();
    let t = make();
    // One that is open is what its maker most likely wants to go on with.
    let open = state
        .work
        .with_untracked(|w| w.as_ref().map(|w| w.workshop.clone()));
    let made = RwSignal::new(open.or_else(kept).unwrap_or_else(beginning));
    let show = RwSignal::new(state.show.get_untracked().unwrap_or_default());
    Effect::new(move |_| {
        let json = made.with(Workshop::to_json);
        // Where nothing can be kept, it lasts as long as the window is open.
        if let Ok(Some(storage)) = window().local_storage() {
            let _ = storage.set_item(KEPT, &json);
        }
    });
    // What decides which fields there are.
    let shape = Memo::new(move |_| {
        made.with(|m| {
            let of = |s: &Step| (kind(&s.ask), s.experiment.is_some());
            m.steps.iter().map(of).collect::<Vec<_>>()
        })
    });
    let moved = RwSignal::new(0);
    let steps = move || {
        moved.track();
        (0..shape.with(Vec::len))
            .map(|n| view! { <StepForm n made moved /> })
            .collect_view()
    };
    let fault = Memo::new(move |_| made.with(|m| m.check().err().map(|e| (t.fault)(&e))));
    let end = Memo::new(move |_| {
        let link = Link {
            show: Some(show.get()).filter(|show| *show != Show::default()),
            workshop: Some(made.get()),
            ..state.experiment.get().into()
        };
        fault
            .with(Option::is_none)
            .then(|| opening(&link))
            .flatten()
    });
    let title = live(move || {
        let title = made.with(|m| m.title.clone());
        if title.is_empty() {
            crate::text::workshop().title.into()
        } else {
            title
        }
    });
    let address = Memo::new(move |_| end.get().map(|end| link::page(&end)).unwrap_or_default());
    let collect = Memo::new(move |_| collecting(&end.get().unwrap_or_default()));
    let scripts = RwSignal::new(false);
    let code = Memo::new(move |_| {
        let height = show.with(|s| height(s, state.room()));
        let end = end.get();
        end.map_or_else(String::new, |end| {
            html(scripts.get(), &link::home(), &end, &title.get(), height)
        })
    });
    let problem = RwSignal::new(None::<String>);
    let package = move |_| {
        let id = made.with_untracked(Workshop::checksum);
        let end = end.get_untracked().unwrap_or_default();
        let written = scorm::package(&link::home(), &end, &title.get_untracked(), &id);
        problem.set(written.as_ref().err().map(|e| (t.not_written)(e)));
        if let Ok(zip) = written {
            download("patchbay-workshop.zip", "application/zip", &zip);
        }
    };
    let nothing = whether(move || end.with(Option::is_none));
    view! {
        <p class="hint">{t.lede}</p>
        <label class="stack">
            <span>{t.title}</span>
            <input
                type="text"
                maxlength="60"
                data-testid="make-title"
                prop:value=made.with_untracked(|m| m.title.clone())
                on:input:target=move |event| made.update(|m| m.title = event.target().value())
            />
        </label>
        <ol class="workshop-steps">{steps}</ol>
        <div class="buttons">
            <button
                type="button"
                data-testid="make-add"
                disabled=whether(move || shape.with(Vec::len) >= MOST_STEPS)
                on:click=move |_| made.update(|m| m.steps.push(Step::default()))
            >
                {t.add}
            </button>
        </div>
        <details>
            <summary data-testid="make-parts">{t.parts}</summary>
            <p class="hint">{t.parts_hint}</p>
            <div class="embed-form"><Parts show /></div>
        </details>
        <p class="problem fatal" role="status" data-testid="make-fault" hidden=move || fault.with(Option::is_none)>
            {move || fault.get()}
        </p>
        <div hidden=nothing>
            <Taken testid="make-link" label=t.link value=address rows="3" />
            <p>
                <a href=move || address.get() target="_blank" rel="noopener" data-testid="make-open">{t.open}</a>
            </p>
            <Taken testid="make-frame" label=t.frame value=code rows="3" />
            <Check
                testid="make-scripts"
                label=live(move || forms().scripts)
                checked=scripts.into()
                set=move |on| scripts.set(on)
                hint=forms().scripts_hint
            />
            <div class="buttons">
                <button type="button" data-testid="make-package" on:click=package>{t.package}</button>
            </div>
            <p class="problem" role="alert" data-testid="make-problem" hidden=move || problem.with(Option::is_none)>
                {move || problem.get()}
            </p>
            <p class="hint">{t.package_hint}</p>
            <Taken testid="make-collecting" label=t.collect value=collect rows="2" />
            <p>
                <a href=move || collect.get() target="_blank" rel="noopener" data-testid="make-collect">{t.open}</a>
            </p>
            <p class="hint">{t.collect_hint}</p>
        </div>
    }
}

/// One step. What is typed in it is not written back while somebody types.
#[component]
fn StepForm(n: usize, made: RwSignal<Workshop>, moved: RwSignal<usize>) -> impl IntoView {
    let state = use_state();
    let t = make();
    let step = made
        .with_untracked(|m| m.steps.get(n).cloned())
        .unwrap_or_default();
    let edit = move |change: &dyn Fn(&mut Step)| {
        made.update(|m| {
            if let Some(step) = m.steps.get_mut(n) {
                change(step);
            }
        });
    };
    let labels = [
        t.nothing,
        t.run,
        t.cells,
        t.clean,
        t.corrupted,
        t.choice,
        t.words,
    ];
    let now = kind(&step.ask);
    let options = KINDS
        .into_iter()
        .zip(labels)
        .map(|(value, label)| view! { <option value=value prop:selected=value == now>{label}</option> })
        .collect_view();
    let has_own = step.experiment.is_some();
    view! {
        <li class="open">
            <div class="panel-head">
                <h3>{(t.step)(n + 1)}</h3>
                <div class="buttons">
                    <button
                        type="button"
                        class="quiet"
                        aria-label=(t.up)(n + 1)
                        data-testid=format!("make-up-{n}")
                        disabled=n == 0
                        on:click=move |_| {
                            made.update(|m| {
                                if 0 < n && n < m.steps.len() {
                                    m.steps.swap(n, n - 1);
                                }
                            });
                            moved.update(|m| *m += 1);
                        }
                    >
                        "↑"
                    </button>
                    <button
                        type="button"
                        class="quiet"
                        aria-label=(t.remove)(n + 1)
                        data-testid=format!("make-remove-{n}")
                        on:click=move |_| {
                            made.update(|m| {
                                if n < m.steps.len() {
                                    m.steps.remove(n);
                                }
                            });
                            moved.update(|m| *m += 1);
                        }
                    >
                        "✕"
                    </button>
                </div>
            </div>
            <label class="stack">
                <span>{t.says}</span>
                <textarea
                    rows="3"
                    maxlength="1300"
                    data-testid=format!("make-says-{n}")
                    prop:value=step.says.clone()
                    on:input:target=move |event| edit(&|s| s.says = event.target().value())
                ></textarea>
                <small>{t.says_hint}</small>
            </label>
            <label class="stack">
                <span>{t.asks}</span>
                <select
                    data-testid=format!("make-asks-{n}")
                    on:change:target=move |event| {
                        edit(&|s| s.ask = ask_of(&event.target().value()));
                        moved.update(|m| *m += 1);
                    }
                >
                    {options}
                </select>
            </label>
            {asked(n, &step.ask, made)}
            <p>
                <button
                    type="button"
                    data-testid=format!("make-take-{n}")
                    on:click=move |_| {
                        let now = state.experiment.get_untracked();
                        edit(&|s| s.experiment = Some(now.clone()));
                        moved.update(|m| *m += 1);
                    }
                >
                    {t.take}
                </button>
                " "
                {has_own.then(|| view! {
                    <button
                        type="button"
                        data-testid=format!("make-untake-{n}")
                        on:click=move |_| {
                            edit(&|s| s.experiment = None);
                            moved.update(|m| *m += 1);
                        }
                    >
                        {t.untake}
                    </button>
                })}
            </p>
            <p class="hint">{if has_own { t.taken } else { t.take_hint }}</p>
        </li>
    }
}

/// The fields of what is asked for.
fn asked(n: usize, ask: &Ask, made: RwSignal<Workshop>) -> AnyView {
    let t = make();
    let set = move |ask: Ask| {
        made.update(|m| {
            if let Some(step) = m.steps.get_mut(n) {
                step.ask = ask;
            }
        });
    };
    match ask {
        Ask::Cells { most } => view! {
            <label class="stack">
                <span>{t.most}</span>
                <input
                    type="number"
                    min="1"
                    max=MOST_CELLS.to_string()
                    data-testid=format!("make-most-{n}")
                    prop:value=most.to_string()
                    on:input:target=move |event| set(Ask::Cells { most: event.target().value().parse().unwrap_or(0) })
                />
            </label>
        }
        .into_any(),
        Ask::Choice { choices, right } => view! {
            <label class="stack">
                <span>{t.choices}</span>
                <textarea
                    rows="4"
                    data-testid=format!("make-choices-{n}")
                    prop:value=written(choices, *right)
                    on:input:target=move |event| set(read(&event.target().value()))
                ></textarea>
                <small>{t.choices_hint}</small>
            </label>
        }
        .into_any(),
        Ask::Words { after } => view! {
            <label class="stack">
                <span>{t.then}</span>
                <textarea
                    rows="3"
                    maxlength="1300"
                    data-testid=format!("make-then-{n}")
                    prop:value=after.clone()
                    on:input:target=move |event| set(Ask::Words { after: event.target().value() })
                ></textarea>
            </label>
        }
        .into_any(),
        Ask::Nothing | Ask::Run | Ask::Token { .. } => ().into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_as_they_are_written() {
        let ask = read("one\n\n * two \nthree\n* four");
        let Ask::Choice { choices, right } = &ask else {
            panic!("{ask:?}");
        };
        assert_eq!(choices, &["one", "two", "three", "four"]);
        assert_eq!(*right, 1);
        assert_eq!(written(choices, *right), "one\n* two\nthree\nfour");
        // None that is right is none: the workshop says so.
        let none = read("a\nb");
        let workshop = Workshop {
            title: String::new(),
            steps: vec![Step {
                ask: none,
                ..Step::default()
            }],
        };
        assert!(workshop.check().is_err());
    }

    #[test]
    fn every_kind_is_one_that_can_be_chosen() {
        for name in KINDS {
            assert_eq!(kind(&ask_of(name)), name);
        }
    }
}
