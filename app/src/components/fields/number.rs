use crate::components::shared::live;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;

/// The largest seed: up to it JavaScript holds every whole number.
pub const SEED: f64 = 9_007_199_254_740_991.0;

/// A labelled field for one number. What is typed stays as it is typed; until
/// it can be taken, the field says why it is not, and results are marked as old.
#[component]
pub fn Number(
    #[prop(into)] id: String,
    label: &'static str,
    /// The number as text; empty where there is none.
    #[prop(into)]
    value: Callback<(), String>,
    /// Takes the number, which 32 bits hold; `None` where the field was emptied
    /// and may be.
    #[prop(into)]
    set: Callback<Option<f64>>,
    /// `1` where only whole numbers from 0 on are taken.
    #[prop(default = "any")]
    step: &'static str,
    #[prop(optional)] min: &'static str,
    /// The largest whole number that is taken.
    #[prop(default = 4_294_967_295.0)]
    most: f64,
    /// Whether there may be none.
    #[prop(optional)]
    maybe: bool,
) -> impl IntoView {
    let state = use_state();
    let shown = Memo::new(move |_| value.run(()));
    // What is being typed: `1e3` is not to become `1000` before its last digit.
    let typed = RwSignal::new(None::<String>);
    let written = live(move || {
        let shown = shown.get();
        let same = |typed: &String| typed.parse::<f32>().ok() == shown.parse::<f32>().ok();
        typed.get_untracked().filter(same).unwrap_or(shown)
    });
    let take = {
        let id = id.clone();
        move |input: web_sys::HtmlInputElement| {
            // What the browser takes for no number is empty, and not valid.
            let text = input.value();
            typed.set(Some(text.clone()));
            let is_none = text.is_empty() && input.check_validity();
            let read = match is_none && maybe {
                true => Ok(None),
                false => read(&text, (step == "1").then_some(most)).map(Some),
            };
            state.refuse(&id, read.as_ref().err().cloned());
            if let Ok(number) = read {
                set.run(number);
            }
        }
    };
    view! {
        <div class="field small">
            <label for=id.clone()>{label}</label>
            <input
                type="number"
                id=id.clone()
                data-testid=id.clone()
                step=step
                min=min
                prop:value=written
                on:input:target=move |event| take(event.target())
                on:blur=move |_| typed.set(None)
            />
            <Refused id shown />
        </div>
    }
}

/// Reads a number that 32 bits hold; a whole one from 0 to `most`, where there is that.
fn read(typed: &str, most: Option<f64>) -> Result<f64, String> {
    let t = &text().refused;
    let number = typed.trim().parse::<f64>().ok();
    match most {
        Some(most) => number
            .filter(|n| n.fract() == 0.0 && (0.0..=most).contains(n))
            .ok_or_else(|| (t.whole)(most)),
        None => number
            .filter(|n| (*n as f32).is_finite())
            .ok_or_else(|| t.number.into()),
    }
}

/// Why what was typed in a field is not taken, under that field. It is forgotten
/// when the field shows something else, and when it goes.
#[component]
pub fn Refused(id: String, shown: Memo<String>) -> impl IntoView {
    let state = use_state();
    let (name, gone) = (id.clone(), id.clone());
    Effect::new(move |_| {
        shown.track();
        state.refuse(&name, None);
    });
    on_cleanup(move || state.refuse(&gone, None));
    let why = Memo::new(move |_| {
        let refused = state.refused.get();
        refused
            .into_iter()
            .find_map(|(of, why)| (of == id).then_some(why))
    });
    move || {
        why.get()
            .map(|why| view! { <p class="problem fatal" role="alert">{why}</p> })
    }
}

/// A labelled line of text that is read when it is left. What cannot be read
/// stays as it was typed, and the field says so.
#[component]
pub fn Line(
    id: &'static str,
    label: &'static str,
    #[prop(into)] value: Callback<(), String>,
    /// Takes the text, and says whether it could be read.
    #[prop(into)]
    set: Callback<String, bool>,
    #[prop(optional)] placeholder: &'static str,
) -> impl IntoView {
    let state = use_state();
    let shown = Memo::new(move |_| value.run(()));
    view! {
        <div class="field small">
            <label for=id>{label}</label>
            <input
                type="text"
                id=id
                data-testid=id
                placeholder=placeholder
                prop:value=live(move || shown.get())
                on:change:target=move |event| {
                    let taken = set.run(event.target().value());
                    state.refuse(id, (!taken).then(|| text().refused.list.into()));
                }
            />
            <Refused id=id.to_owned() shown />
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_32_bits_do_not_hold_is_refused() {
        for text in [
            "1e39", "-1e39", "3.5e38", "1e400", "inf", "NaN", "", " ", "1,5", "x",
        ] {
            assert!(read(text, None).is_err(), "{text}");
            assert!(read(text, Some(SEED)).is_err(), "{text}");
        }
        for (text, number) in [
            ("3.4e38", 3.4e38),
            ("-0.5", -0.5),
            ("1e-60", 1e-60),
            (" 7 ", 7.0),
        ] {
            assert_eq!(read(text, None), Ok(number));
            assert!((number as f32).is_finite());
        }
    }

    #[test]
    fn whole_numbers_are_taken_exactly_or_not_at_all() {
        assert_eq!(read("9007199254740991", Some(SEED)), Ok(SEED));
        for text in [
            "9007199254740992",
            "18446744073709551615",
            "-1",
            "0.5",
            "1e300",
        ] {
            assert!(read(text, Some(SEED)).is_err(), "{text}");
        }
    }
}
