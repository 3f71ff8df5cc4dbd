use super::*;
use crate::experiment::{
    Answer, Ask, Cell, Corruption, Detector, Direction, Metric, MetricKind, Noise, Operator,
    Positions, Prompt, Reply, Sampling, Shown, Site, Source, Steer, SteerMap, Step, TokenRef,
    Tokens, Unit,
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
    let newer = decode("#v3=AAAA").unwrap_err();
    assert!(newer.to_string().contains("\"v3\""), "{newer}");
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
            include_str!("../../../tests/links/v1.link"),
            include_str!("../../../tests/links/v1.json"),
        ),
        (
            2,
            include_str!("../../../tests/links/v2-patching.link"),
            include_str!("../../../tests/links/v2-patching.json"),
        ),
        (
            2,
            include_str!("../../../tests/links/v2-steering.link"),
            include_str!("../../../tests/links/v2-steering.json"),
        ),
        (
            3,
            include_str!("../../../tests/links/v3-patching.link"),
            include_str!("../../../tests/links/v3-patching.json"),
        ),
        (
            3,
            include_str!("../../../tests/links/v3-steering.link"),
            include_str!("../../../tests/links/v3-steering.json"),
        ),
        (
            4,
            include_str!("../../../tests/links/v4-patching.link"),
            include_str!("../../../tests/links/v4-patching.json"),
        ),
    ] {
        let said: serde_json::Value = json::value(json).unwrap();
        assert_eq!(said["version"], version);
        let opened = decode(link.trim()).unwrap().unwrap();
        assert_eq!(opened, Experiment::from_json(json).unwrap());
        // All that it says is there when it is written again, in today's words.
        let mut written: serde_json::Value = json::value(&opened.to_json()).unwrap();
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

/// A link as it was made when its form was new.
fn golden(name: &str) -> (String, Link) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/links");
    let read = |kind: &str| {
        let text = std::fs::read_to_string(format!("{folder}/{name}.{kind}")).unwrap();
        text.trim().to_owned()
    };
    (read("link"), Link::from_json(&read("json")).unwrap())
}

#[test]
fn packed_links_open_for_ever() {
    for name in [
        "packed-seed",
        "packed-steering",
        "packed-digest",
        "packed-show",
        "packed-workshop",
    ] {
        let (link, held) = golden(name);
        assert_eq!(open(&link).unwrap(), Some(held), "{name}");
    }
}

#[test]
fn links_are_short() {
    let characters = |e: &Experiment| encode(e).len();
    let seed = Experiment::default();
    assert!(characters(&seed) <= 120, "{}", encode(&seed));
    let mut looked_at = seed.clone();
    looked_at.cell = Some(Cell {
        sweep: 0,
        row: 2,
        column: 14,
    });
    for kind in [MetricKind::Probability, MetricKind::Rank] {
        looked_at.metrics.push(Metric {
            kind,
            answer: " Mary".into(),
            wrong: None,
        });
    }
    assert!(characters(&looked_at) <= 300, "{}", encode(&looked_at));
    // As the page's generator of indirect objects makes them.
    let names = [
        "Tom", "James", "Dan", "Sid", "Martin", "Amy", "Peter", "Laura", "Anna", "Kate",
    ];
    let places = ["store", "park", "school", "house", "office", "garden"];
    let things = ["ring", "ball", "book", "bottle", "computer", "drink"];
    let mut bits = Bits(7);
    let mut many = looked_at;
    for _ in 0..50 {
        let mut one = |of: &[&'static str]| of[bits.next() as usize % of.len()];
        let (a, b) = (one(&names), one(&names));
        let (place, thing) = (one(&places), one(&things));
        let line = |who| format!("When {a} and {b} went to the {place}, {who} gave a {thing} to");
        many.pairs.push(crate::experiment::Pair {
            clean: Prompt::Text(line(a)),
            corrupted: Prompt::Text(line(b)),
            answer: Some(format!(" {b}").as_str().into()),
            wrong: Some(format!(" {a}").as_str().into()),
        });
    }
    let site = |site: &Site| crate::experiment::Sweep::of(*site, crate::experiment::Mode::Noising);
    many.sweeps = Site::ALL[..8].iter().map(site).collect();
    assert!(characters(&many) <= 2_500, "{}", characters(&many));
    assert_eq!(decode(&encode(&many)).unwrap(), Some(many));
}

#[test]
fn what_stands_beside_the_experiment_comes_along() {
    let (_, held) = golden("packed-digest");
    assert!(held.digest.is_some());
    let (_, shown) = golden("packed-show");
    assert!(shown.show.is_some());
    for link in [held, shown] {
        assert_eq!(open(&packed(&link)).unwrap(), Some(link));
    }
}

#[test]
fn what_is_not_known_is_named() {
    let e = Experiment::default().to_json();
    let long = "x".repeat(2_001);
    for (beside, named) in [
        (r#""colour":1"#.to_owned(), "colour"),
        (r#""digest":{"of":"","model":"","backend":"","odd":1}"#.into(), "odd"),
        (r#""show":{"parts":["engine"]}"#.into(), "engine"),
        (r#""show":{"theme":"pink"}"#.into(), "pink"),
        (format!(r#""digest":{{"of":"{long}","model":"","backend":""}}"#), "digest.of"),
        (r#""digest":{"of":"","model":"","backend":"","cells":[{"row":0,"column":0,"value":1e39}]}"#.into(), "value"),
    ] {
        let json = format!(r#"{{"experiment":{e},{beside}}}"#);
        let told = Link::from_json(&json).unwrap_err().to_string();
        assert!(told.contains(named), "{told}");
    }
    for none in ["{}", "[]", "3", r#"{"experiment":[]}"#, r#"{"show":{}}"#] {
        assert!(Link::from_json(none).is_err(), "{none}");
    }
    let newer = Link::from_json(r#"{"experiment":{"version":9}}"#).unwrap_err();
    assert!(newer.to_string().contains("version 9"), "{newer}");
}

#[test]
fn what_is_too_large_is_refused_before_it_is_made() {
    let long = format!("v2={}", "A".repeat(LONGEST + 1));
    assert!(matches!(decode(&long), Err(LinkError::TooLong { .. })));
    let bomb = URL_SAFE_NO_PAD.encode(deflate::pack(&vec![b' '; 50_000_000]));
    assert!(matches!(
        decode(&format!("v2={bomb}")),
        Err(LinkError::TooLarge)
    ));
    assert!(matches!(decode("v2=AAAA"), Err(LinkError::Packed)));
    let packed = URL_SAFE_NO_PAD.encode(deflate::pack(&[0xff, 0xfe]));
    assert!(matches!(
        decode(&format!("v2={packed}")),
        Err(LinkError::Utf8)
    ));
}

#[test]
fn files_hold_what_links_hold_or_an_experiment() {
    let e = Experiment::default();
    let link = Link::from(e.clone());
    assert_eq!(Link::from_file(&link.to_json()).unwrap(), link);
    assert_eq!(Link::from_file(&e.to_json()).unwrap(), link);
    let marked = format!("\u{feff}{}", e.to_json());
    assert_eq!(Link::from_file(&marked).unwrap(), link);
    for none in ["", "{}", "[]", "null", "nonsense", "{\"experiment\":{}}"] {
        assert!(Link::from_file(none).is_err(), "{none}");
    }
}

#[test]
fn an_address_or_its_end_can_be_pasted() {
    let e = Experiment::default();
    let link = encode(&e);
    for text in [
        link.clone(),
        format!("#{link}"),
        format!(" https://a.example/x/#{link}\n"),
    ] {
        let found = find(&text).unwrap().map(|l| l.experiment);
        assert_eq!(found, Some(e.clone()));
    }
    assert!(find("https://a.example/").unwrap().is_none());
    assert!(find("https://a.example/#v2=!").is_err());
}

fn workshop() -> Workshop {
    let step = |ask| Step {
        says: "Which cells?\n\nMark two.".into(),
        ask,
        experiment: None,
    };
    Workshop {
        title: "Patching".into(),
        steps: vec![
            step(Ask::Cells { most: 2 }),
            Step {
                experiment: Some(Experiment::default()),
                ..step(Ask::Choice {
                    choices: vec!["a".into(), "b".into()],
                    right: 1,
                })
            },
        ],
    }
}

#[test]
fn a_workshop_travels_in_a_link() {
    let link = Link {
        workshop: Some(workshop()),
        show: Some(Show {
            fixed: vec![Shown::Prompts],
            ..Show::default()
        }),
        ..Experiment::default().into()
    };
    let end = packed(&link);
    assert_eq!(open(&end).unwrap(), Some(link.clone()));
    assert_eq!(Link::from_file(&link.to_json()).unwrap(), link);
    // What its steps put on the page may be older than the page.
    let older = link.to_json().replace(
        &format!("\"experiment\":{}", Experiment::default().to_json()),
        r#""experiment":{"version":1,"clean":"a","corrupted":"b","metrics":[],"sweeps":[]}"#,
    );
    let read = Link::from_json(&older).unwrap().workshop.unwrap();
    let first = read.steps[1].experiment.as_ref().unwrap();
    assert_eq!(first.version, crate::experiment::VERSION);
}

#[test]
fn a_workshop_that_is_none_is_refused_by_what_is_wrong_with_it() {
    let e = Experiment::default().to_json();
    let long = "x".repeat(5_000);
    let steps = "{},".repeat(40);
    for (workshop, named) in [
        (r#"{"steps":[]}"#.into(), "0"),
        ("[]".into(), "sequence"),
        (r#"{"steps":{}}"#.into(), "sequence"),
        (r#"{"steps":[3]}"#.into(), "struct Step"),
        (r#"{"steps":[{"ask":{"kind":"dance"}}]}"#.into(), "dance"),
        (
            r#"{"steps":[{"ask":{"kind":"cells","most":9}}]}"#.into(),
            "9 cells",
        ),
        (
            r#"{"steps":[{"ask":{"kind":"choice","choices":["a"],"right":0}}]}"#.into(),
            "1 choices",
        ),
        (format!(r#"{{"steps":[{{"says":"{long}"}}]}}"#), "says"),
        (format!(r#"{{"steps":[{steps}{{}}]}}"#), "steps"),
        (
            r#"{"steps":[{"experiment":{"version":9}}]}"#.into(),
            "version 9",
        ),
        (
            r#"{"steps":[{"experiment":3}]}"#.into(),
            "struct Experiment",
        ),
        (r#"{"steps":[{}],"due":"now"}"#.into(), "due"),
    ] {
        let json = format!(r#"{{"experiment":{e},"workshop":{workshop}}}"#);
        let told = Link::from_json(&json).unwrap_err().to_string();
        assert!(told.contains(named), "{workshop}: {told}");
    }
}

#[test]
fn what_is_handed_in_is_found_in_any_text() {
    let one = Handed {
        of: workshop().checksum(),
        by: "Émile, 3b".into(),
        answers: vec![
            Answer {
                said: Some(Reply::Cells(vec![(3, 1), (0, 12)])),
                digest: Some(Digest {
                    of: "0".into(),
                    ..Digest::default()
                }),
                ..Answer::default()
            },
            Answer {
                said: Some(Reply::Text("because of \u{1f600}".into())),
                experiment: Some(Experiment::default()),
                ..Answer::default()
            },
        ],
    };
    let other = Handed {
        by: "B".into(),
        ..one.clone()
    };
    let text = handed(&one);
    assert!(text.len() < 400, "{text}");
    let table = format!(
        "Name,Answer\nÉmile,\"{text}\"\nB: {}; nobody: none\n",
        handed(&other)
    );
    let found: Vec<_> = all_handed(&table)
        .map(|(before, h)| (before, h.unwrap()))
        .collect();
    let expected = [("Émile".to_owned(), one), ("B".to_owned(), other)];
    assert_eq!(found, expected);
    // As mail wraps it, and quotes it.
    let bytes = text.as_bytes().chunks(76);
    let lines: Vec<_> = bytes.map(String::from_utf8_lossy).collect();
    for between in ["\n", "\r\n> "] {
        let mail = format!("Hello,\n{}\nBye", lines.join(between));
        let found: Vec<_> = all_handed(&mail).map(|(_, h)| h.is_ok()).collect();
        assert_eq!(found, [true], "{mail}");
    }
    // One that was cut short is told of, and the next one read all the same.
    let cut = format!("{} {text}", &text[..text.len() / 2]);
    let found: Vec<_> = all_handed(&cut).map(|(_, h)| h).collect();
    assert!(matches!(found.as_slice(), [Err(_), Ok(_)]), "{found:?}");
    assert!(all_handed("nothing at all").next().is_none());
}

#[test]
fn however_long_its_lines_a_text_is_looked_through_once() {
    // Each line adds to what might be one that unpacks to megabytes.
    let bomb = text_of(&" ".repeat(LARGEST - 1));
    let lines = bomb.as_bytes()[4_000..4_390].chunks(1);
    let lines: Vec<_> = lines.map(String::from_utf8_lossy).collect();
    let slow = format!("{HANDED}{}\n{}\n", &bomb[..4_000], lines.join("\n"));
    // Each has the whole line in front of it.
    let long = HANDED.repeat(200_000);
    let start = std::time::Instant::now();
    assert!(all_handed(&slow.repeat(20)).all(|(_, h)| h.is_err()));
    assert!(all_handed(&long).all(|(before, h)| before.is_empty() && h.is_err()));
    let took = start.elapsed();
    assert!(took.as_secs() < 10, "{took:?}");
}
