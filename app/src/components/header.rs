use super::segmented::Segmented;
use crate::link;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use leptos_use_clipboard::{UseClipboardReturn, use_clipboard};
use leptos_use_color_mode::{
    ColorMode, UseColorModeOptions, UseColorModeReturn, use_color_mode_with_options,
};
use patchbay_engine::worker::BackendChoice;

/// The name, the model and where it runs, the link, the colours.
#[component]
pub fn Header() -> impl IntoView {
    let t = &text().header;
    view! {
        <header class="top-bar">
            <p class="brand">
                <img src="favicon.svg" alt="" width="22" height="22" />
                {t.brand}
            </p>
            <ModelInfo />
            <div class="tools">
                <CopyLink />
                <Theme />
            </div>
        </header>
    }
}

#[component]
fn ModelInfo() -> impl IntoView {
    let state = use_state();
    let t = &text().header;
    let model = state.derived.model;
    let name = move || {
        model
            .with(|m| m.as_ref().map(|m| m.name.clone()))
            .unwrap_or_else(|| state.experiment.with(|e| e.model.clone()))
    };
    let size = move || model.with(|m| m.as_ref().map(t.model_size));
    let on = move || {
        state
            .derived
            .backend
            .with(|b| b.as_ref().map(|b| (t.on_backend)(&b.name, &b.device)))
    };
    let reason = move || {
        let reason = state
            .derived
            .backend
            .with(|b| b.as_ref().and_then(|b| b.reason.clone()))?;
        Some(view! {
            <details class="reason">
                <summary>{t.why}</summary>
                <p data-testid="backend-reason">{reason}</p>
            </details>
        })
    };
    let backends = vec![
        (BackendChoice::Auto, t.backend_auto, "backend-auto"),
        (BackendChoice::Cpu, t.backend_cpu, "backend-cpu"),
        (BackendChoice::Webgpu, t.backend_webgpu, "backend-webgpu"),
    ];
    let choice = Memo::new(move |_| state.preferences.with(|p| p.backend));
    view! {
        <div class="model" role="group" aria-label=t.model>
            <p>
                <strong class="mono" data-testid="model">{name}</strong>
                <span>{size}</span>
                <span data-testid="backend">{on}</span>
            </p>
            <Segmented
                name="backend"
                testid="backend-choice"
                legend=t.backend
                choices=backends
                chosen=choice
                choose=move |choice| state.choose_backend(choice)
            />
            {reason}
        </div>
    }
}

#[component]
fn CopyLink() -> impl IntoView {
    let state = use_state();
    let t = &text().header;
    let UseClipboardReturn {
        is_supported,
        copied,
        copy,
        ..
    } = use_clipboard();
    let copy = move |_| copy(&state.experiment.with_untracked(link::address));
    view! {
        <Show
            when=move || is_supported.get()
            fallback=move || {
                // Without a clipboard (a page not served over HTTPS), the link
                // can still be taken by hand.
                view! {
                    <input
                        type="text"
                        class="link-field"
                        data-testid="link-field"
                        aria-label=t.link_field
                        readonly=true
                        prop:value=move || state.experiment.with(link::address)
                        on:focus:target=|event| event.target().select()
                    />
                }
            }
        >
            <button type="button" data-testid="copy-link" on:click=copy.clone()>
                <span aria-live="polite">
                    {move || if copied.get() { t.copied } else { t.copy_link }}
                </span>
            </button>
        </Show>
    }
}

#[component]
fn Theme() -> impl IntoView {
    let t = &text().header;
    let UseColorModeReturn {
        store, set_mode, ..
    } = use_color_mode_with_options(
        UseColorModeOptions::default()
            .attribute("data-theme")
            .storage_key("patchbay.theme")
            // The other way writes a style element, which the page's security
            // policy forbids.
            .transition_enabled(true),
    );
    let modes = [
        ("auto", ColorMode::Auto, t.theme_auto),
        ("light", ColorMode::Light, t.theme_light),
        ("dark", ColorMode::Dark, t.theme_dark),
    ];
    let options = modes
        .iter()
        .map(|(name, mode, label)| {
            let mode = mode.clone();
            view! {
                <option value=*name prop:selected=move || store.get() == mode>
                    {*label}
                </option>
            }
        })
        .collect_view();
    view! {
        <select
            class="theme"
            data-testid="theme"
            aria-label=t.theme
            on:change:target=move |event| {
                let value = event.target().value();
                if let Some((_, mode, _)) = modes.iter().find(|(name, _, _)| *name == value) {
                    set_mode.set(mode.clone());
                }
            }
        >
            {options}
        </select>
    }
}
