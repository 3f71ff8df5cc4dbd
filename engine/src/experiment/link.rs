//! An experiment as the end of a link: the only place that knows its form.
//!
//! A link ends in `#v1=` and the experiment's JSON in base64url without
//! padding. The fragment never leaves the browser: no server sees the prompts.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Experiment, ParseError};
use crate::sentence::{Says, Sentence};

const PREFIX: &str = "v1=";

/// Why a fragment is not an experiment.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error(
        "this link has the form {found:?}, but this page knows v1; open it with a newer Patchbay"
    )]
    Form { found: String },
    #[error("this link is cut short or changed: {0}")]
    Base64(#[from] base64::DecodeError),
    #[error("this link is cut short or changed: its text is not UTF-8")]
    Utf8,
    #[error(transparent)]
    Experiment(#[from] ParseError),
}

impl Sentence for LinkError {
    // By hand, as what the page says is: it is smaller so.
    #[inline]
    fn says(&self) -> Says {
        match self {
            Self::Form { found } => Says::new("link.form", [("found", found.as_str().into())]),
            Self::Base64(reason) => {
                let reason = reason.to_string().into();
                Says::new("link.base64", [("reason", reason)])
            }
            Self::Utf8 => Says::new("link.utf8", []),
            Self::Experiment(e) => e.says(),
        }
    }
}

/// The fragment for an experiment, without `#`.
#[must_use]
// As `from_json`: compiled with whoever calls it.
#[inline]
pub fn encode(experiment: &Experiment) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(experiment.to_json()))
}

/// Reads a fragment, with or without `#`; `None` where it does not claim to be
/// an experiment (empty, or the id of an element).
///
/// # Errors
/// [`LinkError`] where it claims to be one and is not.
#[inline]
pub fn decode(fragment: &str) -> Result<Option<Experiment>, LinkError> {
    let fragment = fragment.trim_start_matches('#');
    let Some((form, body)) = fragment.split_once('=') else {
        return Ok(None);
    };
    let is_version = form
        .strip_prefix('v')
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    if !is_version {
        return Ok(None);
    }
    if form != "v1" {
        return Err(LinkError::Form { found: form.into() });
    }
    // Mail and chat programs like to add a full stop or padding to a link.
    let body = body.trim_end_matches(['=', '.', ',', ')', '>']);
    let json = String::from_utf8(URL_SAFE_NO_PAD.decode(body)?).map_err(|_| LinkError::Utf8)?;
    Ok(Some(Experiment::from_json(&json)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{
        Cell, Corruption, Detector, Direction, Metric, MetricKind, Noise, Operator, Positions,
        Prompt, Sampling, Site, Source, Steer, SteerMap, TokenRef, Tokens, Unit,
    };

    #[test]
    fn an_experiment_survives_its_link() {
        let odd = Experiment {
            bos: false,
            clean: Prompt::Text("“Zoë” said:\n\t100 % = 💡 # & +".into()),
            corrupted: Prompt::Tokens(vec![50256, 0]),
            metrics: vec![Metric {
                kind: MetricKind::LogProbability,
                answer: Tokens::Any(vec![TokenRef::Id(7)]),
                wrong: None,
            }],
            cell: Some(Cell {
                sweep: 1,
                row: 3,
                column: 14,
            }),
            ..Experiment::default()
        };
        for experiment in [Experiment::default(), odd] {
            let link = encode(&experiment);
            assert!(
                link.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_=".contains(&b))
            );
            assert_eq!(decode(&format!("#{link}")).unwrap(), Some(experiment));
        }
    }

    #[test]
    fn a_field_that_stands_twice_opens_no_link() {
        let json = Experiment::default().to_json();
        for (once, again) in [
            (r#""clean":"#, r#""clean":"a","clean":"#),
            (r#""kind":"#, r#""kind":"probability","kind":"#),
        ] {
            let twice = json.replacen(once, again, 1);
            assert_ne!(twice, json);
            let link = format!("#v1={}", URL_SAFE_NO_PAD.encode(twice));
            let e = decode(&link).unwrap_err().to_string();
            let name = once.trim_matches(['"', ':']);
            assert!(e.contains(&format!("“{name}” stands there again")), "{e}");
        }
    }

    #[test]
    fn what_would_not_be_seen_is_told_by_its_number() {
        let open = |json: String| {
            let link = format!("#v1={}", URL_SAFE_NO_PAD.encode(json));
            decode(&link).unwrap_err().to_string()
        };
        let json = Experiment::default().to_json();
        let start = |field: &str| json.replacen('{', &format!("{{{field},"), 1);
        for said in [
            open(start("\"\u{202e}\":1")),
            open(start("\"\u{202e}\":{\"name\":1e99}")),
            decode("#v9\u{202e}=").map_or_else(|e| e.to_string(), |_| r"\u{202e}".into()),
        ] {
            assert!(
                said.contains(r"\u{202e}") && !said.contains('\u{202e}'),
                "{said:?}"
            );
        }
    }

    /// A stream of numbers with every kind of bits in it.
    struct Bits(u64);

    impl Bits {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        /// Any finite number, the smallest and the largest among them.
        fn real(&mut self) -> f32 {
            loop {
                let x = f32::from_bits(self.next() as u32);
                if x.is_finite() {
                    return x;
                }
            }
        }

        fn text(&mut self) -> String {
            let count = self.next() % 12;
            let any = |_| char::from_u32(self.next() as u32 % 0x11_0000);
            (0..count).filter_map(any).collect()
        }
    }

    #[test]
    fn whatever_a_person_types_opens_again() {
        let mut bits = Bits(0x9e37_79b9_7f4a_7c15);
        for _ in 0..3_000 {
            let noise = Noise {
                positions: vec![bits.next() as u32 as usize],
                sigma: bits.real(),
                seed: bits.next() >> 11,
                draws: bits.next() as u32 as usize,
            };
            let directions = vec![Direction {
                name: bits.text(),
                source: Source::Random { seed: 0 },
                site: Site::ResidPre,
                layers: vec![bits.next() as u32 as usize],
                from: None,
                positions: Positions::All,
                operator: Operator::Add,
                coefficient: bits.real(),
                unit: Unit::Absolute,
            }];
            let steer = Steer {
                prompt: Prompt::Text(bits.text()),
                directions,
                words: vec![bits.text()],
                sampling: Sampling {
                    seed: bits.next() >> 11,
                    temperature: bits.real(),
                    top_k: Some(bits.next() as u32 as usize),
                    top_p: Some(bits.real()),
                    repetition_penalty: bits.real(),
                    frequency_penalty: bits.real(),
                    ..Sampling::default()
                },
                map: Some(SteerMap {
                    coefficients: vec![bits.real(), bits.real()],
                    cap: bits.real(),
                    ..SteerMap::default()
                }),
                detector: Some(Detector {
                    threshold: Some(bits.real()),
                    ..Detector::default()
                }),
            };
            let e = Experiment {
                clean: Prompt::Text(bits.text()),
                corruption: Corruption::Noise(noise),
                steer: Some(steer),
                ..Experiment::default()
            };
            assert_eq!(decode(&encode(&e)).unwrap(), Some(e));
        }
    }

    #[test]
    fn a_link_beyond_a_limit_is_refused_before_it_is_drawn() {
        let mut many = Experiment::default();
        many.sweeps = vec![many.sweeps[0].clone(); 500];
        let error = decode(&encode(&many)).unwrap_err().to_string();
        assert!(error.contains("sweeps has 500 entries"), "{error}");
        let json = URL_SAFE_NO_PAD.encode(Experiment::default().to_json().replacen(
            "{",
            "{\"generate\":{\"tokens\":1,\"repetition_penalty\":1e39},",
            1,
        ));
        let error = decode(&format!("v1={json}")).unwrap_err().to_string();
        assert!(error.contains("repetition_penalty"), "{error}");
    }

    #[test]
    fn a_full_stop_at_the_end_does_no_harm() {
        let link = encode(&Experiment::default());
        assert_eq!(
            decode(&format!("{link}).")).unwrap(),
            Some(Experiment::default())
        );
    }

    #[test]
    fn other_fragments_are_not_links() {
        for text in ["", "#", "#main", "#top=3", "#v=1", "#vx=1"] {
            assert_eq!(decode(text).unwrap(), None, "{text}");
        }
    }

    #[test]
    fn broken_links_say_what_is_wrong() {
        let whole = encode(&Experiment::default());
        let cut = decode(&whole[..whole.len() / 2]).unwrap_err();
        assert!(
            matches!(cut, LinkError::Experiment(_) | LinkError::Base64(_)),
            "{cut}"
        );
        let newer = decode("#v2=AAAA").unwrap_err();
        assert!(newer.to_string().contains("\"v2\""), "{newer}");
        let json = URL_SAFE_NO_PAD.encode(r#"{"version":9}"#);
        let version = decode(&format!("v1={json}")).unwrap_err();
        assert!(version.to_string().contains('9'), "{version}");
        assert!(matches!(decode("v1=!!"), Err(LinkError::Base64(_))));
        assert!(matches!(
            decode(&format!("v1={}", URL_SAFE_NO_PAD.encode([0xff, 0xfe]))),
            Err(LinkError::Utf8)
        ));
    }

    // Links that were once given out must open for ever: of every version, of both
    // rooms. Each stands beside the JSON that it holds.
    #[test]
    fn links_of_every_version_still_open() {
        for (version, link, json) in [
            (
                1,
                include_str!("../../tests/links/v1.link"),
                include_str!("../../tests/links/v1.json"),
            ),
            (
                2,
                include_str!("../../tests/links/v2-patching.link"),
                include_str!("../../tests/links/v2-patching.json"),
            ),
            (
                2,
                include_str!("../../tests/links/v2-steering.link"),
                include_str!("../../tests/links/v2-steering.json"),
            ),
            (
                3,
                include_str!("../../tests/links/v3-patching.link"),
                include_str!("../../tests/links/v3-patching.json"),
            ),
            (
                3,
                include_str!("../../tests/links/v3-steering.link"),
                include_str!("../../tests/links/v3-steering.json"),
            ),
        ] {
            let said: serde_json::Value = serde_json::from_str(json).unwrap();
            assert_eq!(said["version"], version);
            let opened = decode(link.trim()).unwrap().unwrap();
            assert_eq!(opened, Experiment::from_json(json).unwrap());
            // All that it says is there when it is written again, in today's words.
            let mut written: serde_json::Value = serde_json::from_str(&opened.to_json()).unwrap();
            assert_eq!(written["version"], crate::experiment::VERSION);
            if version > 1 {
                written["version"] = version.into();
                let fields = said.as_object().unwrap();
                let kept = fields.iter().filter(|(name, _)| *name != "steer");
                for (name, value) in kept {
                    assert_eq!(&written[name], value, "{name} of version {version}");
                }
            }
            let again = decode(&encode(&opened)).unwrap().unwrap();
            assert_eq!(again, opened);
        }
    }
}
