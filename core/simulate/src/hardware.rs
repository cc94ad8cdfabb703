//! Simulated PyMoDAQ instruments: a noise meter, a spectrometer, a camera and a stage.
//!
//! Random numbers are xoshiro256++ (Blackman and Vigna, 2019) from a seed, and time comes from the host:
//! equal seeds and times give equal data.

mod detectors;
mod stage;

use alloc::format;
use alloc::string::String;

pub use self::detectors::{Camera, NoiseMeter, Spectrometer};
pub use self::stage::Stage;
use labwire_protocols::pymodaq::Settings;
use labwire_solve::math;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Random numbers of one instrument.
#[derive(Clone, Debug)]
struct Noise(Xoshiro256PlusPlus);

impl Noise {
    fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// 64 random bits.
    fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform deviate in (0, 1].
    fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal deviate (Box and Muller, 1958).
    fn normal(&mut self) -> f64 {
        let (angle, radius) = (self.uniform(), self.uniform());
        math::sqrt(-2.0 * math::log(radius)) * math::cos(core::f64::consts::TAU * angle)
    }
}

/// Entry of [`settings`]: name, title, type, value.
type Entry<'a> = (&'a str, &'a str, &'a str, String);

/// Settings in PyMoDAQ's format.
fn settings(entries: &[Entry<'_>]) -> Settings {
    let mut xml =
        String::from(r#"<Settings type="group" title="Settings" visible="1" removable="0" readonly="0">"#);
    for (name, title, kind, value) in entries {
        xml += &format!(
            r#"<{name} type="{kind}" title="{title}" visible="1" removable="0" readonly="0">{value}</{name}>"#
        );
    }
    xml += "</Settings>";
    // Names and values come from this crate: the text is well-formed.
    Settings::parse(xml).unwrap_or_default()
}

/// Value of a setting that must be a number from `low` to `high`.
fn number(settings: &Settings, name: &str, low: f64, high: f64) -> Result<f64, String> {
    let text = settings
        .value(&[name])
        .ok_or_else(|| format!("the setting {name} is missing"))?;
    let value = text.trim().parse::<f64>().ok();
    value
        .filter(|value| (low..=high).contains(value))
        .ok_or_else(|| format!("{name} must be a number from {low} to {high}, not {text:?}"))
}
