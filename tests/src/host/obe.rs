//! Suite of a host's OptBayesExpt server on real sockets: each function is one test.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use labwire_core::design::{DEFAULT_EXPERIMENT, DesignLimits};
use labwire_core::framing::decimal_length::{self, HEAD};
use labwire_core::limits::HostLimits;
use labwire_core::obe::{ErrorReply, Limits, Reply, Request, code};
use labwire_core::python_json::Value;
use labwire_core::service::Handler;
use labwire_core::service::designer::{Begun, DesignerHandler, ObePermissions, PosteriorStore, service};
use labwire_core::session::{CloseReason, Misuse, Timer};
use labwire_core::time::Instant;
use labwire_host::{NoReply, ObeClient, PosteriorFolder, RunFolder};

use super::{Ended, Host};
use crate::peer::{End, RawPeer, answer_once, ask};

/// Defines a test for each function of the suite.
#[macro_export]
macro_rules! obe_suite {
    ($host:ty) => {
        $crate::obe_suite!(
            $host:
            done_is_answered_and_ends_the_server,
            messages_may_be_cut_anywhere,
            messages_sent_ahead_are_answered_in_order,
            whatever_is_sent_the_server_lives,
            the_end_of_the_stream_may_come_anywhere,
            clients_that_say_nothing_delay_nobody,
            a_reader_that_stops_is_dropped,
            a_client_may_send_ahead_of_what_it_receives,
            a_client_understands_the_original,
            a_client_says_why_there_is_no_reply,
            an_instrument_program_finds_the_dip,
            posteriors_are_saved_and_loaded,
            runs_outlive_their_server,
            a_request_that_panics_ends_its_connection_only,
            a_storage_that_panics_is_answered,
        );
    };
    ($host:ty: $($test:ident),* $(,)?) => {
        mod obe {
            use super::*;

            $(
                #[test]
                fn $test() {
                    $crate::host::obe::$test::<$host>();
                }
            )*
        }
    };
}

const READY: &str = "0000000020{\"command\": \"ready\"}";
const OK: &str = "0000000004\"OK\"";

fn start<H: Host>(limits: Limits) -> H {
    start_with(limits, PosteriorFolder::new(None))
}

/// Server of the built-in experiment, with few particles.
fn start_with<H: Host>(limits: Limits, folder: PosteriorFolder) -> H {
    let text = DEFAULT_EXPERIMENT.replace("10000", "400");
    let handler = DesignerHandler::new(&text, DesignLimits::default(), 1, folder);
    let handler = handler.expect("the example is right");
    H::start(
        service(limits, ObePermissions::default(), handler),
        HostLimits::default(),
    )
}

/// One connection, one command, like upstream's client.
fn is_ready(address: SocketAddr) -> bool {
    let mut peer = RawPeer::connect(address);
    peer.send(READY);
    peer.read_bytes(OK.len()) == OK.as_bytes()
}

/// Reads the reply to a message on an open connection.
fn read_reply(peer: &mut RawPeer) -> String {
    let head = peer.read_bytes(HEAD);
    let end = decimal_length::end(&head).expect("a length").expect("all of it");
    String::from_utf8(peer.read_bytes(end - HEAD)).expect("UTF-8")
}

/// Upstream's transcript of `ready` and `done`; the process ends, and the connection with it.
pub fn done_is_answered_and_ends_the_server<H: Host>() {
    let host = start::<H>(Limits::default());
    assert!(is_ready(host.address()));
    let done = "0000000019{\"command\": \"done\"}";
    assert_eq!(ask(host.address(), done, false), OK);
    let by_request = true;
    assert_eq!(host.wait(), Ended { by_request, cut: 0 });
}

/// In two segments, cut at any place, and byte by byte.
pub fn messages_may_be_cut_anywhere<H: Host>() {
    let host = start::<H>(Limits::default());
    let mut peer = RawPeer::connect(host.address());
    for cut in 1..READY.len() {
        peer.send(&READY[..cut]);
        thread::yield_now();
        peer.send(&READY[cut..]);
        assert_eq!(peer.read_bytes(OK.len()), OK.as_bytes());
    }
    for byte in READY.bytes() {
        peer.send([byte]);
    }
    assert_eq!(peer.read_bytes(OK.len()), OK.as_bytes());
    peer.finish();
    assert_eq!(peer.read_to_end(), "");
}

/// More messages than may be in flight, with errors among them.
pub fn messages_sent_ahead_are_answered_in_order<H: Host>() {
    let host = start::<H>(Limits::default());
    let mut peer = RawPeer::connect(host.address());
    let mean = "0000000022{\"command\": \"getmean\"}";
    for _ in 0..500 {
        peer.send([READY, mean, "0000000002[]"].concat());
    }
    for _ in 0..500 {
        assert_eq!(read_reply(&mut peer), "\"OK\"");
        assert!(read_reply(&mut peer).starts_with('['));
        assert!(read_reply(&mut peer).contains("not-a-command"));
    }
    peer.finish();
    assert_eq!(peer.read_to_end(), "");
}

/// Everything that crashes upstream, and worse; two other clients are served throughout.
pub fn whatever_is_sent_the_server_lives<H: Host>() {
    let host = start::<H>(Limits::default());
    let mut onlooker = RawPeer::connect(host.address());
    let nested = format!("{:010}{}", 100_000, "[".repeat(100_000));
    for (bytes, code) in [
        (&b"00000000xx{\"command\": \"ready\"}"[..], "malformed-length"),
        (b"-000000001", "malformed-length"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "malformed-length"),
        (b"9999999999{\"command\"", "too-long"),
        (b"0000000000", "malformed-json"),
        (b"0000000005{\"com", "malformed-json"),
        (b"0000000030{\"command\": \"ready\"}", "incomplete"),
        (b"0000000005\xff\xff\xff\xff\xff", "malformed-json"),
        (b"", "incomplete"),
        (
            b"0000000023\xef\xbb\xbf{\"command\": \"ready\"}",
            "malformed-json",
        ),
        (b"0000000007\"ready\"", "not-a-command"),
        (nested.as_bytes(), "malformed-json"),
    ] {
        let reply = ask(host.address(), bytes, true);
        let error = format!("{{\"error\": {{\"code\": \"{code}\"");
        assert!(
            reply[HEAD..].starts_with(&error),
            "{:?}: {reply}",
            bytes.escape_ascii().to_string()
        );
        let mut vanishing = RawPeer::connect(host.address());
        vanishing.send(bytes);
        vanishing.reset();
        onlooker.send(READY);
        assert_eq!(onlooker.read_bytes(OK.len()), OK.as_bytes());
        assert!(is_ready(host.address()));
    }
    let (by_request, cut) = (false, 0);
    assert_eq!(host.shutdown(), Ended { by_request, cut });
}

/// A half-close after any byte of a message is answered: with an error, or, after the last byte, with the reply.
pub fn the_end_of_the_stream_may_come_anywhere<H: Host>() {
    let host = start::<H>(Limits::default());
    for count in 0..READY.len() {
        let reply = ask(host.address(), &READY[..count], true);
        assert!(reply.contains("\"incomplete\""), "{count}: {reply}");
    }
    assert_eq!(ask(host.address(), READY, true), OK);
    assert_eq!(ask(host.address(), [READY, READY].concat(), true), OK.repeat(2));
}

/// Idle, silent, slow and half-open clients; in the end each is told why it is dropped.
pub fn clients_that_say_nothing_delay_nobody<H: Host>() {
    let mut limits = Limits::default();
    limits.session.request_timeout = Duration::from_millis(300);
    limits.session.idle_timeout = Duration::from_millis(300);
    let host = start::<H>(limits);
    let mut silent = RawPeer::connect(host.address());
    let mut slow = RawPeer::connect(host.address());
    slow.send(&READY[..15]);
    let mut idle = RawPeer::connect(host.address());
    idle.send(READY);
    for _ in 0..20 {
        assert!(is_ready(host.address()));
    }
    assert!(silent.read_to_end().contains("request-timeout of 300ms"));
    assert!(slow.read_to_end().contains("request-timeout of 300ms"));
    assert_eq!(idle.read_to_end(), OK);
}

/// It costs a bounded amount of memory, for a bounded time.
pub fn a_reader_that_stops_is_dropped<H: Host>() {
    let mut limits = Limits::default();
    limits.session.write_timeout = Duration::from_millis(200);
    limits.session.output_bytes = 10_000;
    let host = start::<H>(limits);
    let mut peer = RawPeer::connect(host.address());
    // The answer to each is many times its length.
    let flood = "0000000002[]".repeat(5000);
    while peer.try_send(flood.as_bytes()).is_ok() {}
    assert!(is_ready(host.address()));
}

const PATIENCE: Duration = Duration::from_secs(60);

async fn connect<H: Host>(address: SocketAddr) -> ObeClient {
    let client = ObeClient::connect::<H::Runtime>(address, PATIENCE, Limits::default()).await;
    client.expect("the server listens")
}

/// `send`, `receive` and `tcpcmd` over one connection.
pub fn a_client_may_send_ahead_of_what_it_receives<H: Host>() {
    let host = start::<H>(Limits::default());
    let address = host.address();
    host.block_on(async {
        let mut client = connect::<H>(address).await;
        let ready = Value::from(&Request::Ready);
        assert_eq!(client.tcpcmd(ready.clone()).await, Ok("OK".into()));
        assert!(client.receive().await.is_none());
        for _ in 0..100 {
            client.send(ready.clone()).await;
            client.send(Value::from(&Request::Mean)).await;
        }
        for _ in 0..100 {
            assert_eq!(client.receive().await, Some(Ok("OK".into())));
            let reply = client.receive().await.expect("it was sent").expect("a reply");
            assert_eq!(reply.as_list().map(<[_]>::len), Some(3));
        }
        assert_eq!(client.tcpcmd(Value::from(&Request::Done)).await, Ok("OK".into()));
        let after = client.tcpcmd(ready).await;
        assert!(
            matches!(
                after.as_ref().map_err(|after| &after.error),
                Err(NoReply::Ended(_) | NoReply::Misuse(Misuse::Closed))
            ),
            "{after:?}"
        );
    });
    assert!(host.wait().by_request);
}

/// Replies of upstream's server, which waits for the client to close first.
pub fn a_client_understands_the_original<H: Host>() {
    let host = start::<H>(Limits::default());
    for (reply, value) in [(OK, "OK".into()), ("0000000010[1.5, 2.5]", vec![1.5, 2.5].into())] {
        let (address, original) = answer_once(READY.len(), reply, End::AfterThePeer);
        assert_eq!(ready_at::<H>(&host, address, PATIENCE), Ok(value));
        original.join().expect("the client closed first");
    }
}

/// Each way in which a connection can end before the reply has its own error text.
pub fn a_client_says_why_there_is_no_reply<H: Host>() {
    let host = start::<H>(Limits::default());
    let ready_at = |reply: &'static str, end, patience| {
        let (address, original) = answer_once(READY.len(), reply, end);
        let failed = ready_at::<H>(&host, address, patience).expect_err("no reply");
        original.join().expect("a request came");
        failed
    };
    for count in 0..OK.len() {
        let place = if count == 0 {
            "without a reply"
        } else {
            "inside a reply"
        };
        let ended = NoReply::Ended(CloseReason::PeerClosed(place));
        assert_eq!(ready_at(&OK[..count], End::AtOnce, PATIENCE), ended, "{count}");
    }
    let lost = NoReply::Failed("Connection reset by peer (os error 104)".to_owned());
    assert_eq!(ready_at("00000", End::Reset, PATIENCE), lost);
    let late = NoReply::Ended(CloseReason::TimedOut(Timer::RequestTimeout));
    for silent in ["", "0000000099\"OK"] {
        assert_eq!(
            ready_at(silent, End::AfterThePeer, Duration::from_millis(50)),
            late
        );
    }
    for garbage in ["<html><body>", "0000000003[1,", "-000000001"] {
        let failed = ready_at(garbage, End::AfterThePeer, PATIENCE);
        assert!(
            matches!(failed, NoReply::Ended(CloseReason::PeerMisbehaved(_))),
            "{failed:?}"
        );
    }
    let failed = ready_at("9999999999", End::AfterThePeer, PATIENCE);
    assert!(
        matches!(failed, NoReply::Ended(CloseReason::LimitExceeded { .. })),
        "{failed:?}"
    );
}

/// Sends `ready` and waits at most `patience` for the reply; twice if there is none.
fn ready_at<H: Host>(host: &H, address: SocketAddr, patience: Duration) -> Result<Value, NoReply> {
    let mut limits = Limits::default();
    limits.session.request_timeout = patience;
    host.block_on(async {
        let client = ObeClient::connect::<H::Runtime>(address, PATIENCE, limits).await;
        let client = client.expect("somebody listens");
        let ready = || client.tcpcmd(Value::from(&Request::Ready));
        match ready().await {
            Ok(reply) => Ok(reply),
            Err(error) => {
                assert_eq!(error.remote, address.to_string());
                // Who asks after the end is told the same.
                assert_eq!(ready().await.as_ref(), Err(&error));
                Err(error.error)
            }
        }
    })
}

/// Upstream's server demo: one connection per message, `goodset`, `newdat`, `getmean`, `getstd`.
pub fn an_instrument_program_finds_the_dip<H: Host>() {
    let host = start::<H>(Limits::default());
    let tell = |command: &str| {
        let reply = ask(host.address(), format!("{:010}{command}", command.len()), true);
        reply[HEAD..].to_owned()
    };
    assert_eq!(
        tell(r#"{"command": "newrun", "lolim": 2.0, "hilim": 3.0, "steps": 101, "seed": 3}"#),
        "\"OK\""
    );
    let numbers = |reply: &str| -> Vec<f64> {
        let items = reply.trim_matches(['[', ']']).split(", ");
        items.map(|item| item.parse().expect("a number")).collect()
    };
    for i in 0..60 {
        let x = numbers(&tell(r#"{"command": "goodset", "pickiness": 6}"#))[0];
        let noise = 0.005 * (f64::from(i) * 2.3).sin();
        let y = 1.0 - 0.08 / (((x - 2.6) * 2.0 / 0.04).powi(2) + 1.0) + noise;
        let newdat = format!(r#"{{"command": "newdat", "x": [{x}], "y": {y}, "s": 0.005}}"#);
        assert_eq!(tell(&newdat), "\"OK\"");
    }
    let (mean, std) = (
        numbers(&tell(r#"{"command": "getmean"}"#)),
        numbers(&tell(r#"{"command": "getstd"}"#)),
    );
    assert!((mean[0] - 2.6).abs() < 0.02 && std[0] < 0.01, "{mean:?} {std:?}");
    let status = tell(r#"{"command": "status"}"#);
    assert!(
        status.contains(r#""measurements": 60"#) && status.contains(r#""seed": 3"#),
        "{status}"
    );
}

/// A saved posterior is there after a restart; names are not paths.
pub fn posteriors_are_saved_and_loaded<H: Host>() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = PosteriorFolder::new(Some(home.path().join("posteriors")));
    let newdat = r#"{"command": "newdat", "x": [2.5], "y": 0.95, "s": 0.01}"#;
    let exchange = |host: &H, commands: &[&str]| -> Vec<String> {
        let mut peer = RawPeer::connect(host.address());
        let replies = commands.iter().map(|command| {
            peer.send(format!("{:010}{command}", command.len()));
            read_reply(&mut peer)
        });
        replies.collect()
    };
    let host = start_with::<H>(Limits::default(), folder.clone());
    let save = r#"{"command": "save", "name": "first"}"#;
    let mean = r#"{"command": "getmean"}"#;
    let first = exchange(&host, &[newdat, save, mean]);
    assert_eq!(first[..2], ["\"OK\"", "\"OK\""]);
    host.shutdown();
    let host = start_with::<H>(Limits::default(), folder);
    let load = r#"{"command": "load", "name": "first"}"#;
    // What was measured before is not lost.
    let undo = r#"{"command": "undo"}"#;
    let second = exchange(&host, &[newdat, newdat, mean, load, mean, undo, mean, load]);
    assert_eq!((&second[4], &second[6]), (&first[2], &second[2]));
    for wrong in ["../first", "second"] {
        let load = format!(r#"{{"command": "load", "name": "{wrong}"}}"#);
        let replies = exchange(&host, &[&load, mean]);
        assert!(
            replies[0].contains(code::STORAGE) && replies[1] == first[2],
            "{replies:?}"
        );
    }
}

/// An ordinary start begins anew after an ordinary end, and what was measured before can be resumed.
pub fn runs_outlive_their_server<H: Host>() {
    let home = tempfile::tempdir().expect("a folder");
    let start = || -> H {
        let text = DEFAULT_EXPERIMENT.replace("10000", "400");
        let posteriors = PosteriorFolder::new(None);
        let handler = DesignerHandler::new(&text, DesignLimits::default(), 1, posteriors);
        let mut handler = handler.expect("the example is right");
        let runs = RunFolder::open(home.path()).expect("no other server has it");
        let begun = handler.keep_runs(Box::new(runs), false);
        assert_eq!(begun, Ok(Begun::Anew));
        H::start(
            service(Limits::default(), ObePermissions::default(), handler),
            HostLimits::default(),
        )
    };
    let tell = |host: &H, command: &str| {
        let reply = ask(host.address(), format!("{:010}{command}", command.len()), true);
        reply[HEAD..].to_owned()
    };
    let (mean, optset) = (r#"{"command": "getmean"}"#, r#"{"command": "optset"}"#);
    let host = start();
    for y in ["0.95", "0.99"] {
        let newdat = format!(r#"{{"command": "newdat", "x": [2.5], "y": {y}, "s": 0.01}}"#);
        assert_eq!(tell(&host, &newdat), "\"OK\"");
    }
    let known = [mean, optset].map(|command| tell(&host, command));
    host.shutdown();
    let host = start();
    assert_eq!(tell(&host, r#"{"command": "history"}"#), "[]");
    assert_eq!(tell(&host, r#"{"command": "resume", "run": 1}"#), "\"OK\"");
    assert_eq!([mean, optset].map(|command| tell(&host, command)), known);
    // Nobody else may write there meanwhile.
    assert!(RunFolder::open(home.path()).is_err());
    host.shutdown();
}

/// Handler that panics when it is asked for the mean: at once, or where it may block.
struct Fragile {
    may_block: bool,
}

impl Handler for Fragile {
    type Request = Request;
    type Reply = Result<Reply, ErrorReply>;

    fn begin(&mut self, _now: Instant, request: Request) -> Option<Self::Reply> {
        (request != Request::Mean).then_some(Ok(Reply::Ok))
    }

    fn step(&mut self, _now: Instant, _fuel: u32) -> Option<Self::Reply> {
        panic!("as the test wants it");
    }

    fn may_block(&self) -> bool {
        self.may_block
    }
}

/// An embedder's handler may have a bug: the request that hits it ends its own connection, and no other.
pub fn a_request_that_panics_ends_its_connection_only<H: Host>() {
    for may_block in [false, true] {
        let service = service(
            Limits::default(),
            ObePermissions::default(),
            Fragile { may_block },
        );
        let host = H::start(service, HostLimits::default());
        let mut other = RawPeer::connect(host.address());
        other.send(READY);
        assert_eq!(other.read_bytes(OK.len()), OK.as_bytes());
        for _ in 0..3 {
            let mut peer = RawPeer::connect(host.address());
            peer.send("0000000022{\"command\": \"getmean\"}");
            assert_eq!(peer.try_read_to_end(), None, "it is reset");
        }
        other.send(READY);
        assert_eq!(other.read_bytes(OK.len()), OK.as_bytes());
    }
}

/// Storage that panics.
struct FragileStore;

impl PosteriorStore for FragileStore {
    fn save(&mut self, _name: &str, _text: &str) -> Result<(), String> {
        panic!("as the test wants it");
    }

    fn load(&mut self, _name: &str) -> Result<String, String> {
        panic!("as the test wants it");
    }
}

/// The designer tells its client of a panic, and goes on with the same connection and the same run.
pub fn a_storage_that_panics_is_answered<H: Host>() {
    let text = DEFAULT_EXPERIMENT.replace("10000", "400");
    let handler = DesignerHandler::new(&text, DesignLimits::default(), 1, FragileStore);
    let handler = handler.expect("the example is right");
    let service = service(Limits::default(), ObePermissions::default(), handler);
    let host = H::start(service, HostLimits::default());
    let mut peer = RawPeer::connect(host.address());
    let mut ask = |message: &str| {
        peer.send(format!("{:010}{message}", message.len()));
        read_reply(&mut peer)
    };
    let mean = ask(r#"{"command": "getmean"}"#);
    for command in ["save", "load"] {
        let reply = ask(&format!(r#"{{"command": "{command}", "name": "dip"}}"#));
        assert!(reply.contains(r#""code": "panicked""#), "{reply}");
        assert_eq!(ask(r#"{"command": "getmean"}"#), mean);
    }
}
