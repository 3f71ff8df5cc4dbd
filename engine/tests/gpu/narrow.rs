//! Every kernel with its workgroups in many lines, as it runs when there are more
//! of them than a device takes side by side (65,535).

use crate::gpu::backward::all_keys;
use crate::gpu::{Random, gpu, same};
use patchbay_engine::backend::gpu::{Gpu, GpuOptions};
use patchbay_engine::backend::{Rule, Then};
use patchbay_engine::model::Activation;
use patchbay_engine::rows::{OWN_ROW, RowEdit, SeenBy, SlotTable};
use pollster::block_on;

#[test]
fn workgroups_go_into_lines() {
    if gpu().is_none() {
        return;
    }
    let gpu = &block_on(Gpu::in_lines(GpuOptions::default(), 3)).unwrap();
    let mut random = Random(14);
    let (rows, n) = (71, 70);
    let (x, y) = (random.matrix([rows, n]), random.matrix([rows, n]));
    let (row, wte) = (random.matrix([1, n]), random.matrix([269, n]));
    let (weight, bias) = (random.matrix([n, 269]), random.matrix([1, 269]));
    let some: Vec<u32> = (0..rows as u32).rev().collect();
    same!(gpu, "lines: add", |g, put| g
        .add(&put(&x), &put(&y))
        .unwrap());
    same!(gpu, "lines: activate", |g, put| {
        g.activate(&put(&x), Activation::Gelu).unwrap()
    });
    same!(gpu, "lines: gather", |g, put| g
        .gather(&put(&x), &some)
        .unwrap());
    same!(gpu, "lines: join", |g, put| g
        .join(&put(&x), &some, &put(&y), &some[1..])
        .unwrap());
    same!(gpu, "lines: sum_rows", |g, put| g
        .sum_rows(&put(&x), &some, &put(&y), &some)
        .unwrap());
    same!(gpu, "lines: scatter_pair", |g, put| {
        let into = [0, 1].map(|_| g.zeros([rows, n]).unwrap());
        g.scatter_pair([&into[0], &into[1]], &some, [&put(&x), &put(&y)])
            .unwrap();
        into[1].clone()
    });
    same!(gpu, "lines: scatter", |g, put| {
        let into = g.zeros([rows, n]).unwrap();
        g.scatter(&into, &some, &put(&x)).unwrap();
        into
    });
    same!(gpu, "lines: layer_norm", |g, put| {
        g.layer_norm(&put(&x), &put(&row), &put(&row), 1e-5)
            .unwrap()
    });
    for rows in [4, 71] {
        let x = random.matrix([rows, n]);
        same!(gpu, format!("lines: linear, {rows} rows"), |g, put| {
            g.linear(&put(&x), &put(&weight), &put(&bias), Then::Nothing)
                .unwrap()
        });
        same!(gpu, format!("lines: unembed, {rows} rows"), |g, put| {
            g.unembed(&put(&x), &put(&wte)).unwrap()
        });
    }
    same!(gpu, "lines: log_sum_exp", |g, put| g
        .log_sum_exp(&put(&x))
        .unwrap());
    same!(gpu, "lines: top_k", |g, put| g.top_k(&put(&x), 5).unwrap());
    let table = SlotTable {
        run: vec![0; rows],
        len: (1..=rows as u32).collect(),
        slots: (0..rows as u32).map(|r| r | (r % 2 * OWN_ROW)).collect(),
        width: rows,
    };
    let pattern = random.matrix([rows, 7 * rows]);
    same!(gpu, "lines: pattern", |g, put| {
        let table = g.upload_table(&table).unwrap();
        g.pattern(&put(&x), &put(&y), &put(&x), &table, 7, 0.3)
            .unwrap()
    });
    same!(gpu, "lines: mix", |g, put| {
        let table = g.upload_table(&table).unwrap();
        g.mix(&put(&pattern), &put(&y), &put(&x), &table, 7)
            .unwrap()
    });
    same!(gpu, "lines: attend", |g, put| {
        let (q, k, v, table) = (put(&x), put(&y), put(&x), g.upload_table(&table).unwrap());
        g.attend(&q, [&k, &q], [&v, &k], &table, 7, 0.3).unwrap()
    });
    same!(gpu, "lines: scores", |g, put| {
        let table = g.upload_table(&table).unwrap();
        g.scores(&put(&x), &put(&y), &put(&x), &table, 7, 0.3)
            .unwrap()
    });
    same!(gpu, "lines: softmax_back", |g, put| {
        g.softmax_back(&put(&pattern), &put(&pattern), 7, 0.3)
            .unwrap()
    });
    let seen_by = SeenBy::of(&table, &all_keys(&table));
    same!(gpu, "lines: mix_back", |g, put| {
        g.mix_back(&put(&pattern), &put(&x), &seen_by, 7).unwrap()
    });
    same!(gpu, "lines: activate_back", |g, put| {
        g.activate_back(&put(&x), &put(&y), Activation::Gelu, Rule::Exact)
            .unwrap()
    });
    same!(gpu, "lines: layer_norm_back", |g, put| {
        g.layer_norm_back(&put(&x), &put(&y), &put(&row), 1e-5, Rule::Exact)
            .unwrap()
    });
    let edits: Vec<RowEdit> = (0..rows as u32)
        .map(|row| RowEdit {
            row,
            start: 0,
            width: n as u32,
            source_row: rows as u32 - 1 - row,
            source_start: 0,
            scale: 0.5,
            coef: 1.0,
            gain: 0.1,
            most: f32::MAX,
        })
        .collect();
    same!(gpu, "lines: edit", |g, put| {
        g.edit(put(&x), &edits, Some(&put(&y))).unwrap()
    });
}
