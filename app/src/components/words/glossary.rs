use super::list::Meanings;
use crate::components::shared::{close_dialog, focus, live, open_dialog, whether};
use crate::later;
use crate::terms::Term;
use crate::text::text;
use leptos::attr::custom::custom_attribute;
use leptos::prelude::*;
use patchbay_engine::order::sorted as sorted_by;

/// The dialog and its filter, by their ids.
const DIALOG: &str = "glossary";
const FILTER: &str = "glossary-filter";

/// All terms with what they mean, in a dialog.
#[derive(Clone, Copy)]
pub struct Glossary {
    pub meanings: Meanings,
    /// A part of the names that are listed; none until the list is wanted.
    part: RwSignal<Option<String>>,
    /// The term that it is opened at.
    at: RwSignal<Option<Term>>,
}

impl Glossary {
    pub fn new() -> Self {
        Self {
            meanings: Meanings::new(),
            part: RwSignal::new(None),
            at: RwSignal::new(None),
        }
    }

    /// Opens it, at a term where one is meant.
    pub fn open(self, at: Option<Term>) {
        self.meanings.want();
        // What was looked for before would hide what is meant now.
        self.part.set(Some(String::new()));
        self.at.set(at);
        open_dialog(DIALOG);
    }
}

fn id(term: Term) -> String {
    format!("word-{}", term as usize)
}

/// All terms in the order of their names.
fn sorted() -> Vec<Term> {
    let name = |term: &Term| (text().words.name)(*term).to_lowercase();
    sorted_by(Term::ALL, |a, b| name(a).cmp(&name(b)))
}

/// The terms in whose names a text is, in whatever case.
fn with(part: &str) -> Vec<Term> {
    let part = part.trim().to_lowercase();
    let mut all = sorted();
    all.retain(|term| (text().words.name)(*term).to_lowercase().contains(&part));
    all
}

/// The dialog.
#[component]
pub fn Dialog(glossary: Glossary) -> impl IntoView {
    let t = &text().words;
    let wanted = whether(move || glossary.part.with(Option::is_some));
    provide_context(glossary);
    view! {
        <dialog
            id=DIALOG
            class="models glossary"
            data-testid=DIALOG
            aria-labelledby="glossary-title"
            {..custom_attribute("closedby", "any")}
        >
            <div class="panel-head">
                <h2 id="glossary-title">{t.title}</h2>
                <button type="button" class="quiet" data-testid="glossary-close" on:click=|_| close_dialog(DIALOG)>
                    {t.close}
                </button>
            </div>
            <Show when=move || wanted.get()>{LIST.into_view()}</Show>
        </dialog>
    }
}

later! {
    /// What it holds, loaded when it is first opened.
    LIST: menus, list, load => view! { <List /> }
}

#[component]
fn List() -> impl IntoView {
    let t = &text().words;
    let Glossary { meanings, part, at } = expect_context();
    let found = Memo::new(move |_| part.with(|part| part.as_deref().map(with)));
    let one = move |term: Term| {
        let meaning = meanings.of(term);
        view! {
            <div>
                <dt id=id(term) tabindex="-1">{(t.name)(term)}</dt>
                <dd>
                    {meaning.says}
                    {meaning.source.map(|source| view! { " "<small>{(t.source)(&source)}</small> })}
                </dd>
            </div>
        }
    };
    let list = move || {
        let found = found.get().filter(|_| meanings.are_there());
        let found = found.unwrap_or_default();
        found.into_iter().map(one).collect_view()
    };
    // The list is there a little after it is asked for.
    Effect::new(move |_| {
        if let Some(term) = at.get().filter(|_| meanings.are_there()) {
            at.set(None);
            request_animation_frame(move || focus(&id(term)));
        }
    });
    view! {
        <div class="field">
            <label for=FILTER>{t.filter}</label>
            <input
                type="text"
                id=FILTER
                data-testid=FILTER
                autocomplete="off"
                spellcheck="false"
                prop:value=live(move || part.get().unwrap_or_default())
                on:input:target=move |event| part.set(Some(event.target().value()))
            />
            <small aria-live="polite" data-testid="glossary-found">
                {live(move || found.with(|f| f.as_ref().map_or_else(String::new, |f| (t.found)(f.len()))))}
            </small>
        </div>
        {move || meanings.failed().then(|| view! { <p class="problem fatal">{t.failed}</p> })}
        <dl>{list}</dl>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_the_order_of_the_alphabet() {
        let name = |t: &Term| (text().words.name)(*t).to_lowercase();
        let names: Vec<_> = sorted().iter().map(name).collect();
        assert!(names.is_sorted());
        assert_eq!(names.len(), Term::ALL.len());
    }

    #[test]
    fn a_part_of_a_name_finds_it_in_whatever_case() {
        assert_eq!(with("").len(), Term::ALL.len());
        assert_eq!(with(" Resid_MID "), [Term::ResidMid]);
        assert!(with("logit").contains(&Term::LogitLens));
        assert_eq!(with("no such word"), []);
    }
}
