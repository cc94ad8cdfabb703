//! Client of an OpEn server, against labwire's server and against one that behaves like the original.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use futures_lite::future::zip;
use labwire_core::limits::{HostLimits, SessionLimits};
use labwire_core::open::{RunRequest, code};
use labwire_core::session::{CloseReason, Timer};
use labwire_host::{ClientError, ClientSettings, OptimizerClient, RemoteError};

use super::Host;
use crate::adder::{Adder, harmonic};

fn run(n: u64) -> RunRequest {
    RunRequest::new(vec![n as f64])
}

fn start<H: Host>() -> H {
    H::start(Adder::new(SessionLimits::default()), HostLimits::default())
}

async fn client<H: Host>(address: SocketAddr, keep_open: bool) -> OptimizerClient<H::Runtime> {
    let options = ClientSettings::default().with_keep_open(keep_open);
    OptimizerClient::connect(address, options)
        .await
        .expect("the server listens")
}

/// Reads one request to its end, answers with `reply` and closes.
fn original(reply: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        stream
            .read_to_end(&mut Vec::new())
            .expect("a request and its end");
        stream.write_all(reply.as_bytes()).expect("the client reads");
    });
    address
}

/// Requests one after the other and in parallel.
pub fn a_client_asks_on_one_connection_or_on_many<H: Host>() {
    let host = start::<H>();
    let address = host.address();
    host.block_on(async {
        for keep_open in [false, true] {
            let client = client::<H>(address, keep_open).await;
            for n in 1..20 {
                assert_eq!(client.ping(-5).await.expect("a pong"), -5);
                assert_eq!(client.run(run(n)).await.expect("a sum").solution, [harmonic(n)]);
            }
            let (long, short) = zip(client.run(run(1_000_000)), client.run(run(2))).await;
            assert_eq!(long.expect("a sum").cost, harmonic(1_000_000));
            assert_eq!(short.expect("a sum").cost, harmonic(2));
            let Err(ClientError::Server(error)) = client.run(RunRequest::default()).await.map_err(cause)
            else {
                panic!("a run without parameters");
            };
            assert_eq!(error.code, code::PARAMETERS);
        }
        let kept = client::<H>(address, true).await;
        kept.kill(1).await.expect("a regular end");
        assert!(kept.ping(1).await.is_err());
    });
    assert!(host.wait().by_request);
}

/// Replies of OpEn's own server.
pub fn a_client_understands_the_original<H: Host>() {
    let host = start::<H>();
    host.block_on(async {
        let pong = original("{\n\t\"Pong\" : 3\n}\n");
        assert_eq!(client::<H>(pong, false).await.ping(3).await.expect("a pong"), 3);
        let killed = client::<H>(original(""), false).await.kill(1).await;
        killed.expect("a regular end");
        let refusal = original(
            "{\n\t\"type\" : \"Error\", \n\t\"code\" : 1000, \n\t\"message\" : \"Invalid request\"\n}\n",
        );
        let Err(ClientError::Server(error)) =
            client::<H>(refusal, false).await.run(run(1)).await.map_err(cause)
        else {
            panic!("no error");
        };
        assert_eq!((error.code, error.message.as_str()), (1000, "Invalid request"));
    });
}

fn cause(error: RemoteError<ClientError>) -> ClientError {
    error.error
}

/// Each way in which a connection can end before the reply has its own error text.
pub fn a_client_says_why_there_is_no_reply<H: Host>() {
    let host = start::<H>();
    let address = host.address();
    host.block_on(async {
        for cut_short in ["", "[1, 2"] {
            let original = original(cut_short);
            let outcome = client::<H>(original, false).await.ping(1).await;
            let words = outcome.as_ref().map_err(ToString::to_string);
            assert!(words.is_err_and(|words| words.starts_with(&format!("{original}: no reply: "))));
            let Err(ClientError::NoReply(CloseReason::PeerClosed(_))) = outcome.map_err(cause) else {
                panic!("another outcome");
            };
        }
        let outcome = client::<H>(original("<html>"), false).await.ping(1).await;
        let Err(ClientError::NoReply(CloseReason::PeerMisbehaved(_))) = outcome.map_err(cause) else {
            panic!("another outcome");
        };
        let mut options = ClientSettings::default();
        options.limits.request_timeout = Duration::from_millis(50);
        let impatient = OptimizerClient::<H::Runtime>::connect(address, options).await;
        let outcome = impatient.expect("no connection yet").run(run(1 << 60)).await;
        let Err(ClientError::NoReply(CloseReason::TimedOut(Timer::RequestTimeout))) = outcome.map_err(cause)
        else {
            panic!("another outcome");
        };
    });
}
