//! Cost of device connections: processor time and memory of 1,000 devices that are each polled once a second, beside
//! as many bare sockets, and the time of a query beyond that of a bare socket.
//!
//! `cargo run --release -p labwire-benches --example devices`; reads /proc, so Linux only. The devices run in a
//! separate process. Exits with 1 if a figure exceeds its limit.
#![expect(clippy::print_stdout, reason = "a program")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use labwire_core::device::Dialect;
use labwire_core::framing::until::Until;
use labwire_core::limits::HostLimits;
use labwire_core::simulate::{Behaviour, Emulator};
use labwire_tokio::device::{DeviceConnection, DeviceEmulator, DeviceSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Interval, interval, sleep};

const DEVICES: u64 = 1000;
const WARM_UP: Duration = Duration::from_secs(3);
const MEASURED: Duration = Duration::from_secs(20);
const ROUND_TRIPS: usize = 2000;
const BLOCKS: usize = 10;
const QUESTION: &[u8] = b"MEAS:VOLT?\n";

const CORE_LIMIT: f64 = 0.05;
const MB_LIMIT: f64 = 30.0;
const OVERHEAD_LIMIT: Duration = Duration::from_micros(30);

fn main() -> ExitCode {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    if env::args().nth(1).as_deref() == Some("emulate") {
        runtime(1).block_on(emulate());
        return ExitCode::SUCCESS;
    }
    let (_device, address) = start_device();
    let mut passed = true;
    let mut report = |what: &str, value: String, within: bool| {
        println!(
            "{what:<50} {value:>12}{}",
            if within { "" } else { "  beyond the limit" }
        );
        passed &= within;
    };
    for (how, spread) in [("on one tick", false), ("spread over it", true)] {
        let percent = |core: f64| format!("{:.1} %", core * 100.0);
        let bare = poll_bare(&address, spread);
        report(
            &format!("1,000 bare sockets once a second, {how}"),
            percent(bare),
            true,
        );
        let (core, megabytes, answers) = poll_many(&address, spread);
        report(
            &format!("1,000 devices once a second, {how}"),
            percent(core),
            core < CORE_LIMIT,
        );
        let memory = format!("{megabytes:.1} MB");
        report("resident memory", memory, megabytes < MB_LIMIT);
        let expected = DEVICES * MEASURED.as_secs();
        let all = format!("{answers}/{expected}");
        report("answers of those due", all, answers * 100 >= expected * 99);
    }
    for threads in [1, 2] {
        let (bare, query) = runtime(threads).block_on(compare(&address));
        let overhead = query.saturating_sub(bare);
        let text = |time: Duration| format!("{:.1} us", time.as_secs_f64() * 1e6);
        report(
            &format!("bare socket, median, threads {threads}"),
            text(bare),
            true,
        );
        report(&format!("query, median, threads {threads}"), text(query), true);
        report(
            &format!("overhead, threads {threads}"),
            text(overhead),
            overhead < OVERHEAD_LIMIT,
        );
    }
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn runtime(threads: usize) -> Runtime {
    let runtime = if threads == 1 {
        Builder::new_current_thread().enable_all().build()
    } else {
        Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()
    };
    runtime.expect("threads")
}

async fn emulate() {
    let dialect = Dialect::by_name("scpi").expect("it is in the list");
    let emulator = Emulator::new(dialect, Behaviour::of(dialect), Vec::new(), 0);
    let mut limits = HostLimits::default();
    limits.connections = 4 * DEVICES as usize;
    limits.connections_per_peer = limits.connections;
    let emulator = DeviceEmulator::start("127.0.0.1:0", emulator, limits).await;
    println!("{}", emulator.as_ref().expect("a free port").address());
    std::future::pending().await
}

struct Device(Child);

impl Drop for Device {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start_device() -> (Device, String) {
    let program = env::current_exe().expect("this program's path");
    let mut process = Command::new(program)
        .arg("emulate")
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program once more");
    let output = process.stdout.take().expect("it is piped");
    let device = Device(process);
    let address = BufReader::new(output).lines().next();
    (device, address.expect("a line").expect("text"))
}

/// Poll times of the device `index`: once a second, either all at once, as `labwire device watch` does it, or spread
/// over the second.
async fn polls(index: u64, spread: bool) -> Interval {
    if spread {
        sleep(Duration::from_millis(index * 1000 / DEVICES)).await;
    }
    interval(Duration::from_secs(1))
}

/// Fraction of a core for bare sockets, which a loop writes to and reads from.
fn poll_bare(address: &str, spread: bool) -> f64 {
    runtime(1).block_on(async {
        for index in 0..DEVICES {
            let mut stream = TcpStream::connect(address).await.expect("the device listens");
            stream.set_nodelay(true).expect("a TCP socket");
            tokio::spawn(async move {
                let mut polls = polls(index, spread).await;
                let mut buffer = [0; 64];
                loop {
                    polls.tick().await;
                    stream.write_all(QUESTION).await.expect("the device reads");
                    let count = stream.read(&mut buffer).await.expect("the device answers");
                    assert_eq!(buffer[count - 1], b'\n');
                }
            });
        }
        sleep(WARM_UP).await;
        let start = processor_seconds();
        sleep(MEASURED).await;
        (processor_seconds() - start) / MEASURED.as_secs_f64()
    })
}

/// Fraction of a core, memory in MB, and number of answers, while all devices are polled.
fn poll_many(address: &str, spread: bool) -> (f64, f64, u64) {
    runtime(1).block_on(async {
        let mut devices = Vec::new();
        for index in 0..DEVICES {
            let device = DeviceConnection::open(address, DeviceSettings::default());
            devices.push(device.clone());
            tokio::spawn(async move {
                let mut polls = polls(index, spread).await;
                loop {
                    polls.tick().await;
                    // Failures show as missing answers.
                    let _ = device.query(QUESTION, Until::delimiter("\n")).await;
                }
            });
        }
        sleep(WARM_UP).await;
        let (start, before) = (processor_seconds(), answers(&devices).await);
        sleep(MEASURED).await;
        let seconds = processor_seconds() - start;
        let megabytes = resident_mb();
        (
            seconds / MEASURED.as_secs_f64(),
            megabytes,
            answers(&devices).await - before,
        )
    })
}

async fn answers(devices: &[DeviceConnection]) -> u64 {
    let mut sum = 0;
    for device in devices {
        sum += device.status().await.expect("it runs").statistics.answers;
    }
    sum
}

/// Medians of a bare socket's round trip and of a query, measured in turns.
async fn compare(address: &str) -> (Duration, Duration) {
    let mut stream = TcpStream::connect(address).await.expect("the device listens");
    stream.set_nodelay(true).expect("a TCP socket");
    let device = DeviceConnection::open(address, DeviceSettings::default());
    let (mut bare, mut query) = (Vec::new(), Vec::new());
    let mut buffer = [0; 64];
    for _ in 0..BLOCKS {
        for _ in 0..ROUND_TRIPS {
            let start = Instant::now();
            stream.write_all(QUESTION).await.expect("the device reads");
            let count = stream.read(&mut buffer).await.expect("the device answers");
            bare.push(start.elapsed());
            assert_eq!(buffer[count - 1], b'\n');
        }
        for _ in 0..ROUND_TRIPS {
            let start = Instant::now();
            let answer = device.query(QUESTION, Until::delimiter("\n")).await;
            query.push(start.elapsed());
            assert!(answer.is_ok());
        }
    }
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    (median(bare), median(query))
}

/// User and system time of this process, in seconds.
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit_once(')').expect("a name in brackets").1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |index: usize| fields[index].parse::<f64>().expect("a number");
    // Linux reports hundredths of a second, whatever its internal clock rate.
    (ticks(11) + ticks(12)) / 100.0
}

/// VmRSS, in millions of bytes.
fn resident_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kilobytes.expect("VmRSS in kB") * 1024.0 / 1e6
}
