//! Generations told apart by the bytes of modules and controllers.

use super::*;

/// Bytes of a module that identifies itself and sends these reports.
fn sent_by(generation: Generation, reports: &[Report]) -> Vec<u8> {
    let limits = Limits::default();
    let mut client = Client::new(NOW, &limits, generation, ModuleKind::Grabber, XML, None);
    for report in reports {
        client.reply(NOW, report.clone());
    }
    let mut bytes = Vec::new();
    while !client.transmit().is_empty() {
        let piece = client.transmit().to_vec();
        client.transmitted(NOW, piece.len());
        bytes.extend(piece);
    }
    bytes
}

/// Data with and without what tells the generations of g3 apart, in a form that all of them carry.
fn telling_data(seed: u32) -> DataToExport {
    let data = |has: u32| {
        let mut data = DataWithAxes::new(
            [DataClass::DataRaw, DataClass::DataFromPlugins][(has & 1) as usize],
            ["raw", "d", "", "Data0D"][(has >> 1 & 3) as usize],
            1.5,
            vec![NdArray::vector(&[1.0, 2.0])],
        );
        if has & 8 != 0 {
            data.axes = vec![Axis::new("x", "mm", NdArray::vector(&[0.5, 1.0]), 0)];
        }
        if has & 16 != 0 {
            data.extra_attributes = vec![("do_plot".into(), 1.0.into()), ("raw".into(), "Data1D".into())];
        }
        data
    };
    let items = (0..seed >> 10 & 3).map(|index| data(seed.rotate_right(5 * index)));
    DataToExport::new("frame", 1.5, items.collect())
}

#[test]
fn the_generations_from_4_1_to_4_4_are_told_apart_by_their_data() {
    for seed in (0..1 << 12).step_by(11) {
        let data = telling_data(seed);
        for generation in [Generation::G3a, Generation::G3b, Generation::G3c] {
            // The name of the units would be a source in 4.2.
            let mut data = data.clone();
            let has_units = generation == Generation::G3c && seed & 32 != 0;
            for item in data.data.iter_mut().filter(|_| has_units) {
                item.units = "raw".into();
            }
            let reports = [
                Report::Done(Arc::new(data.clone())),
                Report::Info {
                    name: "a".into(),
                    value: "b".into(),
                },
                Report::Done(Arc::new(data.clone())),
                Report::Quit,
            ];
            let bytes = sent_by(generation, &reports);
            for piece in [1, 7, bytes.len()] {
                let (events, closed) = server_reads(Recognition::Automatic, &bytes, piece);
                let told: Vec<_> = events
                    .iter()
                    .filter_map(|event| match event {
                        ServerEvent::Generation(generation) => Some(*generation),
                        _ => None,
                    })
                    .collect();
                // A container without data says nothing.
                let expected = (!data.data.is_empty()).then_some(generation);
                assert_eq!(
                    told,
                    Vec::from_iter(expected),
                    "{seed} {generation} {piece} {closed:?}"
                );
                let found = events.into_iter().filter_map(|event| match event {
                    ServerEvent::Report(report) => Some(report),
                    _ => None,
                });
                assert!(found.skip(1).eq(reports.clone()), "{seed} {generation} {piece}");
                assert_eq!(closed, Some(CloseReason::Finished));
            }
        }
    }
}

/// Data of 4.1 without attributes are the beginning of data of 4.2.
#[test]
fn what_may_be_complete_is_complete_after_a_while() {
    let position = Report::PositionIs(DataWithAxes::actuator("", 1.5, 12.5, ""));
    let done = Report::Done(Arc::new(DataToExport::new(
        "frame",
        1.5,
        vec![DataWithAxes::new(
            DataClass::DataRaw,
            "d",
            1.5,
            vec![NdArray::vector(&[1.0])],
        )],
    )));
    let events = |server: &mut Server| -> Vec<ServerEvent> {
        std::iter::from_fn(|| server.poll_event())
            .filter_map(|event| match event {
                Event::Application(event) => Some(event),
                Event::Closed(_) => None,
            })
            .collect()
    };
    for report in [position, done] {
        let wait = Limits::default().recognition_time;
        let old = sent_by(Generation::G3a, std::slice::from_ref(&report));
        let mut server = server(Recognition::Automatic);
        server.handle_input(NOW, &old);
        assert_eq!(events(&mut server).len(), 2, "the module, and its settings");
        let (due, timer) = server.poll_timeout().unwrap();
        assert_eq!((due, timer), (NOW + wait, Timer::Other("recognition-time")));
        server.handle_timeout(NOW + wait / 2);
        assert_eq!(events(&mut server), []);
        server.handle_timeout(due);
        let first = [
            ServerEvent::Generation(Generation::G3a),
            ServerEvent::Report(report.clone()),
        ];
        assert_eq!(events(&mut server), first);
        // Once known, nothing is waited for.
        let again = sent_by(Generation::G3a, std::slice::from_ref(&report));
        let again = again.split_at(sent_by(Generation::G3a, &[]).len()).1;
        server.handle_input(due, again);
        assert_eq!(events(&mut server), [ServerEvent::Report(report.clone())]);
        assert_eq!(server.poll_timeout(), None);

        let new = sent_by(Generation::G3b, std::slice::from_ref(&report));
        let (head, tail) = new.split_at(new.len() - 4);
        let mut server = self::server(Recognition::Automatic);
        server.handle_input(NOW, head);
        assert_eq!(events(&mut server).len(), 2);
        server.handle_input(NOW + wait / 2, tail);
        let first = [
            ServerEvent::Generation(Generation::G3b),
            ServerEvent::Report(report),
        ];
        assert_eq!(events(&mut server), first);
    }
}

/// Controllers and modules of g4 are recognised by their first bytes, whatever generation a server was told.
#[test]
fn g4_is_seen_whatever_was_expected() {
    let kind = [
        "00000012 00000003737472 00000007 47524142424552",
        "00000015 00000003737472 0000000a 434f4e54524f4c4c4552",
    ];
    for generation in Generation::ALL {
        let first = kind.map(|bytes| {
            server_reads(Recognition::Fixed(generation), &hex(bytes), 1)
                .0
                .remove(0)
        });
        let module = ServerEvent::Module {
            kind: ModuleKind::Grabber,
            generation: Some(Generation::G4),
            address: "here".into(),
        };
        assert_eq!(first, [module, ServerEvent::Controller], "{generation}");
    }
}
