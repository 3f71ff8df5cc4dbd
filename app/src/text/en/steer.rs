//! The steering room in English.

use crate::text::table::{DetectorText, FeatureText, SteerMapText, SteerText};
use patchbay_engine::experiment::{Method, Operator, Tried};

pub static STEER: SteerText = SteerText {
    title: "What happens if one direction is pushed?",
    lede: "Find a direction in the model’s activations, add it while the model writes, and compare: the same prompt, the same luck, with and without the push.",
    prompt_title: "A text to continue",
    prompt: "Prompt",
    prompt_hint: "The model writes on from here.",
    words: "Words to count",
    words_hint: "with commas between; how many continuations hold one of them?",
    directions_title: "Directions",
    add_direction: "Add a direction …",
    add_hint: "Where is it to come from?",
    remove: |name| format!("Remove “{name}”"),
    new_name: |n| format!("direction {n}"),
    strength: |name| format!("How much of “{name}”"),
    strength_number: "as a number",
    off: "off",
    source: "Where it comes from",
    sources: [
        ("contrast", "Two sets of prompts"),
        ("pair", "A pair of prompts, position by position"),
        ("token", "A token of the vocabulary"),
        ("neuron", "What a neuron writes"),
        ("feature", "A feature of a sparse autoencoder"),
        ("heads", "The heads that tell two sets apart (ITI)"),
        ("random", "Chance, for comparison"),
        ("vectors", "A file"),
    ],
    file: "Safetensors, GGUF control vector or JSON",
    file_hint: "It is read here, in your browser. It has to be made on the model that is open. Layers count from 0; a vector acts after its layer, unless TransformerLens’s name of an activation says where.",
    save: "Save it for other programs, every layer (GGUF, as llama.cpp reads it, has none after layer 0):",
    save_as: |name, format| format!("Save “{name}” as {format}"),
    heads_hint: "A probe on each head’s output; the best ones are pushed along their own direction. A strength of 1 pushes by one standard deviation.",
    top_heads: "How many heads",
    heads: |heads| {
        let list: Vec<String> = heads
            .iter()
            .map(|(head, found, luck)| format!("{head} {found} (luck {luck})"))
            .collect();
        format!(
            "Heads, by how many held-out prompts they tell right: {}.",
            list.join(", ")
        )
    },
    feature: FeatureText {
        dictionary: "Dictionary",
        dictionary_hint: "gpt2-small-res-jb belongs to gpt2; others by owner/name or by address, as SAELens writes them.",
        site: "Of the activation",
        layer: "Layer",
        feature: "Feature",
        unasked: |name, host| {
            format!(
                "The dictionary {name} is not part of this page. Only the feature’s own row is fetched, a few kilobytes; {host} then learns which one. Your texts stay here."
            )
        },
        ask: |host| format!("Ask {host} for the row"),
        page: "What it fires on: Neuronpedia",
        fetch: |size, host| {
            let size = size.unwrap_or("half of its file");
            let from = host.map(|h| format!(" from {h}")).unwrap_or_default();
            format!("Show its activation on the prompt: fetches the encoder, {size}{from}")
        },
        fetching: |done, total| format!("Fetching the encoder: {done} of {total}."),
        active: "Active on",
        nowhere: "none of the prompt’s tokens",
    },
    edit_source: "Where it comes from, and where it acts",
    name: "Name",
    positive: "Towards",
    negative: "Away from",
    lines_hint: "one prompt a line, each read at its last token",
    pair_hint: "the shorter one is padded with spaces",
    method: "Method",
    method_name: |method| match method {
        Method::MeanDifference => "Difference of the means (CAA)",
        Method::PcaDiff => "Principal component of the differences",
        Method::PcaCenter => "Principal component, pairs centred",
        Method::Logistic => "Logistic regression probe",
    },
    token: "Token",
    minus: "Less the token (or nothing)",
    neuron_layer: "Layer of the neuron",
    neuron: "Neuron",
    seed: "Seed",
    site: "Activation",
    layers: "Layers",
    positions: "Tokens",
    position_names: [
        ("all", "All of them"),
        ("prompt", "The prompt’s"),
        ("generated", "Those written"),
        ("last", "The last one read"),
        ("first", "The first one"),
        ("aligned_front", "Row by row, from the front"),
        ("aligned_back", "Row by row, up to the prompt’s end"),
    ],
    operator: "What it does",
    operator_name: |operator| match operator {
        Operator::Add => "Add",
        Operator::Subtract => "Subtract",
        Operator::ProjectOut => "Take out",
        Operator::SetProjection => "Set the projection",
        Operator::Cap => "Cap the projection",
    },
    unit: "1 means",
    unit_absolute: "the direction as it is",
    unit_norm: "the stream’s mean length",
    norm: |norm, mean, layer| {
        format!("Length {norm} at layer {layer}, where the activations are {mean} long on average.")
    },
    explained: |share| format!("It explains {share} of the variance."),
    accuracy: |found, luck| {
        format!(
            "A probe here tells the two sets apart in {found} of held-out prompts; with shuffled labels {luck}."
        )
    },
    cosine: |name, cosine| format!("Cosine with “{name}”: {cosine}."),
    promoted: "Raises",
    rewritten: |layer, after, all| {
        format!(
            "These lists mean little at layer {layer}: they are of what reaches the unembedding directly, and {after} of {all} layers read it before and make something else of it. Go by the texts."
        )
    },
    means_little: |layer, own, chance| {
        format!(
            "These lists mean little at layer {layer}: the first token is raised by {own}, and half of random directions of this length raise some token by {chance} or more."
        )
    },
    suppressed: "Lowers",
    texts_title: "Two continuations, one luck",
    unsteered: "Unsteered",
    steered: "Steered",
    unsteered_hint: "What the model writes by itself.",
    steered_hint: "The darker a token, the more the direction changed what could come there.",
    sample: |n| format!("text {n}"),
    more: "Write on",
    luck: "Other luck",
    stop: "Stop",
    writing: "Writing …",
    summary_words: |before, after, of| {
        format!("Texts with one of the words: {before} of {of} unsteered, {after} of {of} steered.")
    },
    summary_cost: |before, after, kl| {
        format!(
            "Perplexity for the unsteered model: {before} unsteered, {after} steered; mean KL {kl}."
        )
    },
    summary_hint: "Effect and cost: a push that is too strong also moves the words, but breaks the text.",
    open_token: "Choose a token to see what else could have come there.",
    inspect: |token| format!("What could have come instead of “{token}”"),
    by_steered: "Steered model",
    by_unsteered: "Unsteered model, same text",
    kl: |kl| format!("KL between the two: {kl} nats"),
    sampling: "How tokens are drawn",
    tokens: "Tokens",
    samples: "Texts",
    temperature: "Temperature",
    top_k: "Top-k",
    top_p: "Top-p",
    repetition: "Repetition penalty",
    frequency: "Frequency penalty",
    reading_title: "Reading with it",
    reading_hint: "How far each token of the prompt already points along the direction, layer by layer, before any push. Blue is along it, orange against it.",
    shows_title: "What this shows, and what it does not",
    shows: &[
        "A direction that changes the text is enough to change it. That does not say that the model uses this direction for that idea by itself.",
        "Any push that is strong enough changes the text. Compare with a random direction of the same length, and look at the cost: perplexity and KL.",
        "A few continuations are a few draws. Other luck, more texts and other prompts tell whether the effect holds.",
        "A small base model has no refusals to steer and no persona to jailbreak; results on it need not carry over to large ones.",
    ],
    map: SteerMapText {
        title: "How much, and where",
        hint: "One direction at many layers and strengths, each over all prompts: how far it gets, what it costs, and whether a random push of the same length would do as well.",
        add: "Make a map",
        remove: "Remove the map",
        run: "Run or continue",
        stop: "Stop",
        estimate: |time| format!("What is left takes about {time}."),
        coefficients: "Strengths",
        layers: "Layers (empty: all)",
        samples: "Texts a prompt",
        random: "Random directions a layer",
        cap: "Most perplexity, times the unsteered",
        prompts: "Prompts, one a line (empty: the one above)",
        targets: "Target tokens, one a line",
        caption: "Above, the effect; below, the perplexity in multiples of the unsteered text’s. Framed cells are coherent enough to count; ⊘ marks those that are not. Choose a cell to read its texts.",
        unsteered: |effect, perplexity| {
            format!("Unsteered: effect {effect}, perplexity {perplexity}.")
        },
        best_random: "best random",
        controls: "shuffled labels, then random directions, where the direction does best",
        direction: "Direction",
        reading: "Read the texts along",
        no_reading: "nothing",
        reading_layer: "… at layer (empty: its first)",
        effect: "Effect to compare by",
        effects: [
            "the first there is",
            "texts with one of the words",
            "probability of the target tokens",
            "how the texts are read",
        ],
        download: "Download",
        opened: |cell| {
            let of = match cell.of {
                Tried::Direction => "The direction".into(),
                Tried::Shuffled => "The direction found with shuffled labels".into(),
                Tried::Random(seed) => format!("Random direction {seed}"),
            };
            format!("{of}, layer {}, strength {}", cell.layer, cell.coefficient)
        },
        inside: "It is in the coherent band.",
        outside: "It is outside the coherent band.",
        numbers: |[words, target, reading], [perplexity, kl, distinct]| {
            format!(
                "Texts with one of the words {words}; target tokens {target}; read as {reading}; perplexity {perplexity}; KL {kl} a token; distinct pairs {distinct}."
            )
        },
        broken: "The push is too strong for 32-bit arithmetic; there are no numbers.",
    },
    detector: DetectorText {
        title: "A direction as a detector",
        hint: "Instead of pushing, read: how far does the last token of a text point along the direction? Above a threshold the text is detected. Judge it on texts that the direction was not found on.",
        add: "Make a detector",
        remove: "Remove the detector",
        direction: "Direction",
        layer: "Layer (empty: its first)",
        positive: "To be detected, one text a line",
        negative: "Not to be detected",
        threshold: "Threshold",
        middle: "Midway between its own prompts",
        rates: |at, true_positive, false_positive| {
            format!(
                "At {at}: {true_positive} of those to be detected are found, and {false_positive} of the others by mistake."
            )
        },
        curve: |auc| format!("ROC curve, area {auc}; the numbers are in the table below"),
        axes: "The curve: to the right, the share detected by mistake; upwards, the share rightly detected. The dot is the threshold; the thin line is chance.",
        verdict: |score, found, right| {
            let found = if found { "detected" } else { "not detected" };
            let right = if right { "right" } else { "wrong" };
            format!("{score}: {found}, {right}")
        },
        table: "The curve as numbers",
        heads: ["threshold", "by mistake", "rightly"],
    },
};
