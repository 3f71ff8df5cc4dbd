use crate::components::fields::{Check, Segmented, Taken};
use crate::components::shared::{live, whether};
use crate::link;
use crate::share::{CUT, markdown, prompt, qr};
use crate::state::{State, use_state};
use crate::text::{forms, text};
use leptos::prelude::*;
use patchbay_engine::experiment::Digest;
use patchbay_engine::experiment::link::Link;

/// How it is handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Link,
    Embed,
    Workshop,
    Markdown,
    File,
}

#[component]
pub(super) fn FormChoice(form: RwSignal<Form>) -> impl IntoView {
    let t = forms();
    let choices = vec![
        (Form::Link, t.link, "share-link"),
        (Form::Embed, t.embed, "share-embed"),
        (Form::Workshop, t.workshop, "share-workshop"),
        (Form::Markdown, t.markdown, "share-markdown"),
        (Form::File, t.file, "share-file"),
    ];
    view! {
        <Segmented
            name="share-form"
            legend=t.form
            choices
            chosen=form
            choose=move |to| form.set(to)
        />
    }
}

/// The results of what is on the page, and whether they go along, in whichever form.
#[derive(Clone, Copy)]
pub(super) struct Results {
    pub wanted: RwSignal<bool>,
    /// Once they are there.
    pub found: Memo<Option<Digest>>,
}

impl Results {
    fn are_there(self) -> bool {
        self.found.with(Option::is_some)
    }
}

/// Whether the results go along, which they can once they are there.
#[component]
pub(super) fn WithResults(results: Results) -> impl IntoView {
    let t = forms();
    view! {
        <Check
            testid="share-results"
            label=live(move || t.results)
            checked=whether(move || results.wanted.get() && results.are_there())
            set=move |on| results.wanted.set(on)
            hint=t.results_hint
        />
        <p class="hint" data-testid="share-no-results" hidden=whether(move || results.are_there())>
            {t.no_results}
        </p>
    }
}

/// What is on the page, as it is handed on.
pub(super) fn shared(state: State, results: Results) -> Link {
    Link {
        digest: results.found.get().filter(|_| results.wanted.get()),
        ..state.experiment.get().into()
    }
}

/// How long it is, and where that is too long.
#[component]
pub(super) fn Length(of: Memo<String>) -> impl IntoView {
    let t = forms();
    let length = Memo::new(move |_| of.with(String::len));
    view! {
        <p class="hint" class:problem=whether(move || length.get() > CUT) data-testid="share-length">
            {live(move || (t.length)(length.get(), CUT))}
        </p>
    }
}

#[component]
pub(super) fn LinkForm(form: Form, results: Results) -> impl IntoView {
    let state = use_state();
    let t = forms();
    let link = Memo::new(move |_| shared(state, results));
    let end = Memo::new(move |_| link.with(link::opening));
    let fits = Memo::new(move |_| end.with(Option::is_some));
    let address =
        Memo::new(move |_| end.with(|end| end.as_deref().map_or_else(String::new, link::page)));
    let value = Memo::new(move |_| match form {
        Form::Markdown => link.with(|link| {
            let title = (text().share.named)(prompt(&link.experiment));
            address.with(|address| markdown(address, &title))
        }),
        Form::Link | Form::Embed | Form::Workshop | Form::File => address.get(),
    });
    let label = match form {
        Form::Markdown => t.markdown,
        Form::Link | Form::Embed | Form::Workshop | Form::File => t.link,
    };
    let drawn = RwSignal::new(false);
    let code = Memo::new(move |_| drawn.get().then(|| address.with(|a| qr(a))));
    view! {
        <p>{live(move || link.with(|link| (t.holds)(&link.experiment)))}</p>
        <WithResults results />
        <p class="problem fatal" data-testid="share-too-long" hidden=fits>{t.too_long}</p>
        <div hidden=whether(move || !fits.get())>
            <Taken testid="share-text" label value rows="3" />
            <Length of=value />
            <details
                data-testid="share-qr"
                on:toggle=move |event| {
                    drawn.set(event_target::<web_sys::Element>(&event).has_attribute("open"));
                }
            >
                <summary>{t.qr}</summary>
                {move || code.get().map(|code| match code {
                    Some(svg) => view! {
                        <div class="qr" role="img" aria-label=t.qr_label inner_html=svg></div>
                    }
                    .into_any(),
                    None => view! { <p class="hint">{t.no_qr}</p> }.into_any(),
                })}
            </details>
        </div>
    }
}
