//! Bytes captured from real programs.

use super::*;

const SETTINGS: &str =
    "<Settings type=\"group\" title=\"Settings\" visible=\"1\" removable=\"0\" readonly=\"0\" />";

#[test]
fn captured_identifications_are_understood_at_every_split() {
    let settings: String = SETTINGS.bytes().map(|byte| format!("{byte:02x}")).collect();
    let old = hex(&format!(
        "00000007 47524142424552 00000005 496e666f73 00000051 {settings}"
    ));
    let g4 = hex(&format!(
        "00000012 00000003737472 00000007 47524142424552 00000010 00000003737472 00000005 496e666f73
         0000005e 00000005 6279746573 00000051 {settings}"
    ));
    for (bytes, generation) in [(old, None), (g4, Some(Generation::G4))] {
        for piece in 1..=bytes.len() {
            let (events, closed) = server_reads(Recognition::default(), &bytes, piece);
            let expected = [
                ServerEvent::Module {
                    kind: ModuleKind::Grabber,
                    generation,
                    address: "here".into(),
                },
                ServerEvent::Report(Report::Infos(SETTINGS.into())),
                ServerEvent::Leaving(CloseReason::PeerClosed("without Quit")),
            ];
            assert_eq!(events, expected);
            assert_eq!(closed, Some(CloseReason::PeerClosed("without Quit")));
        }
    }
}

#[test]
fn a_captured_grab_is_recognised_as_its_generation() {
    let captures = [
        ("3.6.13", Generation::G2, Recognition::default()),
        ("4.1.5", Generation::G3a, Recognition::default()),
        ("4.2.5", Generation::G3b, Recognition::default()),
        ("4.3.7", Generation::G3b, Recognition::default()),
        ("4.4.11", Generation::G3c, Recognition::default()),
        ("5.1.12", Generation::G4, Recognition::default()),
    ];
    for (version, generation, recognition) in captures {
        let captured = golden::pymodaq(version);
        let find = |name: &str| {
            captured
                .iter()
                .find(|(key, _)| key == name)
                .and_then(|(_, bytes)| bytes.clone())
        };
        let done = find("Done+list (send_data)")
            .or_else(|| Some([find("str \"Done\"")?, find("DataToExport 1x0D")?].concat()));
        let mut bytes = hex("00000007 47524142424552");
        if generation == Generation::G4 {
            bytes = hex("00000012 00000003737472 00000007 47524142424552");
        }
        bytes.extend(done.unwrap());
        for piece in 1..=bytes.len() {
            let (events, _) = server_reads(recognition, &bytes, piece);
            let settled = events.iter().rev().find_map(|event| match event {
                ServerEvent::Module { generation, .. } => *generation,
                ServerEvent::Generation(generation) => Some(*generation),
                _ => None,
            });
            assert_eq!(settled, Some(generation), "{version}");
            let data = events.iter().find_map(|event| match event {
                ServerEvent::Report(Report::Done(data)) => Some(data),
                _ => None,
            });
            let values: Vec<_> = data
                .unwrap()
                .arrays()
                .flat_map(NdArray::values)
                .flatten()
                .collect();
            let expected: &[f64] = if version == "3.6.13" {
                &[1.0, 2.0, 3.0]
            } else {
                &[1.5]
            };
            assert_eq!(values, expected, "{version}");
        }
    }
}

#[test]
fn captured_orders_have_the_same_bytes() {
    let position = || DataWithAxes::actuator("act", 1_700_000_000.5, 12.5, "");
    let captured = |version, name| {
        golden::pymodaq(version)
            .into_iter()
            .find(|(key, _)| key == name)
            .and_then(|(_, bytes)| bytes)
            .unwrap()
    };
    let actuator = |version| captured(version, "DataActuator 12.5");
    let move_abs = hex("00000008 6d6f76655f616273");
    let cases = [
        (
            Generation::G3c,
            Order::Grab(DataDim::Data0D),
            hex("0000000c 53656e642044617461203044"),
        ),
        (
            Generation::G2,
            Order::MoveAbs(position()),
            hex("00000008 6d6f76655f616273 00000003 3c6638 00000008 0000000000002940"),
        ),
        (
            Generation::G2,
            Order::MoveHome,
            hex("00000009 6d6f76655f686f6d65"),
        ),
        (
            Generation::G3c,
            Order::GetActuatorValue,
            hex("00000012 6765745f6163747561746f725f76616c7565"),
        ),
        (
            Generation::G3c,
            Order::StopMotion,
            hex("0000000b 73746f705f6d6f74696f6e"),
        ),
        (
            Generation::G3a,
            Order::MoveAbs(position()),
            [move_abs.clone(), actuator("4.1.5")].concat(),
        ),
        (
            Generation::G3c,
            Order::MoveAbs(position()),
            [move_abs, actuator("4.4.11")].concat(),
        ),
        (
            Generation::G4,
            Order::MoveAbs(position()),
            [
                hex("00000013 00000003 737472 00000008 6d6f76655f616273"),
                actuator("5.1.12"),
            ]
            .concat(),
        ),
    ];
    for (generation, order, expected) in cases {
        let mut server = server(Recognition::Fixed(generation));
        let identification = match generation {
            Generation::G4 => hex("00000013 00000003737472 00000008 4143545541544f52"),
            _ => hex("00000008 4143545541544f52"),
        };
        server.handle_input(NOW, &identification);
        server.reply(NOW, Instruction::Order(order));
        assert_eq!(server.transmit(), expected, "{generation}");
    }
}

#[test]
fn captured_reports_have_the_same_bytes() {
    let exposure =
        "<exposure type=\"float\" title=\"Exp\" visible=\"1\" removable=\"0\" readonly=\"0\">0.1</exposure>";
    let xml: String = exposure.bytes().map(|byte| format!("{byte:02x}")).collect();
    let cases = [
        (
            Report::Info {
                name: "temp".into(),
                value: "42.5".into(),
            },
            hex("00000004 496e666f 00000004 74656d70 00000004 34322e35"),
        ),
        (
            Report::InfoXml {
                path: path(&["settings", "exposure"]),
                xml: exposure.into(),
            },
            hex(&format!(
                "00000008 496e666f5f786d6c 00000002 00000006 737472696e67 00000008 73657474696e6773
                 00000006 737472696e67 00000008 6578706f73757265 00000058 {xml}"
            )),
        ),
    ];
    for (report, expected) in cases {
        let mut client = Client::new(
            NOW,
            &Limits::default(),
            Generation::G3c,
            ModuleKind::Grabber,
            "",
            None,
        );
        let identification = client.transmit().len();
        client.reply(NOW, report);
        assert_eq!(client.transmit()[identification..], expected);
    }
}
