//! The promises of [`Session`], kept by the sessions of all protocols, on both sides.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::OnceLock;
use std::time::Duration;

use allocation_counter::measure;
use labwire_core::device::{Connection, Dialect, Then};
use labwire_core::limits::SessionLimits;
use labwire_core::pymodaq::{
    Client, Command, ControlRequest, Controller, Generation, Instruction, ModuleKind, Origin, Recognition,
    Report, ServerEvent,
};
use labwire_core::python_json::Value;
use labwire_core::session::{Action, Asker, Connector, Responder, Session};
use labwire_core::time::Instant;
use labwire_core::zeiss::{Outcome, Transport};
use labwire_core::{device, obe, open, pymodaq, zeiss};
use labwire_tests::conformance::{Case, Op, chunks, ends, unanswered, unread, walk};
use labwire_tests::fuzz::GENERATIONS;
use proptest::collection::vec;
use proptest::prelude::*;

/// Limits small enough to be met.
const BYTES: usize = 4096;
/// Most memory that a session may take with them, in bytes.
const MEMORY: u64 = 64 * BYTES as u64;

fn limits() -> SessionLimits {
    let mut limits = SessionLimits::default().with_message_bytes(BYTES);
    (limits.output_bytes, limits.linger_bytes) = (BYTES, BYTES);
    limits
}

/// A case whose application asks nothing and answers nothing.
fn case<S: Session>(open: impl Fn(Instant) -> S + 'static, said: &[u8]) -> Case<S> {
    Case {
        open: Box::new(open),
        ask: |_, _| false,
        asks: 0,
        answer: |_, _, _| {},
        tend: |_, _| {},
        said: said.to_vec(),
        is_connector: false,
        output: 3 * BYTES,
        held: 6 * BYTES,
    }
}

/// The files of a fuzz corpus: the byte for the role, and what arrives.
fn corpus(target: &str) -> Vec<(u8, Vec<u8>)> {
    let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).expect("a corpus");
    let read = |path| match &std::fs::read(path).expect("a file")[..] {
        [role, _, said @ ..] => (*role, said.to_vec()),
        _ => panic!("a file without a role"),
    };
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    paths.into_iter().map(read).collect()
}

fn open_server() -> Vec<Case<open::Server>> {
    let said = corpus("open_sessions")
        .into_iter()
        .filter(|(role, _)| role % 2 == 0);
    let kept_open = br#"{"KeepAlive": true}{"Ping": 1} {"Run": {"parameter": [1]}}{"Kill": 1}"#;
    let ping = br#"{"KeepAlive": true}{"Ping": 1}"#;
    let said = said
        .map(|(_, said)| said)
        .chain([kept_open.to_vec(), ping.to_vec()]);
    let permissions = open::Permissions {
        kill: true,
        load: true,
    };
    let cases = said.map(|said| Case {
        answer: |server: &mut open::Server, now, event: open::ServerEvent| {
            server.reply(
                now,
                match event.request {
                    open::Request::Kill(_) => open::Reply::Killed,
                    _ => open::Reply::Loaded("it".into()),
                },
            );
        },
        ..case(move |now| open::Server::new(now, limits(), permissions), &said)
    });
    cases.collect()
}

fn open_client() -> Vec<Case<open::Client>> {
    let ask = |client: &mut open::Client, now: Instant| client.request(now, &open::Request::Ping(1)).is_ok();
    let one_shot = corpus("open_sessions")
        .into_iter()
        .filter(|(role, _)| role % 2 == 1);
    let one_shot = one_shot.map(|(_, said)| Case {
        ask,
        asks: 1,
        ..case(|_| open::Client::one_shot(limits()), &said)
    });
    let said = b"{\n\t\"Pong\" : 1\n}\n{\"type\":\"Error\",\"code\":1,\"message\":\"\xc2\xb5\"}{\"Pong\":1}";
    let kept_open = Case {
        ask,
        asks: 4,
        ..case(|now| open::Client::kept_open(now, limits()), said)
    };
    one_shot.chain([kept_open]).collect()
}

fn obe_limits() -> obe::Limits {
    let mut obe = obe::Limits::default();
    (obe.session, obe.requests_in_flight) = (limits(), 4);
    obe
}

fn obe_server() -> Vec<Case<obe::Server>> {
    let said = corpus("obe_sessions")
        .into_iter()
        .filter(|(role, _)| role % 2 == 0);
    let cases = said.map(|(_, said)| Case {
        answer: |server: &mut obe::Server, now, _| server.reply(now, Ok(obe::Reply::Ok)),
        ..case(
            |now| obe::Server::new(now, obe_limits(), obe::Permissions::ALL),
            &said,
        )
    });
    cases.collect()
}

fn obe_client() -> Vec<Case<obe::Client>> {
    let said = corpus("obe_sessions")
        .into_iter()
        .filter(|(role, _)| role % 2 == 1);
    let cases = said.map(|(role, said)| Case {
        ask: |client: &mut obe::Client, now| client.request(now, &Value::from("ready")).is_ok(),
        asks: usize::from(role / 2),
        ..case(|_| obe::Client::new(obe_limits()), &said)
    });
    cases.collect()
}

fn zeiss_limits() -> zeiss::Limits {
    let mut zeiss = zeiss::Limits::default();
    zeiss.session = limits();
    zeiss
}

fn transport(role: u8) -> Transport {
    match role & 2 {
        0 => Transport::Tcp,
        _ => Transport::WebSocket,
    }
}

fn zeiss_server() -> Vec<Case<zeiss::Server>> {
    let said = corpus("zeiss_sessions")
        .into_iter()
        .filter(|(role, _)| role % 2 == 0);
    let cases = said.map(|(role, said)| Case {
        answer: |server: &mut zeiss::Server, now, request: zeiss::Request| {
            server.reply(now, request.answer(Outcome::Failed))
        },
        ..case(
            move |now| zeiss::Server::new(now, transport(role), zeiss_limits()),
            &said,
        )
    });
    cases.collect()
}

fn zeiss_client() -> Vec<Case<zeiss::Client>> {
    let said = corpus("zeiss_sessions")
        .into_iter()
        .filter(|(role, _)| role % 2 == 1);
    let cases = said.map(|(role, said)| Case {
        ask: |client: &mut zeiss::Client, now| client.request(now, "{}").is_ok(),
        asks: 1,
        ..case(
            move |_| zeiss::Client::new(transport(role), zeiss_limits()),
            &said,
        )
    });
    cases.collect()
}

fn pymodaq_limits() -> pymodaq::Limits {
    let mut pymodaq = pymodaq::Limits::default();
    pymodaq.session = limits();
    pymodaq
}

fn pymodaq_server() -> Vec<Case<pymodaq::Server>> {
    let said = corpus("pymodaq_sessions")
        .into_iter()
        .filter(|(role, _)| role % 4 == 0);
    let open = |now| {
        let origin = Origin {
            address: "here".into(),
            may_control: true,
        };
        pymodaq::Server::new(now, &pymodaq_limits(), Recognition::default(), origin)
    };
    let cases = said.map(|(_, said)| Case {
        answer: |server: &mut pymodaq::Server, now, event| {
            if let ServerEvent::Request(request) = event {
                server.reply(now, Instruction::Answer(request));
            }
        },
        ..case(open, &said)
    });
    cases.collect()
}

fn pymodaq_client() -> Vec<Case<Client>> {
    let said = corpus("pymodaq_sessions")
        .into_iter()
        .filter(|(role, _)| role % 4 != 0);
    let cases = said.map(|(role, said)| {
        let generation = GENERATIONS[usize::from(role) / 4 % GENERATIONS.len()];
        let open = move |now| {
            let kind = ModuleKind::Grabber;
            Client::new(now, &pymodaq_limits(), generation, kind, "<settings/>", None)
        };
        Case {
            answer: |client: &mut Client, now, _| {
                let value = "it is switched off".into();
                let name = pymodaq::ERROR.into();
                client.reply(now, Report::Info { name, value });
            },
            ..case(open, &said)
        }
    });
    cases.collect()
}

fn pymodaq_controller() -> Vec<Case<Controller>> {
    let request = ControlRequest {
        id: 7,
        modules: vec!["stage".into()],
        command: Command::List,
    };
    let answer = pymodaq::ControlAnswer {
        id: 7,
        result: Ok(Vec::new()),
    };
    let mut said = Vec::new();
    for _ in 0..2 {
        pymodaq::encode(Generation::G4, &answer.to_object(), &mut said).expect("it can be said");
    }
    static REQUEST: OnceLock<ControlRequest> = OnceLock::new();
    REQUEST.get_or_init(|| request);
    let ask = |controller: &mut Controller, now: Instant| {
        let request = REQUEST.get().expect("it was set above");
        controller.request(now, request).is_ok()
    };
    vec![Case {
        ask,
        asks: 2,
        ..case(|now| Controller::new(now, &pymodaq_limits()), &said)
    }]
}

fn device_server() -> Vec<Case<device::Server>> {
    let dialects = [
        ("scpi", &b"*IDN?\nVOLT 5\n"[..]),
        ("prompt", b"G1\r\nG2\r\n"),
        ("raw", b"x"),
    ];
    let cases = dialects.map(|(name, said)| {
        let dialect = Dialect::by_name(name).expect("it is in the list");
        Case {
            answer: |server: &mut device::Server, now, message: Vec<u8>| {
                let reply = device::Reply {
                    bytes: message,
                    after: Duration::ZERO,
                    then: Then::Stay,
                };
                server.reply(now, reply);
            },
            ..case(move |now| device::Server::new(now, dialect, limits()), said)
        }
    });
    cases.into()
}

fn device_client() -> Vec<Case<Connection>> {
    let dialect = Dialect::by_name("scpi").expect("it is in the list");
    let open = |now| {
        let mut settings = dialect.settings();
        (settings.answer_bytes, settings.queue_length) = (BYTES, 4);
        let mut connection = Connection::new(settings, 1);
        connection.handle_timeout(now);
        connect(&mut connection, now);
        connection
    };
    vec![Case {
        ask: |connection: &mut Connection, now| {
            let query = Dialect::by_name("scpi").and_then(|dialect| dialect.query(b"*IDN?").ok());
            connection.request(now, &query.expect("it can be said")).is_ok()
        },
        asks: 1,
        tend: connect,
        is_connector: true,
        ..case(open, b"NOBODY,1,2,3\n")
    }]
}

fn connect(connection: &mut Connection, now: Instant) {
    while let Some(action) = connection.poll_action() {
        if action == Action::Connect {
            connection.handle_connected(now);
        }
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => vec(any::<u8>(), 0..40).prop_map(Op::Input),
        6 => (any::<usize>(), 1..200usize).prop_map(|(from, length)| Op::Said(from, length)),
        6 => (1..200usize).prop_map(|length| Op::Said(0, length)),
        1 => Just(Op::Input(vec![b'0'; 2 * BYTES])),
        1 => Just(Op::Input(vec![b' '; 2 * BYTES])),
        2 => Just(Op::Ask),
        6 => (1..500usize).prop_map(Op::Take),
        1 => Just(Op::Timeout),
        1 => (0..20u64).prop_map(|seconds| Op::Wait(Duration::from_secs(seconds))),
        1 => Just(Op::Eof),
        1 => Just(Op::Lost),
        1 => Just(Op::Shutdown),
        2 => any::<bool>().prop_map(Op::Room),
    ]
}

/// Most memory that a walk takes at a time, in bytes.
fn memory<S: Session<Event: Debug>>(case: &Case<S>, ops: &[Op]) -> u64 {
    let mut ended = Ok(());
    // What counts does not survive a panic.
    let counted = measure(|| ended = catch_unwind(AssertUnwindSafe(|| walk(case, ops))));
    ended.unwrap_or_else(|panic| resume_unwind(panic));
    counted.bytes_max
}

/// A row: the name of a session, and a function that gives the cases in which it is tested.
macro_rules! sessions {
    ($($session:ident,)*) => {
        $(mod $session {
            use super::*;

            #[test]
            fn every_chunking_gives_the_same() {
                super::$session().iter().for_each(chunks);
            }

            #[test]
            fn every_end_is_the_end() {
                super::$session().iter().for_each(ends);
            }

            #[test]
            fn input_that_nobody_answers_is_bounded() {
                super::$session().iter().for_each(unanswered);
            }

            #[test]
            fn output_that_nobody_reads_is_bounded() {
                super::$session().iter().for_each(unread);
            }

            proptest! {
                #[test]
                fn anything_may_happen(ops in vec(op(), 0..40)) {
                    for case in super::$session() {
                        let used = memory(&case, &ops);
                        prop_assert!(used < MEMORY, "{used} bytes");
                    }
                }
            }
        })*
    };
}

sessions! {
    open_server,
    open_client,
    obe_server,
    obe_client,
    zeiss_server,
    zeiss_client,
    pymodaq_server,
    pymodaq_client,
    pymodaq_controller,
    device_server,
    device_client,
}
