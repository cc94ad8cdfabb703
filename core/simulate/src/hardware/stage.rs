//! Linear stage.

use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

use labwire_protocols::pymodaq::Settings;
use labwire_service::module::Actuator;
use labwire_session::time::Instant;
use labwire_solve::math;

use super::{number, settings};

/// Stage that moves at constant velocity between limits. The carriage follows the motor with backlash: it
/// lags by half of it in either direction. The position comes from an encoder on the carriage.
#[derive(Clone, Debug)]
pub struct Stage {
    velocity: f64,
    low: f64,
    high: f64,
    backlash: f64,
    /// Position of the motor at `since`.
    motor: f64,
    since: Instant,
    target: f64,
    carriage: f64,
}

impl Stage {
    /// Creates a stage at 0 mm: 10 mm/s, limits of -50 and 50 mm, 0.01 mm of backlash.
    #[must_use]
    pub fn new() -> Self {
        Self {
            velocity: 10.0,
            low: -50.0,
            high: 50.0,
            backlash: 0.01,
            motor: 0.0,
            since: Instant::ZERO,
            target: 0.0,
            carriage: 0.0,
        }
    }

    /// Advances to `now`.
    fn advance(&mut self, now: Instant) {
        let reach = self.velocity * now.duration_since(self.since).as_secs_f64();
        let distance = self.target - self.motor;
        self.motor = if distance.abs() <= reach {
            self.target
        } else {
            self.motor + reach * math::sign(distance)
        };
        self.since = now;
        let play = 0.5 * self.backlash;
        self.carriage = math::clamp(self.carriage, self.motor - play, self.motor + play);
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}

impl Actuator for Stage {
    fn settings(&self) -> Settings {
        settings(&[
            ("units", "Units", "str", "mm".to_string()),
            ("velocity", "Velocity (mm/s)", "float", self.velocity.to_string()),
            ("low", "Lower limit (mm)", "float", self.low.to_string()),
            ("high", "Upper limit (mm)", "float", self.high.to_string()),
            ("backlash", "Backlash (mm)", "float", self.backlash.to_string()),
        ])
    }

    fn configure(&mut self, now: Instant, settings: &Settings) -> Result<(), String> {
        self.advance(now);
        let velocity = number(settings, "velocity", 1e-6, 1e6)?;
        let low = number(settings, "low", -1e6, 1e6)?;
        let high = number(settings, "high", low, 1e6)?;
        self.backlash = number(settings, "backlash", 0.0, 1e3)?;
        (self.velocity, self.low, self.high) = (velocity, low, high);
        Ok(())
    }

    fn units(&self) -> String {
        "mm".to_string()
    }

    fn position(&mut self, now: Instant) -> f64 {
        self.advance(now);
        self.carriage
    }

    fn move_to(&mut self, now: Instant, target: f64) -> Result<(), String> {
        self.advance(now);
        if !(self.low..=self.high).contains(&target) {
            return Err(format!(
                "{target} mm is beyond the limits {} and {} mm",
                self.low, self.high
            ));
        }
        self.target = target;
        Ok(())
    }

    fn move_home(&mut self, now: Instant) -> Result<(), String> {
        self.move_to(now, 0.0)
    }

    fn stop(&mut self, now: Instant) {
        self.advance(now);
        self.target = self.motor;
    }

    fn moves_until(&mut self, now: Instant) -> Option<Instant> {
        self.advance(now);
        let seconds = (self.target - self.motor).abs() / self.velocity;
        // Rounded up, so that the motor has arrived by then.
        (seconds > 0.0)
            .then(|| now + Duration::from_secs_f64(math::min(seconds, 1e9)) + Duration::from_nanos(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(milliseconds)
    }

    #[test]
    fn it_moves_stops_and_lags_behind() {
        let mut stage = Stage::new();
        stage.move_to(at(0), 10.0).unwrap();
        assert!((stage.position(at(500)) - 4.995).abs() < 1e-12);
        let due = stage.moves_until(at(500)).unwrap();
        assert_eq!(stage.moves_until(due), None);
        assert!((stage.position(due) - 9.995).abs() < 1e-12);
        // The way back begins with the backlash.
        stage.move_to(due, 0.0).unwrap();
        assert!((stage.position(due + Duration::from_micros(500)) - 9.995).abs() < 1e-9);
        stage.stop(due + Duration::from_millis(100));
        assert_eq!(stage.moves_until(due + Duration::from_millis(100)), None);
        assert!((stage.position(due + Duration::from_secs(5)) - 9.005).abs() < 1e-6);
    }

    #[test]
    fn limits_are_kept() {
        let mut stage = Stage::new();
        assert_eq!(
            stage.move_to(at(0), 50.1).unwrap_err(),
            "50.1 mm is beyond the limits -50 and 50 mm"
        );
        let mut changed = stage.settings();
        changed.set_value(&["velocity"], "-1").unwrap();
        assert!(
            stage
                .configure(at(0), &changed)
                .unwrap_err()
                .starts_with("velocity must be")
        );
        changed.set_value(&["velocity"], "1").unwrap();
        stage.configure(at(0), &changed).unwrap();
        stage.move_to(at(0), 1.0).unwrap();
        assert_eq!(stage.moves_until(at(0)), Some(at(1000) + Duration::from_nanos(1)));
    }
}
