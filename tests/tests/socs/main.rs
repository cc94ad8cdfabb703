//! Device connections: the contract under random faults.

mod contract;
mod emulator;
mod scenarios;
mod world;

use std::time::Duration;

use contract::Tally;
use labwire_core::device::Settings;
use labwire_core::time::Instant;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use world::{Call, Cut, Kind, Schedule, Weather, World};

/// Times of the last fault, and of the last request.
const FINE: Duration = Duration::from_secs(20);
const PROBE: Duration = Duration::from_secs(35);

fn millis(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

fn weather() -> impl Strategy<Value = Weather> {
    prop_oneof![
        Just(Weather::Healthy),
        Just(Weather::Refusing),
        Just(Weather::Blackhole),
        Just(Weather::Dropping),
        Just(Weather::Mute),
        millis(1..3000).prop_map(Weather::Slow),
        Just(Weather::HalfThenClose),
        Just(Weather::HalfThenMute),
        (1..40usize).prop_map(Weather::ResetAfter),
        Just(Weather::HalfOpen),
        Just(Weather::Chatty),
    ]
}

fn cut() -> impl Strategy<Value = Cut> {
    prop_oneof![
        Just(Cut::None),
        Just(Cut::Close),
        Just(Cut::Reset),
        Just(Cut::Forget)
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let kind = prop_oneof![
        Just(Kind::Query { idempotent: false }),
        Just(Kind::Query { idempotent: true }),
        Just(Kind::Send),
        Just(Kind::SendThenRecv),
    ];
    let cancel = prop_oneof![3 => Just(None), 1 => millis(0..500).prop_map(Some)];
    (millis(0..20_000), kind, millis(1..4000), cancel).prop_map(|(at, kind, timeout, cancel_after)| Call {
        at,
        kind,
        timeout,
        cancel_after,
    })
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let weather = proptest::collection::vec((millis(0..20_000), weather(), cut()), 0..8);
    let calls = proptest::collection::vec(call(), 0..25);
    (any::<u64>(), weather, calls, any::<bool>(), cut()).prop_map(
        |(seed, mut weather, mut calls, converter, last_cut)| {
            weather.push((FINE, Weather::Healthy, last_cut));
            calls.push(Call {
                at: PROBE,
                kind: Kind::Query { idempotent: false },
                timeout: Duration::from_secs(1),
                cancel_after: None,
            });
            Schedule {
                seed,
                weather,
                calls,
                converter,
            }
        },
    )
}

fn settings(minimum_interval: Duration, converter: bool) -> Settings {
    let mut settings = Settings::default();
    settings.backoff_maximum = Duration::from_secs(2);
    settings.minimum_interval = minimum_interval;
    settings.connect_timeout = Duration::from_secs(1);
    if converter {
        settings.settle_time = 2 * world::LATENCY;
    }
    settings
}

fn play(schedule: &Schedule, minimum_interval: Duration) -> Tally {
    let settings = settings(minimum_interval, schedule.converter);
    let mut world = World::new(schedule.clone(), settings);
    world.run(
        Instant::ZERO + FINE,
        Instant::ZERO + PROBE + Duration::from_secs(5),
    );
    world.contract.tally
}

/// 10,000 schedules, the same in every run.
#[test]
fn keeps_its_promises_under_random_faults() {
    let config = Config {
        cases: 10_000,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let total = std::cell::Cell::new(Tally::default());
    let result = runner.run(&(schedule(), millis(0..1500)), |(schedule, minimum_interval)| {
        total.set(total.get() + play(&schedule, minimum_interval));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let total = total.get();
    println!("{total:?}");
    // The schedules are useless if they do not reach the hard cases.
    let Tally {
        answers,
        failures,
        twice,
        restored,
        lost_sends,
    } = total;
    assert!(
        [answers, failures, twice, restored, lost_sends]
            .into_iter()
            .all(|count| count > 500)
    );
}
