use crate::components::fields::{Check, Choose, Entry, Line, Number, numbered};
use crate::components::shared::{Terms, live, whether};
use crate::grid::Grid;
use crate::parts;
use crate::state::{State, use_state};
use crate::svg;
use crate::terms::Term;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Axes, Axis, GridKind, Mode, Part, Receiver, Site, Sweep};

/// Takes another grid where a sweep's site has changed and does not fit its own.
fn fit(sweep: &mut Sweep) {
    let Some(kind) = sweep.axes.as_ref().map(Axes::kind) else {
        return;
    };
    let once = kind == GridKind::LayerPosition && !sweep.site.per_layer();
    if once || kind.names_its_site() || !kind.fits(sweep.site) {
        sweep.axes = None;
    }
}

/// Sweeps another site, on a grid that fits it.
pub fn choose_site(state: State, site: Site) {
    state.edit_sweep(|sweep| {
        sweep.site = site;
        fit(sweep);
    });
}

/// Changes the kind of a sweep's grid.
fn take(sweep: &mut Sweep, kind: GridKind) {
    if kind.names_its_site() {
        sweep.site = Site::Z;
    }
    // What a path changes is found by patching it alone.
    if kind == GridKind::Paths {
        sweep.estimate = None;
    }
    // A circuit's faithfulness is what is left of the clean run.
    if kind == GridKind::Others {
        sweep.mode = Mode::Noising;
    }
    let axes = kind.fresh();
    sweep.axes = None;
    // What the site has by itself need not be said.
    if sweep.axes() != axes {
        sweep.axes = Some(axes);
    }
}

/// What the rows and columns are, and what they need to be told.
#[component]
pub fn AxesFields() -> impl IntoView {
    let state = use_state();
    let t = &text().axes;
    let now = Memo::new(move |_| state.sweep().axes().kind());
    let options = Signal::derive(move || {
        let site = state.sweep().site;
        let entry = |kind: GridKind| Entry {
            value: kind.name().into(),
            label: (t.kind)(kind).into(),
            barred: !kind.names_its_site() && !kind.fits(site),
        };
        GridKind::ALL.map(entry).to_vec()
    });
    view! {
        <Choose
            id="axes"
            label=t.grid
            options
            value=live(move || now.get().name())
            set=move |name: String| {
                if let Some(kind) = GridKind::ALL.into_iter().find(|k| k.name() == name) {
                    state.edit_sweep(|sweep| take(sweep, kind));
                }
            }
            hint=live(move || (t.hint)(now.get()))
            now=Signal::derive(move || now.get().into())
        />
        <div class="fields">{move || details(state, now.get())}</div>
    }
}

/// Changes the sweep's axes in place.
fn edit(state: State, change: impl FnOnce(&mut Axes)) {
    state.edit_sweep(|sweep| {
        let mut axes = sweep.axes();
        change(&mut axes);
        sweep.axes = Some(axes);
    });
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whatever was typed
fn whole(number: Option<f64>) -> usize {
    number.unwrap_or(0.0).max(0.0) as usize
}

fn details(state: State, kind: GridKind) -> AnyView {
    let t = &text().axes;
    let axes = move || state.sweep().axes();
    match kind {
        GridKind::LayerPosition if !state.sweep().site.per_layer() => ().into_any(),
        GridKind::LayerPosition => view! {
            <Number
                id="window"
                label=t.window
                hint=live(|| text().words.advice[2])
                term=Some(Term::Window)
                step="1"
                least=1.0
                value=live(move || match axes() {
                    Axes::LayerPosition { window } => window.to_string(),
                    _ => String::new(),
                })
                set=move |n| state.edit_sweep(|sweep| {
                    let window = whole(n);
                    sweep.axes = (window > 1 || sweep.site.per_head())
                        .then_some(Axes::LayerPosition { window });
                })
            />
        }
        .into_any(),
        GridKind::LayerHead => view! { <Positions /> }.into_any(),
        GridKind::DestinationSource => view! { <Place head=true /> }.into_any(),
        GridKind::Neurons => view! {
            <Place head=false />
            <Positions />
            <Terms of=&[Term::Neuron] />
        }
        .into_any(),
        GridKind::Parts | GridKind::Others => view! { <Parts /> }.into_any(),
        GridKind::Paths => view! { <Path /> }.into_any(),
        GridKind::HeadPosition => ().into_any(),
    }
}

/// The positions that are patched, where they are not all.
#[component]
fn Positions() -> impl IntoView {
    let state = use_state();
    let t = &text().axes;
    let value = live(move || match state.sweep().axes() {
        Axes::LayerHead { positions } | Axes::Neurons { positions, .. } => {
            positions.map(|p| parts::list(&p)).unwrap_or_default()
        }
        _ => String::new(),
    });
    let set = move |text: String| {
        let list = parts::numbers(&text).ok_or(crate::text::text().refused.list)?;
        let chosen = (!list.is_empty()).then_some(list);
        edit(state, |axes| match axes {
            Axes::LayerHead { positions } | Axes::Neurons { positions, .. } => {
                *positions = chosen;
            }
            _ => {}
        });
        Ok(())
    };
    view! {
        <Line id="positions" class="small" label=t.positions placeholder=t.all value set />
    }
}

/// The layer, and the head, that a grid or a path is about.
#[component]
fn Place(head: bool) -> impl IntoView {
    let state = use_state();
    let t = &text().axes;
    let at = move || place(&mut state.sweep().axes()).map(|(l, h)| (*l, h.map(|h| *h)));
    let layer = live(move || at().map_or_else(String::new, |p| p.0.to_string()));
    let head_value = live(move || {
        at().and_then(|p| p.1)
            .map_or_else(String::new, |h| h.to_string())
    });
    view! {
        <Number
            id="axes-layer"
            label=t.layer
            step="1"
            value=layer
            set=move |n| edit(state, |axes| {
                if let Some((layer, _)) = place(axes) {
                    *layer = whole(n);
                }
            })
        />
        {head.then(|| view! {
            <Number
                id="axes-head"
                label=t.head
                step="1"
                value=head_value
                set=move |n| edit(state, |axes| {
                    if let Some((_, Some(head))) = place(axes) {
                        *head = whole(n);
                    }
                })
            />
        })}
    }
}

/// The layer and the head that axes name.
fn place(axes: &mut Axes) -> Option<(&mut usize, Option<&mut usize>)> {
    match axes {
        Axes::DestinationSource { layer, head } => Some((layer, Some(head))),
        Axes::Neurons { layer, .. } => Some((layer, None)),
        Axes::Paths { receiver, .. } => match receiver {
            Receiver::Logits => None,
            Receiver::Q { layer, head }
            | Receiver::K { layer, head }
            | Receiver::V { layer, head } => Some((layer, Some(head))),
            Receiver::Mlp { layer } => Some((layer, None)),
        },
        Axes::LayerPosition { .. }
        | Axes::LayerHead { .. }
        | Axes::HeadPosition
        | Axes::Parts { .. } => None,
    }
}

/// Parts as text.
#[component]
fn Parts() -> impl IntoView {
    let state = use_state();
    let t = &text().axes;
    let value = live(move || match state.sweep().axes() {
        Axes::Parts { parts, .. } => parts::write(&parts),
        _ => String::new(),
    });
    let put = move |list: Vec<Part>| {
        edit(state, |axes| {
            if let Axes::Parts { parts, .. } = axes {
                *parts = list;
            }
        });
    };
    // The circuits are of one model; others have heads of these numbers that do other things.
    let small = move || {
        state
            .model()
            .is_some_and(|m| (m.n_layer, m.n_head) == (12, 12))
    };
    let preset = |label: &'static str, testid: &'static str, text: &'static str| {
        view! {
            <button
                type="button"
                class="quiet"
                data-testid=testid
                hidden=whether(move || !small())
                on:click=move |_| put(parts::read(text).unwrap_or_default())
            >
                {label}
            </button>
        }
    };
    let presets = view! {
        {preset(t.ioi, "circuit-ioi", parts::IOI)}
        {preset(t.greater_than, "circuit-greater-than", parts::GREATER_THAN)}
        <button
            type="button"
            class="quiet"
            data-testid="circuit-strongest"
            disabled=whether(move || state.results.with(|r| strongest(&r.grids).is_none()))
            title=t.strongest_hint
            on:click=move |_| {
                if let Some(list) = state.results.with_untracked(|r| strongest(&r.grids)) {
                    put(list);
                }
            }
        >
            {t.strongest}
        </button>
    };
    let picture = move || {
        let model = state.model()?;
        let Axes::Parts { parts, .. } = state.sweep().axes() else {
            return None;
        };
        let chosen = parts::chosen(&parts, model.n_layer, model.n_head);
        Some(svg::squares(&chosen, |layer, head| {
            match head < model.n_head {
                true => format!("{layer}.{head}"),
                false => format!("MLP {layer}"),
            }
        }))
    };
    view! {
        <div class="wide">
            <Line
                id="parts"
                label=t.parts
                placeholder="9.6, 9.9, mlp 0"
                value
                set=move |text: String| {
                    put(parts::read(&text).map_err(|part| (t.no_part)(&part))?);
                    Ok(())
                }
                hint=live(move || t.parts_hint)
            />
            <div class="buttons">{presets}</div>
            <Terms of=&[Term::Circuit, Term::Faithfulness] />
        </div>
        <figure class="circuit">
            <div class="small-map" inner_html=move || picture().unwrap_or_default()></div>
            <figcaption>{t.circuit}</figcaption>
        </figure>
    }
}

/// Heads that a circuit is made of where a sweep over heads has found them.
const TAKEN: usize = 8;

/// The strongest heads of a sweep over heads, and every MLP.
fn strongest(grids: &[Grid]) -> Option<Vec<Part>> {
    let over_heads = |g: &&Grid| {
        let frame = &g.frame;
        g.is_complete()
            && frame.sweep.site == Site::Z
            && matches!(frame.columns, Axis::Heads(_))
            && frame.sweep.axes() == Axes::LayerHead { positions: None }
    };
    let grid = grids.iter().find(over_heads)?;
    let part = |site, layer, head| Part {
        site,
        layer,
        head,
        neurons: None,
        positions: None,
    };
    let heads = grid
        .ranked(TAKEN)
        .into_iter()
        .map(|(l, h)| part(Site::Z, l, Some(h)));
    let mlps = (0..grid.rows.len()).map(|l| part(Site::MlpOut, l, None));
    Some(heads.chain(mlps).collect())
}

/// Where paths end, and what lies between.
#[component]
fn Path() -> impl IntoView {
    let state = use_state();
    let t = &text().axes;
    let receiver = Memo::new(move |_| match state.sweep().axes() {
        Axes::Paths { receiver, .. } => match receiver {
            Receiver::Logits => 0,
            Receiver::Q { .. } => 1,
            Receiver::K { .. } => 2,
            Receiver::V { .. } => 3,
            Receiver::Mlp { .. } => 4,
        },
        _ => 0,
    });
    let through = move || {
        matches!(
            state.sweep().axes(),
            Axes::Paths {
                through_mlps: true,
                ..
            }
        )
    };
    let last = move || untrack(|| state.model()).map_or(0, |m| m.n_layer - 1);
    view! {
        <Choose
            id="receiver"
            label=t.receiver
            class="small"
            term=Term::Receiver
            options=numbered(&t.receivers)
            value=live(move || receiver.get().to_string())
            set=move |chosen: String| {
                let (layer, head) = (last(), 0);
                let to = match chosen.as_str() {
                    "1" => Receiver::Q { layer, head },
                    "2" => Receiver::K { layer, head },
                    "3" => Receiver::V { layer, head },
                    "4" => Receiver::Mlp { layer },
                    _ => Receiver::Logits,
                };
                edit(state, |axes| {
                    if let Axes::Paths { receiver, .. } = axes {
                        *receiver = to;
                    }
                });
            }
        />
        {move || match receiver.get() {
            0 => ().into_any(),
            4 => view! { <Place head=false /> }.into_any(),
            _ => view! { <Place head=true /> }.into_any(),
        }}
        <Check
            testid="through-mlps"
            label=t.through_mlps
            checked=whether(through)
            set=move |checked| edit(state, |axes| {
                if let Axes::Paths { through_mlps, .. } = axes {
                    *through_mlps = checked;
                }
            })
        />
        <Terms of=&[Term::DirectPath, Term::Attention, Term::Mlp] />
    }
}
