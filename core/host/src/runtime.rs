//! Interface of an asynchronous runtime and its sockets.

use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use socket2::SockRef;

/// Asynchronous runtime.
pub trait Runtime: Sized + Send + Sync + 'static {
    /// Timer.
    type Timer: Timer;
    /// TCP stream.
    type Stream: Transport<Self> + 'static;
    /// TCP listener.
    type Listener: Send + Sync;

    /// Runs `task` in the background.
    fn spawn(task: impl Future<Output = ()> + Send + 'static);

    /// Creates a timer.
    fn timer() -> Self::Timer;

    /// Opens a TCP connection without Nagle's algorithm.
    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Listens for TCP connections. Returns also the bound address.
    fn bind(address: SocketAddr) -> impl Future<Output = io::Result<(Self::Listener, SocketAddr)>> + Send;

    /// Resolves `host:port`.
    fn look_up(address: &str) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Socket of a stream, for its options.
    fn socket(stream: &Self::Stream) -> SockRef<'_>;

    /// Accepts the next TCP connection, without Nagle's algorithm. Returns also the peer's address.
    fn accept(
        listener: &Self::Listener,
    ) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

/// Timer that wakes its task.
pub trait Timer: Send {
    /// Sets the time to `due`, replacing any earlier one.
    fn set(&mut self, due: Instant);

    /// Ready once the time has come. Must not be called before a time was set.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()>;
}

/// Byte stream in both directions whose sending side can be finished separately. `R` is its runtime.
pub trait Transport<R>: Send {
    /// Reads some bytes; 0 at the end of the stream.
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes some of `bytes`.
    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Flushes the bytes written.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Finishes the sending side; the peer reads the end of the stream.
    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ready once the peer has disappeared although the stream had already ended. Polled only after the end.
    /// A transport that cannot tell stays pending.
    fn poll_lost(&mut self, _context: &mut Context<'_>) -> Poll<io::Error> {
        Poll::Pending
    }

    /// Ready once a message that the transport itself puts together has been incomplete for too long. Polled while
    /// nothing is read.
    fn poll_overdue(&mut self, _context: &mut Context<'_>) -> Poll<io::Error> {
        Poll::Pending
    }

    /// Makes the coming drop end the connection at once (TCP: a reset), discarding unsent bytes.
    fn abort(&mut self);

    /// Number of bytes of an incomplete message that the transport itself holds.
    fn held(&self) -> usize {
        0
    }

    /// Whether input, including its end, is waiting to be read. Asks the operating system where possible,
    /// because the runtime's own state may be older.
    fn has_input(&self) -> bool {
        false
    }
}

/// Implementation of [`Transport::has_input`] for a socket.
#[must_use]
pub fn has_input(socket: SockRef<'_>) -> bool {
    let mut byte = [MaybeUninit::uninit()];
    let peeked = socket.peek(&mut byte);
    !peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Returns after `duration`.
pub(crate) async fn sleep<R: Runtime>(duration: Duration) {
    let mut timer = R::timer();
    timer.set(Instant::now() + duration);
    poll_fn(|context| timer.poll(context)).await;
}

/// Output of `future`, or `None` if it takes longer than `limit`.
pub(crate) async fn timeout<R: Runtime, T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let in_time = async { Some(future.await) };
    let too_late = async {
        sleep::<R>(limit).await;
        None
    };
    futures_lite::future::or(pin!(in_time), pin!(too_late)).await
}

/// Connects within `limit`.
///
/// # Errors
/// If the connection cannot be made in time.
pub(crate) async fn connect<R: Runtime>(address: SocketAddr, limit: Duration) -> io::Result<R::Stream> {
    timeout::<R, _>(limit, R::connect(address))
        .await
        .unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
}
