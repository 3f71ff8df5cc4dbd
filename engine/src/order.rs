//! One sort for all that the page sorts. Each type that is sorted, and each way to compare,
//! would bring code of its own, which was a fiftieth of what a reader of the page downloads.

use std::cmp::Ordering;

/// The places of so many things in their order; equals stay as they were.
// Once, whoever calls it.
#[inline(never)]
pub fn order(count: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    // By their places where they are equal; a stable sort would be more code.
    places.sort_unstable_by(|a, b| compare(*a, *b).then(a.cmp(b)));
    places
}

/// A list in its order; equals stay as they were.
pub fn sorted<T: Clone>(list: &[T], mut compare: impl FnMut(&T, &T) -> Ordering) -> Vec<T> {
    let places = order(list.len(), &mut |a, b| compare(&list[a], &list[b]));
    places.into_iter().map(|at| list[at].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_stay_as_they_were() {
        let list = [(2, 'a'), (1, 'b'), (2, 'c'), (0, 'd'), (1, 'e')];
        let sorted: String = sorted(&list, |a, b| a.0.cmp(&b.0))
            .iter()
            .map(|x| x.1)
            .collect();
        assert_eq!(sorted, "dbeac");
        assert!(order(0, &mut |_, _| Ordering::Equal).is_empty());
    }
}
