//! The tokio client of an OpEn server, against our server and against one that behaves as the original does.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use labwire_core::limits::{HostLimits, SessionLimits};
use labwire_core::open::{RunRequest, code};
use labwire_core::session::CloseReason;
use labwire_tests::adder::{Adder, harmonic};
use labwire_tokio::{ClientError, ClientOptions, Host, OptimizerClient, serve};
use tokio_util::sync::CancellationToken;

fn run(n: u64) -> RunRequest {
    RunRequest {
        parameter: vec![n as f64],
        ..RunRequest::default()
    }
}

async fn adder() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let host = Host::start(
            "test",
            Adder::new(SessionLimits::default()),
            HostLimits::default(),
        );
        serve(listener, &host, &CancellationToken::new()).await
    });
    address
}

async fn client(address: SocketAddr, keep_open: bool) -> OptimizerClient {
    let options = ClientOptions {
        keep_open,
        ..ClientOptions::default()
    };
    OptimizerClient::connect(address, options).await.unwrap()
}

/// Reads one request to its end, answers with `reply` and closes.
fn original(reply: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        stream.write_all(reply.as_bytes()).unwrap();
    });
    address
}

#[tokio::test]
async fn asks_on_one_connection_or_on_many() {
    let address = adder().await;
    for keep_open in [false, true] {
        let client = client(address, keep_open).await;
        for n in 1..20 {
            assert_eq!(client.ping(-5).await.unwrap(), -5);
            assert_eq!(client.run(run(n)).await.unwrap().solution, [harmonic(n)]);
        }
        let (long, short) = tokio::join!(client.run(run(1_000_000)), client.run(run(2)));
        assert_eq!(long.unwrap().cost, harmonic(1_000_000));
        assert_eq!(short.unwrap().cost, harmonic(2));
        let Err(ClientError::Server(error)) = client.run(RunRequest::default()).await else {
            panic!("a run without parameters");
        };
        assert_eq!(error.code, code::PARAMETERS);
    }
    let kept = client(address, true).await;
    kept.kill(1).await.unwrap();
    assert!(kept.ping(1).await.is_err());
}

#[tokio::test]
async fn understands_the_original() {
    let pong = original("{\n\t\"Pong\" : 3\n}\n");
    assert_eq!(client(pong, false).await.ping(3).await.unwrap(), 3);
    client(original(""), false).await.kill(1).await.unwrap();
    let refusal = original(
        "{\n\t\"type\" : \"Error\", \n\t\"code\" : 1000, \n\t\"message\" : \"Invalid request\"\n}\n",
    );
    let Err(ClientError::Server(error)) = client(refusal, false).await.run(run(1)).await else {
        panic!("no error");
    };
    assert_eq!((error.code, error.message.as_str()), (1000, "Invalid request"));
}

#[tokio::test]
async fn says_why_there_is_no_reply() {
    let outcome = client(original(""), false).await.ping(1).await;
    let Err(ClientError::NoReply(CloseReason::PeerClosed(_))) = outcome else {
        panic!("{outcome:?}");
    };
    let outcome = client(original("[1, 2"), false).await.ping(1).await;
    let Err(ClientError::NoReply(CloseReason::PeerClosed(_))) = outcome else {
        panic!("{outcome:?}");
    };
    let outcome = client(original("<html>"), false).await.ping(1).await;
    let Err(ClientError::NoReply(CloseReason::PeerMisbehaved(_))) = outcome else {
        panic!("{outcome:?}");
    };
    let address = adder().await;
    let mut options = ClientOptions::default();
    options.limits.request_timeout = Duration::from_millis(50);
    let impatient = OptimizerClient::connect(address, options).await.unwrap();
    let outcome = impatient.run(run(1 << 60)).await;
    let Err(ClientError::NoReply(CloseReason::TimedOut("request-timeout"))) = outcome else {
        panic!("{outcome:?}");
    };
}
