//! The forms in which an experiment is handed on.

use patchbay_engine::experiment::link;
use patchbay_engine::experiment::{Experiment, Prompt, Room, Show, Shown};
use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write as _;

/// Characters that chats and some mail programs cut a text or a link at.
pub const CUT: usize = 2_000;

/// Bytes of a file that are read as an experiment at most: what a link may unpack to.
pub const LARGEST: u64 = link::LARGEST as u64;

/// Text as it stands in HTML and XML, between tags or in an attribute.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

/// The address of a page of an embed beside the page at `home`.
#[must_use]
pub fn embed_address(home: &str, link: &str) -> String {
    format!("{home}embed.html#{link}")
}

/// The same, of the `n`th preview of one that is being set up.
#[must_use]
pub fn preview_address(home: &str, n: u32, link: &str) -> String {
    format!("{home}embed.html?preview={n}#{link}")
}

/// HTML that shows an experiment in another page, which allows scripts or not.
#[must_use]
pub fn html(scripts: bool, home: &str, link: &str, title: &str, height: u32) -> String {
    match scripts {
        true => element(home, link, title),
        false => frame(home, link, title, height),
    }
}

/// In a frame of one height.
fn frame(home: &str, link: &str, title: &str, height: u32) -> String {
    format!(
        "<iframe src=\"{}\" title=\"{}\" width=\"100%\" height=\"{height}\" loading=\"lazy\" allow=\"clipboard-write\" style=\"border: 0\"></iframe>",
        escaped(&embed_address(home, link)),
        escaped(title)
    )
}

/// The height of a frame that cannot grow, in pixels: about that of what it shows at the
/// width of a course page, as far as that leaves room to scroll past it.
#[must_use]
pub fn height(show: &Show, room: Room) -> u32 {
    let of = |part: &Shown| match part {
        Shown::Prompts => 240,
        Shown::Metric => 150,
        Shown::Settings => 60,
        Shown::Runs => 360,
        Shown::Map => 420,
        Shown::Picture => 80,
        Shown::Cell => 60,
        Shown::Directions => 420,
        Shown::Texts => 560,
        Shown::Measures => 120,
    };
    let shown = Shown::of(room).iter().filter(|part| show.has(**part));
    shown.map(of).sum::<u32>().clamp(360, 900)
}

/// As large as it is.
fn element(home: &str, link: &str, title: &str) -> String {
    format!(
        "<script src=\"{}embed.js\" defer></script>\n<patchbay-experiment link=\"{}\" title=\"{}\"></patchbay-experiment>",
        escaped(home),
        escaped(link),
        escaped(title)
    )
}

/// A link in Markdown.
#[must_use]
pub fn markdown(address: &str, title: &str) -> String {
    let mut escaped = String::new();
    for c in title.chars() {
        if matches!(c, '\\' | '[' | ']' | '*' | '_' | '`' | '<' | '>') {
            escaped.push('\\');
        }
        escaped.push(if c.is_control() { ' ' } else { c });
    }
    format!("[{escaped}]({address})")
}

/// The prompt that stands for an experiment, where it is a text.
#[must_use]
pub fn prompt(experiment: &Experiment) -> &str {
    let prompt = match (experiment.room, &experiment.steer) {
        (Room::Steering, Some(steer)) => &steer.prompt,
        _ => &experiment.clean,
    };
    match prompt {
        Prompt::Text(text) => text,
        Prompt::Tokens(_) => "",
    }
}

/// A QR code as SVG; `None` where a text is too long for one.
#[must_use]
pub fn qr(text: &str) -> Option<String> {
    const BORDER: i32 = 4;
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        for x in 0..size {
            if code.get_module(x, y) {
                // Writing to a string cannot fail.
                let _ = write!(path, "M{} {}h1v1h-1z", x + BORDER, y + BORDER);
            }
        }
    }
    let whole = size + 2 * BORDER;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole} {whole}\" shape-rendering=\"crispEdges\" aria-hidden=\"true\"><rect width=\"{whole}\" height=\"{whole}\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>"
    ))
}

/// Shows a part of an embed, or no longer; all of them are none of them named.
pub fn set_shown(show: &mut Show, room: Room, part: Shown, shown: bool) {
    let all = Shown::of(room);
    let now = |p: &Shown| if *p == part { shown } else { show.has(*p) };
    let parts: Vec<Shown> = all.iter().copied().filter(|p| now(p)).collect();
    // What none is seen of would be all of it.
    if !parts.is_empty() {
        show.parts = if parts.len() == all.len() {
            Vec::new()
        } else {
            parts
        };
    }
    let kept: Vec<Shown> = show
        .fixed
        .iter()
        .copied()
        .filter(|p| show.has(*p))
        .collect();
    show.fixed = kept;
}

/// Lets a part of an embed be changed, or not.
pub fn set_open(show: &mut Show, part: Shown, open: bool) {
    show.fixed.retain(|p| *p != part);
    if !open {
        show.fixed.push(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_on_stands_in_html_and_markdown_as_text() {
        let frame = frame("https://x/", "v2=a", "\"><script>&", 500);
        assert!(
            frame.contains("title=\"&quot;>&lt;script>&amp;\""),
            "{frame}"
        );
        assert!(frame.contains("src=\"https://x/embed.html#v2=a\""));
        let element = element("https://x/", "v2=a", "<b>");
        assert!(element.contains("src=\"https://x/embed.js\"") && element.contains("&lt;b>"));
        assert_eq!(
            markdown("https://x/#v2=a", "a [b]*"),
            "[a \\[b\\]\\*](https://x/#v2=a)"
        );
    }

    #[test]
    fn a_code_is_drawn_where_there_is_room() {
        assert!(qr("https://a.example/#v2=abc").unwrap().starts_with("<svg"));
        assert_eq!(qr(&"x".repeat(3_000)), None);
    }

    #[test]
    fn parts_of_an_embed_are_named_where_some_are_missing() {
        let mut show = Show::default();
        set_open(&mut show, Shown::Runs, false);
        set_shown(&mut show, Room::Patching, Shown::Runs, false);
        assert!(!show.has(Shown::Runs) && show.has(Shown::Map));
        assert!(show.fixed.is_empty());
        set_shown(&mut show, Room::Patching, Shown::Runs, true);
        assert_eq!(show, Show::default());
        for part in Shown::of(Room::Patching) {
            set_shown(&mut show, Room::Patching, *part, false);
        }
        // One is always left.
        assert_eq!(show.parts.len(), 1);
    }
}
