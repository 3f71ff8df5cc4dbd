//! English.

mod models;
mod patching;
mod runs;
mod share;
mod steer;
mod words;
mod workshop;

pub use patching::{ALIGNMENT, ESTIMATE, LOOK, RAW, TEMPLATE};
pub use share::FORMS;
pub use steer::STEER;
pub use workshop::{COLLECT, MAKE, WORKSHOP};

use super::table::{
    Answer, ExamplesText, Header, LaterText, Map, Notices, Prompts, RefusedText, Stages, SweepText,
    Text,
};
use crate::format::{count, number};
use crate::nothing::Nothing;
use patchbay_engine::experiment::{
    Attribution, AxisKind, Corruption, GridKind, MetricKind, Mode, PlanReport, Site, Stage, Steered,
};

pub static TEXT: Text = Text {
    // The engine speaks English.
    says: |_| None,
    header: HEADER,
    examples: EXAMPLES,
    prompts: PROMPTS,
    answer: ANSWER,
    stages: STAGES,
    sweep: SWEEP,
    map: MAP,
    picture: patching::PICTURE,
    axes: patching::AXES,
    grids: patching::GRIDS,
    pairs: patching::PAIRS,
    steered: patching::STEERED,
    runs: runs::RUNS,
    notices: NOTICES,
    refused: REFUSED,
    models: models::MODELS,
    words: words::WORDS,
    tour: words::TOUR,
    share: share::SHARE,
    later: LaterText {
        coming: "Loading this part of the page …",
        failed: "This part of the page did not arrive. Nothing is lost.",
        again: "Try again",
    },
};

const HEADER: Header = Header {
    rooms: "Room",
    room_patching: "Patching",
    room_steering: "Steering",
    skip: "Skip to the experiment",
    skip_to_map: "Skip to the map",
    brand: "Patchbay",
    title: "Which parts of the model carry the answer?",
    lede: "Copy an activation from one run into another: does the answer come along?",
    model: "Model",
    model_size: |m| {
        format!(
            "{} layers × {} heads, {} parameters.",
            m.n_layer,
            m.n_head,
            count(m.parameters)
        )
    },
    backend: "Compute on",
    backend_auto: "Auto",
    backend_cpu: "CPU",
    backend_webgpu: "WebGPU",
    details: "Details",
    on_backend: |name, device| match name {
        "webgpu" => format!("on WebGPU, {device}"),
        "cpu" => format!("on CPU, {device}"),
        other => format!("on {other}, {device}"),
    },
    theme: "Colours",
    theme_auto: "System",
    theme_light: "Light",
    theme_dark: "Dark",
    copy_link: "Copy link",
    copied: "Copied",
    link_field: "The link to this experiment",
    footer: "Your prompts and results stay in this browser; nothing of them is sent anywhere. Models other than mini are fetched when you ask for them. A link holds the experiment itself, after the # that browsers do not send.",
};

const EXAMPLES: ExamplesText = ExamplesText {
    title: "Examples",
    more: "For GPT-2 …",
    start: "For GPT-2 small: settings to start from, not measured",
    start_hint: "Nobody measured this here: layer and strength follow papers about other, larger models. Run the map below and see whether it beats the random directions.",
    proof: "What was measured",
    evidence: |said| format!("Measured: {said}"),
    repeat: "Run it to see for yourself: the controls of its map are random directions of the same length and, where it lies between two sets of prompts, the one found with shuffled labels.",
    limits: "What does not work on a small base model",
    failed: "The file beside the page could not be read. Load the page again.",
};

const PROMPTS: Prompts = Prompts {
    title: "Two prompts",
    reset: "Back to the example",
    clean: "Clean prompt",
    clean_hint: "The model should get this one right.",
    corrupted: "Corrupted prompt",
    corrupted_hint: "As many tokens, but the clue is changed.",
    corrupted_unused: "Not used: the corrupted run is the clean prompt with noise.",
    as_ids: "This prompt is given as token ids. Editing turns it into text.",
    bos: "Start with <|endoftext|>",
    bos_hint: "position 0 of both prompts; what stood between texts in training",
    tokens: "Tokens of both prompts by position, clean above corrupted",
    position: |p| format!("position {p}"),
    differs: "differs",
    same: "same",
    missing: "no token",
    unseen: "the model never met this token in training",
    bos_token: "added in front",
    noised: |positions| {
        let named: Vec<String> = positions.iter().take(20).map(ToString::to_string).collect();
        let at = if positions.len() == 1 {
            "position"
        } else {
            "positions"
        };
        format!("noise on {at} {}", named.join(", "))
    },
    legend: |clean, corrupted, differing| {
        let tokens = if clean == corrupted {
            format!("{clean} tokens each")
        } else {
            format!("{clean} and {corrupted} tokens")
        };
        let differ = match differing {
            0 => "no position differs".into(),
            1 => "1 position differs".into(),
            n => format!("{n} positions differ"),
        };
        format!("{tokens}, {differ}")
    },
};

const ANSWER: Answer = Answer {
    nowhere: |wrong| {
        format!(
            "“{wrong}” stands in neither prompt. If you changed a word, the wrong answer is the new one."
        )
    },
    title: "What is measured",
    answer: "Answer",
    answer_hint: "next token of the clean prompt; a set as a| b",
    wrong: "Wrong answer",
    wrong_hint: "next token to compare with",
    unused: "not used by this metric",
    metric: "Metric",
    kind: |kind| match kind {
        MetricKind::LogitDifference => "Logit difference",
        MetricKind::Probability => "Probability",
        MetricKind::LogProbability => "Log probability",
        MetricKind::ProbabilityDifference => "Probability difference",
        MetricKind::Rank => "Rank",
        MetricKind::Kl => "KL to the clean run",
        MetricKind::CrossEntropy => "Cross-entropy",
    },
    kind_hint: |kind| match kind {
        MetricKind::LogitDifference => "the answer’s logit minus the wrong answer’s",
        MetricKind::Probability => "probability of the answer, 0 to 1",
        MetricKind::LogProbability => "natural logarithm of the answer’s probability",
        MetricKind::ProbabilityDifference => {
            "probability of the answers minus that of the wrong ones"
        }
        MetricKind::Rank => "how many tokens are likelier than the answer; 0 is the likeliest",
        MetricKind::Kl => "how far the next token’s distribution is from the clean run’s, in nats",
        MetricKind::CrossEntropy => "minus the log probability of the answer, in nats",
    },
    one_token: "one token",
    pieces: "More than one token:",
    set: "A set of tokens:",
    also: "Measure others too",
    take: |token| format!("Use “{token}”"),
    advice_offers: "Measure this instead:",
    offer: |clean, corrupted| format!("clean {clean}, corrupted {corrupted}"),
    offer_metric: |kind, answer, wrong| match kind {
        MetricKind::LogitDifference => format!("logit of “{answer}” − logit of “{wrong}”"),
        MetricKind::Probability => format!("probability of “{answer}”"),
        MetricKind::LogProbability => format!("log probability of “{answer}”"),
        kind if kind.compares() => format!("{} of “{answer}” and “{wrong}”", (ANSWER.kind)(kind)),
        kind => format!("{} of “{answer}”", (ANSWER.kind)(kind)),
    },
};

const STAGES: Stages = Stages {
    title: "Three runs",
    first_of: |n, means| match means {
        Some([clean, corrupted]) => format!(
            "The first of {n} pairs or draws. The maps are of all of them: on average clean {clean}, corrupted {corrupted}."
        ),
        None => format!("The first of {n} pairs or draws; the maps are of all of them."),
    },
    clean: "Clean run",
    corrupted: "Corrupted run",
    reads: |e, corrupted| {
        let steered = match e.steered {
            Some(Steered::Both) => true,
            Some(Steered::Clean) => !corrupted,
            Some(Steered::Corrupted) => corrupted,
            None => false,
        };
        let reads = match (corrupted, &e.corruption) {
            (false, _) => "Reads the clean prompt",
            (true, Corruption::Noise(_)) => "Reads the clean prompt, with noise on some tokens",
            (true, Corruption::Prompt) if e.clean == e.corrupted => "Reads the same prompt",
            (true, Corruption::Prompt) => "Reads the other prompt, where the clue is changed",
        };
        let steered = match steered {
            true => ", and the directions of the steering room act on it",
            false => "",
        };
        format!("{reads}{steered}.")
    },
    patched: "Patched run",
    patched_hint: |mode, kind, brought| {
        let (run, other) = match mode {
            Mode::Denoising => ("corrupted", "clean"),
            Mode::Noising => ("clean", "corrupted"),
        };
        let what = match kind {
            GridKind::Others => "everything but the chosen parts",
            GridKind::Parts => "the chosen part",
            GridKind::Paths => "one path",
            _ => "one activation",
        };
        match brought {
            None => format!("The {run} run again, with {what} copied from the {other} run."),
            Some(brought) => format!("The {run} run again, with {what} replaced with {brought}."),
        }
    },
    patched_barred: "This patch waits until what is marked in red is put right.",
    patched_empty: "Choose a cell of the map to see its run here.",
    no_cell: "No cell of the map is chosen: this is a close look at one.",
    patched_waiting: "Running this patch …",
    strongest: "Show the strongest cell",
    clear_cell: "Choose none",
    waiting: "Not run yet",
    no_metric: "No metric yet: the answer is not a single token.",
    top: "Ten likeliest next tokens",
    use_as_answer: "Take as answer",
    use_as_wrong: "Take as wrong answer",
    is_answer: "answer",
    is_wrong: "wrong answer",
    choose_token: |token| format!("“{token}”: take as an answer"),
    continues: "Continues:",
    way_back: |share, metric| format!("{share} of the way to clean, in {}", metric.to_lowercase()),
};

const SWEEP: SweepText = SweepText {
    hidden: "What comes out is hidden until the workshop’s question is answered.",
    title: "One patch per cell",
    settings: "Settings of the sweep",
    change: "Change",
    site: "Activation",
    site_hint: |site| match site {
        Site::ResidPre => "the residual stream before each layer",
        Site::ResidMid => "the residual stream between attention and MLP",
        Site::ResidPost => "the residual stream after each layer",
        Site::AttnOut => "what attention adds to the residual stream",
        Site::MlpOut => "what the MLP adds to the residual stream",
        Site::Z => "each head’s mixed values, at all positions at once",
        Site::Q => "each head’s queries, at all positions at once",
        Site::K => "each head’s keys, at all positions at once",
        Site::V => "each head’s values, at all positions at once",
        Site::Pattern => "each head’s attention pattern",
        Site::MlpPre => "the MLP’s neurons before their activation function",
        Site::MlpPost => "the MLP’s neurons after their activation function",
        Site::Embed => "each token’s embedding, which has no layer",
        Site::PosEmbed => "each position’s embedding; it differs only between other positions",
        Site::LnFinal => "what the last LayerNorm gives the unembedding",
        Site::Logits => "the logits",
    },
    mode: "Direction",
    mode_name: |mode| match mode {
        Mode::Denoising => "Denoising",
        Mode::Noising => "Noising",
    },
    mode_hint: |mode| match mode {
        Mode::Denoising => {
            "Clean activations go into the corrupted run: which of them are enough to bring the answer back?"
        }
        Mode::Noising => {
            "Corrupted activations go into the clean run: which clean ones does the answer need?"
        }
    },
    run: "Run the sweep",
    cancel: "Stop",
    automatic: "Run after every change",
    estimated: |estimate: &Attribution| {
        let method = patching::method(estimate.method);
        match estimate.most {
            Some(most) => format!("estimated by {method}, the strongest {most} patched"),
            None => format!("also estimated by {method}"),
        }
    },
    progress: "Progress",
    status_starting: "Starting the engine …",
    status_loading: "Loading the model …",
    status_failed: "The engine is not running.",
    status_no_model: "No model is open.",
    status_runs: "Running both prompts …",
    status_sweep: "Running the sweep …",
    stage: |stage| match stage {
        Stage::Load => "Loading",
        Stage::Fetch => "Fetching the encoder",
        Stage::Runs => "Both runs",
        Stage::Gradients => "Gradients",
        Stage::Sweep => "Sweep",
        Stage::Generate => "Continuing the text",
    },
    left: |time| format!("about {time} left"),
    status_done: |cells, cases, time| match cases {
        None => format!("{cells} patched runs in {time}."),
        Some(cases) => format!("{cells} cells, each of {cases} pairs or draws, in {time}."),
    },
    saved: |plan: &PlanReport| {
        let full = plan.full_multiplications as f32;
        let planned = plan.multiplications as f32;
        (planned > 0.0 && full / planned >= 1.05).then(|| {
            format!(
                "{} times less arithmetic than a full pass for each.",
                number(full / planned, 1)
            )
        })
    },
    status_estimate: |time| format!("This sweep will take about {time}."),
    status_stopped: |done, all| format!("Stopped after {done} of {all} cells."),
    status_none: "No sweep to show yet.",
};

const MAP: Map = Map {
    label: |site, mode| {
        format!(
            "Metric of each patched run: {site}, {}",
            (SWEEP.mode_name)(mode).to_ascii_lowercase()
        )
    },
    keys: "Arrow keys move from cell to cell, Enter shows that cell’s run, Escape lets it go.",
    layer: "Layer",
    axis: |kind| match kind {
        AxisKind::Layer => "Layer",
        AxisKind::Position => "Position",
        AxisKind::Role => "Role",
        AxisKind::Head => "Head",
        AxisKind::Destination => "From (destination)",
        AxisKind::Source => "To (source)",
        AxisKind::Neuron => "Neuron",
        AxisKind::Set | AxisKind::Site => "",
        AxisKind::Part => "Part",
    },
    named: |kind, label, token| match (kind, token) {
        (AxisKind::Part | AxisKind::Site, _) => label.into(),
        (AxisKind::Role, Some(token)) => format!("{label} {token}"),
        (kind, Some(token)) => format!("{} {label} {token}", kind.name()),
        (kind, None) => format!("{} {label}", kind.name()),
    },
    position_axis: |mode| match mode {
        Mode::Denoising => "Position and token of the corrupted prompt",
        Mode::Noising => "Position and token of the clean prompt",
    },
    column: |position, token| format!("position {position} {token}"),
    differs: "the prompts differ here",
    pending: "not computed",
    overview: "The whole map. A click goes there.",
    cell: |place, value| format!("{place}: {value}"),
    both: |patched, estimate| match patched {
        Some(patched) => format!("patched {patched}, estimated {estimate}"),
        None => format!("not patched; estimated {estimate}"),
    },
    estimate: |name| format!("{name}, estimate"),
    stale: "This map is from before your last change.",
    empty: "The map appears here once both prompts and the answers can be used.",
    point: "Point at a cell, or move to it with the keyboard, to read its value.",
    detail: |place, raw, normalised, interval| {
        let mut text = format!("{place}: metric {raw}");
        if let Some(normalised) = normalised {
            text = format!("{text}, normalised {normalised}");
        }
        match interval {
            Some(interval) => format!("{text} (95 %: {interval})"),
            None => text,
        }
    },
    nothing: |why| match why {
        Nothing::SamePrompts => "The patch changes nothing: both prompts are the same.",
        Nothing::Unreached => {
            "The patch changes nothing: no later layer brings this position to the last one, where the answer is read."
        }
        Nothing::SameActivations => {
            "The patch changes nothing: both runs have read the same up to here, so their activations are equal."
        }
        Nothing::Itself => {
            "This is the changed word itself, before any layer: copying it has to turn one run into the other, and is no finding about the model yet."
        }
        Nothing::Unknown => {
            "The patch changes nothing that is measured: the value is the one without it, but for rounding."
        }
    },
    scale: "Values",
    raw: "Raw metric",
    normalised: "Normalised",
    normalised_hint: "0 is the corrupted run, 1 the clean run.",
    no_normalised: "Both runs have the same metric, so there is nothing to normalise by.",
    legend: "Colour scale",
    towards_clean: "towards clean",
    towards_corrupted: "towards corrupted",
    less: "less",
    more: "more",
    difference: [
        "less than the pinned map",
        "no difference",
        "more than the pinned map",
        "Differences of normalised values, cell by cell.",
    ],
    unpatched: |mode| match mode {
        Mode::Denoising => "corrupted run, no patch",
        Mode::Noising => "clean run, no patch",
    },
    table: "All values as a table",
    table_caption: |site, mode| {
        format!(
            "{site}, {}: one row per patched run",
            (SWEEP.mode_name)(mode).to_ascii_lowercase()
        )
    },
    token: "Token",
    value: "Metric",
    interval: "95 % interval",
    svg: "Download SVG",
    png: "Download PNG",
    csv: "Download CSV",
    json: "Download JSON",
    json_hint: "experiment, model, tokens, runs and sweeps",
    python: "Python (TransformerLens)",
    python_hint: "a script that computes the same with TransformerLens and compares",
    nnsight: "Python (nnsight)",
    nnsight_hint: "a script that runs the experiment on a larger model with nnsight, on your machine or on NDIF’s servers",
    verify: "Check this model against published numbers",
    shows_title: "What this shows, and what it does not",
    shows: &[
        "A strongly coloured cell says: this activation, at this place, carries something that moves this answer between these two prompts. It is evidence about this context. Another pair of prompts can give another map.",
        "It is not a full causal account. It does not say how the places work together, nor what each computes from what it reads. Later layers may make up for a patch, and two routes to one answer can hide each other.",
        "Denoising finds what is enough, noising what is needed; the two need not agree.",
        "How fine the patch is matters. The residual stream at a position holds all that was written there so far, so it shows where and when, not who wrote it. Single heads and MLPs say more, and can miss what only several do together.",
        "Normalised values divide by clean minus corrupted. Where that is small, small effects look large: look at the raw values too.",
    ],
};

const REFUSED: RefusedText = RefusedText {
    number: "This needs a number that 32 bits hold: from −3.4e38 to 3.4e38.",
    whole: |least, most| format!("This needs a whole number from {least} to {most}."),
    list: "This needs numbers with commas between them.",
    old: "from before your last change, or not finished",
    file: " The direction is what it was before.",
};

const NOTICES: Notices = Notices {
    misfit: |model, misfit| {
        let named: Vec<String> = misfit.beyond.iter().map(ToString::to_string).collect();
        let layers = match named.as_slice() {
            [one] => format!("layer {one}"),
            some => format!("layers {}", some.join(", ")),
        };
        format!(
            "This is set up for a model with more layers: it names {layers}, and {model} has layers 0 to {}. Nothing is computed until it fits.",
            misfit.last
        )
    },
    nearest: |layer| format!("Use the nearest layer ({layer})"),
    broken_link: "This link could not be opened; what is shown here is not its experiment.",
    broken_link_text: "The link’s own text, as it came",
    behind: |host| {
        format!(
            "This link leads to an experiment that is a file at {host}. Nothing was asked there yet; if you fetch it, {host} learns that you did, as of any page that you open."
        )
    },
    behind_asked: |host| format!("This link leads to an experiment that is a file at {host}."),
    fetch_from: |host| format!("Fetch it from {host}"),
    fetching: "Fetching it …",
    not_now: "Not now",
    dismiss: "Dismiss",
    failed: "The engine could not do this.",
    restarted: |reason| {
        format!(
            "The engine stopped unexpectedly and was started again; your experiment is as you left it. ({reason})"
        )
    },
    stopped: |reason| {
        format!(
            "The engine stopped again and was not restarted; your experiment is as you left it. ({reason})"
        )
    },
    silent: "it said nothing for too long",
    reload_gpu: "Reload on GPU",
    continue_cpu: "Continue on CPU",
    try_again: "Try again",
    no_such_model: |name| format!("There is no model “{name}” beside this page. "),
    other_model: "Choose another model",
    use_mini: "Use mini",
    start_afresh: "Delete what is kept and start afresh",
};
