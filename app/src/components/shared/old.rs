use super::live::whether;
use crate::text::text;
use leptos::prelude::*;

/// Says that results are from before the last change, beside their heading.
#[component]
pub fn Old(is: Memo<bool>) -> impl IntoView {
    view! { <small class="old" data-testid="old" hidden=whether(move || !is.get())>{text().refused.old}</small> }
}
