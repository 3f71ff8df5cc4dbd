//! English: grids, what they copy, pairs of prompts, and looking inside.

use crate::template::Fault;
use crate::text::table::{
    AlignmentText, AxesText, EstimateText, GridsText, LookText, PairsText, PictureText, RawText,
    SteeredText, TemplateText,
};
use patchbay_engine::experiment::{AttributionMethod, CellFault, GridKind, Mode};

pub const AXES: AxesText = AxesText {
    grid: "Grid",
    kind: |kind| match kind {
        GridKind::LayerPosition => "layer × position",
        GridKind::LayerHead => "layer × head",
        GridKind::HeadPosition => "head × position",
        GridKind::DestinationSource => "one head: from × to",
        GridKind::Neurons => "neurons of one layer",
        GridKind::Parts => "chosen parts",
        GridKind::Others => "faithfulness of a circuit",
        GridKind::Paths => "paths from heads",
    },
    hint: |kind| match kind {
        GridKind::LayerPosition => "one activation per cell, at one layer and position",
        GridKind::LayerHead => "one head per cell, at all positions at once",
        GridKind::HeadPosition => {
            "one head at one position; of a pattern, what one position attends to"
        }
        GridKind::DestinationSource => "one attention weight per cell: who looks, and where to",
        GridKind::Neurons => "each neuron of one layer by itself; the strongest are listed",
        GridKind::Parts => "each part by itself, and all of them together",
        GridKind::Others => {
            "the chosen parts are kept and everything else is replaced, all at once"
        }
        GridKind::Paths => "what each head writes, brought to one receiver and nowhere else",
    },
    kept: |mode| match mode {
        Mode::Noising => {
            "The clean run, in which all but the chosen parts is replaced: what is left of the answer is the circuit’s faithfulness, and 1 is all of it."
        }
        Mode::Denoising => {
            "The corrupted run, in which all but the chosen parts is replaced: what everything else brings back without them. Faithfulness is the other direction, noising."
        }
    },
    window: "Layers at once",
    windows: |layers| format!("{layers} layers at once"),
    brought: |what| format!("replaced with {what}"),
    positions: "Positions",
    all: "all",
    layer: "Layer",
    head: "Head",
    parts: "Parts",
    parts_hint: "9.6 is head 6 of layer 9; also mlp 0, q 3.1, resid_pre 4 @ 2, mlp_post 2 [7 9]",
    no_part: |part| format!("“{part}” is no part; write 9.6 for a head or mlp 0 for an MLP."),
    ioi: "IOI circuit",
    greater_than: "Greater-than circuit",
    strongest: "Strongest heads",
    strongest_hint: "the eight strongest heads of a layer × head sweep of z here, and every MLP",
    circuit: "layer × head, and the MLPs last",
    receiver: "To",
    receivers: [
        "the logits",
        "a head’s queries",
        "a head’s keys",
        "a head’s values",
        "an MLP",
    ],
    through_mlps: "also through MLPs between (heads stay as they are)",
    bring: "Replace with",
    brings: [
        "the other run’s activation",
        "zeros",
        "the mean, by position",
        "the mean over positions",
        "another pair’s activation, drawn",
        "another prompt’s activation",
    ],
    bring_hints: [
        "activations of the other run",
        "zero ablation: hard on a model that expects the mean",
        "mean of the corrupted runs of all pairs",
        "mean of the corrupted runs of all pairs and positions",
        "the corrupted run of another pair of the same length",
        "an unrelated prompt of the same length: what patching does by itself",
    ],
    bring_prompt: "Prompt to copy from",
};

/// Of what an estimate takes the gradient, in short.
pub fn method(method: AttributionMethod) -> &'static str {
    match method {
        AttributionMethod::Atp => "attribution patching",
        AttributionMethod::Relp => "RelP",
        AttributionMethod::IntegratedGradients { .. } => "integrated gradients",
    }
}

pub static ESTIMATE: EstimateText = EstimateText {
    estimate: "Estimate",
    methods: [
        "none: every cell is patched",
        "attribution patching (AtP)",
        "RelP",
        "integrated gradients",
    ],
    hints: [
        "each cell is a run of its own",
        "the metric’s gradient in the run that is patched, times what each patch would change: one pass backwards for all cells",
        "the same with LayerNorm’s scale held and each neuron a straight line: one pass backwards, and closer where those bend",
        "the mean gradient over steps from one run’s activations to the other’s: closer than one gradient, and as many passes for each layer",
    ],
    points: "Steps",
    points_hint: "5 is usual",
    most: "Strongest cells to patch, too",
    most_hint: "empty: all of them",
    shown: "Shown",
    patched: "Patched",
    estimated: "Estimated",
    badge: "Estimate",
    is_estimate: |of| {
        format!(
            "by {}: what a gradient says the patches would do. A corner marks cells that were patched, too.",
            method(of)
        )
    },
    is_patched: "What the patched runs gave. Cells with a dashed frame were not patched; each says what was estimated of it.",
    of_difference: "of one of the two maps, or of both: differences of what a gradient says.",
    no_derivative: |metric| {
        format!("{metric} moves in steps and has no derivative, so there is no estimate of it.")
    },
    too_few: "Fewer than two cells were patched, so there is nothing to compare the estimate with.",
    title: "Estimated against patched",
    correlations: |cells, of| match of {
        Some([pearson, spearman]) => format!(
            "Over the {cells} cells that were patched, the estimate’s correlation with the patched values is {pearson} (Pearson), and {spearman} by rank (Spearman)."
        ),
        None => format!(
            "Over the {cells} cells that were patched, either the estimates or the patched values are all the same, so they have no correlation."
        ),
    },
    miss: |place, estimate, patched| {
        format!("They differ the most at {place}: estimated {estimate}, patched {patched}.")
    },
    chosen_by_it: "Only the cells that the estimate itself puts first were patched: one that it overlooks is not among them.",
    trust: "A gradient takes the model for a straight line and cannot be trusted where it bends between the two runs, in LayerNorm, softmax and the MLPs. Published correlations (Pearson) with exact patching, GPT-2 small, indirect objects (Jafari et al., 2025): attribution patching 0.75 in the residual stream, 0.98 in attention, 0.20 in MLPs; RelP 0.97, 0.96 and 0.99.",
    scatter: "Estimated and patched value of each cell that was patched",
    scatter_says: |cells, low, high| {
        format!(
            "{cells} points between {low} and {high}; on the diagonal both are the same. The table of all values has the numbers."
        )
    },
    across: "estimated",
    up: "patched",
    column: "Estimate",
};

pub const PICTURE: PictureText = PictureText {
    title: "The model",
    sites: "Choose the activation that is patched",
    each: "Inside each layer",
    inside: |layer| format!("Inside layer {layer}"),
    place: |site, layer, head, position| {
        let mut place = match (layer, head) {
            (Some(layer), Some(head)) => format!("{site} of head {layer}.{head}"),
            (Some(layer), None) => format!("{site}, layer {layer}"),
            (None, _) => site.to_string(),
        };
        match position {
            Some(position) => place.push_str(&format!(", position {position}")),
            None => place.push_str(", all positions"),
        }
        place
    },
    reach: |place, reach| format!("{place}. A patch here can change {reach}."),
    no_place: |site| match site.per_layer() {
        true => {
            format!("Marked: {site}, once in each layer. Point at a cell to see its place here.")
        }
        false => format!("Marked: {site}. Point at a cell to see its place here."),
    },
    reaches: |layer, position| match position {
        0 => format!("everything from layer {layer} on"),
        _ => format!("positions {position} and later, from layer {layer} on"),
    },
    reaches_logits: |position| match position {
        0 => "the logits alone".into(),
        _ => format!("the logits of position {position} alone"),
    },
};

pub const GRIDS: GridsText = GridsText {
    title: "Sweeps",
    name: |site, kind, mode| {
        let mode = match mode {
            Mode::Denoising => "denoising",
            Mode::Noising => "noising",
        };
        match (site, kind) {
            (Some(site), None) => format!("{site}, {mode}"),
            (Some(site), Some(kind)) => format!("{site} by {kind}, {mode}"),
            (None, kind) => format!("{}, {mode}", kind.unwrap_or_default()),
        }
    },
    of_pairs: |name, pairs| format!("{name}, {pairs} pairs"),
    add: "Add a sweep",
    both: "Add the other direction",
    all: "Sweep every site",
    remove: |name| format!("Remove {name}"),
    metric: "Metric shown",
    agree: "All metrics have the same strongest cell.",
    disagree: "The metrics disagree about the strongest cell:",
    strongest: "Strongest cells",
    pin: "Pin this map",
    compare: |name| format!("Show the difference to the pinned map ({name})"),
    too_many: |n| {
        format!("{n} cells are too many to draw; the strongest are listed, files have all.")
    },
    beside: "Beside it",
    beside_nothing: "no other map",
    beside_pinned: |name| format!("pinned: {name}"),
    beside_name: |name, metric, model| format!("{name} · {metric} · {model}"),
    beside_scale: |unpatched| {
        format!(
            "One scale: equal colours are equal shares of the distance between the runs. White is this map’s own {unpatched}."
        )
    },
};

/// Rows that one sentence names.
const NAMED: usize = 10;

fn fault(fault: CellFault) -> &'static str {
    match fault {
        CellFault::NoSpace => "no space in front; the clean run finds it likelier with one",
        CellFault::NotOneToken => "an answer that is not one token",
        CellFault::Unseen => "words that are new to this model",
        CellFault::EndsInSpace => "a space at the prompt’s end, which the next word brings itself",
    }
}

pub const PAIRS: PairsText = PairsText {
    as_first: "as in row 1",
    leave_out: "Leave out those that cannot be run",
    title: "Pairs of prompts, one a row",
    clean: "Clean prompt",
    corrupted: "Corrupted prompt",
    answer: "Answer",
    wrong_answer: "Wrong answer",
    cell: |row, column| format!("Row {row}, {column}"),
    add: "Add a row",
    remove: |row| format!("Delete row {row}"),
    before: "Rows before",
    after: "Rows after",
    shown: |from, to, of| format!("rows {from} to {to} of {of}"),
    fault,
    rows: |fault, rows| {
        let named: Vec<String> = rows.iter().take(NAMED).map(ToString::to_string).collect();
        let more = if rows.len() > NAMED { " …" } else { "" };
        let what = self::fault(fault);
        match rows {
            [_] => format!("Row {}: {what}.", named.join(", ")),
            _ => format!("Rows {}{more}: {what}.", named.join(", ")),
        }
    },
    spaces: |cells| match cells {
        1 => "Put the space in".into(),
        n => format!("Put the spaces in ({n} answers)"),
    },
    trim_all: |cells| match cells {
        1 => "Remove the space at the end".into(),
        n => format!("Remove the spaces at the end ({n} prompts)"),
    },
    summary: |n| match n {
        0 => "More pairs of prompts".into(),
        n => format!("More pairs of prompts: {n} beside the one above"),
    },
    hint: "Row 1 is the pair in the editors above. A block of cells can be pasted into any cell, from a table or as CSV; pasted into the first cell, it takes the place of all rows. An answer that is left empty is that of row 1. Results are means over all pairs, with 95 % intervals.",
    wrong: |line, found| {
        format!("Line {line} has {found} columns; write clean, corrupted, answer, wrong answer.")
    },
    save: "Save as CSV",
    upload: "From a file:",
    fill: "Fill with:",
    ioi: "IOI",
    greater_than: "Greater-than",
    docstring: "Docstring",
    clear: "Remove all",
    noise: "Corrupt with noise on tokens instead of a second prompt",
    sigma: "Standard deviations",
    draws: "Draws",
    seed: "Seed",
    trim: "Remove the space",
};

pub static ALIGNMENT: AlignmentText = AlignmentText {
    align: "Align these positions",
    summary: |way| format!("Positions that belong together: {way}"),
    way: "Positions that belong together",
    ways: [
        "the same ones",
        "chosen by hand",
        "by role: S1, IO, S2, END",
    ],
    hints: [
        "each position of one prompt with the same position of the other",
        "prompts may differ in length; only these positions are patched",
        "for names as in the IOI task: S1 and S2 are the name that the clean prompt has twice, IO is the other one, END the last token. Found in each pair anew, so pairs may differ in length and order",
    ],
    pairs: "Clean = corrupted, in ascending order",
    wrong: "Write pairs of positions, such as 2=3, 4=5.",
};

pub const STEERED: SteeredText = SteeredText {
    label: "Directions of the steering room act on",
    who: [
        "neither run",
        "the clean run",
        "the corrupted run",
        "both runs",
    ],
    hint: "With the same prompt twice and directions on the clean run, the map shows which activations carry their effect.",
    carriers: "Which heads and layers carry this?",
    carriers_hint: "where the directions raise it most: the steered run is patched into the unsteered one, in the patching room",
    carried: "that the text says",
    raised: |token, by| format!("{token}  (+{by})"),
};

pub static TEMPLATE: TemplateText = TemplateText {
    summary: "Make pairs from lines with gaps",
    hint: "Lines are as above: clean, corrupted, answer, wrong answer. {name}, {name2}, {name3} take different words of the list “name”. Several lines take turns.",
    lines: "Lines with gaps",
    lists: "Lists, one a line",
    count: "Pairs",
    fill: "Make the pairs",
    fault: |fault| match fault {
        Fault::NoGap => "There is no gap to fill; write at least one, such as {name}.".into(),
        Fault::NoList(list) => {
            format!("There is no list “{list}”; add a line “{list}: word, word”.")
        }
        Fault::TooFew {
            list,
            needed,
            found,
        } => format!(
            "The list “{list}” has {found} words, but a line needs {needed} different ones; add more."
        ),
        Fault::NotAList(line) => {
            format!("“{line}” is no list; write its name, a colon, and words with commas.")
        }
    },
    made: |n| format!("{n} different pairs were made; the first is in the editors."),
};

pub static LOOK: LookText = LookText {
    title: "Look inside these runs",
    pattern: |layer, head| format!("Attention of head {layer}.{head}: rows look at columns"),
    attends: |row, key, weight| format!("{row} looks at {key}: {weight}"),
    last_looks: |most| format!("the last position looks most at {most}"),
    lens: "Logit lens: the likeliest token and the metric if the model ended after a layer",
    attribution: "Direct logit attribution, clean run, layer × head",
    attribution_hint: "What each head and MLP writes towards the answer at the last position, through the final LayerNorm with its scale held. It counts what is written directly, not what others make of it.",
};

pub static RAW: RawText = RawText {
    title: "Raw activations as files",
    hint: "The numbers inside the clean and the corrupted run, at every layer and position, for NumPy, PyTorch or any program that reads them. Of several pairs, those of the first.",
    sites: "Which activations",
    safetensors: "One .safetensors file, TransformerLens’s names",
    npy: "A NumPy .npy file each",
};
