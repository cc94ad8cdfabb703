//! Cost of large images: the rate of 16 MB images over loopback beside that of a bare socket, the time of a decoder
//! that is fed in small pieces, and four cameras of 2048 x 2048 pixels grabbed 20 times a second.
//!
//! `cargo run --release -p labwire-benches --example cameras [SECONDS]`; the cameras are grabbed for a minute by
//! default. Each runs in its own process. Exits with 1 if a figure exceeds its limit.
#![expect(clippy::print_stdout, reason = "a program")]

use std::env;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener as TcpListenerStd, TcpStream as TcpStreamStd};
use std::process::{Child, Command as Process, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use labwire_core::limits::HostLimits;
use labwire_core::pymodaq::{
    DataClass, DataDim, DataToExport, DataWithAxes, Decoder, Dtype, Expect, Generation, Limits, NdArray,
    Object, Settings, encode,
};
use labwire_core::service::module::{Grabber, Hardware, Instrument, ModuleSettings};
use labwire_core::service::registry::{Registry, RegistrySettings};
use labwire_core::session::Backoff;
use labwire_core::time;
use labwire_tokio::{Host, Modules, dial, serve};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

/// Pixels of 2 bytes: 16.8 MB.
const IMAGE_SIDE: usize = 2896;
const IMAGE_BYTES: usize = 2 * IMAGE_SIDE * IMAGE_SIDE;
/// Images per block, which a camera holds ready.
const IMAGES: usize = 20;
const BLOCKS: usize = 5;
const RATE_LIMIT: f64 = 0.5;

/// Largest allowed ratio of the time per byte of 16 MB to that of 1 MB.
const PIECES_LIMIT: f64 = 2.0;

const CAMERAS: usize = 4;
const SIDE: usize = 2048;
const FRAME_TIME: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [role, address, side] = &arguments[..] {
        let address = address.parse().expect("an address");
        let side = side.parse().expect("pixels");
        match role.as_str() {
            "socket" => bare_sender(address, side),
            _ => runtime(1).block_on(camera(address, side)),
        }
        return ExitCode::SUCCESS;
    }
    let seconds = arguments
        .first()
        .map_or(60, |text| text.parse().expect("seconds"));
    let mut passed = true;
    let mut report = |what: &str, value: String, within: bool| {
        let note = if within { "" } else { "  beyond the limit" };
        println!("{what:<56} {value:>16}{note}");
        passed &= within;
    };
    rates(&mut report);
    pieces(&mut report);
    frames(Duration::from_secs(seconds), &mut report);
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn runtime(threads: usize) -> Runtime {
    let mut builder = if threads == 1 {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    builder.enable_all().build().expect("threads")
}

/// Another process of this program, in a given role.
struct Other(Child);

impl Other {
    fn start(role: &str, address: SocketAddr, side: usize) -> Self {
        let program = env::current_exe().expect("this program's path");
        let arguments = [role, &address.to_string(), &side.to_string()];
        Self(
            Process::new(program)
                .args(arguments)
                .stdin(Stdio::null())
                .spawn()
                .expect("a process"),
        )
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

// --- the camera -------------------------------------------------------------------------------------------------------

/// Camera with its images ready, like one that fills buffers in turn, so that its own work is not measured.
struct Camera {
    side: usize,
    ready: Vec<Vec<u8>>,
    number: u64,
}

impl Camera {
    fn new(side: usize) -> Self {
        Self {
            side,
            ready: vec![vec![7; 2 * side * side]; IMAGES + 1],
            number: 0,
        }
    }
}

impl Grabber for Camera {
    fn settings(&self) -> Settings {
        Settings::default()
    }

    fn configure(&mut self, _now: time::Instant, _settings: &Settings) -> Result<(), String> {
        Err("this detector has no settings".into())
    }

    fn start(&mut self, _now: time::Instant, _dim: DataDim) {
        self.number += 1;
    }

    fn poll(&mut self, _now: time::Instant, timestamp: f64) -> Option<Result<DataToExport, String>> {
        let mut pixels = self
            .ready
            .pop()
            .unwrap_or_else(|| vec![7; 2 * self.side * self.side]);
        pixels[..8].copy_from_slice(&self.number.to_le_bytes());
        let image = NdArray::new(Dtype::U16, vec![self.side; 2], pixels).expect("they are as many");
        let data = DataWithAxes::new(DataClass::DataFromPlugins, "image", timestamp, vec![image]);
        Some(Ok(DataToExport::new("camera", timestamp, vec![data])))
    }

    fn poll_timeout(&self) -> Option<time::Instant> {
        None
    }
}

async fn camera(address: SocketAddr, side: usize) {
    let instrument = Instrument::new(
        Hardware::Grabber(Box::new(Camera::new(side))),
        ModuleSettings::default(),
    );
    let host = Host::start("camera", instrument, HostLimits::default());
    let backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(100), 1);
    dial(&host, address, backoff).await;
}

// --- the rate of large images -----------------------------------------------------------------------------------------

fn rates(report: &mut impl FnMut(&str, String, bool)) {
    // The best of several runs: other programs can only slow them down.
    let (mut bare, mut grabbed) = (0.0, 0.0);
    for _ in 0..BLOCKS {
        bare = rate(bare_times()).max(bare);
        grabbed = rate(runtime(2).block_on(grab_times())).max(grabbed);
    }
    report("16 MB over a bare socket", format!("{bare:.2} GB/s"), true);
    report("image of 16 MB", format!("{grabbed:.2} GB/s"), true);
    let ratio = grabbed / bare;
    report(
        "of the bare socket's rate",
        format!("{:.0} %", ratio * 100.0),
        ratio >= RATE_LIMIT,
    );
}

/// Rate at the median time, in GB/s.
fn rate(mut times: Vec<Duration>) -> f64 {
    times.sort();
    IMAGE_BYTES as f64 / times[times.len() / 2].as_secs_f64() / 1e9
}

/// Requests with one byte, and reads the bytes into allocated memory.
fn bare_times() -> Vec<Duration> {
    let listener = TcpListenerStd::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let _sender = Other::start("socket", address, IMAGE_BYTES);
    let (mut stream, _) = listener.accept().expect("the other process");
    stream.set_nodelay(true).expect("a TCP socket");
    let mut image = vec![0; IMAGE_BYTES];
    let one = |_| {
        let start = Instant::now();
        stream.write_all(&[1]).expect("a reader");
        stream.read_exact(&mut image).expect("a writer");
        start.elapsed()
    };
    (0..IMAGES).map(one).collect()
}

fn bare_sender(address: SocketAddr, bytes: usize) {
    let mut stream = TcpStreamStd::connect(address).expect("a listener");
    stream.set_nodelay(true).expect("a TCP socket");
    let image = vec![7; bytes];
    while stream.read_exact(&mut [0]).is_ok() && stream.write_all(&image).is_ok() {}
}

async fn grab_times() -> Vec<Duration> {
    let (modules, address) = server().await;
    let _camera = Other::start("camera", address, IMAGE_SIDE);
    let name = names(&modules, 1).await.remove(0);
    let mut times = Vec::new();
    for _ in 0..IMAGES {
        let start = Instant::now();
        let image = modules.grab(&*name, None).await.expect("a camera");
        times.push(start.elapsed());
        assert_eq!(
            image.arrays().next().expect("an image").bytes().len(),
            IMAGE_BYTES
        );
    }
    times
}

async fn server() -> (Arc<Modules>, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let registry = Registry::new(RegistrySettings::default());
    let modules = Arc::new(Modules::start("bench", registry, HostLimits::default()));
    let served = modules.clone();
    tokio::spawn(async move { serve(listener, served.host(), &CancellationToken::new()).await });
    (modules, address)
}

/// Names of the modules, once there are `count` of them.
async fn names(modules: &Modules, count: usize) -> Vec<String> {
    loop {
        let names = modules.names().await;
        if names.len() == count {
            return names;
        }
        sleep(Duration::from_millis(1)).await;
    }
}

// --- small pieces -----------------------------------------------------------------------------------------------------

/// Decoder's time for images of 1 and of 16 MB that arrive byte by byte.
fn pieces(report: &mut impl FnMut(&str, String, bool)) {
    let decode = |megabytes: usize| {
        let pixels = NdArray::vector(&vec![7u8; megabytes << 20]);
        let data = DataWithAxes::new(DataClass::DataRaw, "image", 0.0, vec![pixels]);
        let export = Object::DataToExport(DataToExport::new("camera", 0.0, vec![data]).into());
        let mut bytes = Vec::new();
        encode(Generation::G4, &export, &mut bytes).expect("g4 carries it");
        let mut decoder = Decoder::new(Generation::G4, &Limits::default());
        decoder.expect(Expect::Item);
        let start = Instant::now();
        let mut found = None;
        for mut byte in bytes.chunks(1) {
            found = decoder.decode(&mut byte).expect("it was encoded");
        }
        assert_eq!(found, Some(export));
        start.elapsed().as_secs_f64() / bytes.len() as f64 * 1e9
    };
    let best = |megabytes| (0..5).map(|_| decode(megabytes)).fold(f64::INFINITY, f64::min);
    let (small, large) = (best(1), best(16));
    report(
        "decoder, byte by byte, 1 MB, a byte",
        format!("{small:.1} ns"),
        true,
    );
    report(
        "decoder, byte by byte, 16 MB, a byte",
        format!("{large:.1} ns"),
        large < PIECES_LIMIT * small,
    );
}

// --- cameras at once --------------------------------------------------------------------------------------------------

/// Result of one camera.
#[derive(Default)]
struct Tally {
    frames: u64,
    lost: u64,
    late: u64,
    longest: Duration,
}

fn frames(time: Duration, report: &mut impl FnMut(&str, String, bool)) {
    let tallies = runtime(2).block_on(async {
        let (modules, address) = server().await;
        let _cameras: Vec<Other> = (0..CAMERAS)
            .map(|_| Other::start("camera", address, SIDE))
            .collect();
        let mut running = Vec::new();
        for name in names(&modules, CAMERAS).await {
            running.push(tokio::spawn(watch(modules.clone(), name, time)));
        }
        let mut tallies = Vec::new();
        for camera in running {
            tallies.push(camera.await.expect("it does not panic"));
        }
        tallies
    });
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
    let expected = (time.as_secs_f64() / FRAME_TIME.as_secs_f64()) as u64 * CAMERAS as u64;
    let (frames, lost, late) = (
        sum(|tally| tally.frames),
        sum(|tally| tally.lost),
        sum(|tally| tally.late),
    );
    report(
        "frames of four cameras, of those due",
        format!("{frames}/{expected}"),
        frames >= expected,
    );
    report("frames lost", lost.to_string(), lost == 0);
    report("frames that came after the next was due", late.to_string(), true);
    let longest = tallies
        .iter()
        .map(|tally| tally.longest)
        .max()
        .unwrap_or_default();
    report(
        "longest from order to frame",
        format!("{:.0} ms", longest.as_secs_f64() * 1e3),
        true,
    );
}

/// Grabs whenever a frame is due, catching up after delays.
async fn watch(modules: Arc<Modules>, name: String, time: Duration) -> Tally {
    let mut due = interval(FRAME_TIME);
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let start = Instant::now();
    let mut tally = Tally::default();
    loop {
        due.tick().await;
        if start.elapsed() >= time {
            return tally;
        }
        let ordered = Instant::now();
        let image = modules.grab(&*name, None).await.expect("a camera");
        let bytes = image.arrays().next().expect("an image").bytes();
        assert_eq!(bytes.len(), 2 * SIDE * SIDE);
        tally.frames += 1;
        let number = u64::from_le_bytes(*bytes.first_chunk().expect("a number"));
        tally.lost += number.abs_diff(tally.frames);
        let took = ordered.elapsed();
        tally.late += u64::from(took > FRAME_TIME);
        tally.longest = tally.longest.max(took);
    }
}
