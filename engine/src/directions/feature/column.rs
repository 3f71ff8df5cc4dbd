//! One column of a matrix out of the bytes that pass by.

/// Collects a column of 32-bit numbers from rows of `stride` of them. The first
/// byte that passes is the first of the column.
pub(crate) struct Column {
    rows: usize,
    stride: u64,
    seen: u64,
    /// Bytes of a number that a chunk's end cut in two.
    part: Vec<u8>,
    values: Vec<f32>,
}

impl Column {
    pub fn new(rows: usize, stride: usize) -> Self {
        Self {
            rows,
            stride: 4 * stride as u64,
            seen: 0,
            part: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Bytes that have passed.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    pub fn push(&mut self, chunk: &[u8]) {
        let end = self.seen + chunk.len() as u64;
        while self.values.len() < self.rows {
            let next = self.values.len() as u64 * self.stride + self.part.len() as u64;
            // Never before what has passed, and within the chunk it fits a usize.
            let Some(from) = usize::try_from(next - self.seen)
                .ok()
                .filter(|f| *f < chunk.len())
            else {
                break;
            };
            let to = chunk.len().min(from + 4 - self.part.len());
            self.part.extend_from_slice(&chunk[from..to]);
            let Some(number) = self.part.first_chunk::<4>() else {
                break;
            };
            self.values.push(f32::from_le_bytes(*number));
            self.part.clear();
        }
        self.seen = end;
    }

    /// The column; `None` where the bytes ended before it did.
    pub fn finish(self) -> Option<Vec<f32>> {
        (self.values.len() == self.rows).then_some(self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_of_any_size_give_the_same_column() {
        let (rows, stride) = (5usize, 3usize);
        let matrix: Vec<f32> = (0..15u8).map(f32::from).collect();
        let bytes: Vec<u8> = matrix.iter().flat_map(|x| x.to_le_bytes()).collect();
        for column in 0..stride {
            let expected: Vec<f32> = (0..rows).map(|r| matrix[r * stride + column]).collect();
            let (from, to) = (4 * column, 4 * ((rows - 1) * stride + column + 1));
            for size in 1..to - from + 1 {
                let mut found = Column::new(rows, stride);
                bytes[from..to].chunks(size).for_each(|c| found.push(c));
                assert_eq!(found.seen(), (to - from) as u64);
                assert_eq!(found.finish(), Some(expected.clone()), "{column} {size}");
            }
            let mut short = Column::new(rows, stride);
            short.push(&bytes[from..to - 1]);
            assert_eq!(short.finish(), None);
        }
    }
}
