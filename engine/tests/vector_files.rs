//! Directions in files: those that repeng writes, round trips, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic)]

use patchbay_engine::experiment::{Format, LayerVector, Site, Source};
use patchbay_engine::steer::files::{
    FileError, direction, read, to_gguf, to_json, to_safetensors, write,
};
use std::path::PathBuf;

fn oracle(name: &str) -> Vec<u8> {
    let values = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/oracles/values");
    std::fs::read(values.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
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
    assert_eq!(read(&rows(vec![2], "love"), 5).unwrap(), [one]);
    let [first, second] = [vector(0, &[1.0]), vector(1, &[-2.0])];
    assert_eq!(read(&rows(vec![2, 1], "love"), 5).unwrap(), [first, second]);
}

fn refused(bytes: &[u8], reason: &str) {
    match read(bytes, 0) {
        Err(e) => assert!(e.to_string().contains(reason), "{reason}: {e}"),
        Ok(found) => panic!("{reason}: was read as {found:?}"),
    }
}

#[test]
fn what_holds_no_direction_is_refused_with_a_reason() {
    refused(b"", "not safetensors");
    refused(b"hello, I am no such file", "not safetensors");
    refused(b"{\"a\": 1}", "not JSON");
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
/// 0; a site that a control vector has no place for is only in our own metadata.
#[test]
fn a_direction_keeps_its_place_in_the_stream() {
    let vectors = [0, 1, 3].map(|l| vector(l, &[f32::from(u8::try_from(l).unwrap()), 1.0]));
    for format in [Format::Gguf, Format::Safetensors, Format::Json] {
        let file = write(&vectors, Site::ResidPre, format).unwrap();
        let found = direction("love.x", &file, 0).unwrap();
        assert_eq!(found.site, Site::ResidPost);
        assert_eq!(found.layers, [2], "the middle one");
        let Source::Vectors { origin, vectors } = found.source else {
            panic!("no vectors");
        };
        assert!(origin.contains("love.x"), "{origin}");
        assert_eq!(vectors, [vector(0, &[1.0, 1.0]), vector(2, &[3.0, 1.0])]);
        let early = write(&vectors[..1], Site::ResidPre, format).unwrap_err();
        assert!(early.to_string().contains("before layer 0"), "{early}");
    }
    let file = write(&vectors, Site::Z, Format::Safetensors).unwrap();
    let found = direction("heads", &file, 0).unwrap();
    assert_eq!(
        (found.site, found.layers.as_slice()),
        (Site::Z, &[0, 1, 3][..])
    );
    let refused = write(&vectors, Site::Z, Format::Gguf).unwrap_err();
    assert!(
        refused.to_string().contains("cannot be written as gguf"),
        "{refused}"
    );
}
