use crate::backend::{Backend, Result};

/// A vocabulary matrix `[n_vocab, n_embd]`, split by rows into pieces that can
/// each be bound: GPT-2 small's is 147 MiB, above what many devices bind at once.
pub(super) struct Table<B: Backend> {
    pub pieces: Vec<B::Tensor>,
    rows_per_piece: usize,
    n_embd: usize,
}

impl<B: Backend> Table<B> {
    /// Room for `n_vocab` rows.
    pub fn reserve(backend: &B, n_vocab: usize, n_embd: usize) -> Result<Self> {
        let row_bytes = 4 * n_embd as u64;
        let limit = usize::try_from(backend.max_tensor_bytes() / row_bytes).unwrap_or(usize::MAX);
        let rows_per_piece = limit.clamp(1, n_vocab);
        let pieces = (0..n_vocab)
            .step_by(rows_per_piece)
            .map(|first| backend.reserve([rows_per_piece.min(n_vocab - first), n_embd]))
            .collect::<Result<_>>()?;
        Ok(Self {
            pieces,
            rows_per_piece,
            n_embd,
        })
    }

    /// Rows `ids`, each with a row of `other` added: `[ids.len(), n_embd]`.
    pub fn sum_rows(
        &self,
        backend: &B,
        ids: &[u32],
        other: &B::Tensor,
        rows: &[u32],
    ) -> Result<B::Tensor> {
        match self.piece_of(ids) {
            Some((piece, ids)) => backend.sum_rows(piece, &ids, other, rows),
            None => backend.add(&self.gather(backend, ids)?, &backend.gather(other, rows)?),
        }
    }

    /// Rows `ids`, in order: `[ids.len(), n_embd]`.
    pub fn gather(&self, backend: &B, ids: &[u32]) -> Result<B::Tensor> {
        if let Some((piece, ids)) = self.piece_of(ids) {
            return backend.gather(piece, &ids);
        }
        let out = backend.zeros([ids.len(), self.n_embd])?;
        for (i, piece) in self.pieces.iter().enumerate() {
            let first = i * self.rows_per_piece;
            let (mut places, mut rows) = (Vec::new(), Vec::new());
            for (place, id) in (0..).zip(ids) {
                let id = *id as usize;
                if (first..first + self.rows_per_piece).contains(&id) {
                    places.push(place);
                    rows.push(u32::try_from(id - first).unwrap_or(u32::MAX));
                }
            }
            if !rows.is_empty() {
                backend.scatter(&out, &places, &backend.gather(piece, &rows)?)?;
            }
        }
        Ok(out)
    }

    /// The piece that holds all of `ids`, where one does, and their rows in it.
    fn piece_of(&self, ids: &[u32]) -> Option<(&B::Tensor, Vec<u32>)> {
        let i = *ids.first()? as usize / self.rows_per_piece;
        let first = u32::try_from(self.first_id(i)).ok()?;
        let row = |id: &u32| {
            let row = id.checked_sub(first)?;
            ((row as usize) < self.rows_per_piece).then_some(row)
        };
        Some((
            self.pieces.get(i)?,
            ids.iter().map(row).collect::<Option<_>>()?,
        ))
    }

    /// Vocabulary id of the first row of piece `i`.
    pub fn first_id(&self, i: usize) -> usize {
        i * self.rows_per_piece
    }
}
