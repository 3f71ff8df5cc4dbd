//! What the page shows before a person sets up something else.

use patchbay_engine::experiment::{
    Direction, Experiment, Method, Operator, Positions, Prompt, Room, Sampling, Site, Source,
    Steer, Unit,
};

/// Lines with gaps and lists that fill them.
pub const TEMPLATE: [&str; 2] = [
    "\"When {name} and {name2} went to the {place}, {name2} gave a ring to\",\"When {name} and {name2} went to the {place}, {name} gave a ring to\", {name}, {name2}",
    "name: Mary, John, Alice, Tom, Sarah, James\nplace: store, park, school",
];

/// Sentences of one kind ...
const LOVE: [&str; 8] = [
    "I love you because you are kind",
    "I love this movie because it is great",
    "I feel happy",
    "What a wonderful day",
    "The food was lovely",
    "I think you are sweet",
    "She smiled because the party was good",
    "You are the best",
];

/// ... and each one's counterpart.
const HATE: [&str; 8] = [
    "I hate you because you are cruel",
    "I hate this movie because it is awful",
    "I feel sad",
    "What a terrible day",
    "The food was horrible",
    "I think you are mean",
    "She cried because the party was bad",
    "You are the worst",
];

/// What kind sentences of the built-in model's texts hold.
const KIND_WORDS: [&str; 18] = [
    "love",
    "kind",
    "sweet",
    "good",
    "nice",
    "gentle",
    "wonderful",
    "best",
    "happy",
    "help",
    "smile",
    "great",
    "beautiful",
    "lovely",
    "glad",
    "laughed",
    "smiled",
    "friend",
];

/// Held-out prompts of both kinds, for a detector.
pub const HELD_OUT: [&[&str]; 2] = [
    &[
        "The book was beautiful",
        "My friend is gentle",
        "You always help me",
        "The house was nice",
        "She laughed",
    ],
    &[
        "The book was ugly",
        "My friend is rude",
        "You always hurt me",
        "The house was bad",
        "She shouted",
    ],
];

/// Two prompts that differ in what a direction is to be of.
pub const PAIR: [&str; 2] = ["I love", "I hate"];

/// Two tokens that do.
pub const TOKENS: [&str; 2] = [" love", " hate"];

/// Sentences of both kinds, in pairs.
#[must_use]
pub fn sides() -> [Vec<String>; 2] {
    [&LOVE, &HATE].map(|side| side.iter().map(ToString::to_string).collect())
}

/// The steering room's first experiment, on the built-in model: hate steered
/// towards love.
#[must_use]
pub fn steering() -> Steer {
    let [positive, negative] = sides();
    Steer {
        prompt: Prompt::Text("I hate you because".into()),
        directions: vec![Direction {
            name: "love".into(),
            source: Source::Contrast {
                positive,
                negative,
                method: Method::MeanDifference,
            },
            site: Site::ResidPre,
            layers: vec![2],
            from: None,
            positions: Positions::All,
            operator: Operator::Add,
            coefficient: 0.8,
            unit: Unit::MeanNorm,
        }],
        sampling: Sampling {
            tokens: 20,
            samples: 3,
            temperature: 0.8,
            ..Sampling::default()
        },
        words: KIND_WORDS.map(str::to_owned).to_vec(),
        map: None,
        detector: None,
    }
}

/// Sets the steering room up as it opens, where it is needed and was not set up yet:
/// an experiment is to say what it steers, wherever it is run.
#[must_use]
pub fn complete(mut experiment: Experiment) -> Experiment {
    let needed = experiment.room == Room::Steering || experiment.steered.is_some();
    if needed && experiment.steer.is_none() {
        experiment.steer = Some(steering());
    }
    experiment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_the_one_that_was_measured() {
        let file = include_str!("../../www/experiments/hate-to-love.json");
        let measured = Experiment::from_json(file).unwrap().steer.unwrap();
        let measured = Steer {
            map: None,
            detector: None,
            ..measured
        };
        assert_eq!(steering(), measured);
    }

    #[test]
    fn only_what_needs_the_steering_room_takes_its_example() {
        let patching = Experiment::default();
        assert_eq!(complete(patching.clone()), patching);
        let steering_room = Experiment {
            room: Room::Steering,
            ..Experiment::default()
        };
        assert_eq!(complete(steering_room.clone()).steer, Some(steering()));
        let own = Experiment {
            steer: Some(Steer::default()),
            ..steering_room
        };
        assert_eq!(complete(own.clone()), own);
    }
}
