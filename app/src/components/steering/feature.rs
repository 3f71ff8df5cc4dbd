use crate::components::fields::{Choose, Line, Number, entries};
use crate::components::shared::{live, whether};
use crate::format;
use crate::state::use_state;
use crate::text::steer;
use leptos::prelude::*;
use patchbay_engine::dictionary::{self, RES_JB};
use patchbay_engine::experiment::{Direction, DirectionField, Field, Site, Source, Stage};

/// Where dictionaries are read: vectors of the residual stream.
fn sites() -> impl Iterator<Item = Site> {
    let whole = |site: &Site| site.is_of_the_stream() && !site.per_head();
    Site::ALL.into_iter().filter(whole)
}

/// A feature, as the experiment names it.
#[derive(Clone, PartialEq)]
struct Named {
    dictionary: String,
    site: Site,
    layer: usize,
    feature: usize,
    activation: bool,
}

fn named(source: &Source) -> Option<Named> {
    match source {
        Source::Feature {
            dictionary,
            site,
            layer,
            feature,
            activation,
        } => Some(Named {
            dictionary: dictionary.clone(),
            site: *site,
            layer: *layer,
            feature: *feature,
            activation: *activation,
        }),
        _ => None,
    }
}

/// Names another feature. It acts where it was found, and its encoder is
/// another one, which has to be agreed to anew.
fn name(d: &mut Direction, change: impl FnOnce(&mut Named)) {
    if let Some(mut now) = named(&d.source) {
        change(&mut now);
        d.site = now.site;
        d.layers = vec![now.layer];
        d.source = Source::Feature {
            dictionary: now.dictionary,
            site: now.site,
            layer: now.layer,
            feature: now.feature,
            activation: false,
        };
    }
}

/// Which feature of which dictionary.
pub fn editor(i: usize) -> impl IntoView {
    let state = use_state();
    let t = &steer().feature;
    let now = Memo::new(move |_| state.steer(|s| named(&s.directions.get(i)?.source)));
    let dictionary = live(move || now.get().map(|n| n.dictionary).unwrap_or_default());
    let site = live(move || now.with(|n| n.as_ref().map_or("", |n| n.site.name())));
    let set_site = move |value: String| {
        if let Some(site) = sites().find(|s| s.name() == value) {
            state.edit_direction(i, |d| name(d, |n| n.site = site));
        }
    };
    let layer =
        live(move || now.with(|n| n.as_ref().map_or(String::new(), |n| n.layer.to_string())));
    let feature =
        live(move || now.with(|n| n.as_ref().map_or(String::new(), |n| n.feature.to_string())));
    let set_layer = move |x: Option<f64>| {
        state.edit_direction(i, |d| name(d, |n| n.layer = x.unwrap_or(0.0) as usize));
    };
    let set_feature = move |x: Option<f64>| {
        state.edit_direction(i, |d| name(d, |n| n.feature = x.unwrap_or(0.0) as usize));
    };
    view! {
        <Line
            id=format!("dictionary-{i}")
            label=t.dictionary
            at_once=true
            value=dictionary
            set=move |text| {
                state.edit_direction(i, |d| name(d, |n| n.dictionary = text));
                Ok(())
            }
            hint=live(move || t.dictionary_hint)
            of=Field::Direction(i, DirectionField::Source)
        />
        <div class="grid">
            <Choose
                id=format!("feature-site-{i}")
                label=t.site
                options=entries(&sites().map(|s| (s.name(), s.name())).collect::<Vec<_>>())
                value=site
                set=set_site
            />
            <Number id=format!("feature-layer-{i}") label=t.layer value=layer set=set_layer step="1" />
            <Number id=format!("feature-{i}") label=t.feature value=feature set=set_feature step="1" />
        </div>
    }
}

/// What a feature asks of a person before anything is fetched, and what it is.
#[component]
pub fn Feature(i: usize) -> impl IntoView {
    let state = use_state();
    let now = Memo::new(move |_| state.steer(|s| named(&s.directions.get(i)?.source)));
    move || now.get().map(|feature| about(i, feature))
}

fn about(i: usize, of: Named) -> impl IntoView + use<> {
    let state = use_state();
    let t = &steer().feature;
    let host = dictionary::named(&of.dictionary).and_then(|n| n.host(&state.place()));
    let unasked = {
        let host = host.clone();
        move || {
            let host = host.clone()?;
            let agreed = state.preferences.with(|p| p.hosts.contains(&host));
            (!agreed).then_some(host)
        }
    };
    let agreed = {
        let unasked = unasked.clone();
        whether(move || unasked().is_none())
    };
    let ask = {
        let name = of.dictionary.clone();
        move || {
            unasked().map(|host| {
                let said = (t.unasked)(&name, &host);
                let label = (t.ask)(&host);
                view! {
                    <p class="note">{said}</p>
                    <button
                        type="button"
                        data-testid=format!("ask-dictionary-{i}")
                        on:click=move |_| state.agree_to_dictionary(host.clone())
                    >
                        {label}
                    </button>
                }
            })
        }
    };
    let page = dictionary::page(&of.dictionary, of.site, of.layer, of.feature);
    let link = page.map(|page| {
        view! {
            <a href=page target="_blank" rel="noopener" data-testid=format!("neuronpedia-{i}")>{t.page}</a>
        }
    });
    let size = (of.dictionary == RES_JB.name)
        .then(|| format::bytes(4 * (RES_JB.width * RES_JB.features) as u64));
    let fetch = (t.fetch)(size.as_deref(), host.as_deref());
    let offered = move || {
        (agreed.get() && (!of.activation || !state.encoders.get())).then(|| {
            view! {
                <button
                    type="button"
                    class="quiet"
                    data-testid=format!("fetch-encoder-{i}")
                    on:click=move |_| state.agree_to_encoder(i)
                >
                    {fetch.clone()}
                </button>
            }
        })
    };
    let fetching = live(move || {
        let progress = state.job.with(|job| job.as_ref().and_then(|j| j.progress));
        match progress.filter(|p| p.stage == Stage::Fetch) {
            Some(p) => (t.fetching)(&format::bytes(p.done), &format::bytes(p.total)),
            None => String::new(),
        }
    });
    let active = move || {
        state.steered(|s| {
            let report = &s?.report;
            let found = report.directions.get(i)?.feature.as_ref()?;
            let values = found.activations.as_ref()?;
            let pairs = report.prompt.iter().zip(values);
            let chips: Vec<_> = pairs
                .filter(|(_, x)| **x > 0.0)
                .map(|(token, x)| {
                    let shown = format!("{} {}", format::token(&token.text), format::number(*x, 2));
                    view! { <span class="chip">{shown}</span> }
                })
                .collect();
            let nowhere = chips.is_empty().then_some(t.nowhere);
            Some(view! {
                <dl class="tokens-of" data-testid=format!("active-{i}")>
                    <dt>{t.active}</dt>
                    <dd>{chips} {nowhere}</dd>
                </dl>
            })
        })
    };
    view! {
        <div class="feature">
            {ask}
            {active}
            <div class="downloads">{link} {offered}</div>
            <p class="hint" aria-live="polite">{fetching}</p>
        </div>
    }
}
