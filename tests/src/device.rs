//! Suite of device connections for every host, against a device simulated by the test.
//!
//! A host's test file contains `labwire_tests::device_suite!(MyRuntime, block_on);` with a function that runs a
//! future to completion on that runtime.

use std::future::Future;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use async_io::{Async, Timer};
use futures_lite::future::{or, poll_once, zip};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use labwire_core::device::{Cause, Failure, Health, State};
use labwire_core::framing::until::Until;
use labwire_core::session::ConnectError;
use labwire_host::{DeviceConnection, DeviceError, DeviceSettings, Remote, RemoteError, Runtime};
use socket2::{Domain, SockRef, Socket, Type};

/// Defines one test per requirement.
#[macro_export]
macro_rules! device_suite {
    ($runtime:ty, $block_on:path) => {
        $crate::device_suite!(
            $runtime, $block_on:
            sends_receives_and_asks,
            an_absent_device_is_found_later,
            an_end_of_stream_is_noticed_before_a_message_is_lost_in_it,
            a_device_that_stays_away_is_an_error,
            a_late_answer_is_nobodys,
            a_half_closed_device_is_connected_anew,
            an_attempt_that_nobody_answers_ends,
            a_dropped_call_takes_nobodys_answer_along,
            a_device_that_does_not_read_is_given_up,
            probes_are_set,
        );
    };
    ($runtime:ty, $block_on:path: $($test:ident),* $(,)?) => {
        $(
            #[test]
            fn $test() {
                $block_on($crate::device::$test::<$runtime>());
            }
        )*
    };
}

/// Longer than anything here takes, so that a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

async fn patiently<T>(future: impl Future<Output = T>) -> T {
    let late = async {
        Timer::after(PATIENCE).await;
        panic!("nothing happens")
    };
    or(future, late).await
}

fn line() -> Until {
    Until::delimiter("\n")
}

fn cause(error: RemoteError<DeviceError>) -> DeviceError {
    error.error
}

fn failed(failure: Failure) -> DeviceError {
    DeviceError::Failed(failure)
}

fn refused() -> DeviceError {
    failed(Failure::NotConnected(Cause::Connect(ConnectError::Refused)))
}

/// Options with short time-outs.
fn impatient() -> DeviceSettings {
    let mut options = DeviceSettings::default();
    options.settings.request_timeout = Duration::from_millis(300);
    options.settings.connect_timeout = Duration::from_millis(300);
    options
}

/// Device simulated by the test.
struct Script {
    listener: Async<TcpListener>,
    address: SocketAddr,
}

impl Script {
    fn start() -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into())
    }

    fn start_at(address: SocketAddr) -> Self {
        let listener = Async::<TcpListener>::bind(address).expect("a free port");
        let address = listener.get_ref().local_addr().expect("it listens");
        Self { listener, address }
    }

    fn open<R: Runtime>(&self, options: DeviceSettings) -> DeviceConnection<R> {
        DeviceConnection::open(self.address.to_string(), options)
    }

    async fn accept(&self) -> Async<TcpStream> {
        patiently(self.listener.accept()).await.expect("a connection").0
    }
}

async fn read(stream: &mut Async<TcpStream>, expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    patiently(stream.read_exact(&mut bytes)).await.expect("a message");
    assert_eq!(bytes, expected);
}

async fn write(stream: &mut Async<TcpStream>, bytes: &[u8]) {
    stream.write_all(bytes).await.expect("an open connection");
}

/// `send`, `recv` and `query` work; dropping the last handle ends the connection.
pub async fn sends_receives_and_asks<R: Runtime>() {
    let script = Script::start();
    let device = script.open::<R>(DeviceSettings::default());
    let mut stream = script.accept().await;
    device.send("hi").await.expect("it is connected");
    read(&mut stream, b"hi").await;
    write(&mut stream, b"ho\n").await;
    assert_eq!(device.recv(line()).await, Ok(b"ho\n".to_vec()));
    let (answer, ()) = zip(device.query("Q\n", line()), async {
        read(&mut stream, b"Q\n").await;
        write(&mut stream, b"A\n").await;
    })
    .await;
    assert_eq!(answer, Ok(b"A\n".to_vec()));
    let status = device.status().await.expect("it runs");
    assert_eq!((status.state, status.degraded), (State::Connected, None));
    assert_eq!(status.statistics.answers, 2);
    drop(device);
    assert_eq!(patiently(stream.read(&mut [0])).await.expect("a regular end"), 0);
}

/// A device that is absent at the start is not an error, and is found later.
pub async fn an_absent_device_is_found_later<R: Runtime>() {
    let script = Script::start();
    let address = script.address;
    drop(script);
    let device = DeviceConnection::<R>::open(address.to_string(), DeviceSettings::default());
    let events = device.events();
    assert_eq!(device.recv(line()).await.map_err(cause), Err(refused()));
    assert_eq!(device.send("Q\n").await.map_err(cause), Err(refused()));
    assert!(matches!(
        patiently(events.recv()).await,
        Ok(Health::Degraded { .. })
    ));
    let script = Script::start_at(address);
    assert_eq!(device.send("Q\n").await, Ok(()));
    let mut stream = script.accept().await;
    read(&mut stream, b"Q\n").await;
    assert!(matches!(
        patiently(events.recv()).await,
        Ok(Health::Restored { .. })
    ));
    assert_eq!(device.degraded(), None);
    drop(stream);
}

/// Nothing reads the socket between its end and the next message, and yet the message is not lost.
pub async fn an_end_of_stream_is_noticed_before_a_message_is_lost_in_it<R: Runtime>() {
    for reset in [false, true] {
        let script = Script::start();
        let device = script.open::<R>(DeviceSettings::default());
        let mut stream = script.accept().await;
        assert_eq!(device.send("Q1\n").await, Ok(()));
        read(&mut stream, b"Q1\n").await;
        if reset {
            let no_linger = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            no_linger.expect("a TCP socket");
        }
        drop(stream);
        assert_eq!(device.send("Q2\n").await, Ok(()));
        read(&mut script.accept().await, b"Q2\n").await;
    }
}

/// A reply that never comes is an error, and so is every message after it.
pub async fn a_device_that_stays_away_is_an_error<R: Runtime>() {
    let script = Script::start();
    let device = script.open::<R>(DeviceSettings::default());
    let mut stream = script.accept().await;
    assert_eq!(device.send("Q1\n").await, Ok(()));
    read(&mut stream, b"Q1\n").await;
    drop((stream, script));
    let lost = Failure::Lost {
        cause: Cause::Closed,
        sent: false,
    };
    assert_eq!(device.recv(line()).await.map_err(cause), Err(failed(lost)));
    assert_eq!(device.send("Q2\n").await.map_err(cause), Err(refused()));
    assert_eq!(device.send("Q3\n").await.map_err(cause), Err(refused()));
}

/// After a time-out, the late answer is discarded.
pub async fn a_late_answer_is_nobodys<R: Runtime>() {
    let script = Script::start();
    let device = script.open::<R>(impatient());
    let mut first = script.accept().await;
    let (answer, ()) = zip(device.query("Q1\n", line()), read(&mut first, b"Q1\n")).await;
    assert_eq!(
        answer.map_err(cause),
        Err(failed(Failure::TimedOut { sent: true }))
    );
    let (answer, ()) = zip(device.query("Q2\n", line()), async {
        let mut second = script.accept().await;
        // The other side has closed it.
        let _ = first.write_all(b"A1\n").await;
        read(&mut second, b"Q2\n").await;
        write(&mut second, b"A2\n").await;
    })
    .await;
    assert_eq!(answer, Ok(b"A2\n".to_vec()));
}

/// A device that has closed its sending side is useless, even if it still listens.
pub async fn a_half_closed_device_is_connected_anew<R: Runtime>() {
    let script = Script::start();
    let device = script.open::<R>(DeviceSettings::default());
    let stream = script.accept().await;
    stream
        .get_ref()
        .shutdown(Shutdown::Write)
        .expect("an open connection");
    let (answer, ()) = zip(device.query("Q\n", line()), async {
        let mut stream = script.accept().await;
        read(&mut stream, b"Q\n").await;
        write(&mut stream, b"A\n").await;
    })
    .await;
    assert_eq!(answer, Ok(b"A\n".to_vec()));
}

/// A listener with a full queue silently drops connection attempts (on Linux).
pub async fn an_attempt_that_nobody_answers_ends<R: Runtime>() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&any.into()).expect("a free port");
    socket.listen(0).expect("a bound socket");
    let address = socket
        .local_addr()
        .expect("it listens")
        .as_socket()
        .expect("IPv4");
    let _filler = Async::<TcpStream>::connect(address)
        .await
        .expect("the one that fits");
    let mut options = impatient();
    options.settings.request_timeout = PATIENCE;
    let device = DeviceConnection::<R>::open(address.to_string(), options);
    let cause = Cause::Connect(ConnectError::TimedOut);
    assert_eq!(
        device.send("Q\n").await,
        Err(Remote::from(address).error(failed(Failure::NotConnected(cause.clone()))))
    );
    assert_eq!(device.degraded(), Some(cause));
}

/// Calls may be dropped at any time.
pub async fn a_dropped_call_takes_nobodys_answer_along<R: Runtime>() {
    let script = Script::start();
    let device = script.open::<R>(DeviceSettings::default());
    let mut stream = script.accept().await;
    // Dropped after it was sent.
    or(
        async {
            let _ = device.query("Q1\n", line()).await;
            panic!("nobody has answered");
        },
        read(&mut stream, b"Q1\n"),
    )
    .await;
    let mut second = Box::pin(device.query("Q2\n", line()));
    assert_eq!(poll_once(&mut second).await, None);
    // Dropped while it waits for its turn.
    assert_eq!(poll_once(device.query("Q3\n", line())).await, None);
    write(&mut stream, b"A1\n").await;
    let (answer, ()) = zip(second, async {
        read(&mut stream, b"Q2\n").await;
        write(&mut stream, b"A2\n").await;
    })
    .await;
    assert_eq!(answer, Ok(b"A2\n".to_vec()));
    drop(device);
    let mut rest = Vec::new();
    patiently(stream.read_to_end(&mut rest))
        .await
        .expect("a regular end");
    assert_eq!(rest, b"", "the third is never sent");
}

/// A message larger than all buffers.
pub async fn a_device_that_does_not_read_is_given_up<R: Runtime>() {
    let script = Script::start();
    let device = script.open::<R>(impatient());
    let _stream = script.accept().await;
    let result = device.send(vec![b'x'; 32 << 20]).await;
    assert_eq!(
        result.map_err(cause),
        Err(failed(Failure::TimedOut { sent: true }))
    );
    assert_eq!(device.degraded(), Some(Cause::TimedOut));
}

/// The kernel's table (on Linux) shows the active timer of a socket: 02 is that of keepalive.
pub async fn probes_are_set<R: Runtime>() {
    let script = Script::start();
    let device = script.open::<R>(DeviceSettings::default());
    let stream = script.accept().await;
    device.status().await.expect("it runs");
    let port = stream.get_ref().peer_addr().expect("connected").port();
    let timer = || {
        let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
        let mut rows = table
            .lines()
            .map(|row| row.split_whitespace().collect::<Vec<_>>());
        let ours = rows.find(|columns| columns[1].ends_with(&format!(":{port:04X}")));
        ours.expect("our socket")[5].to_owned()
    };
    // Between two timers none is active for a moment.
    let deadline = Instant::now() + Duration::from_secs(10);
    while !timer().starts_with("02:") {
        assert!(Instant::now() < deadline, "timer {}", timer());
        thread::sleep(Duration::from_millis(10));
    }
}
