use crate::components::shared::{live, whether};
use crate::state::use_state;
use crate::svg;
use crate::text::text;
use leptos::prelude::*;

/// The results that came with the link: their picture until there are any of one's own,
/// and then whether the same came out.
#[component]
pub fn Reproduced() -> impl IntoView {
    let state = use_state();
    let t = &text().share;
    let author = Memo::new(move |_| state.author());
    let picture = Memo::new(move |_| {
        let picture = author.with(|a| a.as_ref()?.0.picture.as_ref()?.places());
        picture.map(|places| svg::squares(&places, |_, _| String::new()))
    });
    let says = live(move || {
        author.with(|author| match author {
            None => String::new(),
            Some((digest, None)) => (t.awaited)(digest),
            Some((digest, Some(compared))) => {
                let here = state.backend().map(|b| b.name).unwrap_or_default();
                (t.came_out)(digest, compared, &here)
            }
        })
    });
    let came = live(move || {
        author.with(|author| match author {
            Some((_, Some(compared))) if compared.is_same() => "same",
            Some((_, Some(_))) => "other",
            Some((_, None)) | None => "awaited",
        })
    });
    view! {
        <aside
            class="reproduced note"
            class:warn=whether(move || came.with(|came| came == "other"))
            data-testid="reproduced"
            data-state=came
            hidden=whether(move || author.with(Option::is_none))
            aria-label=t.author
        >
            <span
                class="small-map"
                hidden=whether(move || picture.with(Option::is_none))
                role="img"
                aria-label=t.picture
                inner_html=move || picture.get().unwrap_or_default()
            ></span>
            <p role="status">{says}</p>
        </aside>
    }
}
