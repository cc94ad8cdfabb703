//! Acquisition loop of a SOCS agent, with the degraded flag.
//!
//! ```sh
//! labwire device emulate --preset modbus --address 127.0.0.1:5020 --fault drop-after=5 &
//! cargo run --example device_agent -- 127.0.0.1:5020
//! ```
//!
//! It follows the loop of the compressor agent (socs, agents/cryomech_cpa/agent.py):
//!
//! ```python
//! while self.take_data:
//!     try:
//!         data_flag, data = self.ptc.get_data()
//!         if session.degraded:
//!             self.log.info("Connection re-established.")
//!             session.degraded = False
//!     except ConnectionError:
//!         self.log.error("Failed to get data from compressor. Check network connection.")
//!         session.degraded = True
//!         time.sleep(1)
//!         continue
//!     self.agent.publish_to_feed('ptc_status', pub_data)
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::time::Duration;

use labwire_core::device::{Dialect, DialectError, Request};
use labwire_tokio::RemoteError;
use labwire_tokio::device::{DeviceConnection, DeviceError, DeviceSettings};

/// Cryomech compressor.
struct Compressor {
    connection: DeviceConnection,
    read_registers: Request,
}

impl Compressor {
    /// Reading is harmless and may be repeated; switching is sent once or fails.
    fn open(address: &str) -> Result<Self, DialectError> {
        let dialect = Dialect::by_name("modbus").ok_or(DialectError::Opcode)?;
        let options = DeviceSettings::default().with_settings(dialect.settings());
        Ok(Self {
            connection: DeviceConnection::open(address, options),
            read_registers: dialect.query(&[1, 4, 0, 1, 0, 0x35])?.idempotent(),
        })
    }

    /// Coolant temperatures, in and out, in degrees Celsius.
    async fn coolant_temperatures(&self) -> Result<(f32, f32), RemoteError<DeviceError>> {
        let answer = self.connection.perform(self.read_registers.clone()).await?;
        Ok((value(&answer, 21), value(&answer, 25)))
    }
}

/// Value of two registers, low word first; the register numbers are those of the driver's table.
fn value(answer: &[u8], at: usize) -> f32 {
    match answer.get(at..at + 4) {
        Some(&[a, b, c, d]) => f32::from_be_bytes([c, d, a, b]),
        _ => f32::NAN,
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), DialectError> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:502".to_owned());
    let samples = std::env::args()
        .nth(2)
        .and_then(|count| count.parse().ok())
        .unwrap_or(20);
    let compressor = Compressor::open(&address)?;
    let mut degraded = false;
    let mut taken = 0;
    while taken < samples {
        match compressor.coolant_temperatures().await {
            Ok((inlet, outlet)) => {
                if degraded {
                    println!("Connection re-established.");
                    degraded = false;
                }
                println!("coolant in {inlet} °C, out {outlet} °C");
                taken += 1;
            }
            Err(error) => {
                eprintln!("Failed to get data from compressor. Check network connection. ({error})");
                degraded = true;
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        }
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    Ok(())
}
