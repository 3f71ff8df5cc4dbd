//! Directions between two sets of prompts.

use super::activations::{MOST_PROMPTS, check_sides};
use super::{Resolved, Vectors, accuracy, one};
use crate::backend::Backend;
use crate::experiment::{Field, Method, ProbeReport, Site};
use crate::host::{Host, SessionError};
use crate::numbers::{Contrast, contrast, shuffle};
use crate::session::Session;

/// Prompts of one side at most for a probe: one more takes too long to be stopped.
const MOST_FITTED: usize = 256;

/// Prompts beyond which probes are fitted only where a probe was asked for:
/// their cost grows with the cube.
const PROBED: usize = 64;

impl<B: Backend> Session<B> {
    /// One vector a layer, read at each prompt's last token.
    pub(crate) async fn contrast(
        &mut self,
        field: Field,
        site: Site,
        sides: [&[String]; 2],
        method: Method,
        bos: bool,
        host: &impl Host,
    ) -> Result<Resolved, SessionError> {
        let most = match method {
            Method::Logistic => MOST_FITTED,
            _ => MOST_PROMPTS,
        };
        check_sides(field, sides, most)?;
        let (positive, negative) = (sides[0].len(), sides[1].len());
        let paired = matches!(method, Method::PcaDiff | Method::PcaCenter);
        if paired && positive != negative {
            return Err(SessionError::of(
                field,
                format!(
                    "This method compares the prompts pair by pair, but there are {positive} positive and {negative} negative ones; make them as many."
                ),
            ));
        }
        if paired && positive < 2 {
            return Err(SessionError::of(
                field,
                "A principal component needs at least two pairs of prompts; write more, or take the mean difference.",
            ));
        }
        let rows = self.last_rows(field, site, sides, bos, host).await?;
        let n_layer = self.info.n_layer;
        let probed = method == Method::Logistic || rows.len() <= PROBED;
        let order = shuffle(1, rows.len());
        let (mut layers, mut explained, mut probes) = (Vec::new(), Vec::new(), Vec::new());
        for l in 0..n_layer {
            let row = |i: &usize| rows[*i][l].clone();
            let all: Vec<Vec<f32>> = (0..rows.len()).map(|i| row(&i)).collect();
            let mixed: Vec<Vec<f32>> = order.iter().map(row).collect();
            let [of, control] = [&all, &mixed].map(|rows| Contrast {
                positive: &rows[..positive],
                negative: &rows[positive..],
            });
            let direction = contrast(of, method);
            explained.push(direction.explained);
            layers.push(Some(one(direction.vector)));
            host.breathe().await?;
            if probed
                && let Some(found) = accuracy(of, host).await?
                && let Some(shuffled) = accuracy(control, host).await?
            {
                probes.push(ProbeReport {
                    site,
                    layer: l,
                    head: None,
                    accuracy: found,
                    shuffled,
                });
            }
            host.breathe().await?;
        }
        Ok(Resolved {
            explained,
            probes,
            ..Resolved::new(
                Vectors::Layers(layers),
                origin_of(method, positive, negative),
            )
        })
    }
}

fn origin_of(method: Method, positive: usize, negative: usize) -> String {
    let how = match method {
        Method::MeanDifference => "Difference of the means",
        Method::PcaDiff => "First principal component of the differences",
        Method::PcaCenter => "First principal component, each pair centred,",
        Method::Logistic => "Normal of a logistic regression",
    };
    format!(
        "{how} of {positive} positive and {negative} negative prompts, read at each one’s last token"
    )
}
