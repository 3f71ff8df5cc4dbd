//! One component a file. None holds state of the experiment: they read
//! [`crate::state::State`] and edit the experiment in it.
//!
//! `app` mounts all. `patching` and `steering` are the rooms, and neither knows the
//! other; `header`, `examples`, `notice`, `models`, `share` and `runs` stand in both.
//! `embedded` is a room in somebody else's page. They are made of `fields`, in
//! which a person types or chooses, and of what is `shared` by all. Arrows point down
//! (`tests/walls.rs` reads them), and nothing below knows the components.
//!
//! Elements that browser tests look for, by `data-testid`:
//!
//! | id | element |
//! |---|---|
//! | `model`, `backend`, `backend-choice` | the experiment's model, where it is computed, the switch |
//! | `model-menu`, `models`, `models-close` | the button with the model's name, and the menu |
//! | `choose-NAME`, `other-model`, `open-other`, `other-problem` | in the menu: models to choose |
//! | `kept`, `delete`, `storage`, `persist`, `hosts`, `forget-hosts` | in the menu: what is kept and agreed to |
//! | `offer`, `ask-host`, `offer-facts`, `download`, `already`, `use-mini` | before a model is fetched |
//! | `download-progress`, `arrived`, `waiting`, `pause` | while it is fetched |
//! | `source` | where the model came from |
//! | `theme`, `copy-link`, `link-field`, `share` | in the header |
//! | `share-dialog`, `share-FORM`, `share-text`, `share-text-copy`, `share-length`, `share-qr` | handing on what is on the page |
//! | `share-results`, `share-save`, `share-open`, `share-paste`, `share-fault` | its results, and files |
//! | `show-PART`, `open-PART`, `embed-theme-SCHEME`, `embed-autorun`, `embed-scripts`, `embed-preview` | what of it is embedded |
//! | `reproduced` | whether what came with a link came out here; `data-state` |
//! | `workshop`, `workshop-progress`, `workshop-again`, `workshop-leave`, `workshop-reset` | a workshop; `data-at` says which step |
//! | `workshop-answer`, `workshop-stop`, `workshop-next`, `outcome-N` | its step, and what came of one |
//! | `workshop-marked`, `workshop-token`, `workshop-words`, `workshop-choice-N` | the answer; `data-mark` on the map's cells |
//! | `workshop-sums`, `workshop-name`, `handed`, `handed-copy`, `workshop-save` | handing in |
//! | `make-title`, `make-add`, `make-fault`, `make-says-N`, `make-asks-N`, `make-most-N`, `make-choices-N`, `make-then-N`, `make-take-N`, `make-untake-N`, `make-up-N`, `make-remove-N` | making a workshop |
//! | `make-link`, `make-open`, `make-frame`, `make-scripts`, `make-package`, `make-problem`, `make-collect` | what is made of it |
//! | `collect`, `collect-text`, `collect-files`, `collect-problem`, `collect-found`, `collect-again`, `collect-stop`, `collect-far`, `collect-table`, `collect-csv`, `collect-clear` | what was handed in |
//! | `part-coming`, `part-failed`, `part-again` | a part of the page that is loaded now, or did not come |
//! | `open-in-patchbay` | in an embed: the whole page |
//! | `clean-prompt`, `corrupted-prompt` | the prompts' text areas |
//! | `reset`, `undo`, `redo` | in the bar of examples: back to the example, a step back, a step on |
//! | `runs`, `run-N`, `runs-clear`, `runs-back`, `runs-remark` | the runs of this visit, the last one first |
//! | `match` | over the old map: to where positions are matched |
//! | `bos` | the switch of `<\|endoftext\|>` |
//! | `chips`, `pair-P`, `chip-clean-P`, `chip-corrupted-P` | tokens by position; `data-differs` on the pair |
//! | `answer`, `wrong` | the answers' text fields |
//! | `answer-pieces`, `wrong-pieces`, `answer-take`, `wrong-take` | how they split, and the offer |
//! | `metric-kind` | the metric's select |
//! | `problems-FIELD` | remarks on a field, at its place ([`crate::places`]); without one, a `notice` |
//! | `old` | beside a heading: what is under it is from before the last change |
//! | `advice`, `advice-offer-N` | other metrics, where this one hardly moves |
//! | `stage-clean`, `stage-corrupted`, `stage-patched` | the three runs |
//! | `metric-clean`, `metric-corrupted`, `metric-patched` | their metrics |
//! | `top-clean`, `top-corrupted`, `top-patched` | their likeliest next tokens, one `li` each |
//! | `take-answer`, `take-wrong` | inside an opened row of those lists |
//! | `strongest`, `clear-cell` | choosing a cell without the map, and none |
//! | `site`, `mode-denoising`, `mode-noising` | the sweep's settings |
//! | `axes`, `window`, `positions`, `parts`, `receiver`, `bring` | what its grid is, and what it copies |
//! | `grid-I`, `add-sweep`, `both-ways`, `all-sweeps` | several sweeps |
//! | `shown-metric`, `also-KIND`, `agreement` | several metrics |
//! | `pairs-box`, `pairs`, `pair-R-FIELD`, `remove-pair-R`, `add-pair` | all pairs as a table; R counts on its page from 0 |
//! | `pairs-before`, `pairs-after`, `pairs-shown`, `pairs-file`, `save-pairs`, `fill-TASK` | its pages, and ways to fill it |
//! | `pair-remarks`, `put-spaces-in`, `trim-pairs`, `leave-out` | what is wrong with its cells, and what mends it |
//! | `noise`, `noise-positions` | noise in the place of a corrupted prompt |
//! | `align`, `alignment-box`, `alignment-way`, `alignment` | which positions belong together |
//! | `template`, `template-lists`, `template-count`, `template-fill` | pairs from lines with gaps |
//! | `steered-runs`, `carriers`, `carried` | which runs directions act on, and the way there from the steering room |
//! | `strongest-cells`, `look`, `no-look`, `lens`, `attribution` | what else a cell shows |
//! | `run`, `cancel`, `automatic`, `progress`, `status` | running it; `data-state` on `status` |
//! | `heatmap`, `cell-L-C`, `row-L`, `column-C` | the map; `data-value` holds a cell's raw metric |
//! | `detail`, `unchanged` | the value pointed at; why the chosen cell's patch changes nothing |
//! | `values-normalised`, `values-raw`, `legend` | the scale |
//! | `table`, `download-csv`, `download-json`, `-svg`, `-png`, `-python`, `-nnsight`, `verify` | the same as files, and a check |
//! | `room-patching`, `room-steering` | which room is shown |
//! | `steer-prompt`, `steer-words`, `summary` | in the steering room: what is continued, what is counted |
//! | `direction-I`, `coefficient-I`, `coefficient-number-I`, `facts-I`, `little-I` | a direction, how strong it is, what was found out, and where that means little |
//! | `add-direction`, `add-KIND` | another direction, by where it comes from |
//! | `unsteered-S`, `steered-S` | the continuations of sample S; `data-index` on their tokens |
//! | `inspect` | the token that was opened |
//! | `source-I`, `file-I`, `save-I-FORMAT` | where direction I comes from, its file, the direction as a file |
//! | `ask-dictionary-I`, `fetch-encoder-I`, `neuronpedia-I`, `active-I` | of a dictionary's feature |
//! | `raw`, `raw-SITE`, `raw-safetensors`, `raw-npy` | activations as files |
//! | `misfit`, `use-nearest` | layers that the model has not |
//! | `explanation`, `explanation-all` | what a word means; words have `data-term` |
//! | `glossary`, `glossary-filter`, `glossary-found`, `glossary-close`, `all-words` | all of them |
//! | `tour`, `tour-says`, `tour-next`, `tour-there`, `tour-skip`, `tour-again` | the first minutes |
//! | `notice`, `reload-gpu`, `continue-cpu`, `start-again`, `start-afresh`, `other`, `broken-link` | messages |
//! | `behind`, `behind-fetch`, `behind-leave`, `behind-fault` | the file that a link leads to, and why it did not come |

mod app;
mod collect;
mod embedded;
mod examples;
mod fields;
mod header;
mod models;
mod notice;
mod patching;
mod rooms;
mod runs;
mod share;
mod shared;
mod steering;
mod tour;
mod words;
mod workshop;

pub use app::App;
