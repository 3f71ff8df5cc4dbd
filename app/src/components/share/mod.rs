//! Handing an experiment on, and taking one in.

mod embed;
mod file;
mod forms;
mod make;
mod parts;
mod reproduced;

pub use file::{drags_files, take_dropped};
pub use reproduced::Reproduced;

use crate::components::shared::{close_dialog, open_dialog, whether};
use crate::later;
use crate::state::use_state;
use crate::text::text;
use embed::EmbedForm;
use file::FileForm;
use forms::{Form, FormChoice, LinkForm, Results};
use leptos::attr::custom::custom_attribute;
use leptos::prelude::*;
use make::MakeForm;

/// The dialog's id.
const DIALOG: &str = "share-dialog";

/// Opens the dialog.
pub fn open_share(open: RwSignal<bool>) {
    open.set(true);
    open_dialog(DIALOG);
}

/// The button that opens the dialog.
#[component]
pub fn ShareButton(open: RwSignal<bool>) -> impl IntoView {
    view! {
        <button type="button" data-testid="share" aria-haspopup="dialog" on:click=move |_| open_share(open)>
            {text().share.share}
        </button>
    }
}

/// The dialog. What it shows follows the experiment only while it is open.
#[component]
pub fn ShareDialog(open: RwSignal<bool>) -> impl IntoView {
    let t = &text().share;
    view! {
        <dialog
            id=DIALOG
            class="models share-dialog"
            data-testid=DIALOG
            aria-labelledby="share-title"
            on:close=move |_| open.set(false)
            {..custom_attribute("closedby", "any")}
        >
            <div class="panel-head">
                <h2 id="share-title">{t.title}</h2>
                <button type="button" class="quiet" data-testid="share-close" on:click=|_| close_dialog(DIALOG)>
                    {t.close}
                </button>
            </div>
            <Show when=move || open.get()>
                {FORMS.into_view()}
            </Show>
        </dialog>
    }
}

later! {
    /// What it holds, loaded when it is first opened.
    FORMS: share, forms, load => view! { <Forms /> }
}

#[component]
fn Forms() -> impl IntoView {
    let state = use_state();
    let t = crate::text::forms();
    let form = RwSignal::new(Form::Link);
    let results = Results {
        wanted: RwSignal::new(true),
        // Nor is what a workshop hides handed on.
        found: Memo::new(move |_| state.shown_digest()),
    };
    view! {
        <p class="hint">{t.lede}</p>
        <p class="problem" data-testid="share-barred" hidden=whether(move || !state.is_barred())>{t.barred}</p>
        <FormChoice form />
        {move || match form.get() {
            Form::Link | Form::Markdown => view! { <LinkForm form=form.get() results /> }.into_any(),
            Form::Embed => view! { <EmbedForm results /> }.into_any(),
            Form::Workshop => view! { <MakeForm /> }.into_any(),
            Form::File => view! { <FileForm results close=|| close_dialog(DIALOG) /> }.into_any(),
        }}
    }
}
