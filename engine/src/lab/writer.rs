//! Texts in flight: each is drawn token by token, and the newest rows of all of
//! them are computed together, one row over a base a text and step.

use super::Lab;
use super::line::{Line, all_logits};
use crate::backend::Backend;
use crate::experiment::Site;
use crate::host::SessionError;
use crate::model::{Pulse, Wanted};
use crate::numbers::{Noise, Sampler, SamplingError};
use crate::rows::{Edit, Run, Trace};
use std::collections::HashMap;
use std::rc::Rc;

/// What acts on the row at a position that is written.
pub(crate) type Acting<'a> = Rc<dyn Fn(usize) -> Vec<Edit> + 'a>;

/// A text while it is written.
pub(crate) struct Text<'a> {
    pub line: Line,
    /// The model that nothing acts on, reading a text that something acts on.
    pub reader: Option<Line>,
    /// Its luck.
    pub noise: Noise,
    /// Tokens of its prompt.
    pub given: usize,
    /// `None` where nothing acts on what is written.
    pub acting: Option<Acting<'a>>,
    pub ended: bool,
}

impl<'a> Text<'a> {
    /// A text that goes on after `line`.
    pub fn new(line: Line, noise: Noise) -> Self {
        Self {
            given: line.tokens.len(),
            line,
            reader: None,
            noise,
            acting: None,
            ended: false,
        }
    }

    /// The same with something acting on it, read over its shoulder from
    /// `unsteered` on, where that is given.
    pub fn steered(self, acting: Acting<'a>, unsteered: Option<Line>) -> Self {
        Self {
            acting: Some(acting),
            reader: unsteered,
            ..self
        }
    }

    /// Draws the next token; a token that ends a text ends this one.
    ///
    /// # Errors
    /// [`SamplingError::NotFinite`] where there are no numbers to draw by.
    pub fn draw(
        &mut self,
        sampler: &Sampler,
        ends: impl Fn(u32) -> bool,
    ) -> Result<u32, SamplingError> {
        let Line { logits, tokens, .. } = &self.line;
        let token = sampler.choose(logits, tokens, self.given, self.noise)?;
        self.line.tokens.push(token);
        if let Some(reader) = &mut self.reader {
            reader.tokens.push(token);
        }
        self.ended = ends(token);
        Ok(token)
    }
}

/// Which runs a text's newest rows are.
#[derive(Clone, Copy)]
struct Place {
    /// With what acts on it, where anything does.
    own: Option<usize>,
    /// As the unsteered model reads it, where it does.
    reader: Option<usize>,
}

/// The runs of the newest rows, and which of them each text takes; nothing of
/// those that have ended.
#[derive(Default)]
struct Newest {
    runs: Vec<Run>,
    places: Vec<Option<Place>>,
}

impl Newest {
    /// Rows of texts that go on, those that something acts on only where `steered`
    /// is. Where nothing acts, equal tokens are one row.
    fn of(texts: &[Text<'_>], steered: bool, run: impl Fn(&Line, Vec<Edit>) -> Run) -> Self {
        let mut newest = Self::default();
        let mut plain: HashMap<&[u32], usize> = HashMap::new();
        for text in texts {
            let place = (!text.ended).then(|| {
                let mut add = |line, edits| {
                    newest.runs.push(run(line, edits));
                    newest.runs.len() - 1
                };
                let own = text.acting.as_ref().filter(|_| steered).map(|acting| {
                    let edits = acting(text.line.tokens.len() - 1);
                    add(&text.line, edits)
                });
                let reader = match text.acting {
                    None => Some(&text.line),
                    Some(_) => text.reader.as_ref(),
                };
                let reader = reader.map(|line| {
                    let known = plain.entry(&line.tokens);
                    *known.or_insert_with(|| add(line, Vec::new()))
                });
                Place { own, reader }
            });
            newest.places.push(place);
        }
        newest
    }

    /// Captures each text's newest token as the unsteered model reads it.
    fn capture(&mut self, at: Option<(Site, usize)>) {
        for reader in self.places.iter().flatten().filter_map(|p| p.reader) {
            let run = &mut self.runs[reader];
            let position = run.tokens.len() - 1;
            run.captures = at.iter().map(|(s, l)| (*s, *l, position)).collect();
        }
    }

    /// What was captured, by text.
    fn captured(&self, captured: &[Vec<Option<Vec<f32>>>]) -> Vec<Option<Vec<f32>>> {
        let of = |place: &Option<Place>| {
            let reader = (*place)?.reader?;
            captured[reader].first().cloned().flatten()
        };
        self.places.iter().map(of).collect()
    }
}

/// Computes the newest row of every text that goes on, and of its reader. What the
/// unsteered model has there `at` a site and layer is handed back by text; nothing
/// of a text that it does not read.
pub(crate) async fn step<B: Backend>(
    lab: &mut Lab<B>,
    texts: &mut [Text<'_>],
    at: Option<(Site, usize)>,
    pulse: &impl Pulse,
) -> Result<Vec<Option<Vec<f32>>>, SessionError> {
    let pool = &lab.store.pool;
    let mut newest = Newest::of(texts, true, |line, edits| line.newest(pool, edits));
    newest.capture(at);
    let (reads, captured) = lab.compute(&newest.runs, &all_logits(), pulse).await?;
    let mut computed: Vec<(Rc<Trace>, Rc<[f32]>)> = Vec::new();
    for (run, mut read) in newest.runs.iter().zip(reads) {
        let logits = read.pop().flatten().map(|l| l.all.into());
        let Some(row) = run.keep.clone().zip(logits) else {
            return Err(SessionError::lost("a new row read nothing"));
        };
        computed.push(row);
    }
    for (text, place) in texts.iter_mut().zip(&newest.places) {
        let Some(place) = place else {
            // What has ended needs its rows no more.
            text.reader = None;
            continue;
        };
        let Some(own) = place.own.or(place.reader) else {
            return Err(SessionError::lost("a text that goes on has no row"));
        };
        (text.line.trace, text.line.logits) = computed[own].clone();
        if let (Some(line), Some(at)) = (&mut text.reader, place.reader) {
            (line.trace, line.logits) = computed[at].clone();
        }
    }
    Ok(newest.captured(&captured))
}

/// What the unsteered model has `at` a site and layer at the newest token of every
/// text that goes on, by text; nothing is written after it.
pub(crate) async fn read<B: Backend>(
    lab: &mut Lab<B>,
    texts: &[Text<'_>],
    at: (Site, usize),
    pulse: &impl Pulse,
) -> Result<Vec<Option<Vec<f32>>>, SessionError> {
    let mut newest = Newest::of(texts, false, |line, edits| Run {
        tokens: line.tokens.as_slice().into(),
        edits,
        ..Run::over(&line.trace)
    });
    newest.capture(Some(at));
    let (_, captured) = lab.compute(&newest.runs, &Wanted::default(), pulse).await?;
    Ok(newest.captured(&captured))
}
