//! Suite of a host's ZEISS INSPECT server on real TCP sockets: each function is one test.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use labwire_core::limits::HostLimits;
use labwire_core::service::Permission;
use labwire_core::service::importer::service;
use labwire_core::session::{CloseReason, Misuse};
use labwire_core::zeiss::{Limits, Outcome, Request, Transport};
use labwire_host::{NoReply, ZeissClient};

use super::{Ended, Host};
use crate::peer::{End, RawPeer, answer_once, ask};

/// Defines a test for each function of the suite.
#[macro_export]
macro_rules! zeiss_suite {
    ($host:ty) => {
        $crate::zeiss_suite!(
            $host:
            requests_are_answered_and_the_connection_ends,
            the_end_of_the_stream_may_come_anywhere,
            whatever_is_sent_the_server_lives,
            a_slow_import_delays_only_imports,
            clients_that_say_nothing_are_told_why_they_are_dropped,
            requests_of_many_clients_are_done_once_each,
            a_client_reads_to_the_end_of_the_stream,
            a_client_says_why_there_is_no_answer,
            an_import_that_panics_has_failed,
        );
    };
    ($host:ty: $($test:ident),* $(,)?) => {
        mod zeiss {
            use super::*;

            $(
                #[test]
                fn $test() {
                    $crate::host::zeiss::$test::<$host>();
                }
            )*
        }
    };
}

const ELEMENTS: &str = "{\"elements\": {\"file\": \"Pünkte.gxml\", \"import_mode\": \"new_stage\"}}";
const UNREADABLE: &str = "Error: Elements file Pünkte.gxml could not be read.\r\n";
const PATIENCE: Duration = Duration::from_secs(60);
const MALFORMED: &str = "Error: Malformed JSON message.\r\n";

fn start<H: Host>(limits: Limits, import: impl FnMut(&Request) -> Outcome + Send + 'static) -> H {
    H::start(
        service(Transport::Tcp, limits, Permission::Local, import),
        HostLimits::default(),
    )
}

fn unreadable(_: &Request) -> Outcome {
    Outcome::Unreadable
}

/// With Ctrl-D or half-close or both, in any pieces, whatever follows.
pub fn requests_are_answered_and_the_connection_ends<H: Host>() {
    let host = start::<H>(Limits::default(), unreadable);
    let ended = format!("{ELEMENTS}\x04");
    assert_eq!(ask(host.address(), &ended, false), UNREADABLE);
    assert_eq!(ask(host.address(), &ended, true), UNREADABLE);
    assert_eq!(ask(host.address(), ELEMENTS, true), UNREADABLE);
    let garbage = [ended.as_bytes(), &[0x04; 100_000]].concat();
    assert_eq!(ask(host.address(), garbage, true), UNREADABLE);
    let mut peer = RawPeer::connect(host.address());
    for byte in ended.bytes() {
        peer.send([byte]);
    }
    assert_eq!(peer.read_to_end(), UNREADABLE);
    let (by_request, cut) = (false, 0);
    assert_eq!(host.shutdown(), Ended { by_request, cut });
}

/// A half-close after any byte is answered.
pub fn the_end_of_the_stream_may_come_anywhere<H: Host>() {
    let host = start::<H>(Limits::default(), unreadable);
    for count in 0..ELEMENTS.len() {
        assert_eq!(
            ask(host.address(), &ELEMENTS.as_bytes()[..count], true),
            MALFORMED
        );
    }
    assert_eq!(ask(host.address(), ELEMENTS, true), UNREADABLE);
}

/// Everything that crashes upstream, and worse; other clients are served throughout.
pub fn whatever_is_sent_the_server_lives<H: Host>() {
    let host = start::<H>(Limits::default(), unreadable);
    let nested = "[".repeat(100_000);
    for (bytes, answer) in [
        (&b"{\"image\": \"\xff\"}"[..], MALFORMED),
        (b"\x1a", MALFORMED),
        (b"null", "Error: Unknown request:\nNone\r\n"),
        (
            b"{\"image\": null}",
            "Error: The 'image' request is not an object.\r\n",
        ),
        (nested.as_bytes(), MALFORMED),
        (
            &[b' '; (1 << 20) + 1],
            "Error: Message exceeds the limit message-bytes of 1048576 bytes.\r\n",
        ),
    ] {
        assert_eq!(ask(host.address(), bytes, true), answer);
        for count in [0, bytes.len() / 2, bytes.len()] {
            let mut vanishing = RawPeer::connect(host.address());
            // It may be refused before it is completely sent.
            let _ = vanishing.try_send(&bytes[..count]);
            vanishing.reset();
        }
        assert_eq!(ask(host.address(), ELEMENTS, true), UNREADABLE);
    }
}

/// Two imports wait for each other; requests without an import are answered meanwhile.
pub fn a_slow_import_delays_only_imports<H: Host>() {
    let (go_on, wait) = mpsc::channel::<()>();
    let (begins, begun) = mpsc::channel();
    let host = start::<H>(Limits::default(), move |_| {
        begins.send(()).expect("the test waits");
        match wait.recv() {
            Ok(()) => Outcome::Imported,
            Err(_) => Outcome::Failed,
        }
    });
    let mut peers = [0, 1].map(|_| RawPeer::connect(host.address()));
    for peer in &mut peers {
        peer.send(format!("{ELEMENTS}\x04"));
    }
    begun.recv().expect("one begins");
    for _ in 0..10 {
        assert_eq!(ask(host.address(), "{}", true), "Error: Unknown request:\n{}\r\n");
    }
    go_on.send(()).expect("it waits");
    begun.recv().expect("the other begins");
    go_on.send(()).expect("it waits");
    for mut peer in peers {
        assert_eq!(peer.read_to_end(), "O.k.\r\n");
    }
}

/// Before the first byte, or inside a request.
pub fn clients_that_say_nothing_are_told_why_they_are_dropped<H: Host>() {
    let mut limits = Limits::default();
    limits.session.request_timeout = Duration::from_millis(300);
    let host = start::<H>(limits, unreadable);
    let mut silent = RawPeer::connect(host.address());
    let mut slow = RawPeer::connect(host.address());
    slow.send(&ELEMENTS[..9]);
    for _ in 0..20 {
        assert_eq!(ask(host.address(), ELEMENTS, true), UNREADABLE);
    }
    for peer in [&mut silent, &mut slow] {
        assert!(peer.read_to_end().contains("request-timeout of 300ms"));
    }
}

/// Nothing is lost or done twice between simultaneous clients, where upstream resets them.
pub fn requests_of_many_clients_are_done_once_each<H: Host>() {
    let (done, requests) = mpsc::channel();
    let host = start::<H>(Limits::default(), move |request| {
        done.send(request.file().clone()).expect("the test waits");
        Outcome::Imported
    });
    let address = host.address();
    thread::scope(|scope| {
        for client in 0..8 {
            scope.spawn(move || {
                for round in 0..20 {
                    let request = Request::image(&format!("{client}/{round}"), "s", 50.0).expect("valid");
                    assert_eq!(ask(address, request.to_text(), true), "O.k.\r\n");
                }
            });
        }
    });
    drop(host);
    let mut files: Vec<_> = requests.try_iter().map(|file| format!("{file:?}")).collect();
    assert_eq!(files.len(), 160);
    files.sort_unstable();
    files.dedup();
    assert_eq!(files.len(), 160);
}

/// Reads past line feeds in the answer, over one connection per request.
pub fn a_client_reads_to_the_end_of_the_stream<H: Host>() {
    let host = start::<H>(Limits::default(), unreadable);
    let address = host.address();
    let ask = async |text: &str| {
        let client = ZeissClient::connect::<H::Runtime>(address, PATIENCE, Limits::default()).await;
        client.expect("the server listens").ask(text.to_owned()).await
    };
    host.block_on(async {
        assert_eq!(ask(ELEMENTS).await.as_deref(), Ok(UNREADABLE.trim_end()));
        assert_eq!(ask("[\"\n\"]").await.as_deref(), Ok(MALFORMED.trim_end()));
        assert_eq!(ask("[1]").await.as_deref(), Ok("Error: Unknown request:\n[1]"));
        let refused = ask("\u{4}").await;
        assert!(matches!(
            refused.map_err(|refused| refused.error),
            Err(NoReply::Misuse(Misuse::Unsendable(_)))
        ));
    });
}

/// Each way in which a connection can end before the answer has its own error text.
pub fn a_client_says_why_there_is_no_answer<H: Host>() {
    let host = start::<H>(Limits::default(), unreadable);
    let ask = |answer: &'static str, end, patience| {
        let (address, original) = answer_once(ELEMENTS.len() + 1, answer, end);
        let mut limits = Limits::default();
        limits.session.request_timeout = patience;
        let failed = host.block_on(async {
            let client = ZeissClient::connect::<H::Runtime>(address, PATIENCE, limits).await;
            client.expect("somebody listens").ask(ELEMENTS.to_owned()).await
        });
        original.join().expect("a request came");
        failed.expect_err("no answer").error
    };
    let answer = "O.k.\r\n";
    for count in 0..answer.len() {
        let place = if count == 0 {
            "without an answer"
        } else {
            "inside an answer"
        };
        let ended = NoReply::Ended(CloseReason::PeerClosed(place));
        assert_eq!(ask(&answer[..count], End::AtOnce, PATIENCE), ended, "{count}");
    }
    assert_eq!(
        ask(answer, End::Reset, PATIENCE),
        NoReply::Failed("Connection reset by peer (os error 104)".to_owned())
    );
}

/// A bug of an embedder's import is a failed import, and the next one is tried.
pub fn an_import_that_panics_has_failed<H: Host>() {
    let mut imports = 0;
    let host = start::<H>(Limits::default(), move |_| {
        imports += 1;
        assert!(imports > 1, "as the test wants it");
        Outcome::Unreadable
    });
    let failed =
        "Error: Elements could not be imported from file Pünkte.gxml with import mode new_stage.\r\n";
    assert_eq!(ask(host.address(), ELEMENTS, true), failed);
    assert_eq!(ask(host.address(), ELEMENTS, true), UNREADABLE);
}
