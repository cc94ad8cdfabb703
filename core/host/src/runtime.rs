//! What the hosts need of an asynchronous runtime and of its sockets.

use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use socket2::SockRef;

/// An asynchronous runtime.
pub trait Runtime: Sized + Send + Sync + 'static {
    /// Its timer.
    type Timer: Timer;
    /// Its TCP stream.
    type Stream: Transport<Self> + 'static;
    /// Its TCP listener.
    type Listener: Send + Sync;

    /// Runs `task` in the background.
    fn spawn(task: impl Future<Output = ()> + Send + 'static);

    /// A timer.
    fn timer() -> Self::Timer;

    /// Opens a TCP connection that sends what is written at once.
    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Listens for TCP connections; where, is told.
    fn bind(address: SocketAddr) -> impl Future<Output = io::Result<(Self::Listener, SocketAddr)>> + Send;

    /// The addresses of `host:port`.
    fn look_up(address: &str) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// The socket of a stream, for its options.
    fn socket(stream: &Self::Stream) -> SockRef<'_>;

    /// The next TCP connection, which sends what is written at once, and where it comes from.
    fn accept(
        listener: &Self::Listener,
    ) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

/// Wakes its task at a time.
pub trait Timer: Send {
    /// Wake at `due`, not at what was set before.
    fn set(&mut self, due: Instant);

    /// Ready when the time that was set has come. Not called before a time was set.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()>;
}

/// A byte stream in both directions whose sending side can be finished on its own. `R` is the runtime it works with.
pub trait Transport<R>: Send {
    /// Reads some bytes; 0 at the end of the stream.
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes some of `bytes`.
    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Passes on what was written.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ends the sending side; the peer reads the end of the stream.
    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ready when the peer has gone altogether, though the stream has ended before. Asked for only once it has. A
    /// transport that cannot know says nothing.
    fn poll_lost(&mut self, _context: &mut Context<'_>) -> Poll<io::Error> {
        Poll::Pending
    }

    /// Makes the coming drop end the connection at once (TCP: a reset), unsent bytes and all.
    fn abort(&mut self);

    /// Whether input, its end included, waits to be read. Asked of the system itself where there is one: what the runtime
    /// knows may be older.
    fn has_input(&self) -> bool {
        false
    }
}

/// What [`Transport::has_input`] says of a socket.
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

/// The output of `future`, unless that takes longer than `limit`.
pub(crate) async fn timeout<R: Runtime, T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let in_time = async { Some(future.await) };
    let too_late = async {
        sleep::<R>(limit).await;
        None
    };
    futures_lite::future::or(pin!(in_time), pin!(too_late)).await
}
