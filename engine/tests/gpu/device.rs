//! What the backend promises besides numbers.

use crate::gpu::{Random, gpu, open};
use patchbay_engine::backend::gpu::{Gpu, GpuOptions, Tensor};
use patchbay_engine::backend::{Backend, BackendError, Then};
use patchbay_engine::model::Activation;
use patchbay_engine::rows::{OWN_ROW, SlotTable};
use pollster::block_on;

/// Everything that is uploaded while commands wait to be submitted must reach
/// the command that it was meant for: values, row lists, tables, parameters,
/// short ones and ones too long for the arena, in buffers used before.
#[test]
fn uploads_do_not_overtake() {
    let Some(gpu) = &gpu() else { return };
    for size in [3usize, 100_000] {
        let mut sum = gpu.zeros([1, size]).unwrap();
        for i in 1..=40u8 {
            // Dropped at once, so its buffer is the next one's.
            let x = gpu.upload([1, size], &vec![f32::from(i); size]).unwrap();
            sum = gpu.add(&sum, &x).unwrap();
        }
        let found = block_on(gpu.read(&sum)).unwrap();
        assert!(
            found.iter().all(|v| *v == 820.0),
            "{size} values: {:?}",
            &found[..3]
        );

        // Row lists: each picks row i of a column of row numbers, size times.
        let column: Vec<f32> = (0..50u8).map(f32::from).collect();
        let column = gpu.upload([50, 1], &column).unwrap();
        let picked: Vec<Tensor> = (0..40)
            .map(|i| gpu.gather(&column, &vec![i; size]).unwrap())
            .collect();
        for (i, x) in (0u8..).zip(&picked) {
            let found = block_on(gpu.read(x)).unwrap();
            assert!(
                found.iter().all(|v| *v == f32::from(i)),
                "list {i} of {size} rows"
            );
        }
    }
    // More parameters, lists and values than the arena holds at once.
    let mut x = gpu.zeros([9000, 1]).unwrap();
    for i in 0..150u16 {
        let rows: Vec<u32> = (0..9000).map(|r| (r + 1) % 9000).collect();
        x = gpu.gather(&x, &rows).unwrap();
        gpu.scatter(&x, &[8999], &gpu.upload([1, 1], &[f32::from(i)]).unwrap())
            .unwrap();
    }
    let found = block_on(gpu.read(&x)).unwrap();
    let expected: Vec<f32> = (0..150u8).map(f32::from).collect();
    assert_eq!(found[9000 - 150..], expected);
}

/// Something like two layers of a model.
fn pass(gpu: &Gpu, random: &mut Random, rows: usize) -> Vec<f32> {
    let n = 24;
    let mut put = |r, c| gpu.upload([r, c], &random.values(r * c)).unwrap();
    let (wte, row) = (put(50, n), put(1, n));
    let (c_attn, attn_bias) = (put(n, 3 * n), put(1, 3 * n));
    let (kept, source) = (put(30, n), put(2, n));
    let ids: Vec<u32> = (0..rows as u32).map(|i| i * 7 % 50).collect();
    let table = gpu
        .upload_table(&SlotTable {
            run: vec![0; rows],
            len: (1..=rows as u32).collect(),
            slots: (0..rows as u32).map(|r| r | OWN_ROW).collect(),
            width: rows,
        })
        .unwrap();
    let mut x = gpu.gather(&wte, &ids).unwrap();
    for _ in 0..2 {
        let normed = gpu.layer_norm(&x, &row, &row, 1e-5).unwrap();
        let qkv = gpu
            .linear(&normed, &c_attn, &attn_bias, Then::Nothing)
            .unwrap();
        let part = |i: usize| gpu.columns(&qkv, i * n..(i + 1) * n).unwrap();
        let pattern = gpu
            .pattern(&part(0), &part(1), &kept, &table, 3, 0.3)
            .unwrap();
        let z = gpu.mix(&pattern, &part(2), &kept, &table, 3).unwrap();
        let z = gpu.activate(&z, Activation::GeluNew).unwrap();
        gpu.scatter(&kept, &[1, 2], &gpu.gather(&z, &[0, 1]).unwrap())
            .unwrap();
        x = gpu
            .add(&gpu.join(&x, &ids_below(rows - 1), &z, &[0]).unwrap(), &z)
            .unwrap();
        x = gpu
            .add(&x, &gpu.gather(&source, &vec![1; rows]).unwrap())
            .unwrap();
    }
    let logits = gpu.unembed(&x, &wte).unwrap();
    let top = block_on(gpu.read(&gpu.top_k(&logits, 5).unwrap())).unwrap();
    let sums = block_on(gpu.read(&gpu.log_sum_exp(&logits).unwrap())).unwrap();
    [top, sums].concat()
}

fn ids_below(rows: usize) -> Vec<u32> {
    (0..rows as u32).collect()
}

#[test]
fn buffers_are_used_again() {
    let Some(gpu) = &gpu() else { return };
    let first = pass(gpu, &mut Random(20), 19);
    let made = gpu.counters().buffers_made;
    for i in 0..50 {
        assert_eq!(pass(gpu, &mut Random(20), 19), first, "repetition {i}");
    }
    assert_eq!(
        gpu.counters().buffers_made,
        made,
        "of equal shapes none are made"
    );
    assert_ne!(pass(gpu, &mut Random(21), 19), first);
    assert_eq!(gpu.counters().buffers_made, made);
}

#[test]
fn large_tensors_are_split() {
    let Some(whole) = &gpu() else { return };
    let options = GpuOptions {
        max_tensor_bytes: Some(1000),
        ..GpuOptions::default()
    };
    let gpu = &open(options);
    assert_eq!(gpu.max_tensor_bytes(), 1000);
    assert!(whole.max_tensor_bytes() >= 128 << 20);
    // What is larger than the device can bind is refused before it is made.
    let rows = usize::try_from(whole.max_tensor_bytes() / 4096 + 1).unwrap();
    match whole.zeros([rows, 1024]) {
        Err(BackendError::OutOfMemory { bytes }) => assert_eq!(bytes, 4096 * rows as u64),
        _ => panic!("a tensor of {rows} rows was made"),
    }
}

#[test]
fn a_lost_device_says_so() {
    let Some(gpu) = &gpu() else { return };
    let x = gpu.upload([2, 2], &[1.0; 4]).unwrap();
    let y = gpu.add(&x, &x).unwrap();
    assert_eq!(block_on(gpu.read(&y)).unwrap(), [2.0; 4]);
    let z = gpu.add(&y, &x).unwrap();
    gpu.destroy();
    let lost = |e: Option<BackendError>| matches!(e, Some(BackendError::DeviceLost(_)));
    assert!(lost(block_on(gpu.read(&z)).err()));
    assert!(lost(gpu.add(&x, &x).err()));
    assert!(lost(gpu.upload([1, 1], &[1.0]).err()));
    assert!(lost(gpu.zeros([1, 1]).err()));
    assert!(lost(block_on(gpu.settle()).err()));
}

#[test]
fn info_names_the_adapter() {
    let Some(gpu) = &gpu() else { return };
    let info = gpu.info();
    assert_eq!(info.name, "webgpu");
    assert!(!info.device.is_empty());
    assert_eq!(
        gpu.is_software(),
        info.device.ends_with("in software"),
        "{}",
        info.device
    );
    println!("{}", info.device);
}
