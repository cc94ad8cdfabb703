//! A registry with instruments, controllers and strangers, in simulated time.
#![allow(clippy::unwrap_used, reason = "the helpers of these tests")]

use std::time::Duration;

use labwire_core::pymodaq::{
    Answer, Command, ControlAnswer, ControlRequest, DataDim, Generation, ModuleKind, NdArray, Order, Report,
};
use labwire_core::service::module::{Hardware, Instrument, ModuleSettings};
use labwire_core::service::registry::{ModuleState, OperationError, Outcome, RegistrySettings};
use labwire_core::service::{ConnectionId, Service};
use labwire_core::session::{CloseReason, Timer};
use labwire_core::simulate::{Camera, NoiseMeter, Spectrometer, Stage};
use labwire_core::time::Instant;
use labwire_tests::lab::Lab;

fn named(name: &str, generation: Generation) -> ModuleSettings {
    let mut config = ModuleSettings::default();
    config.generation = generation;
    config.name = Some(name.to_owned());
    config
}

fn camera() -> Hardware {
    Hardware::Grabber(Box::new(Camera::new(1, 40, 30)))
}

fn stage() -> Hardware {
    Hardware::Actuator(Box::new(Stage::new()))
}

/// Module without labwire's extensions: `GRABBER` or `ACTUATOR`, in the form up to g3.
fn stranger(lab: &mut Lab, kind: &str) -> ConnectionId {
    let mut bytes = (kind.len() as u32).to_be_bytes().to_vec();
    bytes.extend(kind.as_bytes());
    let id = lab.connect_stranger(&bytes);
    lab.received(id);
    id
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_be_bytes(), text.as_bytes()].concat()
}

/// `Done` with one curve, as g2 sends it.
fn done(values: &[f64]) -> Vec<u8> {
    let mut bytes = [text("Done"), vec![0, 0, 0, 1], text("array"), text("<f8")].concat();
    bytes.extend((8 * values.len() as u32).to_be_bytes());
    bytes.extend([0, 0, 0, 1]);
    bytes.extend((values.len() as u32).to_be_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// `position_is` or `move_done` as g2 sends it.
fn position(command: &str, value: f64) -> Vec<u8> {
    [
        text(command),
        text("<f8"),
        vec![0, 0, 0, 8],
        value.to_le_bytes().to_vec(),
    ]
    .concat()
}

fn values(outcome: &Outcome) -> Vec<f64> {
    match outcome {
        Ok(Answer::Data(data)) => data.arrays().flat_map(NdArray::values).flatten().collect(),
        other => panic!("{other:?}"),
    }
}

fn place(outcome: &Outcome) -> f64 {
    match outcome {
        Ok(Answer::Position { value, .. }) => *value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn grabs_moves_and_settings_work_in_every_generation() {
    for generation in Generation::ALL {
        // Nothing in the bytes of 1.6 tells it from its successors.
        if generation == Generation::G1 {
            continue;
        }
        let mut lab = Lab::new(RegistrySettings::default());
        lab.connect_instrument(
            Hardware::Grabber(Box::new(NoiseMeter::new(1))),
            named("meter", generation),
        );
        lab.connect_instrument(
            Hardware::Grabber(Box::new(Spectrometer::new(1))),
            named("spectrum", generation),
        );
        lab.connect_instrument(camera(), named("camera", generation));
        lab.connect_instrument(stage(), named("stage", generation));

        assert_eq!(
            values(&lab.run("meter", Command::Grab(Some(DataDim::Data0D)))).len(),
            1
        );
        assert_eq!(values(&lab.run("spectrum", Command::Grab(None))).len(), 1024);
        let image = lab.run("camera", Command::Grab(None));
        let Ok(Answer::Data(image)) = image else {
            panic!("{image:?}")
        };
        assert_eq!(image.data[0].data[0].shape(), [30, 40]);
        let mut axes: Vec<_> = image.data[0]
            .axes
            .iter()
            .map(|axis| (axis.index, axis.label.as_str()))
            .collect();
        axes.sort_unstable();
        // A server of 4.0 would drop a detector that sends them.
        let sent: &[_] = if generation == Generation::G2b {
            &[]
        } else {
            &[(0, "y"), (1, "x")]
        };
        assert_eq!(axes, sent);

        assert!((place(&lab.run("stage", Command::MoveAbs(12.5))) - 12.495).abs() < 1e-9);
        assert!((place(&lab.run("stage", Command::MoveRel(-2.5))) - 10.0).abs() < 1e-9);
        assert!((place(&lab.run("stage", Command::Home)) - 0.005).abs() < 1e-9);
        assert!((place(&lab.run("stage", Command::Position)) - 0.005).abs() < 1e-9);
        let beyond = lab.run("stage", Command::MoveAbs(51.0));
        let refused = "51 mm is beyond the limits -50 and 50 mm".to_owned();
        assert_eq!(beyond, Err(OperationError::Refused(refused)));

        let set = |value: &str| Command::Set {
            path: vec!["velocity".into()],
            value: value.into(),
        };
        assert_eq!(lab.run("stage", set("5")), Ok(Answer::Set { confirmed: true }));
        let settings = lab.registry().module("stage").unwrap().settings().unwrap();
        assert_eq!(settings.value(&["velocity"]).unwrap(), "5");
        assert_eq!(
            lab.run("stage", set("fast")).unwrap_err().to_string(),
            "\"fast\" is not a value for velocity (type float)"
        );
        // The module refuses a value that its type would allow, and keeps the old one.
        assert_eq!(lab.run("stage", set("-5")), Ok(Answer::Set { confirmed: false }));
        let module = lab.registry().module("stage").unwrap();
        assert_eq!(
            (module.generation(), module.kind()),
            (
                // A module of 4.0 sends the same bytes as those before.
                Some(if generation == Generation::G2b {
                    Generation::G2
                } else {
                    generation
                }),
                ModuleKind::Actuator
            )
        );
    }
}

/// Real servers send the path below the root; the documented form includes a name for the root.
#[test]
fn an_instrument_takes_the_path_of_a_setting_with_and_without_the_root() {
    let now = Instant::ZERO;
    let mut instrument = Instrument::new(stage(), named("stage", Generation::G3c));
    for (value, names) in [("5", &["velocity"][..]), ("6", &["settings", "velocity"])] {
        let xml = format!("<velocity type=\"float\">{value}</velocity>");
        let path = names.iter().map(|&name| name.to_owned()).collect();
        let order = Order::SetInfo {
            path,
            xml: xml.clone(),
        };
        instrument.handle_request(now, ConnectionId(1), order);
        let path = vec!["settings".to_owned(), "velocity".to_owned()];
        let report = Report::InfoXml { path, xml };
        assert_eq!(instrument.poll_reply(), Some((ConnectionId(1), report)));
    }
    for names in [vec![], vec!["settings".to_owned()], vec!["speed".to_owned()]] {
        let order = Order::SetInfo {
            path: names,
            xml: "<velocity>1</velocity>".into(),
        };
        instrument.handle_request(now, ConnectionId(1), order);
        let Some((_, Report::Info { name, .. })) = instrument.poll_reply() else {
            panic!("it is refused")
        };
        assert_eq!(name, "error");
    }
}

#[test]
fn a_running_move_can_be_stopped() {
    let mut lab = Lab::new(RegistrySettings::default());
    lab.connect_instrument(stage(), named("stage", Generation::G4));
    let moving = lab.submit("stage", Command::MoveAbs(40.0));
    lab.wait(Duration::from_secs(1));
    assert_eq!(
        lab.registry().module("stage").unwrap().state(),
        ModuleState::Moving
    );
    assert_eq!(
        lab.run("stage", Command::MoveAbs(0.0)),
        Err(OperationError::Moving)
    );
    let stopped = place(&lab.run("stage", Command::Stop));
    assert!((stopped - 9.995).abs() < 1e-6, "{stopped}");
    assert_eq!(lab.outcome(moving), Some(&Err(OperationError::Stopped(stopped))));
    assert_eq!(lab.registry().module("stage").unwrap().state(), ModuleState::Idle);
    assert!((place(&lab.run("stage", Command::MoveAbs(0.0)))).abs() < 0.01);
}

#[test]
fn a_stage_that_does_not_report_the_end_of_a_stopped_move_is_asked_until_it_stands() {
    let mut lab = Lab::new(RegistrySettings::default());
    let id = stranger(&mut lab, "ACTUATOR");
    lab.send(id, &position("position_is", 0.0));
    let moving = lab.submit("10.0.0.0:1", Command::MoveAbs(40.0));
    lab.received(id);
    let stop = lab.submit("10.0.0.0:1", Command::Stop);
    assert_eq!(
        lab.received(id),
        [text("stop_motion"), text("get_actuator_value")].concat()
    );
    for value in [5.0, 5.5, 5.6, 5.6] {
        assert_eq!(lab.outcome(stop), None);
        lab.send(id, &position("position_is", value));
        lab.wait(Duration::from_millis(100));
    }
    assert_eq!(place(lab.outcome(stop).unwrap()), 5.6);
    assert_eq!(lab.outcome(moving), Some(&Err(OperationError::Stopped(5.6))));
}

/// A position is a number up to 4.0, and an object of three kinds from 4.1 on: until the module has shown which, none is
/// sent to it.
#[test]
fn a_move_waits_for_what_tells_its_form() {
    let asked = text("get_actuator_value");
    let mut lab = Lab::new(RegistrySettings::default());
    let bytes = text("ACTUATOR");
    let id = lab.connect_stranger(&bytes);
    assert_eq!(lab.registry().module("10.0.0.0:1").unwrap().generation(), None);
    let moving = lab.submit("10.0.0.0:1", Command::MoveAbs(40.0));
    assert_eq!(lab.received(id), asked);
    lab.send(id, &position("position_is", 0.0));
    assert_eq!(lab.received(id), position("move_abs", 40.0));
    lab.send(id, &position("move_done", 40.0));
    assert_eq!(place(lab.outcome(moving).unwrap()), 40.0);

    // A module that never tells is none of PyMoDAQ's; it gets numbers.
    let id = lab.connect_stranger(&bytes);
    let moving = lab.submit("10.0.0.1:1", Command::MoveAbs(1.0));
    assert_eq!(lab.received(id), asked);
    lab.wait(RegistrySettings::default().answer_timeout);
    assert_eq!(lab.received(id), position("move_abs", 1.0));

    // Nor is it sent when it was stopped before.
    let id = lab.connect_stranger(&bytes);
    let stopped = lab.submit("10.0.0.2:1", Command::MoveAbs(1.0));
    lab.submit("10.0.0.2:1", Command::Stop);
    lab.send(id, &position("position_is", 0.25));
    let received = lab.received(id);
    assert!(
        !received.windows(8).any(|bytes| bytes == b"move_abs"),
        "{received:?}"
    );
    assert!(lab.outcome(moving).is_none());
    assert!(lab.outcome(stopped).is_none());
}

#[test]
fn every_wait_has_an_end() {
    let mut lab = Lab::new(RegistrySettings::default());
    let id = stranger(&mut lab, "ACTUATOR");
    let seconds = |lab: &Lab| lab.now.as_nanos() as f64 / 1e9;
    assert_eq!(
        lab.run("10.0.0.0:1", Command::Position),
        Err(OperationError::TimedOut(Timer::Other("answer-timeout")))
    );
    assert_eq!(seconds(&lab), 5.0);
    assert_eq!(
        lab.run("10.0.0.0:1", Command::MoveAbs(1.0)),
        Err(OperationError::TimedOut(Timer::Other("move-timeout")))
    );
    assert_eq!(seconds(&lab), 125.0);
    // It may still be moving: the end of another order could be mistaken for that of this one.
    assert_eq!(
        lab.run("10.0.0.0:1", Command::MoveAbs(2.0)),
        Err(OperationError::Moving)
    );
    assert_eq!(
        lab.run("10.0.0.0:1", Command::Stop),
        Err(OperationError::TimedOut(Timer::Other("stop-timeout")))
    );
    lab.send(id, &position("move_done", 1.0));
    let second = lab.submit("10.0.0.0:1", Command::MoveAbs(2.0));
    lab.send(id, &position("move_done", 2.0));
    assert_eq!(place(lab.outcome(second).unwrap()), 2.0);

    let grabber = stranger(&mut lab, "GRABBER");
    let first = lab.submit("10.0.0.1:1", Command::Grab(None));
    lab.wait(Duration::from_secs(30));
    assert_eq!(
        lab.outcome(first),
        Some(&Err(OperationError::TimedOut(Timer::Other("grab-timeout"))))
    );
    // Late data answer no request, and the next grab is ordered only after them.
    lab.received(grabber);
    let second = lab.submit("10.0.0.1:1", Command::Grab(None));
    assert_eq!(lab.received(grabber), b"");
    lab.send(grabber, &done(&[1.0]));
    assert_eq!(lab.received(grabber), text("Send Data 2D"));
    assert_eq!(lab.outcome(second), None);
    lab.send(grabber, &done(&[2.0]));
    assert_eq!(values(lab.outcome(second).unwrap()), [2.0]);

    let third = lab.submit("10.0.0.1:1", Command::Grab(None));
    lab.wait(Duration::from_secs(60));
    assert_eq!(
        lab.outcome(third),
        Some(&Err(OperationError::TimedOut(Timer::Other("grab-timeout"))))
    );
    assert_eq!(
        lab.closed(grabber),
        Some(&CloseReason::PeerMisbehaved(
            "it owes data for twice the grab-timeout".into()
        ))
    );
    assert!(lab.registry().module("10.0.0.1:1").is_none());
}

#[test]
fn data_belong_to_the_module_they_come_from() {
    let mut lab = Lab::new(RegistrySettings::default());
    let (a, b) = (stranger(&mut lab, "GRABBER"), stranger(&mut lab, "GRABBER"));
    let asked = lab.submit("10.0.0.1:1", Command::Grab(None));
    // A answers in B's turn; the real server reads the wrong socket then, and hangs.
    lab.send(a, &done(&[1.0]));
    assert_eq!(lab.outcome(asked), None);
    lab.send(b, &done(&[2.0]));
    assert_eq!(values(lab.outcome(asked).unwrap()), [2.0]);
    assert_eq!(values(&lab.run("10.0.0.0:1", Command::Last)), [1.0]);
    assert_eq!(lab.received(a), b"");
    assert_eq!(lab.registry().module("10.0.0.0:1").unwrap().frames(), 1);
}

/// Settings that are not XML cost the module nothing else, and who asks for them is told what is wrong and where.
#[test]
fn unreadable_settings_are_explained() {
    let mut lab = Lab::new(RegistrySettings::default());
    let id = stranger(&mut lab, "GRABBER");
    let module = "10.0.0.0:1";
    let ask = |lab: &mut Lab, xml: Option<&str>| {
        if let Some(xml) = xml {
            lab.send(id, &[text("Infos"), text(xml)].concat());
        }
        let set = Command::Set {
            path: vec!["a".into()],
            value: "1".into(),
        };
        let told = lab.run(module, Command::Settings).unwrap_err().to_string();
        assert_eq!(lab.run(module, set).unwrap_err().to_string(), told);
        told
    };
    assert_eq!(ask(&mut lab, None), "it has sent no settings");
    for (xml, wrong) in [
        ("", "line 1, column 1: the document does not have a root node"),
        (
            "<S>\n  <a></b>\n</S>",
            "line 2, column 6: expected 'a' tag, not 'b'",
        ),
        ("<S><a>1</S>", "line 1, column 8: expected 'a' tag, not 'S'"),
        (
            "<S><a title=x/></S>",
            "line 1, column 13: expected a quote not 'x'",
        ),
    ] {
        let told = ask(&mut lab, Some(xml));
        assert!(told.contains(wrong), "{told}");
        assert!(
            told.starts_with("what it has sent: the settings are not XML"),
            "{told}"
        );
    }
    lab.send(
        id,
        &[text("Infos"), text("<S><a type=\"int\">1</a></S>")].concat(),
    );
    assert!(lab.run(module, Command::Settings).is_ok());
    let asked = lab.submit(module, Command::Grab(None));
    lab.send(id, &done(&[1.0]));
    assert_eq!(values(lab.outcome(asked).unwrap()), [1.0]);
}

#[test]
fn whoever_goes_costs_no_other_anything() {
    for with_reset in [false, true] {
        let mut lab = Lab::new(RegistrySettings::default());
        lab.connect_instrument(camera(), named("camera", Generation::G4));
        let silent = lab.connect_stranger(b"");
        let garbage = lab.connect_stranger(b"\xff\xfe\xfd\xfc garbage");
        let vanishing = stranger(&mut lab, "GRABBER");
        let name = "10.0.0.3:1";
        let asked = lab.submit(name, Command::Grab(None));
        lab.send(vanishing, &done(&[1.0])[..20]);
        lab.disconnect(vanishing, with_reset);
        let reason = if with_reset {
            CloseReason::Lost
        } else {
            CloseReason::PeerClosed("inside a message")
        };
        assert_eq!(lab.outcome(asked), Some(&Err(OperationError::Gone(reason))));
        assert_eq!(
            lab.run(name, Command::List),
            Err(OperationError::Unknown(name.into()))
        );
        assert!(lab.closed(garbage).is_some());
        assert_eq!(values(&lab.run("camera", Command::Grab(None))).len(), 1200);
        lab.wait(Duration::from_secs(30));
        assert_eq!(
            lab.closed(silent),
            Some(&CloseReason::TimedOut(Timer::RequestTimeout))
        );
        assert_eq!(lab.registry().modules().count(), 1);
    }
}

#[test]
fn grabs_of_one_module_wait_for_each_other_and_are_bounded() {
    let mut config = RegistrySettings::default();
    config.module_queue = 2;
    let mut lab = Lab::new(config);
    let id = stranger(&mut lab, "GRABBER");
    let asked: Vec<_> = (0..4)
        .map(|_| lab.submit("10.0.0.0:1", Command::Grab(None)))
        .collect();
    assert_eq!(lab.outcome(asked[3]), Some(&Err(OperationError::QueueFull(2))));
    assert_eq!(lab.received(id), text("Send Data 2D"));
    for (index, value) in [(0, 1.0), (1, 2.0), (2, 3.0)] {
        lab.send(id, &done(&[value]));
        assert_eq!(values(lab.outcome(asked[index]).unwrap()), [value]);
    }
}

#[test]
fn old_grabbers_axes_are_put_to_their_data() {
    let mut lab = Lab::new(RegistrySettings::default());
    let id = stranger(&mut lab, "GRABBER");
    let array = done(&[0.5, 1.5, 2.5])[4 + 4 + 4 + 4 + 5..].to_vec();
    lab.send(
        id,
        &[text("x_axis"), array, text("wavelength"), text("nm")].concat(),
    );
    lab.submit("10.0.0.0:1", Command::Grab(None));
    lab.send(id, &done(&[1.0, 2.0, 3.0]));
    let data = lab
        .registry()
        .module("10.0.0.0:1")
        .unwrap()
        .last_data()
        .unwrap()
        .clone();
    let axis = &data.data[0].axes[0];
    assert_eq!(
        (axis.label.as_str(), axis.units.as_str(), axis.index),
        ("wavelength", "nm", 0)
    );
    assert_eq!(axis.data.value(1), Some(1.5));
    assert_eq!(data.data[0].name, "10.0.0.0:1");
}

#[test]
fn a_controller_uses_all_modules_at_once() {
    let mut lab = Lab::new(RegistrySettings::default());
    for (name, seed) in [("left", 1), ("right", 2)] {
        let camera = Hardware::Grabber(Box::new(Camera::new(seed, 40, 30)));
        lab.connect_instrument(camera, named(name, Generation::G4));
    }
    lab.connect_instrument(stage(), named("stage", Generation::G3c));
    let dead = stranger(&mut lab, "GRABBER");
    let controller = lab.connect_controller();
    let request = |id, modules: &[&str], command| ControlRequest {
        id,
        modules: modules.iter().map(|&name| name.to_owned()).collect(),
        command,
    };
    lab.request(controller, &request(1, &[], Command::List));
    let [
        ControlAnswer {
            id: 1,
            result: Ok(modules),
        },
    ] = &lab.answers(controller)[..]
    else {
        panic!()
    };
    let names: Vec<_> = modules.iter().map(|module| module.module.as_str()).collect();
    assert_eq!(names, ["left", "right", "stage", "10.0.0.3:1"]);

    // The grab waits for the slowest; the move and the list do not.
    lab.request(controller, &request(2, &[], Command::Grab(None)));
    lab.request(controller, &request(3, &["stage"], Command::MoveAbs(1.0)));
    lab.request(controller, &request(4, &["nobody"], Command::Stop));
    lab.wait(Duration::from_secs(1));
    let answers = lab.answers(controller);
    assert_eq!(answers.iter().map(|answer| answer.id).collect::<Vec<_>>(), [4, 3]);
    let nobody = answers[0].result.as_ref().unwrap()[0]
        .result
        .as_ref()
        .unwrap_err();
    assert_eq!(nobody, "there is no module \"nobody\"");
    lab.disconnect(dead, false);
    let answers = lab.answers(controller);
    let results = answers[0].result.as_ref().unwrap();
    assert!(
        matches!(results[0].result, Ok(Answer::Data(_))) && matches!(results[1].result, Ok(Answer::Data(_)))
    );
    assert_eq!(
        results[2].result.as_ref().unwrap_err(),
        "the module has gone: peer closed the connection without Quit"
    );

    lab.request(
        controller,
        &request(5, &["left"], Command::Rename("right".into())),
    );
    lab.request(
        controller,
        &request(6, &["left"], Command::Rename("upper".into())),
    );
    lab.request(controller, &request(7, &["upper"], Command::Last));
    let answers = lab.answers(controller);
    assert_eq!(
        answers[0].result.as_ref().unwrap()[0]
            .result
            .as_ref()
            .unwrap_err(),
        "another module is called \"right\""
    );
    assert_eq!(answers[1].result.as_ref().unwrap()[0].result, Ok(Answer::Done));
    assert!(matches!(
        answers[2].result.as_ref().unwrap()[0].result,
        Ok(Answer::Data(_))
    ));
}

#[test]
fn a_controller_that_goes_leaves_its_orders_running() {
    let mut lab = Lab::new(RegistrySettings::default());
    lab.connect_instrument(stage(), named("stage", Generation::G4));
    let controller = lab.connect_controller();
    lab.request(
        controller,
        &ControlRequest {
            id: 1,
            modules: vec![],
            command: Command::MoveAbs(10.0),
        },
    );
    lab.disconnect(controller, true);
    lab.wait(Duration::from_secs(2));
    assert_eq!(lab.registry().module("stage").unwrap().state(), ModuleState::Idle);
    assert!((place(&lab.run("stage", Command::Position)) - 9.995).abs() < 1e-9);
}
