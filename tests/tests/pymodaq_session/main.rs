//! PyMoDAQ's two sides against each other over unreliable links, and against bytes from real programs.
#![allow(clippy::unwrap_used, reason = "the helpers of these tests")]

mod captured;
mod generations;

use std::sync::Arc;
use std::time::Duration;

use labwire_core::pymodaq::{
    Axis, Client, Controller, DataClass, DataDim, DataToExport, DataWithAxes, ERROR, Generation, Instruction,
    Limits, ModuleKind, NO_REQUEST, NdArray, Object, Order, Origin, Recognition, Report, Server, ServerEvent,
};
use labwire_core::session::{CloseReason, Event, Responder, Session, Timer, TransmitState};
use labwire_core::time::Instant;
use labwire_tests::golden;
use labwire_tests::sim::{Pair, Weather};

const NOW: Instant = Instant::ZERO;
const XML: &str = "<Settings type=\"group\"><exposure type=\"float\">0.1</exposure></Settings>";

fn server(recognition: Recognition) -> Server {
    let origin = Origin {
        address: "here".into(),
        may_control: true,
    };
    Server::new(NOW, &Limits::default(), recognition, origin)
}

type Modaq = Pair<Client, Server>;

fn pair(generation: Generation, recognition: Recognition, kind: ModuleKind, weather: Weather) -> Modaq {
    let limits = Limits::default();
    Pair::new(
        Client::new(NOW, &limits, generation, kind, XML, None),
        server(recognition),
        weather,
    )
}

fn automatic(generation: Generation) -> Recognition {
    match generation {
        Generation::G1 => Recognition::Fixed(Generation::G1),
        _ => Recognition::default(),
    }
}

fn run(pair: &mut Modaq) {
    while pair.step() {}
}

fn image() -> DataToExport {
    let pixels: Vec<u16> = (0..48 * 64).collect();
    let pixels = NdArray::from_elements(&[48, 64], &pixels).unwrap();
    let mut image = DataWithAxes::new(DataClass::DataFromPlugins, "camera", 1.5, vec![pixels]);
    image.axes = vec![Axis::new("x", "mm", NdArray::vector(&[0.5f64; 64]), 1)];
    DataToExport::new("frame", 1.5, vec![image])
}

fn path(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Every message of a server, in a form that every generation carries.
fn orders() -> Vec<Order> {
    let position = |value| DataWithAxes::actuator("", 0.0, value, "");
    vec![
        Order::Grab(DataDim::Data0D),
        Order::Grab(DataDim::Data1D),
        Order::Grab(DataDim::Data2D),
        Order::Grab(DataDim::DataND),
        Order::MoveAbs(position(12.5)),
        Order::MoveRel(position(-0.25)),
        Order::MoveHome,
        Order::StopMotion,
        Order::GetActuatorValue,
        Order::CheckPosition,
        Order::SetInfo {
            path: path(&["settings", "exposure"]),
            xml: "<exposure>2</exposure>".into(),
        },
        Order::Other("Status".into()),
    ]
}

/// Every message of a module, in a form that the generation carries.
fn reports(generation: Generation) -> Vec<Report> {
    let position = |value| DataWithAxes::actuator("", 0.0, value, "");
    let mut reports = vec![
        Report::PositionIs(position(12.5)),
        Report::Info {
            name: "temperature".into(),
            value: "42.5".into(),
        },
        Report::InfoXml {
            path: path(&["settings", "exposure"]),
            xml: "<exposure>2</exposure>".into(),
        },
        Report::MoveDone(position(-3.0)),
        Report::Other("Status".into()),
        Report::Infos(XML.into()),
    ];
    if generation.has_data_objects() {
        reports.push(Report::Done(Arc::new(image())));
    } else {
        let arrays = vec![
            NdArray::vector(&[1.0, 2.0]),
            NdArray::from_elements(&[2, 3], &[1u8; 6]).unwrap(),
        ];
        let data = DataWithAxes::new(DataClass::DataRaw, "", 0.0, arrays);
        reports.push(Report::Done(Arc::new(DataToExport::new("", 0.0, vec![data]))));
    }
    if generation.has_axis_reports() {
        let axis = |index| Axis::new("pixels", "", NdArray::vector(&[1.0, 2.0]), index);
        reports.extend([Report::XAxis(axis(1)), Report::YAxis(axis(0))]);
    }
    reports
}

#[test]
fn every_message_arrives_in_any_weather_and_any_generation() {
    for seed in 0..100 {
        for generation in Generation::ALL {
            let weather = Weather::random(seed);
            let mut pair = pair(generation, automatic(generation), ModuleKind::Grabber, weather);
            run(&mut pair);
            let Some(ServerEvent::Module {
                generation: guess, ..
            }) = pair.b.events.pop_front()
            else {
                panic!("{:?}", pair.b.closed)
            };
            assert_eq!(
                pair.b.events.pop_front(),
                Some(ServerEvent::Report(Report::Infos(XML.into())))
            );

            for report in reports(generation) {
                pair.a.session.reply(pair.now, report);
            }
            run(&mut pair);
            let mut expected: Vec<_> = reports(generation).into_iter().map(ServerEvent::Report).collect();
            match guess {
                Some(guess) => assert_eq!(guess, generation),
                // Nothing in the bytes of 4.0 differs from those before.
                None if generation == Generation::G2b => {
                    expected.insert(0, ServerEvent::Generation(Generation::G2));
                }
                None => expected.insert(0, ServerEvent::Generation(generation)),
            }
            assert_eq!(
                Vec::from(std::mem::take(&mut pair.b.events)),
                expected,
                "{generation} seed {seed}"
            );

            for order in orders() {
                pair.b.session.reply(pair.now, Instruction::Order(order));
            }
            run(&mut pair);
            let expected = orders();
            assert_eq!(
                Vec::from(std::mem::take(&mut pair.a.events)),
                expected,
                "{generation} seed {seed}"
            );

            pair.a.session.handle_shutdown(pair.now);
            run(&mut pair);
            assert_eq!(pair.b.closed, Some(CloseReason::Finished));
            assert_eq!(
                pair.b.events,
                [
                    ServerEvent::Report(Report::Quit),
                    ServerEvent::Leaving(CloseReason::Finished)
                ]
            );
            assert_eq!(pair.a.closed, Some(CloseReason::Shutdown));
        }
    }
}

/// Large arrays are sent from their own memory, between buffered bytes.
#[test]
fn large_and_small_arrays_arrive_in_their_order() {
    for seed in 0..10 {
        for generation in [Generation::G2, Generation::G3c, Generation::G4] {
            let weather = Weather::random(seed);
            let mut pair = pair(generation, automatic(generation), ModuleKind::Grabber, weather);
            let array = |length: usize| NdArray::vector(&vec![length as u16; length]);
            let arrays = vec![array(20_000), array(3), array(0), array(16_384), array(17_000)];
            let sent = DataWithAxes::new(DataClass::DataRaw, "", 0.0, arrays);
            let sent = Arc::new(DataToExport::new("", 0.0, vec![sent]));
            let info = Report::Info {
                name: "number".into(),
                value: "1".into(),
            };
            for report in [
                Report::Done(sent.clone()),
                info.clone(),
                Report::Done(sent.clone()),
            ] {
                pair.a.session.reply(pair.now, report);
            }
            run(&mut pair);
            let mut reports = pair.b.events.iter().filter_map(|event| match event {
                ServerEvent::Report(report) => Some(report),
                _ => None,
            });
            assert_eq!(reports.next(), Some(&Report::Infos(XML.into())));
            let done = Report::Done(sent);
            assert!(reports.eq([&done, &info, &done]), "{generation} seed {seed}");
        }
    }
}

#[test]
fn a_cut_or_half_closed_connection_ends_both_sides_with_a_reason() {
    for seed in 0..300 {
        let is_cut = seed % 2 == 0;
        let after = Some(20 + (seed as usize * 37) % 7000);
        let weather = Weather {
            cut_after: after.filter(|_| is_cut),
            half_close_after: after.filter(|_| !is_cut),
            ..Weather::random(seed)
        };
        let mut pair = pair(
            Generation::G4,
            Recognition::default(),
            ModuleKind::Grabber,
            weather,
        );
        pair.a.session.reply(NOW, Report::Done(Arc::new(image())));
        run(&mut pair);
        assert!(pair.b.closed.is_some(), "seed {seed}");
        assert_eq!(
            pair.b.events.back(),
            pair.b.closed.clone().map(ServerEvent::Leaving).as_ref()
        );
        if is_cut {
            assert_eq!(pair.a.closed, Some(CloseReason::Lost));
        }
    }
}

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// Events and end of a server that reads `bytes` in pieces of `piece`, followed by the end of the stream.
fn server_reads(
    recognition: Recognition,
    bytes: &[u8],
    piece: usize,
) -> (Vec<ServerEvent>, Option<CloseReason>) {
    let mut server = server(recognition);
    for piece in bytes.chunks(piece) {
        server.handle_input(NOW, piece);
    }
    server.handle_eof(NOW);
    let (mut events, mut closed) = (Vec::new(), None);
    while let Some(event) = server.poll_event() {
        match event {
            Event::Application(event) => events.push(event),
            Event::Closed(reason) => closed = Some(reason),
        }
    }
    (events, closed)
}

#[test]
fn what_is_no_module_is_dropped_with_a_reason() {
    let cases: [(&[u8], &str); 7] = [
        (b"\0\0\0\x03FOO", "peer misbehaved: \"FOO\" is not a valid type"),
        (
            b"\0\0\0\x07\xff\xff\xff\xff\xff\xff\xff",
            "peer misbehaved: text that is not UTF-8",
        ),
        (b"GET / HTTP/1.1\r\n", "limit message-bytes of 64 exceeded"),
        (b"\xff\xff\xff\xff\xff", "limit message-bytes of 64 exceeded"),
        (
            b"\0\0\0\x04Quit",
            "peer misbehaved: Quit before an identification",
        ),
        (b"", "peer closed the connection before it said what it is"),
        (
            b"\0\0\0\x0aCONTROLLER",
            "peer misbehaved: \"CONTROLLER\" is not a valid type",
        ),
    ];
    for (bytes, expected) in cases {
        for piece in [1, 100] {
            let (events, closed) = server_reads(Recognition::default(), bytes, piece);
            assert_eq!(closed.clone().unwrap().to_string(), expected);
            assert_eq!(events, [ServerEvent::Leaving(closed.unwrap())]);
        }
    }
}

#[test]
fn silence_is_timed_out_before_and_inside_messages_but_not_between() {
    let later = |seconds| NOW + Duration::from_secs(seconds);
    let mut silent = server(Recognition::default());
    assert_eq!(silent.poll_timeout(), Some((later(30), Timer::RequestTimeout)));
    silent.handle_timeout(later(29));
    assert!(!silent.is_closed());
    silent.handle_timeout(later(30));
    assert_eq!(silent.transmit_state(), TransmitState::Abort);

    let mut module = server(Recognition::default());
    module.handle_input(later(10), b"\0\0\0\x08ACTUATOR");
    assert_eq!(module.poll_timeout(), None);
    module.handle_input(later(1000), b"\0\0\0\x04Inf");
    // Input that trickles in does not postpone the limit.
    module.handle_input(later(1020), b"o");
    assert_eq!(module.poll_timeout(), Some((later(1030), Timer::RequestTimeout)));
    module.handle_timeout(later(1030));
    assert!(module.is_closed());

    let mut client = Client::new(
        NOW,
        &Limits::default(),
        Generation::G2,
        ModuleKind::Actuator,
        "",
        None,
    );
    client.transmitted(NOW, client.transmit().len());
    assert_eq!(client.poll_timeout(), None);
    client.handle_input(later(5), b"\0\0\0\x08move_abs\0\0");
    client.handle_timeout(later(35));
    assert!(client.is_closed());
}

#[test]
fn a_module_that_is_asked_faster_than_it_answers_stops_reading() {
    let mut client = Client::new(
        NOW,
        &Limits::default(),
        Generation::G3c,
        ModuleKind::Grabber,
        "",
        None,
    );
    let order = b"\0\0\0\x0cSend Data 2D";
    let mut orders = 0;
    while client.wants_input() {
        client.handle_input(NOW, order);
        orders += 1;
    }
    assert_eq!(orders, 16);
    client.reply(NOW, Report::Done(Arc::new(image())));
    assert!(client.wants_input());
}

/// Every failed grab is answered too, so that a module never runs out of room for the next.
#[test]
fn a_module_reads_on_after_grabs_that_fail() {
    let limits = Limits::default();
    let mut client = Client::new(NOW, &limits, Generation::G3c, ModuleKind::Grabber, "", None);
    for _ in 0..100 {
        assert!(client.wants_input());
        client.handle_input(NOW, b"\0\0\0\x0cSend Data 2D");
        client.reply(
            NOW,
            Report::Info {
                name: ERROR.into(),
                value: "no light".into(),
            },
        );
        let sent = client.transmit().len();
        client.transmitted(NOW, sent);
    }
    assert!(client.wants_input());
}

#[test]
fn controllers_send_any_object_and_get_any_object() {
    let mut server = server(Recognition::default());
    let mut bytes = hex("00000015 00000003737472 0000000a 434f4e54524f4c4c4552");
    let request = Object::dict([("request", "list".into()), ("id", 1i64.into())]);
    labwire_core::pymodaq::encode(Generation::G4, &request, &mut bytes).unwrap();
    for byte in bytes {
        server.handle_input(NOW, &[byte]);
    }
    assert_eq!(
        server.poll_event(),
        Some(Event::Application(ServerEvent::Controller))
    );
    assert_eq!(
        server.poll_event(),
        Some(Event::Application(ServerEvent::Request(request)))
    );
    server.reply(NOW, Instruction::Answer(Object::None));
    assert_eq!(server.transmit(), hex("0000000c 00000008 4e6f6e6554797065"));
}

#[test]
fn a_controller_that_is_not_admitted_learns_why() {
    let origin = Origin {
        address: "far away".into(),
        may_control: false,
    };
    let mut server = Server::new(NOW, &Limits::default(), Recognition::default(), origin);
    let mut controller = Controller::new(NOW, &Limits::default());
    server.handle_input(NOW, controller.transmit());
    controller.handle_input(NOW, server.transmit());
    let Some(Event::Application(answer)) = controller.poll_event() else {
        panic!("no answer");
    };
    assert_eq!(answer.id, NO_REQUEST);
    let why = answer.result.expect_err("a refusal");
    assert!(
        why.starts_with("controllers are not admitted from there"),
        "{why}"
    );
    assert!(server.is_closed());
    assert_eq!(server.transmit_state(), TransmitState::CloseAfterLinger);
}
