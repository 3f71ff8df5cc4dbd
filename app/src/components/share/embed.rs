use super::forms::{Results, WithResults, shared};
use super::parts::Parts;
use crate::components::fields::{Check, Segmented, Taken};
use crate::components::shared::{live, whether};
use crate::link;
use crate::share::{height, html, preview_address, prompt};
use crate::state::use_state;
use crate::text::{forms, text};
use leptos::prelude::*;
use leptos_use_watch_debounce_throttle::watch_debounced;
use patchbay_engine::experiment::link::{Link, packed};
use patchbay_engine::experiment::{Scheme, Show, Shown};

/// How long the author has to rest before the preview follows, in milliseconds.
const REST: f64 = 600.0;

/// What an embed shows, what may be changed in it, and the HTML of it.
#[component]
pub(super) fn EmbedForm(results: Results) -> impl IntoView {
    let state = use_state();
    let t = forms();
    let show = RwSignal::new(Show::default());
    let scripts = RwSignal::new(false);
    let link = Memo::new(move |_| Link {
        show: Some(show.get()).filter(|show| *show != Show::default()),
        ..shared(state, results)
    });
    let end = Memo::new(move |_| link.with(packed));
    let code = Memo::new(move |_| {
        // What is not shown is not in its name either.
        let hides = show.with(|s| !s.has(Shown::Prompts));
        let title = link.with(|link| {
            (text().share.named)(match hides {
                true => "",
                false => prompt(&link.experiment),
            })
        });
        let height = show.with(|s| height(s, state.room()));
        end.with(|end| html(scripts.get(), &link::home(), end, &title, height))
    });
    // Another address each time: a frame in which only what is behind the # changes goes on.
    let address = |n: u32, end: &str| preview_address(&link::home(), n, end);
    let preview = RwSignal::new(end.with_untracked(|end| address(0, end)));
    let count = StoredValue::new(0);
    let _ = watch_debounced(
        move || end.get(),
        move |end, _, _| {
            count.update_value(|n| *n += 1);
            preview.set(address(count.get_value(), end));
        },
        REST,
    );
    let themes = vec![
        (None, t.theme_auto, "embed-theme-auto"),
        (Some(Scheme::Light), t.theme_light, "embed-theme-light"),
        (Some(Scheme::Dark), t.theme_dark, "embed-theme-dark"),
    ];
    view! {
        <div class="embed-form">
            <Parts show />
            <div>
                <Segmented
                    name="embed-theme"
                    legend=t.theme
                    choices=themes
                    chosen=Signal::derive(move || show.with(|s| s.theme))
                    choose=move |theme| show.update(|s| s.theme = theme)
                />
                <Check
                    testid="embed-autorun"
                    label=live(move || t.autorun)
                    checked=whether(move || show.with(|s| s.autorun))
                    set=move |on| show.update(|s| s.autorun = on)
                    hint=t.autorun_hint
                />
                <WithResults results />
                <Check
                    testid="embed-scripts"
                    label=live(move || t.scripts)
                    checked=scripts.into()
                    set=move |on| scripts.set(on)
                    hint=t.scripts_hint
                />
            </div>
        </div>
        <Taken testid="share-text" label=t.html value=code rows="4" />
        <details open=true>
            <summary>{t.preview}</summary>
            <iframe
                class="preview"
                data-testid="embed-preview"
                title=t.preview
                src=preview
            ></iframe>
        </details>
    }
}
