//! A slot table the other way round: which rows see a key.

use super::SlotTable;
use std::collections::HashMap;

/// For each of some keys, the attending rows that see it, and at which of their places:
/// what gradients flow back to a key from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenBy {
    /// `[keys + 1]`: where each key's rows begin in `rows`, and where the last one's end.
    pub first: Vec<u32>,
    /// The row, and the key's place among what that row sees.
    pub rows: Vec<(u32, u32)>,
}

impl SeenBy {
    /// Which rows of `table` see these keys, each the number of a run in the table and a
    /// position of it. Keys are distinct; two may be in one slot.
    #[must_use]
    pub fn of(table: &SlotTable, keys: &[(u32, u32)]) -> Self {
        let at: HashMap<(u32, u32), usize> = keys.iter().copied().zip(0..).collect();
        let mut seen: Vec<Vec<(u32, u32)>> = vec![Vec::new(); keys.len()];
        for (row, (run, len)) in (0..).zip(table.run.iter().zip(&table.len)) {
            for place in 0..*len {
                if let Some(i) = at.get(&(*run, place)) {
                    seen[*i].push((row, place));
                }
            }
        }
        let mut all = Self {
            first: vec![0],
            rows: Vec::new(),
        };
        for of_key in seen {
            all.rows.extend(of_key);
            all.first.push(super::plan::index(all.rows.len()));
        }
        all
    }

    /// How many keys there are.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.first.len().saturating_sub(1)
    }

    /// The rows that see a key, each with the key's place.
    pub fn of_key(&self, key: usize) -> impl Iterator<Item = (u32, u32)> + '_ {
        let ends = self
            .first
            .get(key..key + 2)
            .map_or([0, 0], |e| [e[0], e[1]]);
        let [first, end] = ends.map(|e| (e as usize).min(self.rows.len()));
        self.rows[first..end.max(first)].iter().copied()
    }

    /// Whether all rows are below `rows`, and all places below `places`.
    #[must_use]
    pub fn within(&self, rows: usize, places: usize) -> bool {
        let inside =
            |(row, place): &(u32, u32)| (*row as usize) < rows && (*place as usize) < places;
        self.rows.iter().all(inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_know_the_rows_that_see_them() {
        // Two runs: positions 0 to 2, all attending; and 0 to 1, the last attending.
        let table = SlotTable {
            run: vec![0, 0, 0, 1],
            len: vec![1, 2, 3, 2],
            slots: vec![4, 5, 6, 4, 9, 0],
            width: 3,
        };
        let seen = SeenBy::of(&table, &[(0, 0), (0, 2), (1, 0)]);
        let of = |key| seen.of_key(key).collect::<Vec<_>>();
        assert_eq!(seen.keys(), 3);
        assert_eq!(of(0), [(0, 0), (1, 0), (2, 0)]);
        assert_eq!(of(1), [(2, 2)]);
        assert_eq!(of(2), [(3, 0)]);
        assert!(seen.within(4, 3) && !seen.within(3, 3) && !seen.within(4, 2));
    }
}
