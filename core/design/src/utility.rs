//! Utility of a measurement at each setting of the grid.
//!
//! A few particles are drawn, and the values they predict are computed for one block of settings at a time,
//! so that memory does not grow with the number of settings.

mod contraction;

use alloc::vec;
use alloc::vec::Vec;

use contraction::Contraction;
use labwire_solve::math::{clamp, exp, log, max, min, sqrt};
use labwire_solve::random::Random;

use super::cost::Costs;
use super::entropy::differential_entropy;
use super::experiment::{Experiment, Utility};
use super::exponential::exp_weight;
use super::grid::BLOCK;
use super::model::Points;
use super::noise::{Noise, NoiseShape};
use super::particles::Particles;

/// Most predicted values held at a time, unless one setting has more.
const PREDICTIONS: usize = 1 << 20;

/// Computation of the utility of every setting, in parts.
#[derive(Clone, Debug)]
pub struct UtilityScan {
    /// Parameters drawn, draw by draw.
    draws: Vec<f64>,
    /// Standard normal deviates, one per draw and channel.
    deviates: Vec<f64>,
    /// Entropy of the deviates of each channel, for [`Utility::FullKld`].
    noise_entropies: Vec<f64>,
    previous: Option<Vec<f64>>,
    /// What the settings of a batch that are chosen already tell of the draws.
    chosen: Vec<Contraction>,
    /// Target quantities: one row per target, one value per draw, less their mean.
    targets: Vec<f64>,
    utilities: Vec<f64>,
    /// First setting of the current block.
    start: usize,
    /// Number of draws that have been evaluated for the current block.
    predicted: usize,
    memory: Memory,
}

/// Working memory for a block of settings.
#[derive(Clone, Debug, Default)]
struct Memory {
    /// Settings of the block.
    settings: Vec<f64>,
    /// Predicted values: one row of settings per draw and channel.
    responses: Vec<f64>,
    noise: Vec<f64>,
    /// Noise variance: one row per channel.
    variances: Vec<f64>,
    costs: Costs,
}

impl UtilityScan {
    /// Draws particles. `previous` is the previous setting.
    pub(super) fn new(
        experiment: &Experiment,
        particles: &Particles,
        previous: Option<&[f64]>,
        random: &mut Random,
    ) -> Self {
        let count = experiment.options.draws;
        let mut draws = Vec::with_capacity(count * particles.num_parameters());
        for _ in 0..count {
            let drawn = particles.draw(random);
            draws.extend((0..particles.num_parameters()).map(|parameter| particles.row(parameter)[drawn]));
        }
        let needs_noise = matches!(
            experiment.options.utility,
            Utility::FullKld | Utility::InformationGain
        );
        let num_deviates = if needs_noise {
            count * experiment.channels()
        } else {
            0
        };
        let deviates: Vec<f64> = (0..num_deviates).map(|_| random.normal()).collect();
        let mut noise_entropies = Vec::new();
        if experiment.options.utility == Utility::FullKld {
            let mut samples = Vec::with_capacity(count);
            noise_entropies.extend((0..experiment.channels()).map(|channel| {
                samples.clear();
                samples.extend(deviates.iter().skip(channel).step_by(experiment.channels()));
                differential_entropy(&mut samples)
            }));
        }
        let targets = target_deviations(experiment, &draws);
        Self {
            draws,
            deviates,
            noise_entropies,
            previous: previous.map(<[f64]>::to_vec),
            chosen: Vec::new(),
            targets,
            utilities: Vec::with_capacity(experiment.grid.len()),
            start: 0,
            predicted: 0,
            memory: Memory::default(),
        }
    }

    /// Continues by about `operations` elementary operations. Returns whether all settings are done.
    pub(super) fn step(&mut self, experiment: &mut Experiment, operations: usize) -> bool {
        let len = experiment.grid.len();
        let mut left = operations.max(1);
        while self.utilities.len() < len && left > 0 {
            let count = block(experiment).min(len - self.start);
            left = left.saturating_sub(self.advance(experiment, count));
        }
        self.utilities.len() == len
    }

    /// Begins a scan for the next setting of a batch, in which number `index` is chosen. Its measurement is taken in as an
    /// ensemble Kalman filter would (Whitaker and Hamill, 2002): the spread of the predictions is contracted, by their
    /// correlations with those at that setting.
    pub(super) fn choose(&mut self, experiment: &mut Experiment, index: usize) {
        (self.start, self.predicted) = (index, 0);
        self.begin_block(experiment, 1);
        while self.predicted < experiment.options.draws {
            self.predict(experiment, 1);
        }
        self.memory.scale(experiment, 1);
        self.memory.contract(&self.chosen);
        let channels = experiment.channels();
        for channel in 0..channels {
            let column = self.memory.responses.iter().skip(channel).step_by(channels);
            let Some(contraction) = Contraction::new(column, self.memory.variances[channel]) else {
                continue;
            };
            contraction.apply(&mut self.memory.responses, channels);
            for target in self.targets.chunks_exact_mut(experiment.options.draws) {
                contraction.apply(target, 1);
            }
            self.chosen.push(contraction);
        }
        self.previous = Some(experiment.grid.setting(index));
        self.utilities.clear();
        (self.start, self.predicted) = (0, 0);
    }

    /// Number of elementary operations for one setting.
    pub(super) fn operations_per_setting(experiment: &Experiment) -> usize {
        let draws = experiment.options.draws;
        draws.saturating_mul(experiment.model.operations())
    }

    /// Utility of every setting, once all are done.
    #[must_use]
    pub fn utilities(&self) -> &[f64] {
        &self.utilities
    }

    /// Does the next part of the work on the current block of `count` settings. Returns its number of operations.
    fn advance(&mut self, experiment: &mut Experiment, count: usize) -> usize {
        if self.predicted == 0 {
            self.begin_block(experiment, count);
        }
        match self.predicted < experiment.options.draws {
            true => self.predict(experiment, count),
            false => self.weigh(experiment, count),
        }
    }

    fn begin_block(&mut self, experiment: &mut Experiment, count: usize) {
        let (memory, grid) = (&mut self.memory, &experiment.grid);
        let num_knobs = grid.knobs().len();
        let channels = experiment.model.num_outputs();
        memory.settings.resize(num_knobs * count, 0.0);
        grid.fill(self.start, count, &mut memory.settings);
        memory.variances.clear();
        memory.variances.resize(channels * count, 0.0);
        memory.noise.resize(channels * count, 0.0);
        memory
            .responses
            .resize(experiment.options.draws * channels * count, 0.0);
        let settings = Points::new(&memory.settings, count, 0..count);
        let draw = &self.draws[..self.draws.len() / experiment.options.draws];
        known_variances(
            &mut experiment.noise,
            settings,
            draw,
            (&mut memory.noise, &mut memory.variances),
        );
    }

    /// Evaluates the next draw for a block.
    fn predict(&mut self, experiment: &mut Experiment, count: usize) -> usize {
        let memory = &mut self.memory;
        let num_draws = experiment.options.draws;
        let size = experiment.model.num_outputs() * count;
        let settings = Points::new(&memory.settings, count, 0..count);
        let per_draw = self.draws.len() / num_draws;
        let draw = Points::one(&self.draws[self.predicted * per_draw..][..per_draw]);
        let responses = &mut memory.responses[self.predicted * size..][..size];
        experiment.model.evaluate(settings, draw, responses);
        let mut operations = experiment.model.operations();
        if let Noise::Unknown(noise) = &mut experiment.noise {
            // The mean over the draws.
            let share = per_draw as f64 / self.draws.len() as f64;
            noise.evaluate(settings, draw, &mut memory.noise);
            for (variance, sigma) in memory.variances.iter_mut().zip(&memory.noise) {
                *variance += sigma * sigma * share;
            }
            operations += noise.operations();
        }
        self.predicted += 1;
        operations.saturating_mul(count)
    }

    /// Computes the utilities of a block from its predictions: of the next setting where that takes long, else of all.
    fn weigh(&mut self, experiment: &mut Experiment, count: usize) -> usize {
        let first = self.utilities.len() - self.start;
        if first == 0 {
            self.memory.scale(experiment, count);
            self.memory.contract(&self.chosen);
        }
        let at = Block {
            responses: &self.memory.responses,
            variances: &self.memory.variances,
            deviates: &self.deviates,
            noise_entropies: &self.noise_entropies,
            targets: &self.targets,
            channels: experiment.channels(),
            count,
        };
        let utility = experiment.options.utility;
        let all = at.responses.len();
        let (part, operations) = match utility {
            _ if !at.targets.is_empty() => {
                (1, (at.channels + self.targets.len()).saturating_mul(all) / count)
            }
            Utility::VarianceApprox | Utility::MaxMin => (count, at.responses.len()),
            Utility::PseudoUtility | Utility::FullKld => (1, 32 * at.responses.len() / count),
            Utility::InformationGain => (1, at.num_draws() as usize * at.responses.len() / count),
        };
        self.utilities.resize(self.start + first + part, 0.0);
        let utilities = &mut self.utilities[self.start + first..];
        match utility {
            _ if !at.targets.is_empty() => at.target_gain(first, utilities),
            Utility::VarianceApprox => at.variance_approx(utilities),
            Utility::MaxMin => at.max_min(utilities),
            Utility::PseudoUtility => at.pseudo_utility(first, utilities),
            Utility::FullKld => at.full_kld(first, utilities),
            Utility::InformationGain => at.information_gain(first, utilities),
        }
        if first + part == count {
            self.divide_by_cost(experiment, self.start, count);
            self.start += count;
            self.predicted = 0;
        }
        operations
    }

    fn divide_by_cost(&mut self, experiment: &mut Experiment, first: usize, count: usize) {
        let Some(cost) = &mut experiment.cost else {
            return;
        };
        let Memory { settings, costs, .. } = &mut self.memory;
        let costs = costs.evaluate(cost, settings, count, self.previous.as_deref());
        for (utility, cost) in self.utilities[first..].iter_mut().zip(costs.unwrap_or_default()) {
            *utility /= cost;
        }
    }
}

impl Memory {
    /// Takes what the chosen settings of a batch tell out of the predictions for a block.
    fn contract(&mut self, chosen: &[Contraction]) {
        for contraction in chosen {
            contraction.apply(&mut self.responses, self.variances.len());
        }
    }

    /// Brings the predictions for a block to a scale on which the noise is normal, independent between the channels, with
    /// the variances of the block: counts with that of their mean; Student's t with that of the normal noise that tells
    /// as much.
    fn scale(&mut self, experiment: &Experiment, count: usize) {
        let Self {
            responses,
            noise,
            variances,
            ..
        } = self;
        let size = variances.len();
        let share = size as f64 / responses.len() as f64;
        match &experiment.noise {
            Noise::Poisson => scale_counts(responses, variances, |mean, _| {
                (max(mean, 0.0), max(mean, 0.0) * share)
            }),
            Noise::Binomial(_) => scale_counts(responses, variances, |p, i| {
                let (p, trials) = (clamp(p, 0.0, 1.0), noise[i]);
                (trials * p, trials * p * (1.0 - p) * share)
            }),
            _ => {}
        }
        if let NoiseShape::Correlated(correlation) = &experiment.noise_shape {
            for responses in responses.chunks_exact_mut(size) {
                for (response, variance) in responses.iter_mut().zip(&*variances) {
                    *response /= sqrt(*variance);
                }
                correlation.whiten(responses, count);
            }
            variances.fill(1.0);
        } else if experiment.noise_shape != NoiseShape::Normal {
            let factor = experiment.noise_shape.equivalent_variance();
            variances.iter_mut().for_each(|variance| *variance *= factor);
        }
    }
}

/// Replaces predictions by those of counts, and adds up their variances; `of` gives both, by prediction and place.
fn scale_counts(responses: &mut [f64], variances: &mut [f64], of: impl Fn(f64, usize) -> (f64, f64)) {
    let mut least = vec![f64::MIN_POSITIVE; variances.len()];
    for responses in responses.chunks_exact_mut(variances.len()) {
        for (i, (response, variance)) in responses.iter_mut().zip(&mut *variances).enumerate() {
            let (count, share) = of(*response, i);
            *response = count;
            *variance += share;
            least[i] = max(least[i], f64::EPSILON * count * count);
        }
    }
    // Where nothing can be counted, or everything is, there is nothing to learn: round-off of the predictions is no spread.
    for (variance, least) in variances.iter_mut().zip(least) {
        *variance = max(*variance, least);
    }
}

/// Number of settings processed at a time.
fn block(experiment: &Experiment) -> usize {
    let each = experiment.options.draws.saturating_mul(experiment.channels());
    (PREDICTIONS / each.max(1)).clamp(1, BLOCK)
}

/// Noise variance of each channel at each setting where it is known; 0 where it depends on the parameters.
fn known_variances(
    noise: &mut Noise,
    settings: Points<'_>,
    draw: &[f64],
    (memory, variances): (&mut [f64], &mut [f64]),
) {
    let count = settings.len();
    match noise {
        Noise::Reported => variances.fill(1.0),
        Noise::Known(sigmas) => {
            for (row, sigma) in variances.chunks_exact_mut(count).zip(sigmas) {
                row.fill(*sigma * *sigma);
            }
        }
        Noise::OfSetting(model) => {
            model.evaluate(settings, Points::one(draw), memory);
            for (variance, sigma) in variances.iter_mut().zip(memory) {
                *variance = *sigma * *sigma;
            }
        }
        // Kept in the memory until there are predictions.
        Noise::Binomial(trials) => trials.evaluate(settings, Points::one(draw), memory),
        Noise::Unknown(_) | Noise::Poisson => {}
    }
}

/// Deviations of the targets from their means over the draws, a row per target.
fn target_deviations(experiment: &Experiment, draws: &[f64]) -> Vec<f64> {
    let Some(targets) = &experiment.targets else {
        return Vec::new();
    };
    let (mut model, count) = (targets.model.clone(), experiment.options.draws);
    let each = draws.len() / count;
    let mut values = vec![0.0; model.num_outputs() * count];
    let mut outputs = vec![0.0; model.num_outputs()];
    for (i, draw) in draws.chunks_exact(each).enumerate() {
        model.evaluate(Points::one(&[]), Points::one(draw), &mut outputs);
        for (row, output) in values.chunks_exact_mut(count).zip(&outputs) {
            row[i] = *output;
        }
    }
    for row in values.chunks_exact_mut(count) {
        let mean = row.iter().fold(0.0, |sum, value| sum + value) / count as f64;
        row.iter_mut().for_each(|value| *value -= mean);
    }
    values
}

/// Predictions of the draws for a block of settings.
struct Block<'a> {
    responses: &'a [f64],
    variances: &'a [f64],
    deviates: &'a [f64],
    noise_entropies: &'a [f64],
    targets: &'a [f64],
    channels: usize,
    count: usize,
}

impl Block<'_> {
    /// Predictions of each draw for a channel: rows of settings.
    fn responses(&self, channel: usize) -> impl Iterator<Item = &[f64]> + Clone {
        let rows = self.responses.chunks_exact(self.count);
        rows.skip(channel).step_by(self.channels)
    }

    fn variances(&self, channel: usize) -> &[f64] {
        &self.variances[channel * self.count..][..self.count]
    }

    fn num_draws(&self) -> f64 {
        (self.responses.len() / (self.channels * self.count)) as f64
    }

    fn variance_approx(&self, utilities: &mut [f64]) {
        let share = 1.0 / self.num_draws();
        for channel in 0..self.channels {
            let (mut means, mut squares) = ([0.0; BLOCK], [0.0; BLOCK]);
            for row in self.responses(channel) {
                for (mean, response) in means.iter_mut().zip(row) {
                    *mean += response * share;
                }
            }
            for row in self.responses(channel) {
                for ((square, mean), response) in squares.iter_mut().zip(&means).zip(row) {
                    *square += (response - mean) * (response - mean);
                }
            }
            let noise = self.variances(channel).iter();
            for ((utility, square), noise) in utilities.iter_mut().zip(&squares).zip(noise) {
                *utility += square * share / noise;
            }
        }
    }

    fn max_min(&self, utilities: &mut [f64]) {
        for channel in 0..self.channels {
            let (mut least, mut most) = ([f64::INFINITY; BLOCK], [f64::NEG_INFINITY; BLOCK]);
            for row in self.responses(channel) {
                for ((least, most), response) in least.iter_mut().zip(&mut most).zip(row) {
                    *least = min(*least, *response);
                    *most = max(*most, *response);
                }
            }
            for (i, utility) in utilities.iter_mut().enumerate() {
                let range = most[i] - least[i];
                *utility += range * range / self.variances(channel)[i];
            }
        }
    }

    fn pseudo_utility(&self, first: usize, utilities: &mut [f64]) {
        let normal = 2.0 * core::f64::consts::PI * core::f64::consts::E;
        let mut samples = Vec::new();
        for channel in 0..self.channels {
            for (i, utility) in (first..).zip(&mut *utilities) {
                samples.clear();
                samples.extend(self.responses(channel).map(|row| row[i]));
                let variance = exp(2.0 * differential_entropy(&mut samples)) / normal;
                *utility += variance / self.variances(channel)[i];
            }
        }
    }

    fn full_kld(&self, first: usize, utilities: &mut [f64]) {
        let mut samples = Vec::new();
        for channel in 0..self.channels {
            let deviates = || self.deviates.iter().skip(channel).step_by(self.channels);
            let noise = self.noise_entropies[channel];
            for (i, utility) in (first..).zip(&mut *utilities) {
                // In units of the noise, whose entropy is then the same everywhere.
                let sigma = sqrt(self.variances(channel)[i]);
                samples.clear();
                let rows = self.responses(channel).zip(deviates());
                samples.extend(rows.map(|(row, deviate)| row[i] / sigma + deviate));
                *utility += exp(differential_entropy(&mut samples) - noise) - 1.0;
            }
        }
    }

    /// Variance of each target over what a measurement would leave of it, less 1, summed over the targets.
    fn target_gain(&self, first: usize, utilities: &mut [f64]) {
        let num_draws = self.num_draws() as usize;
        let mut rows = vec![0.0; num_draws * self.channels];
        for (i, utility) in (first..).zip(utilities) {
            for channel in 0..self.channels {
                for (draw, row) in self.responses(channel).enumerate() {
                    rows[draw * self.channels + channel] = row[i];
                }
            }
            let mut targets = self.targets.to_vec();
            for channel in 0..self.channels {
                let column = rows.iter().skip(channel).step_by(self.channels);
                if let Some(contraction) = Contraction::new(column, self.variances(channel)[i]) {
                    contraction.apply(&mut rows, self.channels);
                    targets
                        .chunks_exact_mut(num_draws)
                        .for_each(|target| contraction.apply(target, 1));
                }
            }
            let pairs = self
                .targets
                .chunks_exact(num_draws)
                .zip(targets.chunks_exact(num_draws));
            for (before, after) in pairs {
                let [before, after] = [before, after].map(labwire_solve::math::norm_squared);
                if before > 0.0 {
                    *utility += before / after - 1.0;
                }
            }
        }
    }

    /// Mean over the draws of the log of the likelihood of their predictions over its mean under all draws.
    /// Each draw stands for one measurement, with the same deviates at every setting.
    fn information_gain(&self, first: usize, utilities: &mut [f64]) {
        let num_draws = self.num_draws() as usize;
        let mut responses = vec![0.0; num_draws * self.channels];
        for (i, utility) in (first..).zip(&mut *utilities) {
            for channel in 0..self.channels {
                let sigma = sqrt(self.variances(channel)[i]);
                for (draw, row) in self.responses(channel).enumerate() {
                    responses[draw * self.channels + channel] = row[i] / sigma;
                }
            }
            *utility += mean_gain(&responses, self.deviates, self.channels);
        }
    }
}

/// Expected gain from `responses` and `deviates` in units of the noise, the channels of a draw together.
fn mean_gain(responses: &[f64], deviates: &[f64], channels: usize) -> f64 {
    let draws = || responses.chunks_exact(channels);
    let count = draws().len() as f64;
    let mut likelihoods = vec![0.0; draws().len()];
    let mut sum = 0.0;
    for (truth, deviates) in draws().zip(deviates.chunks_exact(channels)) {
        let own = 0.5 * labwire_solve::math::norm_squared(deviates);
        for (likelihood, other) in likelihoods.iter_mut().zip(draws()) {
            let mut square = 0.0;
            for ((truth, other), deviate) in truth.iter().zip(other).zip(deviates) {
                let residual = truth - other + deviate;
                square += residual * residual;
            }
            *likelihood = -0.5 * square;
        }
        // Relative to the largest: with many channels, all of them might underflow otherwise.
        let largest = likelihoods.iter().copied().fold(f64::NEG_INFINITY, max);
        for likelihood in &mut likelihoods {
            *likelihood = exp_weight(*likelihood - largest);
        }
        let evidence = likelihoods.iter().fold(0.0, |sum, likelihood| sum + likelihood);
        sum -= own + largest + log(evidence / count);
    }
    sum / count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two predictions that noise cannot confuse gain log 2 (one bit); two equal ones gain nothing.
    #[test]
    fn information_is_gained_where_answers_differ() {
        let mut random = Random::new(1, 0);
        for channels in [1, 3, 2000] {
            let draws = 40;
            let mut deviates: Vec<f64> = (0..draws * channels).map(|_| random.normal()).collect();
            let apart = |distance: f64| -> Vec<f64> {
                (0..draws * channels)
                    .map(|i| distance * (i / channels % 2) as f64)
                    .collect()
            };
            let gain = mean_gain(&apart(100.0), &deviates, channels);
            assert!((gain - log(2.0)).abs() < 1e-9, "{channels}: {gain}");
            assert!(mean_gain(&apart(0.0), &deviates, channels).abs() < 1e-9);
            deviates.fill(0.0);
            assert!(mean_gain(&apart(1e-3), &deviates, channels) < 1e-3 * channels as f64);
        }
    }
}
