//! A direction as a detector: held-out prompts, their scores, the ROC curve,
//! and a threshold to move.

use super::choices::Choices;
use crate::colour;
use crate::components::fields::{Lines, Number, lines};
use crate::components::shared::problems::Problems;
use crate::components::shared::{Explained, Old, Terms, live, whether};
use crate::download::download;
use crate::examples::HELD_OUT;
use crate::export;
use crate::format::{number, percent};
use crate::state::use_state;
use crate::terms::Term;
use crate::text::{said, steer};
use leptos::prelude::*;
use patchbay_engine::experiment::{Detected, Detector, DetectorReport, Field};

/// The panel; until a detector is wanted, the button that asks for one.
#[component]
pub fn DetectorPanel() -> impl IntoView {
    let state = use_state();
    let t = &steer().detector;
    let wanted = Memo::new(move |_| state.steer(|s| s.detector.is_some()));
    let begin = move |_| {
        let [positive, negative] =
            HELD_OUT.map(|side| side.iter().map(ToString::to_string).collect());
        state.edit_steer(|s| {
            s.detector = Some(Detector {
                positive,
                negative,
                ..Detector::default()
            });
        });
    };
    let edit = move |change: &dyn Fn(&mut Detector)| {
        state.edit_steer(|s| {
            if let Some(d) = &mut s.detector {
                change(d);
            }
        });
    };
    let side = move |id: &'static str, label: &'static str, positive: bool| {
        let value = live(move || {
            state.steer(|s| {
                let d = s.detector.as_ref();
                d.map(|d| if positive { &d.positive } else { &d.negative }.join("\n"))
                    .unwrap_or_default()
            })
        });
        view! {
            <Lines
                id
                label
                rows="5"
                value
                set=move |text: String| {
                    let new = lines(&text);
                    edit(&|d| *(if positive { &mut d.positive } else { &mut d.negative }) = new.clone());
                    Ok(())
                }
            />
        }
    };
    let set_direction = move |i: Option<usize>| edit(&|d| d.direction = i.unwrap_or_default());
    let set_layer = move |n: Option<f64>| edit(&|d| d.layer = n.map(|n| n as usize));
    let old = Memo::new(move |_| wanted.get() && state.derived.steered_stale.get());
    view! {
        <section class="panel" aria-labelledby="detector-title" data-testid="detector">
            <div class="named">
                <h2 id="detector-title">{t.title}<Old is=old /></h2>
                <Explained term=Term::Detector first=true />
            </div>
            <p class="hint">{t.hint}</p>
            <Show
                when=move || wanted.get()
                fallback=move || view! {
                    <button type="button" data-testid="detector-add" on:click=begin>{t.add}</button>
                }
            >
                <div class="grid">
                    <Choices
                        id="detector-direction"
                        label=t.direction
                        value=Signal::derive(move || state.steer(|s| s.detector.as_ref().map(|d| d.direction)))
                        set=set_direction
                    />
                    <Number
                        id="detector-layer"
                        label=t.layer
                        step="1"
                        maybe=true
                        value=live(move || state.steer(|s| {
                            let layer = s.detector.as_ref().and_then(|d| d.layer);
                            layer.map(|l| l.to_string()).unwrap_or_default()
                        }))
                        set=set_layer
                    />
                    {side("detector-positive", t.positive, true)}
                    {side("detector-negative", t.negative, false)}
                </div>
                <Terms of=&[Term::Roc, Term::Projection] />
                <Problems field=Field::Detector />
                <div class:stale=state.derived.steered_stale><Found /></div>
                <button type="button" class="quiet" on:click=move |_| state.edit_steer(|s| s.detector = None)>{t.remove}</button>
            </Show>
        </section>
    }
}

#[component]
fn Found() -> impl IntoView {
    let state = use_state();
    let t = &steer().detector;
    let report = Memo::new(move |_| state.steered(|s| s?.report.detector.clone()));
    // While the slider moves; the experiment has it once it rests.
    let moved = RwSignal::new(None::<f32>);
    let threshold = move || {
        let own = report.with(|r| r.as_ref().and_then(|r| r.threshold));
        let set = state.steer(|s| s.detector.as_ref().and_then(|d| d.threshold));
        moved.get().or(set).or(own).unwrap_or_default()
    };
    let settle = move |t: Option<f32>| {
        state.edit_steer(|s| {
            if let Some(d) = &mut s.detector {
                d.threshold = t;
            }
        });
        moved.set(None);
    };
    let with = move |f: &dyn Fn(&DetectorReport) -> AnyView| {
        report
            .with(|r| r.as_ref().map(f))
            .unwrap_or_else(|| ().into_any())
    };
    let ends = move || report.with(|r| r.as_ref().map_or((0.0, 1.0), ends));
    let rates = move || {
        let at = threshold();
        report.with(|r| {
            r.as_ref().map(|r| {
                let rates = r.rates_at(at);
                (t.rates)(
                    &number(at, 2),
                    &percent(rates.true_positive),
                    &percent(rates.false_positive),
                )
            })
        })
    };
    let save = move |_| {
        let csv =
            report.with_untracked(|r| export::detector_csv(r.as_ref()?, untrack(threshold)).ok());
        if let Some(csv) = csv {
            download("patchbay-detector.csv", "text/csv", csv.as_bytes());
        }
    };
    view! {
        <Show when=move || report.with(Option::is_some)>
            <div aria-live="polite" data-testid="detector-said">
                {move || with(&|r| {
                    let warnings = r.warnings.iter().enumerate().map(|(i, warning)| {
                        let says = r.warnings_say.get(i).cloned().unwrap_or_default();
                        view! { <p class="problem">{said(warning, &says)}</p> }
                    });
                    view! { <p>{said(&r.said, &r.says)}</p>{warnings.collect_view()} }.into_any()
                })}
            </div>
            <div class="roc">
                {move || {
                    let at = threshold();
                    with(&|r| {
                        let label = (t.curve)(&number(r.auc, 2));
                        view! { <figure role="img" aria-label=label inner_html=curve(r, at)></figure> }.into_any()
                    })
                }}
                <div>
                    <label for="detector-threshold">{t.threshold}</label>
                    <input
                        type="range"
                        id="detector-threshold"
                        data-testid="detector-threshold"
                        min=move || ends().0.to_string()
                        max=move || ends().1.to_string()
                        step="any"
                        aria-valuetext=live(move || number(threshold(), 2))
                        prop:value=live(move || threshold().to_string())
                        on:input:target=move |e| moved.set(e.target().value().parse().ok())
                        on:change:target=move |e| settle(e.target().value().parse().ok())
                    />
                    <p role="status" data-testid="detector-rates">{live(move || rates().unwrap_or_default())}</p>
                    <p class="hint">{t.axes}</p>
                    <div class="buttons">
                        <button type="button" on:click=move |_| settle(None)>{t.middle}</button>
                        <button type="button" data-testid="detector-csv" on:click=save>"CSV"</button>
                    </div>
                </div>
            </div>
            <ul class="detected" data-testid="detected">
                {move || {
                    let at = threshold();
                    with(&|r| r.prompts.iter().map(|p| prompt(p, at, ends())).collect_view().into_any())
                }}
            </ul>
            <details class="more">
                <summary>{t.table}</summary>
                <table class="lens">
                    <thead><tr>{t.heads.map(|h| view! { <th scope="col">{h}</th> }).into_iter().collect_view()}</tr></thead>
                    <tbody>{move || with(&|r| r.roc.iter().map(|p| {
                        let cells = [p.threshold.map_or("∞".into(), |t| number(t, 2)), number(p.rates.false_positive, 2), number(p.rates.true_positive, 2)];
                        view! { <tr>{cells.map(|c| view! { <td>{c}</td> }).into_iter().collect_view()}</tr> }
                    }).collect_view().into_any())}</tbody>
                </table>
            </details>
        </Show>
    }
}

/// The smallest and the largest score, with a little room.
fn ends(r: &DetectorReport) -> (f32, f32) {
    let scores = || r.prompts.iter().map(Detected::score);
    let (low, high) = (
        scores().fold(f32::INFINITY, f32::min),
        scores().fold(f32::NEG_INFINITY, f32::max),
    );
    let room = (high - low) * 0.1 + 1e-3;
    (low - room, high + room)
}

/// The ROC curve in a square of 100, with the place of a threshold.
fn curve(r: &DetectorReport, threshold: f32) -> String {
    let place = |f: f32, t: f32| format!("{:.1},{:.1} ", 100.0 * f, 100.0 * (1.0 - t));
    let points: String = r
        .roc
        .iter()
        .map(|p| place(p.rates.false_positive, p.rates.true_positive))
        .collect();
    let now = r.rates_at(threshold);
    let (x, y) = (
        100.0 * now.false_positive,
        100.0 * (1.0 - now.true_positive),
    );
    format!(
        "<svg viewBox=\"-3 -3 106 106\" aria-hidden=\"true\"><path d=\"M0 0V100H100M0 100L100 0\"/><polyline points=\"{points}\"/><circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/></svg>"
    )
}

/// A prompt, its tokens coloured by how far they are beyond the threshold.
fn prompt(p: &Detected, threshold: f32, (low, high): (f32, f32)) -> impl IntoView + use<> {
    let t = &steer().detector;
    let found = p.score() >= threshold;
    let right = found == p.positive;
    let words = p.tokens.iter().zip(&p.projections);
    let words = words.filter(|(w, _)| w.text != "<|endoftext|>").map(|(w, x)| {
        let place = 2.0 * (x - threshold) / (high - low);
        view! {
            <span title=number(*x, 2) style=("--fill", colour::fill(place)) style=("--ink", colour::ink(place))>
                {w.text.clone()}
            </span>
        }
    });
    view! {
        <li class:wrong=whether(move || !right)>
            <span>{words.collect_view()}</span>
            <small>{(t.verdict)(&number(p.score(), 2), found, right)}</small>
        </li>
    }
}
