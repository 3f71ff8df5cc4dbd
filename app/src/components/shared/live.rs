use leptos::prelude::*;

/// A text that follows the state. One type for all such texts, instead of one
/// for each closure, keeps the page small.
pub fn live<T>(text: impl Fn() -> T + Send + Sync + 'static) -> Signal<String>
where
    T: Into<String>,
{
    Signal::derive(move || text().into())
}

/// A yes or no that follows the state; one type for all, too.
pub fn whether(is: impl Fn() -> bool + Send + Sync + 'static) -> Signal<bool> {
    Signal::derive(is)
}
