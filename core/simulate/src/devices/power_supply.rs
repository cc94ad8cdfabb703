//! Power supply with SCPI commands and a resistive load.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use labwire_solve::math;

use super::{Instrument, Response};

/// Load resistance, in ohm.
const LOAD: f64 = 10.0;
const MAX_VOLTAGE: f64 = 60.0;
const MAX_CURRENT: f64 = 10.0;
/// Length of the error queue; the last entry is then "queue overflow".
const ERRORS: usize = 16;

/// Power supply that holds the set voltage (V), or less where its current limit (A) is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct PowerSupply {
    voltage: f64,
    current_limit: f64,
    is_on: bool,
    errors: VecDeque<&'static str>,
}

impl Default for PowerSupply {
    fn default() -> Self {
        Self {
            voltage: 0.0,
            current_limit: 1.0,
            is_on: false,
            errors: VecDeque::new(),
        }
    }
}

impl PowerSupply {
    fn measured_voltage(&self) -> f64 {
        if self.is_on {
            math::min(self.voltage, self.current_limit * LOAD)
        } else {
            0.0
        }
    }

    fn reset(&mut self) {
        let errors = core::mem::take(&mut self.errors);
        *self = Self {
            errors,
            ..Self::default()
        };
    }

    fn ask(&mut self, header: &str) -> Result<String, &'static str> {
        let is = |long| is_header(header, long);
        Ok(if is("*IDN") {
            "labwire,PS-60-10,0,1.0".to_string()
        } else if is("*OPC") {
            "1".to_string()
        } else if is("SYSTem:ERRor") {
            self.errors.pop_front().unwrap_or("0,\"No error\"").to_string()
        } else if is("VOLTage") {
            format!("{}", self.voltage)
        } else if is("CURRent") {
            format!("{}", self.current_limit)
        } else if is("OUTPut") {
            u8::from(self.is_on).to_string()
        } else if is("MEASure:VOLTage") {
            format!("{}", self.measured_voltage())
        } else if is("MEASure:CURRent") {
            format!("{}", self.measured_voltage() / LOAD)
        } else {
            return Err(UNDEFINED_HEADER);
        })
    }

    fn tell(&mut self, header: &str, argument: &str) -> Result<(), &'static str> {
        let is = |long| is_header(header, long);
        if is("*RST") {
            self.reset();
        } else if is("*CLS") {
            self.errors.clear();
        } else if is("VOLTage") {
            self.voltage = number(argument, MAX_VOLTAGE)?;
        } else if is("CURRent") {
            self.current_limit = number(argument, MAX_CURRENT)?;
        } else if is("OUTPut") {
            self.is_on = match argument {
                "1" | "ON" | "on" => true,
                "0" | "OFF" | "off" => false,
                _ => return Err("-104,\"Data type error\""),
            };
        } else {
            return Err(UNDEFINED_HEADER);
        }
        Ok(())
    }
}

impl Instrument for PowerSupply {
    fn respond(&mut self, command: &[u8]) -> Response {
        let command = core::str::from_utf8(command).unwrap_or_default().trim();
        let (header, argument) = command.split_once(' ').unwrap_or((command, ""));
        let result = match header.strip_suffix('?') {
            Some(header) => self.ask(header).map(|value| Response::Value(value.into_bytes())),
            None => self.tell(header, argument.trim()).map(|()| Response::Done),
        };
        result.unwrap_or_else(|error| {
            if self.errors.len() == ERRORS {
                self.errors.pop_back();
                self.errors.push_back("-350,\"Queue overflow\"");
            } else {
                self.errors.push_back(error);
            }
            Response::Refused
        })
    }

    fn commands(&self) -> Vec<&[u8]> {
        vec![
            &b"*IDN?"[..],
            b"*RST",
            b"*CLS",
            b"*OPC?",
            b"VOLT 5",
            b"VOLT?",
            b"CURR 1",
            b"CURR?",
            b"OUTP ON",
            b"OUTP?",
            b"MEAS:VOLT?",
            b"MEAS:CURR?",
            b"SYST:ERR?",
        ]
    }
}

const UNDEFINED_HEADER: &str = "-113,\"Undefined header\"";

fn number(text: &str, maximum: f64) -> Result<f64, &'static str> {
    let value: f64 = text.parse().map_err(|_| "-104,\"Data type error\"")?;
    if (0.0..=maximum).contains(&value) {
        Ok(value)
    } else {
        Err("-222,\"Data out of range\"")
    }
}

/// Whether `header` matches `long`: each word in full or only its capitals, in any case, with or without a
/// leading colon (SCPI-99 volume 1, 6.2.1).
fn is_header(header: &str, long: &str) -> bool {
    let header = header.strip_prefix(':').unwrap_or(header);
    let mut words = header.split(':');
    let mut longs = long.split(':');
    let is_word = |(word, long): (&str, &str)| {
        let short = long.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
        word.eq_ignore_ascii_case(long) || word.eq_ignore_ascii_case(short)
    };
    loop {
        match (words.next(), longs.next()) {
            (None, None) => return true,
            (Some(word), Some(long)) if is_word((word, long)) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_the_voltage_until_the_current_limit() {
        let mut supply = PowerSupply::default();
        let mut say = |command: &str| match supply.respond(command.as_bytes()) {
            Response::Value(value) => String::from_utf8(value).unwrap(),
            other => format!("{other:?}"),
        };
        for (command, response) in [
            ("*IDN?", "labwire,PS-60-10,0,1.0"),
            ("VOLT 5.5", "Done"),
            ("MEAS:VOLT?", "0"),
            ("OUTP ON", "Done"),
            (":measure:voltage?", "5.5"),
            ("MEAS:CURR?", "0.55"),
            ("CURRent 0.2", "Done"),
            ("meas:volt?", "2"),
            ("VOLT 61", "Refused"),
            ("VOLT NaN", "Refused"),
            ("VOLTA 1", "Refused"),
            ("OUTP perhaps", "Refused"),
            ("SYST:ERR?", "-222,\"Data out of range\""),
            ("SYST:ERR?", "-222,\"Data out of range\""),
            ("SYST:ERR?", "-113,\"Undefined header\""),
            ("SYST:ERR?", "-104,\"Data type error\""),
            ("SYST:ERR?", "0,\"No error\""),
            ("*RST", "Done"),
            ("VOLT?", "0"),
            ("OUTP?", "0"),
        ] {
            assert_eq!(say(command), response, "{command}");
        }
        for _ in 0..ERRORS + 5 {
            supply.respond(b"\xff");
        }
        assert_eq!(supply.errors.len(), ERRORS);
    }
}
