//! Faults of an emulated device, drawn with given probabilities by a seeded generator.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::str::FromStr;
use core::time::Duration;

use labwire_protocols::device::{Reply, Then};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Fault that can be injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// `drop-after=N`: the connection is closed after every Nth answer.
    DropAfter(u64),
    /// `reset-after=N`: the connection is reset after every Nth answer.
    ResetAfter(u64),
    /// `delay=200ms`: the answer is delayed by this time.
    Delay(Duration),
    /// `half-reply`: only the first half of the answer is sent.
    HalfReply,
    /// `mute`: no answer is sent.
    Mute,
    /// `garbage`: random bytes are sent, as many as the answer has.
    Garbage,
    /// `refuse`: the connection is closed before any data.
    Refuse,
}

/// Fault and its probability at each answer (`refuse`: at each connection).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct FaultRule {
    /// Fault.
    pub fault: Fault,
    /// Probability, from 0 (never) to 1 (always).
    pub probability: f64,
}

impl FromStr for FaultRule {
    type Err = FaultError;

    /// Parses `fault` or `fault=argument`, optionally followed by `@probability`.
    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (name, probability) = text.split_once('@').unwrap_or((text, "1"));
        let probability = probability
            .parse()
            .ok()
            .filter(|probability| (0.0..=1.0).contains(probability))
            .ok_or_else(|| FaultError::Probability(probability.to_string()))?;
        let (name, argument) = name.split_once('=').unwrap_or((name, ""));
        let argument_error = || FaultError::Argument(text.to_string());
        let count = || {
            argument
                .parse()
                .ok()
                .filter(|&count| count > 0)
                .ok_or_else(argument_error)
        };
        let fault = match name {
            "drop-after" => Fault::DropAfter(count()?),
            "reset-after" => Fault::ResetAfter(count()?),
            "delay" => Fault::Delay(duration(argument).ok_or_else(argument_error)?),
            _ if !argument.is_empty() => return Err(argument_error()),
            "half-reply" => Fault::HalfReply,
            "mute" => Fault::Mute,
            "garbage" => Fault::Garbage,
            "refuse" => Fault::Refuse,
            _ => return Err(FaultError::Unknown(name.to_string())),
        };
        Ok(Self { fault, probability })
    }
}

/// Error in the description of a fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// The fault is unknown.
    #[error("no fault '{0}'; there are drop-after=N reset-after=N delay=TIME half-reply mute garbage refuse")]
    Unknown(String),
    /// The argument is missing, superfluous or invalid.
    #[error("'{0}': wrong argument; examples: drop-after=3 delay=200ms half-reply@0.1")]
    Argument(String),
    /// The probability is not a number from 0 to 1.
    #[error("'{0}' is no probability between 0 and 1")]
    Probability(String),
}

/// Fault generator: equal rules and seeds give equal faults at the same answers.
#[derive(Clone, Debug)]
pub struct Faults {
    rules: Vec<FaultRule>,
    random: Xoshiro256PlusPlus,
    answers: u64,
}

impl Faults {
    /// Creates a generator for these rules.
    #[must_use]
    pub fn new(rules: Vec<FaultRule>, seed: u64) -> Self {
        Self {
            rules,
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
            answers: 0,
        }
    }

    /// Whether the next connection is refused.
    pub fn refuses(&mut self) -> bool {
        self.chosen().any(|fault| fault == Fault::Refuse)
    }

    /// Applies the next fault to an answer; an empty answer is left alone.
    pub fn apply(&mut self, answer: Vec<u8>) -> Reply {
        if answer.is_empty() {
            return Reply::default();
        }
        self.answers += 1;
        let answers = self.answers;
        let chosen: Vec<_> = self.chosen().collect();
        let mut reply = Reply {
            bytes: answer,
            ..Reply::default()
        };
        for fault in chosen {
            match fault {
                Fault::DropAfter(count) if answers.is_multiple_of(count) => reply.then = Then::Close,
                Fault::ResetAfter(count) if answers.is_multiple_of(count) => reply.then = Then::Reset,
                Fault::DropAfter(_) | Fault::ResetAfter(_) | Fault::Refuse => {}
                Fault::Delay(delay) => reply.after += delay,
                Fault::HalfReply => reply.bytes.truncate(reply.bytes.len() / 2),
                Fault::Mute => reply.bytes.clear(),
                Fault::Garbage => self.random.fill_bytes(&mut reply.bytes),
            }
        }
        reply
    }

    /// Draws once for each rule.
    fn chosen(&mut self) -> impl Iterator<Item = Fault> {
        let random = &mut self.random;
        self.rules.iter().filter_map(move |rule| {
            // 53 random bits: uniform in [0, 1).
            let draw = (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
            (draw < rule.probability).then_some(rule.fault)
        })
    }
}

/// Parses `200ms`, `1.5s`, `50us`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" => 1.0,
        "ms" => 1e-3,
        "us" => 1e-6,
        _ => return None,
    };
    Duration::try_from_secs_f64(digits.parse::<f64>().ok()? * unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn rules_are_read() {
        let rule = |fault, probability| Ok(FaultRule { fault, probability });
        for (text, expected) in [
            ("drop-after=3", rule(Fault::DropAfter(3), 1.0)),
            ("delay=200ms", rule(Fault::Delay(Duration::from_millis(200)), 1.0)),
            (
                "delay=1.5s@0.25",
                rule(Fault::Delay(Duration::from_millis(1500)), 0.25),
            ),
            ("half-reply@0.1", rule(Fault::HalfReply, 0.1)),
            ("half-reply@2", Err(FaultError::Probability("2".into()))),
            ("mute@NaN", Err(FaultError::Probability("NaN".into()))),
            ("mute=1", Err(FaultError::Argument("mute=1".into()))),
            ("drop-after=0", Err(FaultError::Argument("drop-after=0".into()))),
            ("delay=3", Err(FaultError::Argument("delay=3".into()))),
            ("delay=-3s", Err(FaultError::Argument("delay=-3s".into()))),
            ("explode", Err(FaultError::Unknown("explode".into()))),
        ] {
            assert_eq!(text.parse::<FaultRule>(), expected, "{text}");
        }
    }

    #[test]
    fn faults_come_on_schedule() {
        let play = |rules: &[&str], seed| {
            let rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
            let mut faults = Faults::new(rules, seed);
            (0..1000)
                .map(|_| faults.apply(b"answer".to_vec()))
                .collect::<Vec<_>>()
        };
        let replies = play(&["drop-after=3", "delay=20ms", "half-reply"], 1);
        assert_eq!(replies[2].then, Then::Close);
        assert_eq!(
            Faults::new(vec!["drop-after=1".parse().unwrap()], 1).apply(Vec::new()),
            Reply::default()
        );
        assert_eq!(
            replies[3],
            Reply {
                bytes: b"ans".to_vec(),
                after: Duration::from_millis(20),
                then: Then::Stay
            }
        );
        let mute = |seed| {
            play(&["mute@0.1"], seed)
                .iter()
                .filter(|reply| reply.bytes.is_empty())
                .count()
        };
        assert!((60..140).contains(&mute(1)));
        assert_eq!(play(&["garbage@0.5"], 7), play(&["garbage@0.5"], 7));
        assert_ne!(play(&["garbage@0.5"], 7), play(&["garbage@0.5"], 8));
        assert_eq!(
            play(&[], 1),
            vec![
                Reply {
                    bytes: b"answer".to_vec(),
                    ..Reply::default()
                };
                1000
            ]
        );
    }
}
