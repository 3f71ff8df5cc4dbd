//! A kernel's parameters and buffers by the names that its text has for them. The
//! device knows only their order; builds that check themselves compare the names.

/// Values in order, with their names where those are checked.
pub(super) struct Named<'a, T> {
    #[cfg(debug_assertions)]
    pub names: &'static [&'static str],
    pub values: &'a [T],
}

macro_rules! named {
    ($($name:ident: $value:expr),* $(,)?) => {
        $crate::backend::gpu::named::Named {
            #[cfg(debug_assertions)]
            names: &[$(stringify!($name)),*],
            values: &[$($value),*],
        }
    };
}
pub(super) use named;

/// Names of a text's `Params` after `list` and `across`, and of what it binds after
/// them and the list, in the order of their bindings.
#[cfg(debug_assertions)]
pub(super) fn of(wgsl: &str, has_list: bool) -> (Vec<&str>, Vec<&str>) {
    let between = |text: &'static str, end| {
        let text = wgsl.split_once(text).map_or("", |(_, rest)| rest);
        text.split_once(end).map_or("", |(inside, _)| inside)
    };
    let lines = between("struct Params {", "\n}").lines();
    let params = lines.filter_map(|line| Some(line.trim().split_once(": ")?.0));
    let mut bound: Vec<(u32, &str)> = wgsl
        .split("@binding(")
        .filter_map(|text| {
            let (at, text) = text.split_once(')')?;
            let (_, text) = text
                .trim_start()
                .strip_prefix("var<storage")?
                .split_once("> ")?;
            Some((at.parse().ok()?, text.split_once(':')?.0))
        })
        .collect();
    bound.sort_unstable();
    let bound = bound.into_iter().map(|(_, name)| name);
    (
        params.skip(2).collect(),
        bound.skip(usize::from(has_list)).collect(),
    )
}
