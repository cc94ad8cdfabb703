//! Recorded sessions of all protocols, replayed by the core of this build: equal bytes and events. Calls and events
//! have the form in which `host-wasm/src` passes them to JavaScript. The recordings are those that the page's
//! inspector exports.

use std::cell::RefCell;

use labwire_core::device::{DeviceEvent, Dialect, Health, RequestId};
use labwire_core::limits::SessionLimits;
use labwire_core::obe::ErrorReply;
use labwire_core::open::{Reply, Request};
use labwire_core::pymodaq::{Answer, Command, ControlAnswer, ControlRequest, DataToExport, NdArray};
use labwire_core::python_json;
use labwire_core::session::{Action, Asker, CloseReason, ConnectError, Connector, Event, Session};
use labwire_core::time::Instant;
use labwire_core::{device, obe, open, pymodaq, zeiss};
use serde_json::{Value, json};

const RECORDINGS: [&str; 5] = [
    include_str!("../../corpus/determinism/recordings/open.json"),
    include_str!("../../corpus/determinism/recordings/obe.json"),
    include_str!("../../corpus/determinism/recordings/zeiss.json"),
    include_str!("../../corpus/determinism/recordings/pymodaq.json"),
    include_str!("../../corpus/determinism/recordings/device.json"),
];

#[test]
fn recorded_sessions() {
    for text in RECORDINGS {
        let recording: Value = serde_json::from_str(text).expect("JSON");
        let (args, steps) = (&recording["args"], &recording["steps"]);
        assert!(steps.as_array().is_some_and(|steps| steps.len() > 2));
        match recording["protocol"].as_str().expect("a protocol") {
            "open" => {
                let mut session = match args[1] == true {
                    true => open::Client::kept_open(instant(&args[0]), SessionLimits::default()),
                    false => open::Client::one_shot(SessionLimits::default()),
                };
                replay(&mut session, steps, open_request, no_actions, open_event);
            }
            "obe" => {
                let mut session = obe::Client::new(obe::Limits::default());
                replay(&mut session, steps, obe_request, no_actions, obe_event);
            }
            "zeiss" => {
                let mut session = zeiss::Client::new(zeiss::Transport::Tcp, zeiss::Limits::default());
                let answer = |text| json!({"type": "answer", "text": text});
                replay(&mut session, steps, zeiss_request, no_actions, answer);
            }
            "pymodaq" => {
                let mut session = pymodaq::Controller::new(instant(&args[0]), &pymodaq::Limits::default());
                replay(&mut session, steps, pymodaq_request, no_actions, pymodaq_event);
            }
            "device" => device(args, steps),
            other => panic!("{other}"),
        }
    }
}

/// Replays the steps of a recording: the bytes sent, the events and the actions must be equal.
fn replay<S: Session>(
    session: &mut S,
    steps: &Value,
    call: impl Fn(&mut S, Instant, &str, &Value),
    actions: impl Fn(&mut S) -> Vec<Value>,
    told: impl Fn(S::Event) -> Value,
) {
    let events = |session: &mut S| -> Vec<Value> {
        let events = core::iter::from_fn(|| session.poll_event());
        let written = events.map(|event| match event {
            Event::Application(event) => told(event),
            Event::Closed(reason) => {
                let is_regular = reason == CloseReason::Finished;
                json!({"type": "closed", "isRegular": is_regular, "reason": reason.to_string()})
            }
        });
        written.collect()
    };
    for (number, step) in steps.as_array().expect("a list").iter().enumerate() {
        let now = instant(&step["at"]);
        match step["call"].as_str().expect("a call") {
            "handleInput" => session.handle_input(now, &bytes(&step["args"][0])),
            "handleEof" => session.handle_eof(now),
            "handleLost" => session.handle_lost(now),
            "handleTimeout" => session.handle_timeout(now),
            other => call(session, now, other, &step["args"]),
        }
        let acted = Value::Array(actions(session));
        let mut happened = events(session);
        let mut sent = Vec::new();
        while !session.transmit().is_empty() {
            sent.extend_from_slice(session.transmit());
            session.transmitted(now, session.transmit().len());
        }
        happened.extend(events(session));
        assert_eq!(sent, bytes(&step["sent"]), "step {number}");
        assert_eq!(acted, step["actions"], "step {number}");
        let happened = Value::Array(happened);
        assert!(
            is_same(&happened, &step["events"]),
            "step {number}: {happened} {}",
            step["events"]
        );
    }
}

fn instant(milliseconds: &Value) -> Instant {
    Instant::from_nanos((milliseconds.as_f64().expect("a time") * 1e6) as u64)
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits = value["bytes"].as_str().expect("bytes").as_bytes();
    let pairs = digits.chunks(2).map(|pair| str::from_utf8(pair).expect("digits"));
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).expect("digits"))
        .collect()
}

fn hexadecimal(bytes: &[u8]) -> Value {
    json!({"bytes": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()})
}

/// Numbers with equal bits, whether or not they were written as whole numbers.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64().map(f64::to_bits) == b.as_f64().map(f64::to_bits),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_same(a, b)))
        }
        _ => a == b,
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn no_actions<S>(_: &mut S) -> Vec<Value> {
    Vec::new()
}

fn open_request(session: &mut open::Client, now: Instant, call: &str, args: &Value) {
    let request = match call {
        "ping" => Request::Ping(args[0].as_i64().expect("a number") as i32),
        "run" => Request::Run(serde_json::from_value(args[0].clone()).expect("a request")),
        other => panic!("{other}"),
    };
    session.request(now, &request).expect("it is taken");
}

fn open_event(reply: Reply) -> Value {
    match reply {
        Reply::Pong(number) => json!({"type": "pong", "number": number}),
        Reply::Run(reply) => json!({"type": "run", "reply": reply}),
        Reply::Error(error) => json!({"type": "error", "code": error.code, "message": error.message}),
        other => panic!("{other:?}"),
    }
}

fn obe_request(session: &mut obe::Client, now: Instant, _: &str, args: &Value) {
    let limits = python_json::Limits::default();
    let message = python_json::parse(text(&args[0]).as_bytes(), &limits).expect("JSON");
    session.request(now, &message).expect("it is taken");
}

fn obe_event(reply: python_json::Value) -> Value {
    match ErrorReply::from_value(&reply) {
        Some(error) => json!({"type": "error", "code": error.code, "message": error.message}),
        None => {
            let text = python_json::dumps(&reply);
            json!({"type": "reply", "value": serde_json::from_str::<Value>(&text).expect("finite")})
        }
    }
}

fn zeiss_request(session: &mut zeiss::Client, now: Instant, _: &str, args: &Value) {
    let focal_length = args[2].as_f64().expect("a number");
    let request = zeiss::Request::image(text(&args[0]), text(&args[1]), focal_length).expect("valid");
    session.request(now, &request.to_text()).expect("it is taken");
}

fn pymodaq_request(session: &mut pymodaq::Controller, now: Instant, _: &str, args: &Value) {
    let names = |list: &Value| -> Vec<String> {
        let names = list.as_array().expect("a list").iter();
        names.map(|name| text(name).into()).collect()
    };
    let command = match text(&args[2]) {
        "list" => Command::List,
        "grab" if args[3].is_null() => Command::Grab(None),
        "position" => Command::Position,
        "move_abs" => Command::MoveAbs(text(&args[3]).parse().expect("a number")),
        "settings" => Command::Settings,
        "set" => Command::Set {
            path: names(&args[4]),
            value: text(&args[3]).into(),
        },
        other => panic!("{other}"),
    };
    let request = ControlRequest {
        id: args[0].as_i64().expect("a number"),
        modules: names(&args[1]),
        command,
    };
    session.request(now, &request).expect("it is taken");
}

fn pymodaq_event(answer: ControlAnswer) -> Value {
    let results = answer.result.expect("it was understood");
    let results = results.into_iter().map(|answer| {
        let module = answer.module;
        match answer.result {
            Err(error) => json!({"module": module, "error": error}),
            Ok(Answer::Info(info)) => json!({"module": module, "info": {
                "kind": info.kind, "generation": info.generation, "address": info.address, "state": info.state,
                "frames": info.frames, "last": info.last,
            }}),
            Ok(Answer::Data(data)) => json!({"module": module, "data": module_data(&data)}),
            Ok(Answer::Position { value, units }) => {
                json!({"module": module, "position": value, "units": units})
            }
            Ok(Answer::Settings(xml)) => json!({"module": module, "settings": xml}),
            Ok(Answer::Set { confirmed }) => json!({"module": module, "confirmed": confirmed}),
            Ok(other) => panic!("{other:?}"),
        }
    });
    json!({"type": "answer", "id": answer.id, "results": results.collect::<Value>()})
}

fn module_data(data: &DataToExport) -> Value {
    let numbers = |array: &NdArray| {
        let values = array.values().map(|value| value.expect("a number"));
        json!({"floats": values.collect::<Vec<f64>>()})
    };
    let items = data.data.iter().map(|item| {
        let channels = item.data.iter().zip(&item.labels);
        let channels = channels
            .map(|(array, label)| json!({"label": label, "shape": array.shape(), "values": numbers(array)}));
        let axes = item.axes.iter().map(|axis| {
            json!({"label": axis.label, "units": axis.units, "index": axis.index, "values": numbers(&axis.data)})
        });
        let (channels, axes): (Value, Value) = (channels.collect(), axes.collect());
        json!({"name": item.name, "units": item.units, "channels": channels, "axes": axes})
    });
    items.collect()
}

/// Self-healing connection: it decides when to connect, and is told the outcome.
fn device(args: &Value, steps: &Value) {
    let dialect = Dialect::by_name(text(&args[0])).expect("a dialect");
    let seed = args[1].as_u64().expect("a seed");
    let mut session = device::Connection::new(dialect.settings(), seed);
    // In the order of submission, which is their number in the recording.
    let requests: RefCell<Vec<RequestId>> = RefCell::default();
    let call = |session: &mut device::Connection, now: Instant, call: &str, args: &Value| {
        let request = match call {
            "handleConnected" => return session.handle_connected(now),
            "handleConnectFailed" => {
                return session.handle_connect_failed(now, ConnectError::Other(text(&args[0]).into()));
            }
            "query" => dialect.query(text(&args[0]).as_bytes()),
            "send" => dialect.send(text(&args[0]).as_bytes()),
            other => panic!("{other}"),
        };
        let request = session.request(now, &request.expect("the dialect says it"));
        requests.borrow_mut().push(request.expect("it is taken"));
    };
    let actions = |session: &mut device::Connection| -> Vec<Value> {
        let actions = core::iter::from_fn(|| session.poll_action());
        let written = actions.map(|action| match action {
            Action::Connect => json!("connect"),
            Action::Close => json!("close"),
        });
        written.collect()
    };
    let told = |event: DeviceEvent| match event {
        DeviceEvent::Health(Health::Degraded { cause, unconfirmed }) => {
            json!({"type": "degraded", "cause": cause.to_string(), "unconfirmed": unconfirmed})
        }
        DeviceEvent::Health(Health::Restored { after }) => {
            json!({"type": "restored", "afterMs": after.as_secs_f64() * 1e3})
        }
        DeviceEvent::Unasked(bytes) => json!({"type": "unasked", "bytes": hexadecimal(&bytes)}),
        DeviceEvent::Finished { id, result } => {
            let id = requests.borrow().iter().position(|request| *request == id);
            let answer = result.expect("an answer");
            json!({"type": "finished", "id": id, "answer": hexadecimal(dialect.payload(&answer))})
        }
    };
    replay(&mut session, steps, call, actions, told);
}
