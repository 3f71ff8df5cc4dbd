//! Circuits: edges scored by gradients, chosen, and measured exactly.

use super::bases::values;
use super::given;
use super::metric::Wishes;
use super::setup::{Case, Setup};
use super::steps::Steps;
use super::unfit::SweepProblem;
use crate::backend::{Backend, Rule};
use crate::experiment::{
    AttributionMethod, Circuit, CircuitReport, EdgeChoice, EdgeMethod, EdgeSet, Field, Graph, Kept,
    MetricKind, RunName, ScoredEdge, Site,
};
use crate::host::{Beats, Host, SessionError, Task};
use crate::lab::Lab;
use crate::lab::overflow::{CELL, sound};
use crate::model::{KEPT_FOR_GRADIENTS, KEPT_FOR_SENDERS, Logits, sent_change};
use crate::numbers::shuffle;
use crate::rows::{Edit, Op, Run, Source, Trace};
use std::rc::Rc;

/// A pair's runs, and what the corrupted one's nodes send.
struct Sides<B: Backend> {
    clean: Side,
    corrupted: Side,
    other: B::Tensor,
}

struct Side {
    trace: Rc<Trace>,
    logits: Logits,
}

/// Why no circuit can be found, where that can be told before.
pub(crate) fn unfit(circuit: &Circuit, setup: &Setup, graph: Graph) -> Option<SweepProblem> {
    if circuit.edges == 0 || circuit.edges > graph.len() {
        let (edges, most) = (circuit.edges, graph.len());
        return Some(SweepProblem::Edges { edges, most });
    }
    if let EdgeMethod::EapIg { points } = circuit.method {
        let most = AttributionMethod::MOST_POINTS;
        if !(1..=most).contains(&points) {
            return Some(SweepProblem::Points { points, most });
        }
    }
    let first = setup.cases.first()?.metrics.first()?;
    if first.kind == MetricKind::Rank {
        return Some(SweepProblem::NoDerivative);
    }
    if setup.push.is_some() {
        return Some(SweepProblem::SteeredCircuit);
    }
    let uneven = |c: &&Case| c.clean.len() != c.corrupted.len();
    let case = setup.cases.iter().find(uneven)?;
    Some(SweepProblem::UnevenCircuit {
        clean: case.clean.len(),
        corrupted: case.corrupted.len(),
    })
}

/// Finds the circuit, and measures it.
pub(crate) async fn find<B: Backend>(
    lab: &mut Lab<B>,
    setup: &Setup,
    circuit: Circuit,
    task: Task<'_, impl Host>,
) -> Result<CircuitReport, SessionError> {
    let graph = lab.model.graph();
    if let Some(problem) = unfit(&circuit, setup, graph) {
        return Err(SessionError::of(Field::Circuit, problem));
    }
    let passes = match circuit.method {
        EdgeMethod::Eap | EdgeMethod::Relp => 1,
        EdgeMethod::EapIg { points } => points,
    };
    let measured = CircuitReport::SHARES.len() + CircuitReport::DRAWS + 1;
    let cases = setup.cases.len();
    let mut steps = Steps::of(cases * (1 + passes + measured), task);
    let wishes = Wishes::of(setup.cases.iter().flat_map(|c| c.metrics.first()));
    let wishes = setup.cases.iter().fold(wishes, |wishes, case| {
        wishes.with_slopes(&case.metrics[..1])
    });
    let mut scores = vec![0.0; graph.senders() * graph.receivers()];
    for case in &setup.cases {
        let sides = sides(lab, setup, case, &wishes, task).await?;
        steps.next().await?;
        score(
            lab,
            case,
            &wishes,
            &sides,
            circuit.method,
            &mut scores,
            &mut steps,
        )
        .await?;
    }
    #[allow(clippy::cast_precision_loss)] // counts
    scores.iter_mut().for_each(|score| *score /= cases as f64);

    let choose = |n: usize| match circuit.choice {
        EdgeChoice::Strongest => EdgeSet::strongest(graph, &scores, n).pruned(),
        EdgeChoice::Greedy => EdgeSet::greedy(graph, &scores, n).pruned(),
    };
    let whole = choose(circuit.edges);
    let mut sets = vec![whole.clone()];
    sets.extend((0..CircuitReport::DRAWS).map(|draw| drawn(graph, whole.len(), draw)));
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    // as MIB has it: the whole part of the share
    let sizes = CircuitReport::SHARES.map(|share| (share * graph.len() as f64) as usize);
    sets.extend(sizes.iter().map(|n| choose(*n)));
    let (found, ends) = measure(lab, setup, &wishes, &sets, &mut steps).await?;
    Ok(told(graph, &scores, &whole, &found, ends))
}

/// The two runs of a case.
async fn sides<B: Backend>(
    lab: &mut Lab<B>,
    setup: &Setup,
    case: &Case,
    wishes: &Wishes,
    task: Task<'_, impl Host>,
) -> Result<Sides<B>, SessionError> {
    let mut runs = Vec::new();
    for (name, tokens) in [
        (RunName::Clean, &case.clean),
        (RunName::Corrupted, &case.corrupted),
    ] {
        let run = Run {
            edits: given::edits(lab, setup, case, name, task).await?,
            ..Run::of(tokens.clone())
        };
        runs.push(run);
    }
    let [clean, corrupted] = kept(lab, runs, wishes, task).await?;
    let Lab {
        backend,
        model,
        store,
        ..
    } = lab;
    let other = model.sent(backend, store, &corrupted.trace)?;
    Ok(Sides {
        clean,
        corrupted,
        other,
    })
}

/// Computes whole runs, keeping what gradients and senders need.
async fn kept<const N: usize, B: Backend>(
    lab: &mut Lab<B>,
    runs: Vec<Run>,
    wishes: &Wishes,
    task: Task<'_, impl Host>,
) -> Result<[Side; N], SessionError> {
    let sites: Vec<Site> = [KEPT_FOR_GRADIENTS, KEPT_FOR_SENDERS].concat();
    let keep = |run: Run| {
        let run = Run {
            reads: vec![run.tokens.len() - 1],
            ..run
        };
        run.kept(&lab.store.pool, &sites)
    };
    let runs: Vec<Run> = runs.into_iter().map(keep).collect();
    let (reads, _) = lab
        .compute(&runs, &wishes.wanted(), &Beats::quiet(task.host))
        .await?;
    let mut sides = Vec::new();
    for (run, read) in runs.iter().zip(reads) {
        let (Some(trace), Some(Some(logits))) = (run.keep.clone(), read.into_iter().next()) else {
            return Err(SessionError::lost("a run of a circuit was not kept"));
        };
        if !sound(&logits) {
            return Err(lab.overflow(CELL, run, task).await);
        }
        sides.push(Side { trace, logits });
    }
    let lost = |_| SessionError::lost("a run of a circuit was not made");
    <[Side; N]>::try_from(sides).map_err(lost)
}

/// Adds a case's scores, `[sender, receiver]`: how far the metric falls.
async fn score<B: Backend, H: Host>(
    lab: &mut Lab<B>,
    case: &Case,
    wishes: &Wishes,
    sides: &Sides<B>,
    method: EdgeMethod,
    scores: &mut [f64],
    steps: &mut Steps<'_, H>,
) -> Result<(), SessionError> {
    let task = steps.task;
    let Lab {
        backend,
        model,
        store,
        ..
    } = &mut *lab;
    let sent = model.sent(backend, store, &sides.clean.trace)?;
    let change = sent_change(backend, &sent, &sides.other)?;
    let (rule, points) = match method {
        EdgeMethod::Eap => (Rule::Exact, None),
        EdgeMethod::Relp => (Rule::Relp, None),
        EdgeMethod::EapIg { points } => (Rule::Exact, Some(points)),
    };
    let embedded = match points {
        None => None,
        Some(_) => Some(embeddings(lab, sides).await?),
    };
    for point in 0..points.unwrap_or(1) {
        let on_the_way;
        let side = match (&embedded, points) {
            (Some(embedded), Some(points)) => {
                #[allow(clippy::cast_precision_loss)] // a hundred at most
                let share = point as f32 / points as f32;
                let run = between(case, embedded, share);
                [on_the_way] = kept(lab, vec![run], wishes, task).await?;
                &on_the_way
            }
            _ => &sides.clean,
        };
        let slope = wishes.slope(&case.metrics[0], &side.logits, &sides.clean.logits);
        let Some(slope) = slope else {
            return Err(SessionError::of(Field::Circuit, SweepProblem::NoDerivative));
        };
        let Lab {
            backend,
            model,
            store,
            ..
        } = &mut *lab;
        let seed = model.seed(backend, &[slope])?;
        let pulse = Beats::quiet(task.host);
        let found = model
            .edge_scores(backend, store, &change, &side.trace, seed, rule, &pulse)
            .await?;
        #[allow(clippy::cast_precision_loss)] // a hundred at most
        let by = 1.0 / points.unwrap_or(1) as f64;
        for of_position in &found {
            for (sum, score) in scores.iter_mut().zip(of_position) {
                // The change is to the corrupted run's: what the metric would gain by it.
                *sum -= by * f64::from(*score);
            }
        }
        steps.next().await?;
    }
    Ok(())
}

/// Token embeddings of the two runs, `[positions, n]`.
async fn embeddings<B: Backend>(
    lab: &mut Lab<B>,
    sides: &Sides<B>,
) -> Result<[Vec<f32>; 2], SessionError> {
    let Lab { backend, store, .. } = lab;
    let mut rows = Vec::new();
    for side in [&sides.clean, &sides.corrupted] {
        let embedded = store.rows(backend, &side.trace, Site::Embed, 0);
        rows.push(embedded?);
    }
    let rows: Vec<&B::Tensor> = rows.iter().collect();
    let found = backend.read_all(&rows).await?;
    let lost = |_| SessionError::lost("embeddings were not read");
    <[Vec<f32>; 2]>::try_from(found).map_err(lost)
}

/// A run a share of the way from the corrupted embeddings to the clean ones.
fn between(case: &Case, [clean, corrupted]: &[Vec<f32>; 2], share: f32) -> Run {
    let width = clean.len() / case.clean.len();
    let mut run = Run::of(case.clean.clone());
    let rows = clean.chunks(width).zip(corrupted.chunks(width));
    for (position, (clean, corrupted)) in rows.enumerate() {
        let at = clean
            .iter()
            .zip(corrupted)
            .map(|(a, b)| b + share * (a - b));
        run.edits.push(Edit {
            site: Site::Embed,
            layer: 0,
            head: None,
            part: None,
            position,
            op: Op::Replace(Source::Vector(at.collect())),
        });
    }
    run
}

/// As many edges as a circuit has, drawn from those that lead somewhere.
fn drawn(graph: Graph, edges: usize, draw: usize) -> EdgeSet {
    let all: Vec<(usize, usize)> = graph.edges().collect();
    let mut set = EdgeSet::none(graph);
    for at in shuffle(draw as u64, all.len()).into_iter().take(edges) {
        set.put(all[at], true);
    }
    set
}

/// The mean of the first metric with each of these sets, and of the two runs.
async fn measure<B: Backend, H: Host>(
    lab: &mut Lab<B>,
    setup: &Setup,
    wishes: &Wishes,
    sets: &[EdgeSet],
    steps: &mut Steps<'_, H>,
) -> Result<(Vec<(usize, f64)>, [f64; 2]), SessionError> {
    let mut found = vec![0.0; sets.len()];
    let mut ends = [0.0; 2];
    #[allow(clippy::cast_precision_loss)] // counts
    let by = 1.0 / setup.cases.len() as f64;
    for case in &setup.cases {
        let sides = sides(lab, setup, case, wishes, steps.task).await?;
        let value = |logits: &Logits| -> f64 {
            let of = values(wishes, &case.metrics[..1], logits, &sides.clean.logits);
            of.first().copied().unwrap_or(f32::NAN).into()
        };
        ends[0] += by * value(&sides.clean.logits);
        ends[1] += by * value(&sides.corrupted.logits);
        for (sum, set) in found.iter_mut().zip(sets) {
            let pulse = Beats::quiet(steps.task.host);
            let (b, wanted) = (&lab.backend, wishes.wanted());
            let through = lab
                .model
                .through(b, &case.clean, set, &sides.other, &wanted, &pulse);
            *sum += by * value(&through.await?);
            steps.next().await?;
        }
    }
    let sizes = sets.iter().map(EdgeSet::len);
    Ok((sizes.zip(found).collect(), ends))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // f64 only carried sums
fn told(
    graph: Graph,
    scores: &[f64],
    whole: &EdgeSet,
    found: &[(usize, f64)],
    [clean, corrupted]: [f64; 2],
) -> CircuitReport {
    let share = |value: f64| {
        let share = (value - corrupted) / (clean - corrupted);
        ((clean - corrupted).abs() > 1e-6 && share.is_finite()).then_some(share)
    };
    let kept = |(edges, value): &(usize, f64)| Kept {
        edges: *edges,
        value: *value as f32,
        faithfulness: share(*value).map(|share| share as f32),
    };
    let score = |(s, r): (usize, usize)| scores[s * graph.receivers() + r] as f32;
    let (first, rest) = found.split_at(found.len().min(1));
    let (random, curve) = rest.split_at(rest.len().min(CircuitReport::DRAWS));
    let mean = random.iter().map(|(_, value)| value).sum::<f64>() / random.len().max(1) as f64;
    // The trapezoids of MIB's own code, from its first share to its last.
    let area = |of: &dyn Fn(f64) -> f64| -> Option<f32> {
        let heights: Option<Vec<f64>> = curve
            .iter()
            .map(|(_, value)| share(*value).map(of))
            .collect();
        let heights = heights?;
        let steps = CircuitReport::SHARES.windows(2).zip(heights.windows(2));
        Some(
            steps
                .map(|(x, y)| (x[1] - x[0]) * f64::midpoint(y[0], y[1]))
                .sum::<f64>() as f32,
        )
    };
    CircuitReport {
        total: graph.len(),
        edges: whole
            .edges()
            .map(|edge| ScoredEdge {
                edge: graph.name(edge),
                score: score(edge),
            })
            .collect(),
        scores: graph.edges().map(score).collect(),
        whole: first.first().map(kept).unwrap_or_default(),
        random: kept(&(random.first().map_or(0, |(edges, _)| *edges), mean)),
        cpr: area(&|share| share),
        cmd: area(&|share| (1.0 - share).abs()),
        curve: curve.iter().map(kept).collect(),
    }
}
