use super::axes::choose_site;
use super::heatmap::At;
use crate::components::shared::is_open;
use crate::components::shared::live;
use crate::picture::Model;
use crate::state::use_state;
use crate::terms::Term;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Located, Mode, Place, Shown, Site, around};

/// What one layer has, in the order of the forward pass; the stream's own three stand
/// on it, the others beside it.
const LAYER: [&[Site]; 8] = [
    &[Site::ResidPre],
    &[Site::Q, Site::K, Site::V],
    &[Site::Pattern, Site::Z],
    &[Site::AttnOut],
    &[Site::ResidMid],
    &[Site::MlpPre, Site::MlpPost],
    &[Site::MlpOut],
    &[Site::ResidPost],
];

/// The model, with what is set and pointed at marked in it; a click chooses a site.
#[component]
pub fn Picture(#[prop(into)] pointed: Signal<Option<At>>) -> impl IntoView {
    let state = use_state();
    let t = &text().picture;
    let shape = Memo::new(move |_| state.model().map(|m| (m.n_layer, m.n_head)));
    let site = Memo::new(move |_| state.sweep().site);
    // What is patched is a setting, wherever it is chosen.
    let fixed = !is_open(Shown::Settings);
    // The run that is patched has the map's positions.
    let positions = Memo::new(move |_| {
        let mode = state.sweep().mode;
        state.derived.reading.with(|r| {
            r.as_ref().map_or(0, |r| match mode {
                Mode::Denoising => r.corrupted.len(),
                Mode::Noising => r.clean.len(),
            })
        })
    });
    let at = Memo::new(move |_| {
        let at = pointed.get()?;
        state.derived.grid.with(|g| g.as_ref()?.located(at))
    });
    let model = Memo::new(move |_| {
        let (layers, heads) = shape.get()?;
        Some(Model {
            layers,
            heads,
            positions: positions.get(),
            site: site.get(),
            at: at.get(),
        })
    });
    let drawn = move || model.with(|m| m.as_ref().map(Model::svg).unwrap_or_default());
    let told = live(move || match at.get() {
        Some(at) => (t.reach)(&named(&at), &reach(&at, shape.get().map_or(0, |s| s.0))),
        None => (t.no_place)(site.get()),
    });
    let block = live(move || match at.get().filter(|at| at.site.per_layer()) {
        Some(at) => (t.inside)(at.layer),
        None => t.each.to_owned(),
    });
    let button = move |one: Site| {
        view! {
            <button
                type="button"
                class="site"
                data-term=(Term::from(one) as usize).to_string()
                aria-pressed=live(move || (site.get() == one).to_string())
                data-testid=format!("picture-{}", one.name())
                disabled=fixed
                on:click=move |_| choose_site(state, one)
            >
                {one.name()}
            </button>
        }
    };
    let row = move |sites: &&'static [Site]| {
        let on_stream = sites.iter().all(|s| s.name().starts_with("resid"));
        let buttons = sites.iter().map(|site| button(*site)).collect_view();
        view! { <div class="layer-row" class:stream=on_stream>{buttons}</div> }
    };
    let outside = move |place: Place| {
        let all = Site::ALL
            .into_iter()
            .filter(move |s| *s != Site::Logits && s.place() == place);
        all.map(button).collect_view()
    };
    view! {
        <figure class="picture" data-testid="picture" aria-labelledby="picture-title">
            <figcaption id="picture-title">{t.title}</figcaption>
            <div class="whole" inner_html=drawn></div>
            <p class="told" data-testid="picture-told">{told}</p>
            <div class="sites" role="group" aria-label=t.sites>
                <div class="layer-row">{outside(Place::Embedding)}</div>
                <p class="of-layer">{block}</p>
                <div class="one-layer">{LAYER.iter().map(row).collect_view()}</div>
                <div class="layer-row">{outside(Place::Final)}</div>
            </div>
        </figure>
    }
}

/// A place of the model in words.
fn named(at: &Located) -> String {
    let t = &text().picture;
    (t.place)(
        at.site,
        at.site.per_layer().then_some(at.layer),
        at.head,
        at.position,
    )
}

/// What a patch at a place can change.
fn reach(at: &Located, layers: usize) -> String {
    let t = &text().picture;
    let from = at.position.unwrap_or(0);
    let first = around(at.layer, at.window, at.site.layers(layers)).start;
    match at.site.place() {
        Place::Final => (t.reaches_logits)(from),
        Place::Embedding => (t.reaches)(0, from),
        Place::Pre => (t.reaches)(first, from),
        Place::Attend | Place::Mid if first + 1 >= layers => (t.reaches_logits)(from),
        Place::Attend | Place::Mid => (t.reaches)(first + 1, from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_layer_has_every_site_that_layers_have() {
        let mut drawn: Vec<Site> = LAYER.iter().flat_map(|row| row.iter().copied()).collect();
        drawn.sort_unstable();
        let all = Site::ALL.into_iter().filter(|site| site.per_layer());
        assert_eq!(drawn, all.collect::<Vec<_>>());
    }
}
