//! Target quantities, cost and end of an experiment, as far as its measurements tell.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use labwire_solve::Compact;
use labwire_solve::math::sqrt;

use super::cost::Costs;
use super::designer::Designer;
use super::measurement::Measurement;
use super::model::Points;
use super::particles::BLOCK;

impl Designer {
    /// Name, mean and standard deviation of each target quantity.
    #[must_use]
    pub fn targets(&self) -> Vec<(&str, f64, f64)> {
        let Some(targets) = &self.experiment.targets else {
            return Vec::new();
        };
        let (mut model, particles) = (targets.model.clone(), &self.particles);
        let mut outputs = vec![0.0; targets.names.len() * BLOCK];
        let mut sums = |about: &[f64], power: i32| -> Vec<f64> {
            let mut sums = vec![0.0; about.len()];
            for range in particles.blocks() {
                let outputs = &mut outputs[..about.len() * range.len()];
                model.evaluate(Points::one(&[]), particles.points(range.clone()), outputs);
                let weights = &particles.weights()[range.clone()];
                for ((sum, about), row) in sums.iter_mut().zip(about).zip(outputs.chunks_exact(range.len())) {
                    for (weight, value) in weights.iter().zip(row).filter(|(weight, _)| **weight > 0.0) {
                        let distance = value - about;
                        *sum += weight * if power == 1 { distance } else { distance * distance };
                    }
                }
            }
            sums.iter().map(|sum| sum / particles.total()).collect()
        };
        let mean = sums(&vec![0.0; targets.names.len()], 1);
        let variances = sums(&mean, 2);
        let names = targets.names.iter().map(String::as_str);
        let numbers = mean.into_iter().zip(variances);
        names
            .zip(numbers)
            .map(|(name, (mean, variance))| (name, mean, sqrt(variance)))
            .collect()
    }

    /// Cost of all measurements so far.
    #[must_use]
    pub fn spent(&self) -> f64 {
        self.spent
    }

    /// Reason why the experiment has reached its end, by its rules; `None` while it has not.
    #[must_use]
    pub fn ended(&self) -> Option<String> {
        let until = &self.experiment.until;
        let (measurements, spent) = (self.history.len(), self.spent);
        if let Some(most) = until.measurements.filter(|most| measurements >= *most) {
            return Some(format!("the number of measurements is {measurements}, of {most}"));
        }
        if let Some(most) = until.cost.filter(|most| spent >= *most) {
            return Some(format!("the cost is {}, of {}", Compact(spent), Compact(most)));
        }
        if until.std.is_empty() {
            return None;
        }
        let parameters = self.experiment.parameters.iter().map(|it| it.name.as_str());
        let mut known: Vec<(&str, f64)> = parameters.zip(self.std()).collect();
        known.extend(self.targets().into_iter().map(|(name, _, std)| (name, std)));
        let is_reached =
            |(name, goal): &(String, f64)| known.iter().any(|(other, std)| other == name && std <= goal);
        until.std.iter().all(is_reached).then(|| {
            let goals = until
                .std
                .iter()
                .map(|(name, goal)| format!("{name} is known to {goal}"));
            goals.collect::<Vec<_>>().join(", ")
        })
    }

    /// Cost of measurement number `index`, from 0, in the history or about to be.
    pub(super) fn cost_of(&mut self, index: usize, measurement: &Measurement) -> f64 {
        let previous = index.checked_sub(1).and_then(|before| self.history.get(before));
        let previous = previous.map(|it| it.setting.as_slice());
        let Some(cost) = &mut self.experiment.cost else {
            return 1.0;
        };
        let costs = Costs::default()
            .evaluate(cost, &measurement.setting, 1, previous)
            .map(<[f64]>::to_vec);
        costs.and_then(|costs| costs.first().copied()).unwrap_or(1.0)
    }

    /// Adds up the costs of a history that was loaded.
    pub(super) fn count_costs(&mut self) {
        let history = core::mem::take(&mut self.history);
        self.spent = 0.0;
        for measurement in history {
            self.spent += self.cost_of(self.history.len(), &measurement);
            self.history.push(measurement);
        }
    }
}
