use super::frame::{Words, described, framed, invalid};
use super::typed::typed;
use crate::terms::Term;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::Field;

/// The largest seed: up to it JavaScript holds every whole number.
pub const SEED: f64 = 9_007_199_254_740_991.0;

/// A labelled field for one number.
#[component]
pub fn Number(
    #[prop(into)] id: String,
    label: &'static str,
    /// The number as text; empty where there is none.
    value: Signal<String>,
    /// Takes the number, which 32 bits hold; `None` where the field was emptied
    /// and may be.
    #[prop(into)]
    set: Callback<Option<f64>>,
    /// `1` where only whole numbers are taken.
    #[prop(default = "any")]
    step: &'static str,
    #[prop(default = 0.0)] least: f64,
    /// The largest whole number that is taken.
    #[prop(default = 4_294_967_295.0)]
    most: f64,
    /// Whether there may be none.
    #[prop(optional)]
    maybe: bool,
    /// Whether it sets a part of the experiment.
    #[prop(default = true)]
    counts: bool,
    #[prop(optional)] hint: Option<Signal<String>>,
    #[prop(optional_no_strip)] of: Option<Field>,
    #[prop(optional_no_strip)] term: Option<Term>,
) -> impl IntoView {
    let words = Words { term, now: None };
    let range = (step == "1").then_some((least, most));
    let read = move |text: String| {
        let number = match text.is_empty() && maybe {
            true => None,
            false => Some(read(&text, range)?),
        };
        set.run(number);
        Ok(())
    };
    let (written, take) = typed(&id, value, Callback::new(read), counts);
    let control = view! {
        <input
            type="number"
            id=id.clone()
            data-testid=id.clone()
            step=step
            min=range.map(|(least, _)| least)
            aria-describedby=described(&id, of)
            aria-invalid=invalid(&id, of)
            prop:value=written
            on:input:target=move |event| {
                let input = event.target();
                // What the browser takes for no number is empty, and not valid.
                let text = match input.value() {
                    none if none.is_empty() && !input.check_validity() => "?".into(),
                    text => text,
                };
                take.run(text);
            }
        />
    };
    framed(id, label, "small", hint, words, control.into_any())
}

/// Reads a number that 32 bits hold; a whole one of a range, where there is that.
fn read(typed: &str, range: Option<(f64, f64)>) -> Result<f64, String> {
    let t = &text().refused;
    let number = typed.trim().parse::<f64>().ok();
    match range {
        Some((least, most)) => number
            .filter(|n| n.fract() == 0.0 && (least..=most).contains(n))
            .ok_or_else(|| (t.whole)(least, most)),
        None => number
            .filter(|n| (*n as f32).is_finite())
            .ok_or_else(|| t.number.into()),
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
            assert!(read(text, Some((0.0, SEED))).is_err(), "{text}");
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
        assert_eq!(read("9007199254740991", Some((0.0, SEED))), Ok(SEED));
        for text in [
            "9007199254740992",
            "18446744073709551615",
            "-1",
            "0.5",
            "1e300",
        ] {
            assert!(read(text, Some((0.0, SEED))).is_err(), "{text}");
        }
    }
}
