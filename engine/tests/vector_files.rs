//! Directions in files: those that repeng writes, round trips, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic)]

use patchbay_engine::directions::files::{
    FileError, direction, place, read, to_gguf, to_json, to_safetensors, write,
};
use patchbay_engine::experiment::{Format, LayerVector, Site, Source};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

fn oracle(name: &str) -> Vec<u8> {
    let values = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/oracles/values");
    std::fs::read(values.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The vectors of a JSON file of the oracles, by their names.
fn named(value: &serde_json::Value) -> BTreeMap<String, Vec<f32>> {
    serde_json::from_value(value.clone()).unwrap()
}

fn json(name: &str) -> serde_json::Value {
    serde_json::from_slice(&oracle(name)).unwrap()
}

fn vector(layer: usize, values: &[f32]) -> LayerVector {
    LayerVector {
        layer,
        values: values.to_vec(),
    }
}

#[test]
fn what_repeng_writes_is_read_number_for_number() {
    let found = read(&oracle("control_vector.gguf"), 0).unwrap();
    let expected = read(&oracle("control_vector.json"), 0).unwrap();
    assert_eq!(
        found.iter().map(|v| v.layer).collect::<Vec<_>>(),
        [1, 2, 11]
    );
    assert_eq!(found, expected);
}

#[test]
fn every_format_gives_back_what_was_written() {
    let vectors = read(&oracle("control_vector.gguf"), 0).unwrap();
    let files = [
        to_gguf(&vectors, "gpt2").unwrap(),
        to_safetensors(&vectors, Site::ResidPost).unwrap(),
        to_json(&vectors).into_bytes(),
    ];
    for file in files {
        assert_eq!(read(&file, 0).unwrap(), vectors);
    }
}

#[test]
fn a_lone_vector_is_the_layers_that_is_asked_for() {
    let one = vector(5, &[1.0, -2.0]);
    assert_eq!(read(b" [1, -2]", 5).unwrap()[0], one);
    let rows = |shape: Vec<usize>, name: &str| {
        let bytes: Vec<u8> = [1f32, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, &bytes);
        safetensors::serialize([(name, view.unwrap())], None).unwrap()
    };
    assert_eq!(
        read(&rows(vec![2], "love"), 5).unwrap(),
        std::slice::from_ref(&one)
    );
    assert_eq!(read(&rows(vec![1, 2], "love"), 5).unwrap(), [one]);
    // A layer that is named is meant.
    for shape in [vec![2], vec![1, 2]] {
        let found = read(&rows(shape, "direction.3"), 5).unwrap();
        assert_eq!(found, [vector(3, &[1.0, -2.0])]);
    }
    assert!(read(&rows(vec![2, 1], "direction.3"), 5).is_err());
    let [first, second] = [vector(0, &[1.0]), vector(1, &[-2.0])];
    assert_eq!(read(&rows(vec![2, 1], "love"), 5).unwrap(), [first, second]);
}

fn refused(bytes: &[u8], reason: &str) {
    match read(bytes, 0) {
        Err(e) => assert!(e.to_string().contains(reason), "{reason}: {e}"),
        Ok(found) => panic!("{reason}: was read as {found:?}"),
    }
}

/// TransformerLens's names, and what PyTorch wrote under them.
#[test]
fn transformer_lens_names_mean_layer_and_site() {
    let expected = json("transformer_lens.json");
    for (name, site, layers) in [
        ("pre", Site::ResidPre, &[2][..]),
        ("two", Site::ResidPost, &[1, 2]),
        ("z", Site::Z, &[1, 3]),
    ] {
        let file = oracle(&format!("transformer_lens_{name}.safetensors"));
        let found = direction("love.safetensors", &file, 9).unwrap();
        assert_eq!(found.site, site, "{name}");
        let Source::Vectors { vectors, .. } = found.source else {
            panic!("no vectors");
        };
        assert_eq!(
            vectors.iter().map(|v| v.layer).collect::<Vec<_>>(),
            layers,
            "{name}"
        );
        for v in &vectors {
            let own = &named(&expected[name])[&site.hook(Some(v.layer))];
            assert_eq!(v.values, *own, "{name}");
        }
        // JSON is read by the same names.
        let text = serde_json::to_vec(&expected[name]).unwrap();
        let again = direction("love.json", &text, 9).unwrap();
        let Source::Vectors { vectors: same, .. } = again.source else {
            panic!("no vectors");
        };
        assert_eq!((again.site, same), (site, vectors), "{name}");
    }
    refused(
        &oracle("transformer_lens_sites.safetensors"),
        "a direction acts at one of them",
    );
}

/// The name is the reason, not the shape; nothing that merely ends in a number
/// is taken for a layer.
#[test]
fn a_name_that_is_not_understood_is_the_error() {
    let file = |name: &str| {
        let bytes: Vec<u8> = [1f32, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![2], &bytes);
        safetensors::serialize([(name, view.unwrap())], None).unwrap()
    };
    for name in ["foo.bar.3", "mean.1", "love2", "blocks.2.hook_resid_per"] {
        let reason =
            format!("tensor “{name}” is not named as a direction is: expected direction.N");
        refused(&file(name), &reason);
        refused(
            serde_json::json!({ name: [1.0, 2.0] })
                .to_string()
                .as_bytes(),
            &reason,
        );
    }
    refused(&file("blocks.2.attn.hook_q"), "no direction acts at q");
    refused(
        &oracle("other_tensor.gguf"),
        "tensor “mean.1” is not named as a direction is: expected a control vector’s direction.N",
    );
}

#[test]
fn marks_and_line_ends_of_windows_are_read() {
    let one = [vector(2, &[1.0, -2.0])];
    let text = "{\r\n\"2\": [1, -2]\r\n}\r\n";
    let marked = format!("\u{feff}{text}");
    assert_eq!(read(marked.as_bytes(), 0).unwrap(), one);
    let wide: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read(&wide, 0).unwrap(), one);
    refused(&wide[..wide.len() - 1], "not UTF-8");
}

#[test]
fn a_layer_of_zeros_is_read_and_not_chosen() {
    let found = direction("zero.gguf", &oracle("control_vector_zero.gguf"), 0).unwrap();
    let Source::Vectors { vectors, .. } = &found.source else {
        panic!("no vectors");
    };
    assert_eq!(vectors[1], vector(2, &[0.0; 24]));
    assert_eq!(found.layers, [3], "the middle one of 1 and 3");
    let nothing = direction("zero.json", b"{\"1\": [0], \"2\": [0]}", 0).unwrap();
    assert_eq!(nothing.layers, [1]);
}

/// The bytes that the `gguf` package and repeng read as `written.json` says.
#[test]
fn what_is_written_is_what_the_gguf_package_reads() {
    let vectors = read(&oracle("control_vector_mini.json"), 0).unwrap();
    let written = write(&vectors, Site::ResidPost, Format::Gguf).unwrap();
    assert!(written.bytes == oracle("written.gguf"));
    let read_by_gguf = json("written.json");
    assert_eq!(
        read_by_gguf["fields"],
        serde_json::json!({
            "general.architecture": "controlvector",
            "controlvector.model_hint": "gpt2",
            "controlvector.layer_count": 2,
        })
    );
    let expected = vectors[1..].iter().map(|v| {
        let name = format!("direction.{}", v.layer);
        (name, v.values.clone())
    });
    assert_eq!(named(&read_by_gguf["tensors"]), expected.collect());
    let remark = written.remark.unwrap().to_string();
    assert!(
        remark.starts_with("resid_post of layer 0 is not in the file:")
            && remark.contains("llama.cpp"),
        "{remark}"
    );
}

#[test]
fn what_holds_no_direction_is_refused_with_a_reason() {
    refused(b"", "not safetensors");
    refused(b"hello, I am no such file", "not safetensors");
    refused(b"{\"a\": 1}", "“a” stands where the number of a layer");
    refused(b"[]", "no direction");
    refused(
        b"{\"1\": [1, 2], \"2\": [1]}",
        "layer 2 has 1 numbers, but that of layer 1 has 2",
    );
    let twice = [vector(3, &[1.0]), vector(3, &[2.0])];
    refused(
        &serde_json::to_vec(&twice).unwrap(),
        "layer 3 has more than one",
    );
    for file in [to_gguf, |v: &[LayerVector], _: &str| {
        Ok(to_safetensors(v, Site::ResidPost).unwrap())
    }] {
        let nan = file(&[vector(2, &[1.0, f32::NAN])], "gpt2").unwrap();
        refused(&nan, "layer 2 has a value that is not a finite number");
    }
    let model = to_gguf(&[vector(1, &[1.0])], "gpt2").unwrap();
    let at = model
        .windows(13)
        .position(|w| w == b"controlvector")
        .unwrap();
    let mut other = model.clone();
    other[at..at + 13].copy_from_slice(b"llamallamalla");
    refused(&other, "llamallamalla");
    assert!(matches!(
        read(&vec![b'['; 40 << 20], 0),
        Err(FileError::TooLarge { .. })
    ));
}

/// A safetensors file with this header, of `values` numbers.
fn with_header(header: &str, values: usize) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), &vec![0; 4 * values]].concat()
}

#[test]
fn of_two_values_of_a_name_none_is_taken() {
    let again = "stands there again";
    refused(b"{\"1\": [1, 2], \"1\": [3, 4]}", again);
    refused(b"[{\"layer\": 1, \"values\": [1], \"values\": [2]}]", again);
    let tensor = r#"{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#;
    let header = format!(r#"{{"direction.1":{tensor},"direction.1":{tensor}}}"#);
    refused(&with_header(&header, 2), again);
    let header = format!(
        r#"{{"__metadata__":{{"site":"resid_mid","site":"resid_pre"}},"direction.1":{tensor}}}"#
    );
    refused(&with_header(&header, 2), again);
}

#[test]
fn what_an_experiment_does_not_hold_is_no_direction() {
    let said = |bytes: &[u8]| direction("a.json", bytes, 0).unwrap_err().to_string();
    let layer = said(b"{\"5000000000\": [1]}");
    assert!(layer.contains("go up to 4294967295"), "{layer}");
    let many: HashMap<usize, [f32; 1]> = (0..1_025).map(|layer| (layer, [1.0])).collect();
    let many = said(&serde_json::to_vec(&many).unwrap());
    assert!(many.contains("1025 entries"), "{many}");
    let wide = said(&serde_json::to_vec(&vec![1.0; 65_537]).unwrap());
    assert!(wide.contains("65537 entries"), "{wide}");
    let name = format!("{}.json", "n".repeat(201));
    let named = direction(&name, b"[1]", 0).unwrap_err().to_string();
    assert!(named.contains("201 bytes"), "{named}");
    direction(
        "a.json",
        &serde_json::to_vec(&vec![1.0; 65_536]).unwrap(),
        0,
    )
    .unwrap();
}

#[test]
fn a_name_that_is_not_seen_is_told_by_numbers() {
    let tensor = r#"{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#;
    let mut gguf = to_gguf(&[vector(1, &[1.0])], "gpt2").unwrap();
    let at = gguf
        .windows(13)
        .position(|w| w == b"controlvector")
        .unwrap();
    gguf[at..at + 3].copy_from_slice("\u{202e}".as_bytes());
    for bytes in [
        "{\"\u{202e}1\": [1]}".into(),
        "{\"\u{202e}\": [1]}".into(),
        with_header(&format!("{{\"\u{202e}1\":{tensor}}}"), 2),
        with_header(
            &format!("{{\"__metadata__\":{{\"site\":\"\u{202e}\"}},\"1\":{tensor}}}"),
            2,
        ),
        with_header(
            &format!("{{\"\u{202e}\":{}}}", tensor.replace("[2]", "[2,1,1]")),
            2,
        ),
        gguf,
    ] {
        let said = read(&bytes, 0).unwrap_err().to_string();
        assert!(
            said.contains(r"\u{202e}") && !said.contains('\u{202e}'),
            "{said:?}"
        );
    }
}

/// A file cut off anywhere, or with any byte of its header changed, is refused
/// or read as something: nothing is allocated that the file does not have, and
/// nothing panics.
#[test]
fn no_damage_brings_the_reader_down() {
    for file in [
        oracle("control_vector.gguf"),
        to_safetensors(
            &[vector(1, &[1.0; 8]), vector(2, &[2.0; 8])],
            Site::ResidPost,
        )
        .unwrap(),
    ] {
        let whole = read(&file, 0).unwrap();
        for end in 0..file.len() {
            // The padding behind the last tensor may be missing.
            if let Ok(found) = read(&file[..end], 0) {
                assert_eq!(found, whole);
            }
        }
        for at in 0..file.len().min(600) {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut damaged = file.clone();
                damaged[at] = byte;
                let _ = read(&damaged, 0);
            }
        }
    }
    let mut aligned = b"GGUF\x03\0\0\0".to_vec();
    aligned.extend(0u64.to_le_bytes());
    aligned.extend(1u64.to_le_bytes());
    aligned.extend(17u64.to_le_bytes());
    aligned.extend(b"general.alignment");
    aligned.extend(4u32.to_le_bytes());
    aligned.extend(0u32.to_le_bytes());
    refused(&aligned, "alignment is 0");
}

/// A vector before layer 3 is one after layer 2, and nowhere is one before layer
/// 0; llama.cpp has no place after layer 0 either. A site that a control vector
/// has no place for is only in our own metadata.
#[test]
fn a_direction_keeps_its_place_in_the_stream() {
    let vectors = [0, 1, 2, 3].map(|l| vector(l, &[f32::from(u8::try_from(l).unwrap()), 1.0]));
    let after = |l: usize, own: usize| vector(l, &vectors[own].values);
    for (format, site, expected, remark) in [
        (
            Format::Gguf,
            Site::ResidPost,
            vec![after(1, 1), after(2, 2), after(3, 3)],
            "resid_post of layer 0 is",
        ),
        (
            Format::Gguf,
            Site::ResidPre,
            vec![after(1, 2), after(2, 3)],
            "resid_pre of layer 0 and 1 is",
        ),
        (
            Format::Safetensors,
            Site::ResidPre,
            vec![after(0, 1), after(1, 2), after(2, 3)],
            "resid_pre of layer 0 is",
        ),
        (
            Format::Json,
            Site::MlpOut,
            (0..4).map(|l| after(l, l)).collect(),
            "",
        ),
    ] {
        let file = write(&vectors, site, format).unwrap();
        let said = file.remark.map_or_else(String::new, |r| r.to_string());
        assert!(said.starts_with(remark), "{said}");
        let found = direction("love.x", &file.bytes, 0).unwrap();
        assert_eq!(found.site, Site::ResidPost);
        let Source::Vectors { origin, vectors } = found.source else {
            panic!("no vectors");
        };
        assert!(origin.contains("love.x"), "{origin}");
        assert_eq!(vectors, expected, "{format:?} {site}");
        for v in [0, 1, 2, 3] {
            let there = place(site, v, format);
            assert_eq!(
                there.is_some(),
                there.is_some_and(|l| expected.iter().any(|e| e.layer == l))
            );
        }
    }
    for (format, site, layers, reason) in [
        (Format::Json, Site::ResidPre, 1, "before layer 0"),
        (Format::Safetensors, Site::ResidPre, 1, "before layer 0"),
        (
            Format::Gguf,
            Site::ResidPre,
            2,
            "resid_pre of layer 1 has no place in a control vector",
        ),
        (
            Format::Gguf,
            Site::ResidPost,
            1,
            "resid_post of layer 0 has no place in a control vector",
        ),
    ] {
        let early = write(&vectors[..layers], site, format).unwrap_err();
        assert!(early.to_string().contains(reason), "{early}");
    }
    let file = write(&vectors, Site::Z, Format::Safetensors).unwrap();
    let found = direction("heads", &file.bytes, 0).unwrap();
    assert_eq!(
        (found.site, found.layers.as_slice()),
        (Site::Z, &[0, 1, 2, 3][..])
    );
    let refused = write(&vectors, Site::Z, Format::Gguf).unwrap_err();
    assert!(
        refused.to_string().contains("cannot be written as gguf"),
        "{refused}"
    );
}
