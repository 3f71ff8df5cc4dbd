use super::alignment::Alignment;
use super::axes::{AxesFields, choose_site};
use super::bring::{self, BringFields};
use super::estimated::EstimateFields;
use super::grids::AddButtons;
use crate::components::fields::{Check, Choose, Segmented, entries};
use crate::components::shared::{live, whether};
use crate::later;
use crate::state::use_state;
use crate::terms::Term;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Axes, GridKind, Mode, Site, Sweep, Width};
use patchbay_engine::order::sorted;

/// Sites that can be patched, in the order in which they are offered: the stream, what
/// heads have, neurons, and what has no layer.
fn sites() -> Vec<Site> {
    let offered = |site: &Site| *site != Site::Logits;
    let sites: Vec<Site> = Site::ALL.into_iter().filter(offered).collect();
    let wide = |site: &Site| site.width() == Width::Embd;
    let rank = |s: &Site| (!s.per_layer(), !s.per_head() && !wide(s), s.per_head());
    sorted(&sites, |a, b| rank(a).cmp(&rank(b)))
}

/// What the sweep patches, and which way: one line, which opens.
#[component]
pub fn Settings() -> impl IntoView {
    let state = use_state();
    let t = &text().sweep;
    let open = whether(move || state.preferences.with(|p| p.settings));
    let keep = move |event: leptos::ev::Event| {
        let now = event_target::<web_sys::Element>(&event).has_attribute("open");
        if now != open.get_untracked() {
            state.set_preferences.update(|p| p.settings = now);
        }
    };
    view! {
        <details class="settings" data-testid="settings" open=open on:toggle=keep>
            <summary>
                <span class="hidden">{t.settings}": "</span>
                <span class="said" data-testid="settings-said">{live(move || said(&state.sweep()))}</span>
                <span class="change" aria-hidden="true">{t.change}</span>
            </summary>
            <Show when=move || open.get()>{SETTINGS.into_view()}</Show>
        </details>
    }
}

later! {
    /// All that can be set, loaded where it is first opened.
    SETTINGS: more, settings, load => view! {
        <Controls />
        <Alignment />
        <Automatic />
        <AddButtons />
    }
}

#[component]
fn Automatic() -> impl IntoView {
    let state = use_state();
    view! {
        <Check
            testid="automatic"
            label=text().sweep.automatic
            checked=whether(move || state.is_automatic())
            set=move |automatic| {
                state.set_preferences.update(|p| p.automatic = Some(automatic));
                state.ask();
            }
        />
    }
}

/// A sweep in a line: what is patched, which way, over what, with what.
fn said(sweep: &Sweep) -> String {
    let (t, axes) = (&text().sweep, &text().axes);
    let mut parts = vec![
        sweep.site.name().to_owned(),
        (t.mode_name)(sweep.mode).to_lowercase(),
        (axes.kind)(sweep.axes().kind()).to_owned(),
    ];
    if let Axes::LayerPosition { window } = sweep.axes()
        && window > 1
    {
        parts.push((axes.windows)(window));
    }
    parts.push((axes.brought)(axes.brings[bring::kind(&sweep.bring)]));
    parts.extend(sweep.estimate.as_ref().map(t.estimated));
    parts.join(" · ")
}

#[component]
fn Controls() -> impl IntoView {
    let state = use_state();
    let t = &text().sweep;
    let site = Signal::derive(move || state.sweep().site);
    let mode = Signal::derive(move || state.sweep().mode);
    let options: Vec<_> = sites().iter().map(|one| (one.name(), one.name())).collect();
    let options = entries(&options);
    let modes = [
        (Mode::Denoising, "mode-denoising"),
        (Mode::Noising, "mode-noising"),
    ]
    .map(|(mode, testid)| (mode, (t.mode_name)(mode), testid))
    .to_vec();
    view! {
        <div class="controls">
            <Choose
                id="site"
                label=t.site
                options
                value=live(move || site.get().name())
                set=move |name: String| {
                    if let Some(site) = sites().into_iter().find(|s| s.name() == name) {
                        choose_site(state, site);
                    }
                }
                hint=live(move || (t.site_hint)(site.get()))
                term=Term::Activation
                now=Signal::derive(move || site.get().into())
            />
            <Segmented
                name="mode"
                legend=t.mode
                choices=modes
                chosen=mode
                choose=move |mode| state.edit_sweep(|sweep| sweep.mode = mode)
                hint=live(move || {
                    let hint = match state.sweep().axes().kind() {
                        GridKind::Others => (text().axes.kept)(mode.get()),
                        _ => (t.mode_hint)(mode.get()),
                    };
                    format!("{hint} {}", text().words.advice[3])
                })
                words=[Some(Term::WhichWay.into()), Some(Signal::derive(move || mode.get().into()))]
            />
            <AxesFields />
            <BringFields />
            <EstimateFields />
        </div>
    }
}

/// Starts the sweep and stops it.
#[component]
pub fn RunButtons() -> impl IntoView {
    let state = use_state();
    let t = &text().sweep;
    let busy = state.derived.busy;
    let ready = move || state.model().is_some();
    view! {
        <div class="run">
            <div>
                <button
                    type="button"
                    class="primary"
                    data-testid="run"
                    disabled=whether(move || busy.get() || !ready())
                    on:click=move |_| state.run()
                >
                    {t.run}
                </button>
                <button
                    type="button"
                    data-testid="cancel"
                    disabled=whether(move || !busy.get())
                    on:click=move |_| state.cancel()
                >
                    {t.cancel}
                </button>
            </div>
        </div>
    }
}
