use leptos::prelude::*;
use leptos::reactive::graph::{Subscriber, ToAnySubscriber};

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

/// A memo in what comes and goes (a table, a list's entry) that follows what stays. What
/// stays keeps a note of each that ever followed it, and nothing takes it back when that
/// is dropped (reactive_graph 0.2.16): this one takes its own back. What else is in the
/// same view follows this, which goes with it.
pub fn passing<T>(of: impl Fn() -> T + Send + Sync + 'static) -> Memo<T>
where
    T: PartialEq + Send + Sync + 'static,
{
    let memo = ArcMemo::new(move |_| of());
    let follower = memo.to_any_subscriber();
    on_cleanup(move || follower.clear_sources(&follower));
    memo.into()
}
