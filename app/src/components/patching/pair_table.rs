//! All pairs as a table in which a person types, and into which a block can be pasted.

use crate::components::shared::{focus_next, live, target, whether};
use crate::set::{self, COLUMNS, Row};
use crate::state::{State, use_state};
use crate::table;
use crate::text::text;
use leptos::ev::{ClipboardEvent, KeyboardEvent};
use leptos::prelude::*;
use patchbay_engine::experiment::{CellFault, CellRemark};
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

/// Under which it is told why a table is not taken.
pub const ID: &str = "pairs";

/// Rows that are shown at a time. They are made once and show one page after another:
/// what outlives a row keeps a note of each that ever followed it.
const PAGE: usize = 50;

/// What is remarked on the cells of a page, row by row, and which rows cannot be run.
type Marks = Vec<([Option<CellFault>; 4], bool)>;

/// A cell of the page: its row there, and its column.
type At = (usize, usize);

#[component]
pub fn PairTable() -> impl IntoView {
    let state = use_state();
    let t = &text().pairs;
    let page = RwSignal::new(0_usize);
    let count = Memo::new(move |_| state.experiment.with(set::count));
    let from = Memo::new(move |_| PAGE * page.get().min((count.get() - 1) / PAGE));
    let rows = Memo::new(move |_| {
        let rows = from.get()..count.get().min(from.get() + PAGE);
        state
            .experiment
            .with(|e| rows.map(|row| set::row(e, row)).collect::<Vec<Row>>())
    });
    let marks = Memo::new(move |_| marks(state, from.get()));
    let slots = (0..PAGE)
        .map(|at| view! { <PairRow at from rows marks /> })
        .collect_view();
    let heads = [t.clean, t.corrupted, t.answer, t.wrong_answer]
        .map(|head| view! { <th scope="col">{head}</th> });
    let at = move |event: &web_sys::Event| place(&target(event)?);
    let typed = move |event: web_sys::Event| {
        let input = target(&event).and_then(|e| e.dyn_into::<HtmlInputElement>().ok());
        if let (Some((slot, column)), Some(input)) = (at(&event), input) {
            let row = from.get_untracked() + slot;
            state.refuse(ID, None, true);
            state.edit(|e| set::write(e, row, column, &input.value()));
        }
    };
    let pasted = move |event: ClipboardEvent| {
        let data = event.clipboard_data().and_then(|d| d.get_data("text").ok());
        if let (Some((slot, column)), Some(data)) = (at(&event), data) {
            let place = (from.get_untracked() + slot, column);
            if paste(state, place, &data) {
                event.prevent_default();
            }
        }
    };
    let pressed = move |event: KeyboardEvent| {
        if let Some(at) = at(&event) {
            walk(&event, at, page, from, count);
        }
    };
    let removed = move |event: leptos::ev::MouseEvent| {
        let remove = |e: web_sys::Element| e.get_attribute("data-remove")?.parse::<usize>().ok();
        let slot = target(&event).and_then(remove);
        if let Some(slot) = slot {
            let row = from.get_untracked() + slot;
            state.edit(|e| set::remove(e, row));
        }
    };
    let last = move || (count.get() - 1) / PAGE;
    let turn = move |to: usize| page.set(to);
    let one = whether(move || count.get() <= PAGE);
    view! {
        <div class="pair-table" tabindex="0" role="region" aria-label=t.title>
            <table data-testid="pairs" aria-describedby="pairs-hint">
                <thead><tr><th></th>{heads.into_iter().collect_view()}<th></th></tr></thead>
                <tbody
                    on:input=typed
                    on:paste=pasted
                    on:keydown=pressed
                    on:click=removed
                >
                    {slots}
                </tbody>
            </table>
        </div>
        <div class="buttons">
            <button
                type="button"
                class="quiet"
                data-testid="add-pair"
                on:click=move |_| {
                    state.edit(set::add);
                    page.set(usize::MAX);
                    focus_next(id((count.get_untracked() - 1) % PAGE, 0));
                }
            >
                {t.add}
            </button>
            <span hidden=one>
                <button
                    type="button"
                    class="quiet"
                    data-testid="pairs-before"
                    disabled=whether(move || from.get() == 0)
                    on:click=move |_| turn((from.get_untracked() / PAGE).saturating_sub(1))
                >
                    {t.before}
                </button>
                <span data-testid="pairs-shown">
                    {live(move || {
                        let end = count.get().min(from.get() + PAGE);
                        (t.shown)(from.get() + 1, end, count.get())
                    })}
                </span>
                <button
                    type="button"
                    class="quiet"
                    data-testid="pairs-after"
                    disabled=whether(move || from.get() / PAGE == last())
                    on:click=move |_| turn(from.get_untracked() / PAGE + 1)
                >
                    {t.after}
                </button>
            </span>
        </div>
        <small id="pairs-hint">{t.hint}</small>
    }
}

/// One row of the page.
#[component]
fn PairRow(
    /// Its place on the page.
    at: usize,
    from: Memo<usize>,
    rows: Memo<Vec<Row>>,
    marks: Memo<Marks>,
) -> impl IntoView {
    let t = &text().pairs;
    let (slot, names) = (at, [t.clean, t.corrupted, t.answer, t.wrong_answer]);
    let number = move || from.get() + slot + 1;
    let cells = (0..COLUMNS.len())
        .map(|column| {
            let value = live(move || {
                rows.with(|r| {
                    r.get(slot)
                        .map_or_else(String::new, |r| r.cells[column].clone())
                })
            });
            let fixed = whether(move || {
                rows.with(|r| {
                    r.get(slot)
                        .is_some_and(|r| r.fixed.get(column) == Some(&true))
                })
            });
            let fault = move || marks.with(|m| m.get(slot).and_then(|m| m.0[column]));
            view! {
                <td class:spaced=whether(move || column > 1 && value.with(|v| v.starts_with(' ')))>
                    <input
                        type="text"
                        id=id(slot, column)
                        data-testid=id(slot, column)
                        data-cell=format!("{slot} {column}")
                        spellcheck="false"
                        autocomplete="off"
                        autocapitalize="off"
                        aria-label=live(move || (t.cell)(number(), names[column]))
                        aria-invalid=live(move || fault().is_some().to_string())
                        title=live(move || fault().map_or("", t.fault))
                        // An answer that is left out is the first row's.
                        placeholder=live(move || match column > 1 && number() > 1 {
                            true => t.as_first,
                            false => "",
                        })
                        readonly=fixed
                        prop:value=value
                    />
                </td>
            }
        })
        .collect_view();
    view! {
        <tr
            hidden=whether(move || rows.with(|r| slot >= r.len()))
            class:bad=whether(move || marks.with(|m| m.get(slot).is_some_and(|m| m.1)))
        >
            <th scope="row">{live(move || number().to_string())}</th>
            {cells}
            <td>
                <button
                    type="button"
                    class="quiet"
                    data-remove=slot.to_string()
                    data-testid=format!("remove-pair-{slot}")
                    aria-label=live(move || (t.remove)(number()))
                >
                    "×"
                </button>
            </td>
        </tr>
    }
}

/// The id of a cell of the page.
fn id(slot: usize, column: usize) -> String {
    format!("pair-{slot}-{}", COLUMNS[column])
}

/// Which cell of the page an element is.
fn place(element: &web_sys::Element) -> Option<At> {
    let cell = element.get_attribute("data-cell")?;
    let (slot, column) = cell.split_once(' ')?;
    Some((slot.parse().ok()?, column.parse().ok()?))
}

/// Remarks of the reading on what is on the page now.
pub fn remarks(state: State) -> Vec<CellRemark> {
    let stale = state.derived.runs_stale.get();
    state.derived.reading.with(|r| {
        let reading = r.as_ref().filter(|_| !stale);
        reading.map(|r| r.cells.clone()).unwrap_or_default()
    })
}

/// Further pairs that cannot be run.
pub fn bad(state: State) -> Vec<usize> {
    let stale = state.derived.runs_stale.get();
    state.derived.reading.with(|r| {
        let reading = r.as_ref().filter(|_| !stale);
        reading.map(|r| r.bad_pairs.clone()).unwrap_or_default()
    })
}

fn marks(state: State, from: usize) -> Marks {
    let mut marks = vec![([None; 4], false); PAGE];
    for remark in remarks(state) {
        let slot = remark.pair.checked_sub(from);
        let column = COLUMNS.iter().position(|c| *c == remark.field);
        if let (Some(mark), Some(column)) = (slot.and_then(|s| marks.get_mut(s)), column) {
            mark.0[column].get_or_insert(remark.fault);
        }
    }
    for pair in bad(state) {
        let slot = (pair + 1).checked_sub(from);
        if let Some(mark) = slot.and_then(|s| marks.get_mut(s)) {
            mark.1 = true;
        }
    }
    marks
}

/// Takes a block that was pasted into a cell; whether it was one. Whole pairs pasted into
/// the first cell are the whole set.
fn paste(state: State, at: (usize, usize), data: &str) -> bool {
    let t = &text().pairs;
    let Some(block) = table::block(data) else {
        return false;
    };
    let widest = block.iter().map(Vec::len).max().unwrap_or(0);
    let taken = if at == (0, 0) && widest > 1 {
        table::read(data).map(|pairs| state.take_pairs(pairs))
    } else {
        let wide = block
            .iter()
            .position(|row| at.1 + row.len() > COLUMNS.len());
        match wide {
            Some(line) => Err(table::Fault {
                line: line as u64 + 1,
                found: at.1 + block[line].len(),
            }),
            None => {
                state.edit(|e| set::fill(e, at, &block));
                Ok(())
            }
        }
    };
    let why = taken.err().map(|fault| (t.wrong)(fault.line, fault.found));
    state.refuse(ID, why, true);
    true
}

/// From cell to cell by the arrow keys; within a text left and right first move there.
fn walk(
    event: &KeyboardEvent,
    (slot, column): At,
    page: RwSignal<usize>,
    from: Memo<usize>,
    count: Memo<usize>,
) {
    let input = target(event).and_then(|e| e.dyn_into::<HtmlInputElement>().ok());
    let Some(input) = input else {
        return;
    };
    let length = input.value().encode_utf16().count();
    let ends = (input.selection_start(), input.selection_end());
    let (Ok(Some(start)), Ok(Some(end))) = ends else {
        return;
    };
    let row = from.get_untracked() + slot;
    let (last, columns) = (count.get_untracked() - 1, COLUMNS.len());
    let to = match event.key().as_str() {
        "ArrowUp" if row > 0 => (row - 1, column),
        "ArrowDown" | "Enter" if row < last => (row + 1, column),
        "ArrowLeft" if end == 0 && column > 0 => (row, column - 1),
        "ArrowRight" if start as usize == length && column + 1 < columns => (row, column + 1),
        _ => return,
    };
    event.prevent_default();
    page.set(to.0 / PAGE);
    focus_next(id(to.0 % PAGE, to.1));
}
