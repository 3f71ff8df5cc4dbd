use super::axes::{AxesFields, fit};
use super::bring::BringFields;
use crate::components::fields::segmented::Segmented;
use crate::components::shared::{live, whether};
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Mode, Site};

/// Sites that can be patched, in the order in which they are offered.
const SITES: [Site; 15] = [
    Site::ResidPre,
    Site::AttnOut,
    Site::ResidMid,
    Site::MlpOut,
    Site::ResidPost,
    Site::Z,
    Site::Q,
    Site::K,
    Site::V,
    Site::Pattern,
    Site::MlpPre,
    Site::MlpPost,
    Site::Embed,
    Site::PosEmbed,
    Site::LnFinal,
];

/// What the sweep patches, and which way.
#[component]
pub fn Controls() -> impl IntoView {
    let state = use_state();
    let t = &text().sweep;
    let site = Signal::derive(move || state.sweep().site);
    let mode = Signal::derive(move || state.sweep().mode);
    let options = SITES
        .map(|one| {
            view! {
                <option value=one.name() prop:selected=whether(move || site.get() == one)>
                    {one.name()}
                </option>
            }
        })
        .into_iter()
        .collect_view();
    let modes = [
        (Mode::Denoising, "mode-denoising"),
        (Mode::Noising, "mode-noising"),
    ]
    .map(|(mode, testid)| (mode, (t.mode_name)(mode), testid))
    .to_vec();
    view! {
        <div class="controls">
            <div class="field">
                <label for="site">{t.site}</label>
                <select
                    id="site"
                    class="mono"
                    data-testid="site"
                    aria-describedby="site-hint"
                    on:change:target=move |event| {
                        let name = event.target().value();
                        if let Some(site) = SITES.into_iter().find(|s| s.name() == name) {
                            state.edit_sweep(|sweep| {
                                sweep.site = site;
                                fit(sweep);
                            });
                        }
                    }
                >
                    {options}
                </select>
                <small id="site-hint">{live(move || (t.site_hint)(site.get()))}</small>
            </div>
            <div class="field wide">
                <Segmented
                    name="mode"
                    legend=t.mode
                    show_legend=true
                    choices=modes
                    chosen=mode
                    choose=move |mode| state.edit_sweep(|sweep| sweep.mode = mode)
                />
                <small>{live(move || (t.mode_hint)(mode.get()))}</small>
            </div>
            <RunButtons />
            <AxesFields />
            <BringFields />
        </div>
    }
}

#[component]
fn RunButtons() -> impl IntoView {
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
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="automatic"
                    prop:checked=whether(move || state.is_automatic())
                    on:change:target=move |event| {
                        let automatic = event.target().checked();
                        state.set_preferences.update(|p| p.automatic = Some(automatic));
                        state.ask();
                    }
                />
                <span>{t.automatic}</span>
            </label>
        </div>
    }
}
