//! The model drawn: its layers from top to bottom, as a map's rows are, and one strand of
//! the residual stream for each position. Marked are the site that is set, the place that
//! is pointed at, and all that a patch there can reach: the design's forward reach.

use patchbay_engine::experiment::{Located, Place, Site, around};
use std::fmt::Write as _;

/// What is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub layers: usize,
    pub heads: usize,
    /// Strands of the residual stream.
    pub positions: usize,
    /// The site that is set.
    pub site: Site,
    /// The place that is pointed at or chosen.
    pub at: Option<Located>,
}

const LEFT: f32 = 26.0;
const RIGHT: f32 = 168.0;
const WIDTH: f32 = 174.0;
/// The height of what stands before and after the layers.
const ENDS: f32 = 16.0;
/// Strands that can still be told apart.
const MOST_STRANDS: usize = 32;

/// How far down in its layer a site is met, from 0 to 1.
fn depth(site: Site) -> f32 {
    match site {
        Site::Embed | Site::PosEmbed | Site::ResidPre => 0.0,
        Site::Q | Site::K | Site::V => 0.16,
        Site::Pattern => 0.22,
        Site::Z => 0.3,
        Site::AttnOut => 0.42,
        Site::ResidMid => 0.5,
        Site::MlpPre => 0.62,
        Site::MlpPost => 0.72,
        Site::MlpOut => 0.86,
        Site::ResidPost => 1.0,
        Site::LnFinal | Site::Logits => 0.0,
    }
}

/// Whether later positions read it in its own layer's attention.
fn is_read_by_attention(site: Site) -> bool {
    match site {
        Site::Embed | Site::PosEmbed | Site::ResidPre | Site::K | Site::V => true,
        Site::Q
        | Site::Pattern
        | Site::Z
        | Site::AttnOut
        | Site::ResidMid
        | Site::MlpPre
        | Site::MlpPost
        | Site::MlpOut
        | Site::ResidPost
        | Site::LnFinal
        | Site::Logits => false,
    }
}

/// The first layer whose attention brings a place to later positions, of so many; `None`
/// where no attention comes after.
#[must_use]
pub fn mixing_layer(at: &Located, layers: usize) -> Option<usize> {
    let layer = match at.site.place() {
        Place::Embedding => 0,
        Place::Final => return None,
        Place::Pre | Place::Attend | Place::Mid => {
            at.layer + usize::from(!is_read_by_attention(at.site))
        }
    };
    (layer < layers).then_some(layer)
}

impl Model {
    /// The height of a layer.
    fn layer(&self) -> f32 {
        (230.0 / self.layers.max(1) as f32).clamp(17.0, 46.0)
    }

    fn top(layer: usize, height: f32) -> f32 {
        ENDS + 4.0 + layer as f32 * height
    }

    fn end(&self) -> f32 {
        Self::top(self.layers, self.layer()) + 4.0
    }

    /// The height at which a site of a layer is met.
    fn y(&self, site: Site, layer: usize) -> f32 {
        match site.place() {
            Place::Embedding => ENDS / 2.0,
            Place::Final => self.end() + ENDS / 2.0,
            Place::Pre | Place::Attend | Place::Mid => {
                let height = self.layer();
                Self::top(layer, height) + depth(site) * height
            }
        }
    }

    fn strands(&self) -> usize {
        self.positions.clamp(1, MOST_STRANDS)
    }

    /// The strand of a position: where there are too many, several share one.
    fn x(&self, position: usize) -> f32 {
        let (strands, positions) = (self.strands(), self.positions.max(1));
        let strand = position.min(positions - 1) * strands / positions;
        let gap = (RIGHT - LEFT - 8.0) / strands.max(2) as f32;
        LEFT + 4.0 + gap * (strand as f32 + 0.5)
    }

    /// The height from which on later positions can differ, too; `None` where no
    /// attention comes after.
    fn mixes_at(&self, at: &Located) -> Option<f32> {
        mixing_layer(at, self.layers).map(|layer| self.y(Site::Z, layer))
    }

    /// As SVG. It is for the eye: what it says is told beside it in words.
    #[must_use]
    pub fn svg(&self) -> String {
        let height = self.layer();
        let (end, all) = (self.end(), self.end() + 2.0 * ENDS + 6.0);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {all}\" width=\"{WIDTH}\" height=\"{all}\" aria-hidden=\"true\">"
        );
        let mut draw = |class: &str, x: f32, y: f32, width: f32, height: f32| {
            // Writing to a String cannot fail.
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"2\"/>"
            );
        };
        let whole = RIGHT - LEFT;
        for strand in 0..self.strands() {
            let x = self.x(strand * self.positions.max(1) / self.strands());
            draw("strand", x - 0.5, ENDS, 1.0, end - ENDS);
        }
        draw("block", LEFT, 1.0, whole, ENDS - 3.0);
        for layer in 0..self.layers {
            let top = Self::top(layer, height);
            let width = whole / self.heads.max(1) as f32;
            for head in 0..self.heads {
                let x = LEFT + width * head as f32;
                draw(
                    "head",
                    x + 0.5,
                    top + 0.14 * height,
                    width - 1.0,
                    0.28 * height,
                );
            }
            draw("block", LEFT, top + 0.58 * height, whole, 0.28 * height);
        }
        draw("block", LEFT, end + 1.0, whole, ENDS - 3.0);
        draw("block", LEFT, end + ENDS + 3.0, whole, ENDS - 3.0);
        let layers = 0..self.site.layers(self.layers);
        for layer in layers {
            draw(
                "site",
                LEFT - 3.0,
                self.y(self.site, layer) - 1.0,
                whole + 6.0,
                2.0,
            );
        }
        if let Some(at) = &self.at {
            let window = around(at.layer, at.window.max(1), at.site.layers(self.layers));
            let first = window.start;
            let y = self.y(at.site, first);
            let from = at.position.map_or(LEFT, |p| self.x(p));
            let mixes = self.mixes_at(&Located {
                layer: first,
                ..*at
            });
            if at.position.is_some() {
                let to = mixes.unwrap_or(all - ENDS);
                draw("reach", from - 2.0, y, 4.0, to - y);
            }
            if let Some(mixes) = mixes {
                draw(
                    "reach",
                    from - 2.0,
                    mixes,
                    RIGHT - from + 2.0,
                    all - ENDS - mixes,
                );
            }
            for layer in window {
                let y = self.y(at.site, layer);
                match (at.head, at.position) {
                    (Some(head), _) => {
                        let width = whole / self.heads.max(1) as f32;
                        let top = Self::top(layer, height) + 0.1 * height;
                        draw(
                            "here",
                            LEFT + width * head as f32,
                            top,
                            width,
                            0.36 * height,
                        );
                    }
                    (None, Some(position)) => {
                        draw("here", self.x(position) - 3.5, y - 3.5, 7.0, 7.0);
                    }
                    (None, None) => draw("here", LEFT - 3.0, y - 2.0, whole + 6.0, 4.0),
                }
            }
        }
        let mut say = |x: f32, y: f32, class: &str, text: &str| {
            let _ = write!(
                svg,
                "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
            );
        };
        let middle = (LEFT + RIGHT) / 2.0;
        say(middle, ENDS - 5.5, "name", "embed");
        say(middle, end + ENDS - 5.5, "name", "ln_final");
        say(middle, end + 2.0 * ENDS - 3.5, "name", "logits");
        for layer in 0..self.layers {
            say(
                LEFT - 7.0,
                Self::top(layer, height) + height / 2.0 + 3.0,
                "layer",
                &layer.to_string(),
            );
        }
        svg + "</svg>"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(at: Located) -> Model {
        Model {
            layers: 4,
            heads: 3,
            positions: 10,
            site: at.site,
            at: Some(at),
        }
    }

    fn at(site: Site, layer: usize) -> Located {
        Located {
            site,
            layer,
            window: 1,
            head: None,
            position: Some(5),
        }
    }

    #[test]
    fn sites_come_in_the_order_of_the_forward_pass() {
        let model = model(at(Site::ResidPre, 0));
        let all = Site::ALL.map(|site| model.y(site, 1));
        let of_layer = |site: &&Site| site.per_layer();
        let heights: Vec<_> = Site::ALL
            .iter()
            .filter(of_layer)
            .map(|s| model.y(*s, 1))
            .collect();
        assert!(heights.is_sorted(), "{heights:?}");
        assert!(all[0] < model.y(Site::ResidPre, 0));
        assert!(model.y(Site::ResidPost, 3) < model.y(Site::LnFinal, 0));
        assert_eq!(model.y(Site::ResidPost, 1), model.y(Site::ResidPre, 2));
    }

    #[test]
    fn later_positions_are_reached_through_the_next_attention() {
        let mixes = |site, layer| model(at(site, layer)).mixes_at(&at(site, layer));
        let attention = |layer| Some(model(at(Site::Z, 0)).y(Site::Z, layer));
        assert_eq!(mixes(Site::ResidPre, 2), attention(2));
        assert_eq!(mixes(Site::V, 2), attention(2));
        assert_eq!(mixes(Site::Q, 2), attention(3));
        assert_eq!(mixes(Site::MlpOut, 2), attention(3));
        assert_eq!(mixes(Site::ResidPost, 3), None);
        assert_eq!(mixes(Site::Embed, 0), attention(0));
        assert_eq!(mixes(Site::LnFinal, 0), None);
    }

    #[test]
    fn any_size_is_drawn() {
        for (layers, positions) in [(0, 0), (1, 1), (48, 1024)] {
            let model = Model {
                layers,
                heads: 0,
                positions,
                site: Site::Z,
                at: Some(at(Site::ResidPre, 900)),
            };
            let svg = model.svg();
            assert!(svg.ends_with("</svg>") && !svg.contains("NaN") && !svg.contains("inf"));
        }
    }
}
