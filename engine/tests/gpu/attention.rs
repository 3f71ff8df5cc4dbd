//! Attention over slot tables, and edits.

use crate::gpu::{Matrix, Random, gpu, same};
use patchbay_engine::backend::Backend;
use patchbay_engine::rows::{OWN_ROW, RowEdit, SlotTable};
use pollster::block_on;

/// Runs whose positions are kept rows up to some point and own rows from there
/// on, own rows attending; lengths are random up to `width`.
pub(super) fn table(random: &mut Random, runs: usize, width: usize, slots: usize) -> SlotTable {
    let mut table = SlotTable {
        width,
        ..SlotTable::default()
    };
    for run in 0..runs {
        let len = 1 + random.below(width);
        let first_own = random.below(len + 1).min(len - 1);
        for j in 0..width {
            table.slots.push(match j {
                j if j >= len => 0,
                j if j < first_own => random.below(slots) as u32,
                _ => {
                    table.run.push(run as u32);
                    table.len.push(j as u32 + 1);
                    OWN_ROW | (table.run.len() as u32 - 1)
                }
            });
        }
    }
    table
}

#[test]
fn attends() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(11);
    // Heads, their width, runs, positions, kept rows.
    for size @ [heads, d, runs, width, slots] in [
        [1, 1, 1, 1, 1],
        [3, 1, 2, 5, 4],
        [2, 7, 5, 33, 40],
        [12, 64, 3, 17, 30],
        [5, 13, 9, 65, 130],
        [1, 9, 2, 1024, 700],
        [1, 130, 2, 70, 70],
    ] {
        let n = heads * d;
        let slot_table = table(&mut random, runs, width, slots);
        let rows = slot_table.run.len();
        let qkv = random.matrix([rows, 3 * n]);
        let (kept_k, kept_v) = (random.matrix([slots, n]), random.matrix([slots, n]));
        let scale = 1.7 / (d as f32).sqrt();
        same!(gpu, format!("pattern {size:?}, {rows} rows"), |g, put| {
            let (qkv, table) = (put(&qkv), g.upload_table(&slot_table).unwrap());
            let q = g.columns(&qkv, 0..n).unwrap();
            let k = g.columns(&qkv, n..2 * n).unwrap();
            g.pattern(&q, &k, &put(&kept_k), &table, heads, scale)
                .unwrap()
        });
        let pattern = random.matrix([rows, heads * width]);
        same!(gpu, format!("mix {size:?}, {rows} rows"), |g, put| {
            let (qkv, table) = (put(&qkv), g.upload_table(&slot_table).unwrap());
            let v = g.columns(&qkv, 2 * n..3 * n).unwrap();
            g.mix(&put(&pattern), &v, &put(&kept_v), &table, heads)
                .unwrap()
        });
        same!(gpu, format!("attend {size:?}, {rows} rows"), |g, put| {
            let (qkv, table) = (put(&qkv), g.upload_table(&slot_table).unwrap());
            let [q, k, v] = [0, n, 2 * n].map(|c| g.columns(&qkv, c..c + n).unwrap());
            let (kept_k, kept_v) = (put(&kept_k), put(&kept_v));
            g.attend(&q, [&k, &kept_k], [&v, &kept_v], &table, heads, scale)
                .unwrap()
        });
    }
}

/// Scores far apart and far from zero; a slot that is not there.
#[test]
fn attends_safely() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(12);
    let slot_table = table(&mut random, 4, 20, 10);
    let rows = slot_table.run.len();
    let (mut q, k, kept) = (
        random.matrix([rows, 8]),
        random.matrix([rows, 8]),
        random.matrix([10, 8]),
    );
    q.1.iter_mut().for_each(|v| *v *= 500.0);
    same!(gpu, "pattern, large scores", |g, put| {
        let table = g.upload_table(&slot_table).unwrap();
        g.pattern(&put(&q), &put(&k), &put(&kept), &table, 2, 1.0)
            .unwrap()
    });
    same!(gpu, "attend, large scores", |g, put| {
        let table = g.upload_table(&slot_table).unwrap();
        let (q, k, kept) = (put(&q), put(&k), put(&kept));
        g.attend(&q, [&k, &kept], [&k, &kept], &table, 2, 1.0)
            .unwrap()
    });
    let short = gpu.zeros([1, 8]).unwrap();
    let table = gpu.upload_table(&slot_table).unwrap();
    let q = gpu.upload(q.0, &q.1).unwrap();
    assert!(gpu.pattern(&q, &q, &short, &table, 2, 1.0).is_err());
    assert!(
        gpu.pattern(&q, &q, &q, &table, 3, 1.0).is_err(),
        "8 columns for 3 heads"
    );
    assert!(
        gpu.attend(&q, [&q, &q], [&q, &short], &table, 2, 1.0)
            .is_err()
    );
}

fn edit(
    row: u32,
    [start, width, source_row, source_start]: [u32; 4],
    [scale, coef, gain, most]: [f32; 4],
) -> RowEdit {
    RowEdit {
        row,
        start,
        width,
        source_row,
        source_start,
        scale,
        coef,
        gain,
        most,
    }
}

#[test]
fn edits() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(13);
    for shape @ [rows, columns] in [[1, 1], [3, 7], [17, 33], [65, 130]] {
        let (x, source) = (random.matrix(shape), random.matrix([5, columns + 4]));
        let edits: Vec<_> = (0..rows as u32)
            .filter(|r| r % 3 != 2)
            .map(|row| {
                let width = 1 + random.below(columns);
                let start = random.below(columns - width + 1) as u32;
                let place = [start, width as u32, row % 5, random.below(5) as u32];
                let kind = [
                    [0.0, 1.0, 0.0, f32::MAX],  // replace
                    [1.0, 2.5, 0.0, f32::MAX],  // add
                    [-0.5, 0.0, 0.0, f32::MAX], // scale
                    [1.0, 0.7, -1.0, f32::MAX], // set a projection
                    [1.0, 0.1, -1.0, 0.0],      // cap it
                    [0.3, -1.0, 0.25, -0.9],    // all at once
                ];
                edit(row, place, kind[random.below(6)])
            })
            .collect();
        same!(gpu, format!("edit {shape:?}"), |g, put| {
            let source = put(&source);
            g.edit(put(&x), &edits, Some(&source)).unwrap()
        });
        same!(gpu, format!("edit without a source {shape:?}"), |g, put| {
            g.edit(put(&x), &edits, None).unwrap()
        });
        let wide = random.matrix([rows, columns + 9]);
        same!(gpu, format!("edit, views {shape:?}"), |g, put| {
            let x = g.columns(&put(&wide), 6..columns + 6).unwrap();
            let wider = put(&random_source(&source));
            let source = g.columns(&wider, 3..columns + 7).unwrap();
            g.edit(x, &edits, Some(&source)).unwrap()
        });
    }
}

/// The source with three columns before its own.
fn random_source(source: &Matrix) -> Matrix {
    let [rows, columns] = source.0;
    let values = source
        .1
        .chunks(columns)
        .flat_map(|row| [&[9.0; 3], row].concat());
    Matrix([rows, columns + 3], values.collect())
}

#[test]
fn edits_carefully() {
    let Some(gpu) = &gpu() else { return };
    // Replacing and zeroing forget what was there, whatever it was: with a source
    // and without, and with one that adds nothing.
    let x = [
        [f32::NAN, f32::INFINITY, 2.0],
        [f32::NEG_INFINITY, 3.0, f32::NAN],
        [4.0, f32::NAN, f32::INFINITY],
    ];
    let source = gpu.upload([1, 2], &[5.0, 6.0]).unwrap();
    let y = gpu.upload([3, 3], x.as_flattened()).unwrap();
    let replace = edit(0, [0, 2, 0, 0], [0.0, 1.0, 0.0, f32::MAX]);
    let nothing = edit(2, [1, 2, 0, 0], [0.0, 0.0, 0.0, f32::MAX]);
    let y = gpu.edit(y, &[replace, nothing], Some(&source)).unwrap();
    let zero = |row, start, width| edit(row, [start, width, 0, 0], [0.0, 0.0, 0.0, f32::MAX]);
    let y = gpu.edit(y, &[zero(1, 0, 3)], None).unwrap();
    let found = block_on(gpu.read(&y)).unwrap();
    assert_eq!(found, [5.0, 6.0, 2.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0]);
    // Other handles, and views of the same numbers, do not see the edit.
    let x = gpu.upload([1, 4], &[1.0, 2.0, 3.0, 4.0]).unwrap();
    let (left, right) = (
        gpu.columns(&x, 0..2).unwrap(),
        gpu.columns(&x, 1..3).unwrap(),
    );
    let edited = gpu
        .edit(
            left,
            &[edit(0, [0, 2, 0, 0], [2.0, 0.0, 0.0, f32::MAX])],
            None,
        )
        .unwrap();
    let all = gpu
        .edit(
            x.clone(),
            &[edit(0, [0, 4, 0, 0], [1.0, 1.0, 0.0, f32::MAX])],
            Some(&x),
        )
        .unwrap();
    assert_eq!(block_on(gpu.read(&edited)).unwrap(), [2.0, 4.0]);
    assert_eq!(block_on(gpu.read(&right)).unwrap(), [2.0, 3.0]);
    assert_eq!(block_on(gpu.read(&x)).unwrap(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(block_on(gpu.read(&all)).unwrap(), [2.0, 4.0, 6.0, 8.0]);
    let outside = [
        edit(1, [0, 1, 0, 0], [0.0; 4]),
        edit(0, [3, 2, 0, 0], [0.0; 4]),
    ];
    for e in outside {
        assert!(gpu.edit(x.clone(), &[e], None).is_err());
    }
}
