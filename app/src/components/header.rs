use crate::components::fields::Segmented;
use crate::components::models::{Menu, MenuButton, Source};
use crate::components::share::{ShareButton, ShareDialog, open_share};
use crate::components::shared::{live, whether};
use crate::link;
use crate::preferences::Theme;
use crate::state::use_state;
use crate::text::{said, text};
use gloo::timers::callback::Timeout;
use leptos::prelude::*;
use leptos_use_clipboard::{UseClipboardReturn, use_clipboard};
use patchbay_engine::experiment::{BackendInfo, Room};
use patchbay_engine::protocol::BackendChoice;

/// After so many milliseconds a text that was not copied is not going to be.
const REFUSED: u32 = 600;

/// The name, the model and where it runs, the link, the colours.
#[component]
pub fn Header() -> impl IntoView {
    let t = &text().header;
    let open = RwSignal::new(false);
    view! {
        <header class="top-bar">
            <p class="brand">
                <img src="favicon.svg" alt="" width="22" height="22" />
                {t.brand}
            </p>
            <Rooms />
            <ModelInfo />
            <div class="tools">
                <CopyLink open />
                <ShareButton open />
                <ThemeSelect />
            </div>
            <Menu />
            <ShareDialog open />
        </header>
    }
}

#[component]
fn Rooms() -> impl IntoView {
    let state = use_state();
    let t = &text().header;
    view! {
        // The other room could tell what a workshop hides.
        <nav class="rooms" aria-label=t.rooms hidden=whether(move || state.is_covered())>
            <Segmented
                name="room"
                legend=t.rooms
                choices=vec![
                    (Room::Patching, t.room_patching, "room-patching"),
                    (Room::Steering, t.room_steering, "room-steering"),
                ]
                chosen=Signal::derive(move || state.room())
                choose=move |room| state.enter(room)
            />
        </nav>
    }
}

#[component]
fn ModelInfo() -> impl IntoView {
    let state = use_state();
    let t = &text().header;
    let size = live(move || state.model().as_ref().map(t.model_size).unwrap_or_default());
    let on = live(move || {
        state
            .backend()
            .map(|b| (t.on_backend)(&b.name, &b.device))
            .unwrap_or_default()
    });
    let reason = live(move || {
        let of = |b: BackendInfo| Some(said(&b.reason?, &b.says.unwrap_or_default()));
        state.backend().and_then(of).unwrap_or_default()
    });
    let is_away = whether(move || state.backend().is_none());
    let backends = vec![
        (BackendChoice::Auto, t.backend_auto, "backend-auto"),
        (BackendChoice::Cpu, t.backend_cpu, "backend-cpu"),
        (BackendChoice::Webgpu, t.backend_webgpu, "backend-webgpu"),
    ];
    let choice = Signal::derive(move || state.preferences.with(|p| p.backend));
    view! {
        <div class="model" role="group" aria-label=t.model>
            <MenuButton />
            <p>
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
            <details class="reason" hidden=is_away>
                <summary>{t.details}</summary>
                <p>{size}</p>
                <p data-testid="backend-reason">{reason}</p>
                <Source />
            </details>
        </div>
    }
}

#[component]
fn CopyLink(
    /// Whether the dialog is open, in which the link can be taken by hand.
    open: RwSignal<bool>,
) -> impl IntoView {
    let state = use_state();
    let t = &text().header;
    let UseClipboardReturn {
        is_supported,
        copied,
        copy,
        ..
    } = use_clipboard();
    let copy = move |_| {
        copy(&state.experiment.with_untracked(link::address));
        // In a frame the browser may refuse, and says so to nobody.
        Timeout::new(REFUSED, move || {
            if !copied.get_untracked() {
                open_share(open);
            }
        })
        .forget();
    };
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
                        prop:value=live(move || state.experiment.with(link::address))
                        on:focus:target=|event| event.target().select()
                    />
                }
            }
        >
            <button type="button" data-testid="copy-link" on:click=copy.clone()>
                <span aria-live="polite">
                    {live(move || if copied.get() { t.copied } else { t.copy_link })}
                </span>
            </button>
        </Show>
    }
}

#[component]
fn ThemeSelect() -> impl IntoView {
    let state = use_state();
    let t = &text().header;
    let themes = [
        (Theme::Auto, t.theme_auto),
        (Theme::Light, t.theme_light),
        (Theme::Dark, t.theme_dark),
    ];
    let chosen = move || state.preferences.with(|p| p.theme);
    Effect::new(move |_| {
        if let Some(root) = document().document_element() {
            // Refused only for names that are not names.
            let _ = root.set_attribute("data-theme", chosen().name());
        }
    });
    let options = themes
        .map(|(theme, label)| {
            view! {
                <option value=theme.name() prop:selected=whether(move || chosen() == theme)>
                    {label}
                </option>
            }
        })
        .into_iter()
        .collect_view();
    view! {
        <select
            class="theme"
            data-testid="theme"
            aria-label=t.theme
            on:change:target=move |event| {
                let value = event.target().value();
                if let Some((theme, _)) = themes.iter().find(|(t, _)| t.name() == value) {
                    state.set_preferences.update(|p| p.theme = *theme);
                }
            }
        >
            {options}
        </select>
    }
}
