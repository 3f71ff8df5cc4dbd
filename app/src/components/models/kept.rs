use super::dialog::take;
use crate::components::shared::{live, whether};
use crate::format;
use crate::state::{Status, use_state};
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::protocol::{KeptModel, Store};

/// What is kept in this browser, and what it takes.
#[component]
pub fn Kept() -> impl IntoView {
    let state = use_state();
    let t = &text().models;
    // The one whose deletion has to be said twice.
    let doomed = RwSignal::new(None::<String>);
    let models = move || {
        let models = state
            .store
            .with(|s| s.as_ref().map(|s| s.models.clone()))
            .unwrap_or_default();
        models
            .into_iter()
            .map(|model| view! { <Row model doomed /> })
            .collect_view()
    };
    let words = live(move || {
        state
            .store
            .with(|s| s.as_ref().map(in_words).unwrap_or_default())
    });
    let may_be_cleared = move || {
        state.store.with(|s| {
            s.as_ref()
                .is_some_and(|s| s.persisted == Some(false) && !s.models.is_empty())
        })
    };
    let hosts = move || state.preferences.with(|p| p.hosts.join(", "));
    view! {
        <section aria-labelledby="kept-title">
            <h3 id="kept-title">{t.kept}</h3>
            <ul class="kept" data-testid="kept">{models}</ul>
            <p class="hint" data-testid="storage">
                {words}
                <Show when=may_be_cleared>
                    " "
                    <button
                        type="button"
                        class="quiet"
                        data-testid="persist"
                        on:click=move |_| state.ask_to_persist()
                    >
                        {t.persist}
                    </button>
                </Show>
            </p>
            <Show when=move || !hosts().is_empty()>
                <p class="hint" data-testid="hosts">
                    {live(move || (t.hosts)(&hosts()))} " "
                    <button
                        type="button"
                        class="quiet"
                        data-testid="forget-hosts"
                        on:click=move |_| state.set_preferences.update(|p| p.hosts.clear())
                    >
                        {t.forget_hosts}
                    </button>
                </p>
            </Show>
        </section>
    }
}

#[component]
fn Row(model: KeptModel, doomed: RwSignal<Option<String>>) -> impl IntoView {
    let state = use_state();
    let t = &text().models;
    let here = format::bytes(model.bytes);
    let size = match model.complete {
        true => here,
        false => (t.part)(&here, model.total.map(format::bytes).as_deref()),
    };
    let (name, key) = (model.model.clone(), model.key.clone());
    let is_doomed = whether(move || doomed.with(|d| d.as_ref() == Some(&key)));
    // It is being written just now.
    let arriving = whether(move || {
        state.model_name() == name && matches!(*state.status.read(), Status::Loading(_))
    });
    let (name, key) = (model.model.clone(), model.key);
    let delete = move |_| {
        if is_doomed.get_untracked() {
            doomed.set(None);
            state.forget(key.clone());
        } else {
            doomed.set(Some(key.clone()));
        }
    };
    view! {
        <li data-complete=model.complete.to_string()>
            <span class="mono" title=model.folder>{model.model.clone()}</span>
            <span class="size">{size}</span>
            <button
                type="button"
                class="quiet"
                aria-label=format!("{} {name}", t.open)
                on:click=move |_| take(state, &name)
            >
                {t.open}
            </button>
            <button
                type="button"
                class="quiet"
                data-testid="delete"
                aria-label=(t.delete)(&model.model)
                disabled=arriving
                on:click=delete
            >
                {live(move || if is_doomed.get() { t.sure } else { t.delete_short })}
            </button>
        </li>
    }
}

fn in_words(store: &Store) -> String {
    let t = &text().models;
    if !store.available {
        return t.kept_off.into();
    }
    if store.models.is_empty() {
        return t.kept_none.into();
    }
    let mut words = String::new();
    if let Some(usage) = store.usage {
        words += &(t.usage)(
            &format::bytes(usage),
            store.quota.map(format::bytes).as_deref(),
        );
        words.push(' ');
    }
    words += match store.persisted {
        Some(true) => t.persisted,
        Some(false) => t.not_persisted,
        None => "",
    };
    words
}
