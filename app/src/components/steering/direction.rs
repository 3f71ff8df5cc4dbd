use super::facts::Facts;
use super::feature::Feature;
use super::source::SourceEditor;
use super::used::Used;
use crate::components::fields::Number;
use crate::components::shared::live;
use crate::components::shared::problems::Problems;
use crate::format;
use crate::state::use_state;
use crate::terms::Term;
use crate::text::steer;
use leptos::prelude::*;
use patchbay_engine::experiment::{DirectionField, Export, Field, Format, Operator, Unit};

/// The direction as a file.
#[component]
fn Save(i: usize) -> impl IntoView {
    let state = use_state();
    let t = steer();
    let name = move || state.direction(i, |d| d.name.clone());
    let buttons = [
        (Format::Safetensors, "safetensors"),
        (Format::Gguf, "GGUF"),
        (Format::Json, "JSON"),
    ]
    .map(|(format, label)| {
        view! {
            <button
                type="button"
                class="quiet"
                data-testid=format!("save-{i}-{}", format.extension())
                aria-label=live(move || (t.save_as)(&name(), label))
                on:click=move |_| state.export(Export::Direction { direction: i, format })
            >
                {label}
            </button>
        }
    });
    view! {
        <div class="downloads" role="group">
            <small>{t.save}</small>
            {buttons.into_iter().collect_view()}
        </div>
    }
}

/// One direction: how much of it, what it is, and where it comes from.
#[component]
pub fn DirectionCard(
    i: usize,
    /// Whether where it comes from is shown at once.
    open: bool,
) -> impl IntoView {
    let state = use_state();
    let t = steer();
    let name = move || state.direction(i, |d| d.name.clone());
    // As far as a person would want to go, in steps that show a difference.
    let reach = move || match state.direction(i, |d| d.unit) {
        Unit::MeanNorm => 2.0,
        Unit::Absolute => 20.0,
    };
    let coefficient = move || state.direction(i, |d| d.coefficient);
    let unused = move || state.direction(i, |d| d.operator == Operator::ProjectOut);
    let set = move |c: f32| {
        state.edit_direction(i, |d| d.coefficient = c);
        // While a slider moves, waiting for a pause would hide what it does.
        state.ask();
    };
    let typed = move |c: Option<f64>| {
        if let Some(c) = c {
            set(c as f32);
        }
    };
    view! {
        <article class="direction" data-testid=format!("direction-{i}") aria-label=live(name)>
            <div class="panel-head">
                <h3>{live(name)}</h3>
                <button
                    type="button"
                    class="quiet"
                    data-testid=format!("remove-{i}")
                    aria-label=live(move || (t.remove)(&name()))
                    on:click=move |_| state.edit_steer(|s| {
                        if i < s.directions.len() {
                            s.directions.remove(i);
                        }
                    })
                >
                    "×"
                </button>
            </div>
            <div class="strength" class:unused=unused>
                <input
                    type="range"
                    data-testid=format!("coefficient-{i}")
                    aria-label=live(move || (t.strength)(&name()))
                    aria-valuetext=live(move || format::number(coefficient(), 2))
                    min=move || (-reach()).to_string()
                    max=move || reach().to_string()
                    step=move || (reach() / 40.0).to_string()
                    prop:value=live(move || coefficient().to_string())
                    on:input:target=move |event| {
                        if let Ok(c) = event.target().value().parse() {
                            set(c);
                        }
                    }
                />
                <Number
                    id=format!("coefficient-number-{i}")
                    label=t.strength_number
                    value=live(move || coefficient().to_string())
                    set=typed
                    term=Some(Term::Coefficient)
                    of=Some(Field::Direction(i, DirectionField::Coefficient))
                />
                <button type="button" class="quiet" on:click=move |_| set(0.0)>{t.off}</button>
            </div>
            <Problems field=Field::direction(i) />
            <Feature i />
            <Facts i />
            <details class="more" open=open>
                <summary>{t.edit_source}</summary>
                <SourceEditor i />
                <Used i />
                <Save i />
            </details>
        </article>
    }
}
