//! Suite of device connections on tokio, and an emulated device with every kind of fault.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_lite::StreamExt;
use labwire_core::device::{Dialect, Health, Request};
use labwire_core::framing::until::Until;
use labwire_core::limits::HostLimits;
use labwire_core::simulate::devices::{Instrument, Response};
use labwire_core::simulate::{Behaviour, Emulator};
use labwire_tokio::Tokio;
use labwire_tokio::device::{DeviceConnection, DeviceEmulator, DeviceError, DeviceSettings};

/// On one thread, on which nothing is noticed in the meantime.
fn block_on(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future);
}

labwire_tests::device_suite!(Tokio, block_on);

/// Instrument that echoes, and remembers its messages.
struct Diary(Arc<Mutex<Vec<String>>>);

impl Instrument for Diary {
    fn respond(&mut self, command: &[u8]) -> Response {
        let text = String::from_utf8_lossy(command).into_owned();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        Response::Value(command.to_vec())
    }
}

/// The contract on real sockets: many users, an emulated device, every kind of fault.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_its_promises_on_real_sockets() {
    for seed in 0..6 {
        let diary = Arc::default();
        let dialect = Dialect::by_name("scpi").expect("it is in the list");
        let rules = "drop-after=11 reset-after=17 half-reply@0.05 mute@0.05 delay=60ms@0.1 refuse@0.1";
        let rules = rules
            .split(' ')
            .map(|rule| rule.parse().expect("a rule"))
            .collect();
        let behaviour = Behaviour::Instrument(Box::new(Diary(Arc::clone(&diary))));
        let emulator = Emulator::new(dialect, behaviour, rules, seed);
        let emulator = DeviceEmulator::start("127.0.0.1:0", emulator, HostLimits::default())
            .await
            .unwrap();
        let mut options = DeviceSettings::default();
        options.settings.minimum_interval = Duration::from_millis(5);
        options.settings.backoff_initial = Duration::from_millis(5);
        options.seed = Some(seed);
        let device = DeviceConnection::open(emulator.address().to_string(), options);
        let events = tokio::spawn(device.events().collect::<Vec<_>>());
        let users: Vec<_> = (0..4)
            .map(|user| tokio::spawn(ask_much(device.clone(), user)))
            .collect();
        let mut outcomes = Vec::new();
        for user in users {
            outcomes.extend(user.await.unwrap());
        }
        let statistics = device.status().await.unwrap().statistics;
        assert!(statistics.connections > 5, "{statistics:?}");
        assert!(outcomes.iter().any(|(_, _, result)| result.is_ok()));
        check(&outcomes, &diary.lock().unwrap_or_else(PoisonError::into_inner));
        drop(device);
        let events = events.await.unwrap();
        assert!(events.len() > 5);
        let degrades = |event: &Health| matches!(event, Health::Degraded { .. });
        assert!(
            events.iter().is_sorted_by(|a, b| degrades(a) != degrades(b)),
            "{events:?}"
        );
        emulator.stop().await;
    }
}

type Outcome = (String, bool, Result<Vec<u8>, DeviceError>);

async fn ask_much(device: DeviceConnection, user: usize) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for number in 0..25 {
        let question = format!("Q{user}-{number}?");
        let mut request = Request::query(format!("{question}\n"), Until::delimiter("\n"))
            .timeout(Duration::from_millis(40));
        request.idempotent = number % 2 == 0;
        let idempotent = request.idempotent;
        let result = device.perform(request).await.map_err(|error| error.error);
        outcomes.push((question, idempotent, result));
    }
    outcomes
}

fn check(outcomes: &[Outcome], diary: &[String]) {
    for (question, idempotent, result) in outcomes {
        let times = diary.iter().filter(|asked| *asked == question).count();
        assert!(
            times <= 1 + usize::from(*idempotent),
            "{question} received {times} times"
        );
        match result {
            Ok(answer) => {
                assert_eq!(answer, format!("{question}\n").as_bytes());
                assert!(times >= 1);
            }
            Err(DeviceError::Failed(failure)) => {
                assert!(
                    failure.is_sent() || times == 0,
                    "{question}: {failure}, but it was received"
                );
            }
            Err(error) => panic!("{question}: {error}"),
        }
    }
}
