//! Where the explanation stands: at its word, within what is seen of the page.

use leptos::prelude::*;
use web_sys::Element;

/// Between the word and the explanation, and to the edges of what is seen.
const GAP: f64 = 6.0;

/// Its left and upper edge on the page, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    left: f64,
    top: f64,
}

impl Near {
    /// Beside an element: below it where there is room, else above.
    pub fn of(word: &Element, explanation: &str) -> Option<Self> {
        let own = document().get_element_by_id(explanation)?;
        let root = document().document_element()?;
        let (own, at) = (
            own.get_bounding_client_rect(),
            word.get_bounding_client_rect(),
        );
        let seen = (root.client_width().into(), root.client_height().into());
        let size = (own.width(), own.height());
        let (left, top) = place([at.left(), at.top(), at.bottom()], size, seen);
        let window = window();
        Some(Self {
            left: left + window.scroll_x().unwrap_or_default(),
            top: top + window.scroll_y().unwrap_or_default(),
        })
    }

    pub fn left(self) -> String {
        format!("{}px", self.left.round())
    }

    pub fn top(self) -> String {
        format!("{}px", self.top.round())
    }
}

/// Left and top in what is seen, of a box of that size at a word of that left, top and bottom.
fn place(
    [left, top, bottom]: [f64; 3],
    (width, height): (f64, f64),
    (seen_width, seen_height): (f64, f64),
) -> (f64, f64) {
    let most = (seen_width - width - GAP).max(GAP);
    let below = bottom + GAP;
    let above = top - GAP - height;
    let y = match below + height + GAP <= seen_height || above < GAP {
        // Where there is room on neither side, it is seen whole.
        true => below.min((seen_height - height - GAP).max(GAP)),
        false => above,
    };
    (left.clamp(GAP, most), y)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (f64, f64) = (300.0, 150.0);
    const PHONE: (f64, f64) = (360.0, 640.0);

    #[test]
    fn it_stands_below_its_word_else_above_and_never_leaves_what_is_seen() {
        assert_eq!(place([20.0, 100.0, 120.0], SIZE, PHONE), (20.0, 126.0));
        assert_eq!(place([20.0, 600.0, 620.0], SIZE, PHONE), (20.0, 444.0));
        for left in [-50.0, 0.0, 180.0, 355.0] {
            for top in [0.0, 120.0, 300.0, 630.0] {
                let (x, y) = place([left, top, top + 20.0], SIZE, PHONE);
                assert!(x >= GAP && x + SIZE.0 <= PHONE.0 - GAP, "{left}: {x}");
                assert!(y >= GAP && y + SIZE.1 <= PHONE.1 - GAP, "{top}: {y}");
            }
        }
    }
}
