//! Vacuum gauge controller with six channels (Pfeiffer TPG 366), on a chamber that is being pumped down.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{Instrument, Response};

/// Ultimate pressure of the pump, in mbar.
const ULTIMATE: f64 = 1e-7;

/// Six gauges; the pressure is a little lower at each reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauges {
    pressure: f64,
    /// Parameter that an enquiry (ENQ) returns.
    chosen: String,
}

impl Default for Gauges {
    fn default() -> Self {
        Self {
            pressure: 1e3,
            chosen: String::new(),
        }
    }
}

impl Gauges {
    /// Status and pressure of a channel, 1 to 6.
    fn channel(&self, channel: u32) -> String {
        format!("0,{:.4E}", self.pressure * f64::from(channel))
    }

    fn choose(&mut self, mnemonic: &str) -> Option<String> {
        let channels = 1..=6;
        Some(match mnemonic {
            "TID" => channels.map(|_| "TPR/PCR").collect::<Vec<_>>().join(","),
            "UNI" => "0".into(),
            "SEN" => channels.map(|_| "2").collect::<Vec<_>>().join(","),
            "PRX" => channels
                .map(|channel| self.channel(channel))
                .collect::<Vec<_>>()
                .join(","),
            _ => {
                let channel = mnemonic.strip_prefix("PR")?.parse().ok()?;
                channels.contains(&channel).then(|| self.channel(channel))?
            }
        })
    }
}

impl Instrument for Gauges {
    fn respond(&mut self, command: &[u8]) -> Response {
        match command {
            b"\x05" => Response::Value(self.chosen.clone().into_bytes()),
            // Surplus line ending.
            b"" => Response::Value(Vec::new()),
            _ => match core::str::from_utf8(command)
                .ok()
                .and_then(|mnemonic| self.choose(mnemonic))
            {
                Some(value) => {
                    self.pressure = ULTIMATE + (self.pressure - ULTIMATE) * 0.99;
                    self.chosen = value;
                    Response::Done
                }
                None => Response::Refused,
            },
        }
    }

    fn commands(&self) -> Vec<&[u8]> {
        vec![&b"TID"[..], b"UNI", b"SEN", b"PR1", b"PRX"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enquiry_gives_what_the_mnemonic_chose() {
        let mut gauges = Gauges::default();
        assert_eq!(gauges.respond(b"PR2"), Response::Done);
        assert_eq!(gauges.respond(b"\x05"), Response::Value(b"0,2.0000E3".to_vec()));
        assert_eq!(gauges.respond(b"PR7"), Response::Refused);
        assert_eq!(gauges.respond(b"\x05"), Response::Value(b"0,2.0000E3".to_vec()));
        assert_eq!(gauges.respond(b"PRX"), Response::Done);
        let Response::Value(value) = gauges.respond(b"\x05") else {
            panic!("an enquiry gives a value")
        };
        assert!(value.starts_with(b"0,9.9000E2,0,1.9800E3,"));
    }
}
