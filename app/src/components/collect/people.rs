//! One row a person.

use super::class::Class;
use crate::collected::{Standing, said, standing};
use crate::text::collect;
use leptos::prelude::*;
use patchbay_engine::experiment::{Answer, Handed, Points};

/// A standing in words.
pub(super) fn says(standing: &Standing) -> String {
    let t = collect();
    match standing {
        Standing::None => t.no_results.into(),
        Standing::Claimed => t.claimed.into(),
        Standing::Same => t.same.into(),
        Standing::Differs => t.differs.into(),
        Standing::Failed(why) => (t.failed)(why),
    }
}

/// What a test and a style look for.
fn state_of(standing: &Standing) -> &'static str {
    match standing {
        Standing::None => "none",
        Standing::Claimed => "claimed",
        Standing::Same => "same",
        Standing::Differs => "differs",
        Standing::Failed(_) => "failed",
    }
}

/// The table.
#[component]
pub(super) fn People(class: Class) -> impl IntoView {
    let t = collect();
    let steps = class.workshop.with_value(|w| w.steps.len());
    let heads = (0..steps)
        .map(|n| view! { <th scope="col">{(t.step)(n + 1)}</th> })
        .collect_view();
    let rows = move || {
        class.recomputed.track();
        class.found.with(|found| {
            found
                .handed
                .iter()
                .map(|handed| row(class, handed))
                .collect_view()
        })
    };
    view! {
        <div class="wide-table">
            <table class="values" data-testid="collect-table">
                <caption class="hidden">{t.table}</caption>
                <thead>
                    <tr>
                        <th scope="col">{t.name}</th>
                        <th scope="col">{t.done}</th>
                        <th scope="col">{t.points}</th>
                        {heads}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

fn row(class: Class, handed: &Handed) -> impl IntoView + use<> {
    let t = collect();
    let by = match handed.by.trim() {
        "" => t.unnamed.to_owned(),
        by => by.to_owned(),
    };
    let nothing = Answer::default();
    let (points, cells) = class.workshop.with_value(|workshop| {
        let Points { made, of } = workshop.points(handed);
        let cells = workshop
            .steps
            .iter()
            .enumerate()
            .map(|(at, step)| {
                let answer = handed.answers.get(at).unwrap_or(&nothing);
                let standing = class.first.with_value(|first| {
                    class
                        .recomputed
                        .with_untracked(|again| standing(workshop, first, at, answer, again))
                });
                let points = step.points(answer);
                let sums = (points.of > 0).then(|| format!("{}/{}", points.made, points.of));
                let results = (standing != Standing::None).then(|| {
                    view! { <small data-state=state_of(&standing)>{says(&standing)}</small> }
                });
                let changed = answer
                    .experiment
                    .is_some()
                    .then(|| view! { <small data-state="changed">{t.changed}" · "</small> });
                view! { <td>{said(workshop, at, answer)}" "<strong>{sums}</strong>" "{changed}{results}</td> }
            })
            .collect_view();
        (format!("{made}/{of}"), cells)
    });
    view! {
        <tr>
            <th scope="row">{by}</th>
            <td>{handed.answers.len()}</td>
            <td>{points}</td>
            {cells}
        </tr>
    }
}
