use crate::components::fields::{Check, Choose, entries};
use crate::components::shared::{live, whether};
use crate::state::use_state;
use crate::terms::Term;
use crate::text::steer;
use leptos::prelude::*;
use patchbay_engine::experiment::{DirectionField, Field, Operator, Positions, Site, Unit};
use patchbay_engine::order::sorted;

const OPERATORS: [(Operator, &str); 5] = [
    (Operator::Add, "add"),
    (Operator::Subtract, "subtract"),
    (Operator::ProjectOut, "project_out"),
    (Operator::SetProjection, "set_projection"),
    (Operator::Cap, "cap"),
];

/// Where directions act.
fn sites() -> impl Iterator<Item = Site> {
    Site::ALL.into_iter().filter(|s| s.is_of_the_stream())
}

fn position_name(positions: &Positions) -> &'static str {
    match positions {
        Positions::All => "all",
        Positions::Prompt => "prompt",
        Positions::Generated => "generated",
        Positions::Last => "last",
        Positions::First(_) => "first",
        Positions::Chosen(_) => "chosen",
        Positions::AlignedFront => "aligned_front",
        Positions::AlignedBack => "aligned_back",
    }
}

fn positions(name: &str) -> Positions {
    match name {
        "prompt" => Positions::Prompt,
        "generated" => Positions::Generated,
        "last" => Positions::Last,
        "first" => Positions::First(1),
        "aligned_front" => Positions::AlignedFront,
        "aligned_back" => Positions::AlignedBack,
        _ => Positions::All,
    }
}

/// Where and how a direction acts.
#[component]
pub fn Used(i: usize) -> impl IntoView {
    let state = use_state();
    let t = steer();
    // While the engine starts again they stay, and with them the focus.
    let layers = Memo::new(move |before: Option<&usize>| {
        let now = state.model().map(|m| m.n_layer);
        now.or(before.copied()).unwrap_or_default()
    });
    let boxes = move || {
        (0..layers.get())
            .map(|l| {
                view! {
                    <Check
                        testid=format!("layer-{i}-{l}")
                        label=l.to_string()
                        checked=whether(move || state.direction(i, |d| d.layers.contains(&l)))
                        set=move |_| state.edit_direction(i, |d| {
                            match d.layers.iter().position(|x| *x == l) {
                                Some(at) => drop(d.layers.remove(at)),
                                None => d.layers.push(l),
                            }
                            d.layers = sorted(&d.layers, usize::cmp);
                        })
                    />
                }
            })
            .collect_view()
    };
    let sites: Vec<_> = self::sites().map(|s| (s.name(), s.name())).collect();
    let sites = entries(&sites);
    let operators = entries(&OPERATORS.map(|(o, name)| (name, (t.operator_name)(o))));
    let units = entries(&[("mean_norm", t.unit_norm), ("absolute", t.unit_absolute)]);
    view! {
        <fieldset class="layers">
            <legend>{t.layers}</legend>
            {boxes}
        </fieldset>
        <div class="grid">
            <Choose
                id=format!("operator-{i}")
                label=t.operator
                options=operators
                value=live(move || state.direction(i, |d| {
                    let found = OPERATORS.iter().find(|(o, _)| *o == d.operator);
                    found.map_or("", |(_, name)| name)
                }))
                set=move |name: String| {
                    if let Some((operator, _)) = OPERATORS.iter().find(|(_, n)| *n == name) {
                        state.edit_direction(i, |d| d.operator = *operator);
                    }
                }
                now=Signal::derive(move || state.direction(i, |d| d.operator).into())
            />
            <Choose
                id=format!("positions-{i}")
                label=t.positions
                options=entries(&t.position_names)
                value=live(move || state.direction(i, |d| position_name(&d.positions)))
                set=move |name: String| state.edit_direction(i, |d| d.positions = positions(&name))
                of=Field::Direction(i, DirectionField::Positions)
            />
            <Choose
                id=format!("site-{i}")
                label=t.site
                options=sites
                value=live(move || state.steer(|s| s.directions.get(i).map_or("", |d| d.site.name())))
                set=move |name: String| {
                    if let Some(site) = self::sites().find(|s| s.name() == name) {
                        state.edit_direction(i, |d| d.site = site);
                    }
                }
                term=Term::Activation
                now=Signal::derive(move || state.direction(i, |d| d.site).into())
            />
            <Choose
                id=format!("unit-{i}")
                label=t.unit
                options=units
                value=live(move || match state.direction(i, |d| d.unit) {
                    Unit::MeanNorm => "mean_norm",
                    Unit::Absolute => "absolute",
                })
                set=move |name: String| state.edit_direction(i, |d| {
                    d.unit = if name == "absolute" { Unit::Absolute } else { Unit::MeanNorm };
                })
                now=Signal::derive(move || state.direction(i, |d| d.unit).into())
            />
        </div>
    }
}
