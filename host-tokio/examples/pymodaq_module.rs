//! Detector as a PyMoDAQ module: a blocking driver on its own thread, attached to a server that may come and go.
//!
//! `cargo run -p labwire-tokio --example pymodaq_module 127.0.0.1:6341`
#![expect(clippy::print_stdout, reason = "a program")]

use std::error::Error;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use labwire_core::limits::HostLimits;
use labwire_core::pymodaq::{Axis, DataClass, DataDim, DataToExport, DataWithAxes, Generation, NdArray};
use labwire_core::service::module::{Hardware, Instrument, ModuleSettings};
use labwire_core::session::Backoff;
use labwire_tokio::{Blocking, BlockingGrabber, Host, dial};

/// Driver with blocking calls, which return when the detector has finished.
struct Thermometers;

impl BlockingGrabber for Thermometers {
    fn grab(&mut self, _dim: DataDim, timestamp: f64) -> Result<DataToExport, String> {
        sleep(Duration::from_millis(20));
        let (depths, kelvins) = ([0.0, 0.5, 1.0], [293.2f32, 288.9, 286.1]);
        let mut profile = DataWithAxes::new(
            DataClass::DataFromPlugins,
            "temperature",
            timestamp,
            vec![NdArray::vector(&kelvins)],
        );
        profile.units = "K".into();
        profile.axes = vec![Axis::new("depth", "m", NdArray::vector(&depths), 0)];
        Ok(DataToExport::new("well", timestamp, vec![profile]))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:6341".into());
    let mut config = ModuleSettings::default();
    // PyMoDAQ 4.4 speaks g3c; 5 speaks g4.
    config.generation = Generation::G3c;
    config.name = Some("well".into());
    config.epoch = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
    let instrument = Instrument::new(Hardware::Grabber(Box::new(Blocking::new(Thermometers))), config);
    let host = Host::start("well", instrument, HostLimits::default());
    println!("for {server}; Ctrl-C ends it");
    let backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10), 1);
    tokio::select! {
        () = dial(&host, server.parse::<std::net::SocketAddr>()?, backoff) => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    // Sends Quit, without which a real server hangs.
    host.shutdown().await;
    Ok(())
}
