//! The terms of the field that the page uses. What each means is told by the file of
//! words beside the page; what each is called, by the table of sentences.

use patchbay_engine::experiment::{
    Bring, GridKind, Method, MetricKind, Mode, Operator, Site, Source, Unit,
};

/// One variant a term.
macro_rules! terms {
    ($($term:ident,)*) => {
        /// A term of the field.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Term {
            $($term,)*
        }

        impl Term {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$term,)*];
        }
    };
}

terms! {
    // What is computed.
    Activation, ResidualStream, Layer, Head, Attention, Mlp, Neuron, LayerNorm, Unembedding,
    Softmax, Token, Position, Bos,
    // Sites.
    Embed, PosEmbed, ResidPre, Q, K, V, Pattern, Z, AttnOut, ResidMid, MlpPre, MlpPost, MlpOut,
    ResidPost, LnFinal, Logit,
    // What is measured.
    Metric, Answer, LogitDifference, Probability, LogProbability, ProbabilityDifference, Rank, Kl,
    CrossEntropy, Perplexity, Normalised, ConfidenceInterval, Bootstrap,
    // Patching.
    ActivationPatching, CleanRun, CorruptedRun, PatchedRun, TokenReplacement, GaussianNoise,
    CausalTracing, WhichWay, Denoising, Noising, Cell, Role, Ioi, GreaterThan, Docstring,
    LayerPosition, LayerHead, HeadPosition, DestinationSource, Neurons, Parts, Circuit,
    Faithfulness, Window, PathPatching, DirectPath, Receiver, ZeroAblation, MeanAblation,
    ResampleAblation, UnrelatedPrompt, LogitLens, Attribution,
    AttributionPatching, Relp, IntegratedGradients,
    // Steering.
    Direction, Coefficient, MeanNorm, ActAdd, Caa, RepE, PcaCentred, Probe, Iti, Feature,
    TokenDirection, NeuronDirection, RandomDirection, ShuffledLabels, Projection, Cosine,
    ExplainedVariance, Add, Subtract, ProjectOut, SetProjection, Cap, Detector, Roc,
    // Writing.
    Temperature, TopK, TopP, RepetitionPenalty, FrequencyPenalty, DistinctPairs,
}

impl From<Site> for Term {
    fn from(site: Site) -> Self {
        match site {
            Site::Embed => Self::Embed,
            Site::PosEmbed => Self::PosEmbed,
            Site::ResidPre => Self::ResidPre,
            Site::Q => Self::Q,
            Site::K => Self::K,
            Site::V => Self::V,
            Site::Pattern => Self::Pattern,
            Site::Z => Self::Z,
            Site::AttnOut => Self::AttnOut,
            Site::ResidMid => Self::ResidMid,
            Site::MlpPre => Self::MlpPre,
            Site::MlpPost => Self::MlpPost,
            Site::MlpOut => Self::MlpOut,
            Site::ResidPost => Self::ResidPost,
            Site::LnFinal => Self::LnFinal,
            Site::Logits => Self::Logit,
        }
    }
}

impl From<MetricKind> for Term {
    fn from(kind: MetricKind) -> Self {
        match kind {
            MetricKind::LogitDifference => Self::LogitDifference,
            MetricKind::Probability => Self::Probability,
            MetricKind::LogProbability => Self::LogProbability,
            MetricKind::ProbabilityDifference => Self::ProbabilityDifference,
            MetricKind::Rank => Self::Rank,
            MetricKind::Kl => Self::Kl,
            MetricKind::CrossEntropy => Self::CrossEntropy,
        }
    }
}

impl From<Mode> for Term {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Denoising => Self::Denoising,
            Mode::Noising => Self::Noising,
        }
    }
}

impl From<GridKind> for Term {
    fn from(kind: GridKind) -> Self {
        match kind {
            GridKind::LayerPosition => Self::LayerPosition,
            GridKind::LayerHead => Self::LayerHead,
            GridKind::HeadPosition => Self::HeadPosition,
            GridKind::DestinationSource => Self::DestinationSource,
            GridKind::Neurons => Self::Neurons,
            GridKind::Parts => Self::Parts,
            GridKind::Others => Self::Faithfulness,
            GridKind::Paths => Self::PathPatching,
        }
    }
}

impl From<&Bring> for Term {
    fn from(bring: &Bring) -> Self {
        match bring {
            Bring::Other => Self::ActivationPatching,
            Bring::Zero => Self::ZeroAblation,
            Bring::Mean { .. } => Self::MeanAblation,
            Bring::Resample { .. } => Self::ResampleAblation,
            Bring::Prompt { .. } => Self::UnrelatedPrompt,
        }
    }
}

impl From<Method> for Term {
    fn from(method: Method) -> Self {
        match method {
            Method::MeanDifference => Self::Caa,
            Method::PcaDiff => Self::RepE,
            Method::PcaCenter => Self::PcaCentred,
            Method::Logistic => Self::Probe,
        }
    }
}

impl From<Operator> for Term {
    fn from(operator: Operator) -> Self {
        match operator {
            Operator::Add => Self::Add,
            Operator::Subtract => Self::Subtract,
            Operator::ProjectOut => Self::ProjectOut,
            Operator::SetProjection => Self::SetProjection,
            Operator::Cap => Self::Cap,
        }
    }
}

impl From<Unit> for Term {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::Absolute => Self::Coefficient,
            Unit::MeanNorm => Self::MeanNorm,
        }
    }
}

impl From<&Source> for Term {
    fn from(source: &Source) -> Self {
        match source {
            Source::Pair { .. } => Self::ActAdd,
            Source::Contrast { method, .. } => (*method).into(),
            Source::Heads { .. } => Self::Iti,
            Source::Token { .. } => Self::TokenDirection,
            Source::Neuron { .. } => Self::NeuronDirection,
            Source::Feature { .. } => Self::Feature,
            Source::Random { .. } => Self::RandomDirection,
            Source::Vectors { .. } => Self::Direction,
        }
    }
}
