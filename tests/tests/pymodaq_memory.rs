//! Memory for images, and for objects with false lengths.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use allocation_counter::measure;
use labwire_core::pymodaq::{
    Client, DataClass, DataToExport, DataWithAxes, Generation, Limits, ModuleKind, NdArray, Origin,
    Recognition, Report, Server, ServerEvent,
};
use labwire_core::session::{Event, Responder, Session};
use labwire_core::time::Instant;

const NOW: Instant = Instant::ZERO;
const SIDE: usize = 1500;
const IMAGE_BYTES: u64 = 2 * (SIDE * SIDE) as u64;

fn server() -> Server {
    let origin = Origin {
        address: "here".into(),
        may_control: false,
    };
    Server::new(NOW, &Limits::default(), Recognition::default(), origin)
}

fn image() -> Report {
    let pixels = NdArray::from_elements(&[SIDE, SIDE], &vec![7u16; SIDE * SIDE]).unwrap();
    let image = DataWithAxes::new(DataClass::DataRaw, "image", 1.5, vec![pixels]);
    Report::Done(Arc::new(DataToExport::new("camera", 1.5, vec![image])))
}

/// All bytes to be sent, in the pieces in which they are offered.
fn transmitted(client: &mut Client, mut take: impl FnMut(&[u8])) {
    while !client.transmit().is_empty() {
        take(client.transmit());
        client.transmitted(NOW, client.transmit().len());
    }
}

#[test]
fn an_image_is_sent_from_where_it_is_and_copied_once_where_it_arrives() {
    for generation in [Generation::G2, Generation::G3c, Generation::G4] {
        let mut client = Client::new(NOW, &Limits::default(), generation, ModuleKind::Grabber, "", None);
        let mut bytes = Vec::with_capacity(IMAGE_BYTES as usize + 4096);
        let report = image();
        let sending = measure(|| {
            client.reply(NOW, report.clone());
            transmitted(&mut client, |piece| bytes.extend_from_slice(piece));
        });
        assert!(sending.bytes_total < IMAGE_BYTES / 100, "{sending:?}");

        let mut server = server();
        let mut last = None;
        let receiving = measure(|| {
            for piece in bytes.chunks(1 << 16) {
                server.handle_input(NOW, piece);
                while let Some(event) = server.poll_event() {
                    last = Some(event);
                }
            }
        });
        // A seventh more, because the buffer grows with the bytes that have arrived.
        assert!(receiving.bytes_total < IMAGE_BYTES * 6 / 5, "{receiving:?}");
        let Some(Event::Application(ServerEvent::Report(Report::Done(data)))) = last else {
            panic!("{last:?}")
        };
        let Report::Done(sent) = report else {
            unreachable!()
        };
        assert!(data.arrays().eq(sent.arrays()));
    }
}

#[test]
fn an_image_without_its_bytes_costs_nothing() {
    let mut client = Client::new(
        NOW,
        &Limits::default(),
        Generation::G4,
        ModuleKind::Grabber,
        "",
        None,
    );
    client.reply(NOW, image());
    let mut bytes = Vec::new();
    transmitted(&mut client, |piece| bytes.extend_from_slice(piece));
    for arrived in [1000, 10_000, 100_000] {
        let peak = measure(|| {
            let mut server = server();
            server.handle_input(NOW, &bytes[..arrived]);
        });
        assert!(peak.bytes_max < 8 * arrived as u64 + (80 << 10), "{peak:?}");
    }
}
