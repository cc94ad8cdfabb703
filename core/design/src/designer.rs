//! The designer: the distribution of the parameters and the choice of the next setting.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};

use labwire_solve::math::{all_finite, max, pow};
use labwire_solve::random::Random;

use super::cost::Costs;
use super::doubt::Doubt;
use super::error::DesignError;
use super::experiment::{Experiment, Selection};
use super::grid::BLOCK;
use super::measurement::Measurement;
use super::model::Points;
use super::particles::{ParticleSnapshot, Particles};
use super::utility::UtilityScan;

/// Exclusive upper bound on seeds and counts, so that every JSON reader represents them exactly.
pub(super) const MAX_COUNT: u64 = 1 << 53;
/// Bits of the number of a stream below those that count suggestions: more than measurements fit into memory.
const SUGGESTION_SHIFT: u32 = 33;
/// Number of warnings kept; the oldest are dropped first.
const MAX_WARNINGS: usize = 100;
/// Number of times particles that violate the constraints are drawn again.
const MAX_DRAWS: usize = 1000;

/// Counts one more; the largest count stays.
pub(super) fn count_one(count: &mut u64) {
    *count = (*count + 1).min(MAX_COUNT - 1);
}

/// Sequential Bayesian experiment designer: suggests the next setting and learns from the measurements.
///
/// The distribution of the parameters is a set of weighted particles (McMichael, Blakley and Dushenko, J.
/// Res. NIST 126, 126002 (2021)). It depends only on the experiment, the seed and the measurements, not on
/// the queries in between, and is identical bit for bit on every machine. So is a suggestion, which depends besides on
/// the number of suggestions since the last measurement: a designer that replays the measurements of another one
/// suggests the same next setting.
#[derive(Clone, Debug)]
pub struct Designer {
    pub(super) experiment: Experiment,
    pub(super) seed: u64,
    pub(super) random: Random,
    pub(super) particles: Particles,
    pub(super) history: Vec<Measurement>,
    pub(super) loaded: Option<Loaded>,
    /// Number of random choices since the last measurement.
    pub(super) suggestions: u64,
    pub(super) resamplings: u64,
    pub(super) warnings: VecDeque<String>,
    pub(super) warnings_given: u64,
    /// Number of measurements in a row, up to the last, that were far from every prediction.
    pub(super) far_in_a_row: u32,
    /// Whether the posterior of each parameter leans against the lower and the upper end of its prior.
    pub(super) leans: Vec<[bool; 2]>,
    /// Particles drawn from the priors, where the noise is unknown and particles are resampled.
    pub(super) prior: Option<ParticleSnapshot>,
    pub(super) doubt: Doubt,
    /// Cost of all measurements.
    pub(super) spent: f64,
    pub(super) memory: Vec<f64>,
}

impl Designer {
    /// Creates a designer that knows only the priors. `seed` must be below 2^53, so that it is exact in
    /// every language.
    ///
    /// # Errors
    /// If the seed is too large, the experiment's options are invalid, or its constraints exclude all
    /// samples of the priors.
    pub fn new(experiment: Experiment, seed: u64) -> Result<Self, DesignError> {
        Drawing::new(experiment, seed)?.finish()
    }

    pub(super) fn with_particles(
        experiment: Experiment,
        seed: u64,
        random: Random,
        particles: Particles,
    ) -> Self {
        let leans = vec![[false; 2]; experiment.parameters.len()];
        Self {
            experiment,
            seed,
            random,
            particles,
            history: Vec::new(),
            loaded: None,
            suggestions: 0,
            resamplings: 0,
            warnings: VecDeque::new(),
            warnings_given: 0,
            far_in_a_row: 0,
            leans,
            prior: None,
            doubt: Doubt::default(),
            spent: 0.0,
            memory: Vec::new(),
        }
    }

    /// Experiment being designed.
    #[must_use]
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// Next setting to measure, one value per knob, chosen by the experiment's option `selection`.
    pub fn suggest(&mut self) -> Vec<f64> {
        match self.experiment.options.selection {
            Selection::Optimal => self.optimal_setting(),
            Selection::Good => self.good_setting(None),
            Selection::Random => self.random_setting(),
        }
    }

    /// Setting with the highest utility; OptBayesExpt's `opt_setting`.
    pub fn optimal_setting(&mut self) -> Vec<f64> {
        let scan = self.scan();
        self.optimum(&scan)
    }

    /// Setting drawn with probability proportional to its utility raised to the power `pickiness`, by
    /// default the experiment's; OptBayesExpt's `good_setting`.
    pub fn good_setting(&mut self, pickiness: Option<f64>) -> Vec<f64> {
        let scan = self.scan();
        self.good(&scan, pickiness)
    }

    /// Setting drawn from the grid: uniformly, or, if settings have costs, with probability proportional to the inverse
    /// of its cost. A cost that is not a positive number excludes a setting.
    pub fn random_setting(&mut self) -> Vec<f64> {
        let index = self.random_index();
        self.experiment.grid.setting(index)
    }

    fn random_index(&mut self) -> usize {
        let mut random = self.next_suggestion();
        let weights = self.inverse_costs();
        let index = draw(weights.iter().copied(), &mut random);
        index.unwrap_or_else(|| random.below(self.experiment.grid.len()))
    }

    /// One over the cost of each setting, 0 where it is excluded; empty if all cost the same.
    fn inverse_costs(&mut self) -> Vec<f64> {
        let Experiment { grid, cost, .. } = &mut self.experiment;
        let Some(cost) = cost else {
            return Vec::new();
        };
        let previous = self.history.last().map(|last| last.setting.as_slice());
        let (mut settings, mut costs, mut inverse) = (Vec::new(), Costs::default(), Vec::new());
        for start in (0..grid.len()).step_by(BLOCK) {
            let count = BLOCK.min(grid.len() - start);
            settings.resize(grid.knobs().len() * count, 0.0);
            grid.fill(start, count, &mut settings);
            let Some(costs) = costs.evaluate(cost, &settings, count, previous) else {
                return Vec::new();
            };
            inverse.extend(costs.iter().map(|cost| match 1.0 / cost {
                weight if weight > 0.0 && weight.is_finite() => weight,
                _ => 0.0,
            }));
        }
        inverse
    }

    /// Utility of every setting, in grid order: that by which the next suggestion chooses.
    pub fn utility(&mut self) -> Vec<f64> {
        let mut scan = self.preview_scan();
        while !self.continue_scan(&mut scan, usize::MAX) {}
        scan.utilities().to_vec()
    }

    fn scan(&mut self) -> UtilityScan {
        let mut scan = self.start_scan();
        while !self.continue_scan(&mut scan, usize::MAX) {}
        scan
    }

    /// Starts computing the utility of every setting for a suggestion, for callers that spread the work over several
    /// calls.
    pub fn start_scan(&mut self) -> UtilityScan {
        let scan = self.preview_scan();
        count_one(&mut self.suggestions);
        scan
    }

    /// As [`start_scan`](Self::start_scan), for [`utility`](Self::utility): the next suggestion stays the same.
    #[must_use]
    pub fn preview_scan(&self) -> UtilityScan {
        let mut random = self.suggestion_stream();
        let previous = self.history.last().map(|last| last.setting.as_slice());
        UtilityScan::new(&self.experiment, &self.particles, previous, &mut random)
    }

    /// Continues the scan by about `settings` settings. Returns whether the scan is complete.
    pub fn continue_scan(&mut self, scan: &mut UtilityScan, settings: usize) -> bool {
        let each = UtilityScan::operations_per_setting(&self.experiment);
        scan.step(&mut self.experiment, settings.saturating_mul(each))
    }

    /// Continues the scan by about `operations` elementary operations, at least by the evaluation of one draw for a block
    /// of settings. Returns whether the scan is complete.
    pub fn continue_scan_by(&mut self, scan: &mut UtilityScan, operations: usize) -> bool {
        scan.step(&mut self.experiment, operations)
    }

    /// Setting of highest utility in a complete scan; the first one if there are several.
    #[must_use]
    pub fn optimum(&self, scan: &UtilityScan) -> Vec<f64> {
        self.experiment.grid.setting(best(scan))
    }

    /// The next `count` settings, for instruments that take a list of them: each is chosen as by
    /// [`suggest`](Self::suggest), given what the measurements at those before it will tell. The number of draws should
    /// be several times as large.
    pub fn suggest_batch(&mut self, count: usize) -> Vec<Vec<f64>> {
        let mut scan = self.start_scan();
        let mut settings = Vec::new();
        while settings.len() < count {
            if self.continue_scan(&mut scan, usize::MAX) {
                settings.push(self.choose(&mut scan));
            }
        }
        settings
    }

    /// Chooses the next setting of a batch in a complete scan, which begins anew, for the one after it.
    pub fn choose(&mut self, scan: &mut UtilityScan) -> Vec<f64> {
        let index = match self.experiment.options.selection {
            Selection::Optimal => best(scan),
            Selection::Random => self.random_index(),
            Selection::Good => self.good_index(scan, None),
        };
        scan.choose(&mut self.experiment, index);
        self.experiment.grid.setting(index)
    }

    /// Setting drawn from a complete scan; see [`good_setting`](Self::good_setting).
    pub fn good(&mut self, scan: &UtilityScan, pickiness: Option<f64>) -> Vec<f64> {
        let index = self.good_index(scan, pickiness);
        self.experiment.grid.setting(index)
    }

    fn good_index(&mut self, scan: &UtilityScan, pickiness: Option<f64>) -> usize {
        let pickiness = pickiness.unwrap_or(self.experiment.options.pickiness);
        let mut random = self.next_suggestion();
        let grid = &self.experiment.grid;
        let utilities = scan.utilities();
        let largest = utilities
            .iter()
            .copied()
            .filter(|utility| utility.is_finite())
            .fold(0.0, max);
        // Relative to the largest, so that no power overflows. A NaN utility is never chosen.
        let weight = |utility: &f64| match utility / largest {
            share if share > 0.0 && share <= 1.0 => pow(share, pickiness),
            _ => 0.0,
        };
        let chosen = draw(utilities.iter().map(weight), &mut random);
        chosen.unwrap_or_else(|| random.below(grid.len()))
    }

    fn next_suggestion(&mut self) -> Random {
        let random = self.suggestion_stream();
        count_one(&mut self.suggestions);
        random
    }

    /// Random numbers of the next suggestion. The streams with odd numbers are those of the measurements.
    fn suggestion_stream(&self) -> Random {
        let measurement = self.history.len() as u64 + 1;
        let stream = (self.suggestions << SUGGESTION_SHIFT) + 2 * measurement;
        self.random.stream(self.seed, stream)
    }

    /// Mean of each parameter.
    #[must_use]
    pub fn mean(&self) -> Vec<f64> {
        self.particles.mean()
    }

    /// Standard deviation (of the population) of each parameter.
    #[must_use]
    pub fn std(&self) -> Vec<f64> {
        self.particles.std()
    }

    /// Covariance matrix of the parameters, by rows, normalised by 1 minus the sum of the squared weights.
    #[must_use]
    pub fn covariance(&self) -> Vec<Vec<f64>> {
        self.particles.covariance()
    }

    /// Central credible interval of each parameter: `probability` inside, equal probabilities below and
    /// above.
    ///
    /// # Errors
    /// If `probability` is not between 0 and 1.
    pub fn interval(&self, probability: f64) -> Result<Vec<[f64; 2]>, DesignError> {
        if probability > 0.0 && probability < 1.0 {
            Ok(self.particles.intervals(probability))
        } else {
            Err(DesignError::Probability(probability))
        }
    }

    /// Effective sample size: the number of equally weighted particles that would carry the same
    /// information.
    #[must_use]
    pub fn effective_sample_size(&self) -> f64 {
        self.particles.effective()
    }

    /// Entropy, in nats, of a normal distribution with the same covariance.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        self.particles.entropy()
    }

    /// Values of one parameter, one per particle.
    ///
    /// # Panics
    /// If `parameter` is out of range.
    #[must_use]
    pub fn particles(&self, parameter: usize) -> &[f64] {
        self.particles.row(parameter)
    }

    /// Values of all parameters, as they are now, without a copy.
    #[must_use]
    pub fn particle_snapshot(&self) -> ParticleSnapshot {
        self.particles.snapshot()
    }

    /// Number of particles.
    #[must_use]
    pub fn num_particles(&self) -> usize {
        self.particles.len()
    }

    /// Weights of the particles; they sum to 1.
    #[must_use]
    pub fn weights(&self) -> Vec<f64> {
        let total = self.particles.total();
        self.particles
            .weights()
            .iter()
            .map(|weight| weight / total)
            .collect()
    }

    /// Measurements taken in so far, oldest first.
    #[must_use]
    pub fn history(&self) -> &[Measurement] {
        &self.history
    }

    /// Seed of the random numbers.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Number of times the particles were resampled.
    #[must_use]
    pub fn resamplings(&self) -> u64 {
        self.resamplings
    }

    /// The last 100 warnings, oldest first: settings off the grid, measurements that hardly any particle explains or that
    /// are far from every prediction, posteriors that lean against the end of a prior.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.warnings.iter().map(String::as_str)
    }

    /// Number of warnings given so far, including those no longer kept.
    #[must_use]
    pub fn num_warnings(&self) -> u64 {
        self.warnings_given
    }

    /// Adds a warning of the caller's own.
    pub fn warn(&mut self, warning: String) {
        self.warnings_given += 1;
        if self.warnings.len() == MAX_WARNINGS {
            self.warnings.pop_front();
        }
        self.warnings.push_back(warning);
    }
}

/// State at the time a posterior was loaded; undoing stops there.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) measurements: usize,
    pub(super) resamplings: u64,
    pub(super) doubt: Doubt,
    pub(super) particles: Particles,
}

/// Setting of highest utility, the first one if there are several.
fn best(scan: &UtilityScan) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (i, utility) in scan.utilities().iter().enumerate() {
        if *utility > best.1 {
            best = (i, *utility);
        }
    }
    best.0
}

/// Index drawn with probability proportional to its weight, which must not be negative; `None` if no weight is positive.
fn draw(weights: impl Iterator<Item = f64> + Clone, random: &mut Random) -> Option<usize> {
    let total = weights.clone().fold(0.0, |sum, weight| sum + weight);
    if !(total > 0.0) {
        return None;
    }
    let mut left = random.uniform() * total;
    let mut chosen = None;
    for (index, weight) in weights.enumerate() {
        if weight > 0.0 {
            chosen = Some(index);
            if left < weight {
                break;
            }
            left -= weight;
        }
    }
    chosen
}

/// Designer whose first particles are being drawn from the priors, for callers that spread the work over several calls.
#[derive(Debug)]
pub struct Drawing {
    experiment: Experiment,
    seed: u64,
    random: Random,
    /// A row per parameter.
    values: Vec<f64>,
    /// Number of particles that have been drawn.
    done: usize,
    /// Number of times the next one was drawn in vain.
    tries: usize,
}

impl Drawing {
    /// Begins what [`Designer::new`] does.
    ///
    /// # Errors
    /// If the seed is too large, or the experiment's options are invalid.
    pub fn new(experiment: Experiment, seed: u64) -> Result<Self, DesignError> {
        experiment.check()?;
        if seed >= MAX_COUNT {
            return Err(DesignError::experiment("the seed must be below 2^53"));
        }
        Ok(Self {
            values: vec![0.0; experiment.parameters.len() * experiment.options.particles],
            experiment,
            seed,
            random: Random::new(seed, 0),
            done: 0,
            tries: 0,
        })
    }

    /// Draws up to `draws` more times. Returns whether all particles are drawn.
    ///
    /// # Errors
    /// If the constraints exclude all samples of the priors.
    pub fn step(&mut self, draws: usize) -> Result<bool, DesignError> {
        let count = self.experiment.options.particles;
        let mut drawn = vec![0.0; self.experiment.parameters.len()];
        let constraints = self.experiment.constraints.as_ref();
        let mut holds = vec![0.0; constraints.map_or(0, |model| model.num_outputs())];
        for _ in 0..draws {
            if self.done == count {
                break;
            }
            self.experiment
                .draw(&mut self.random, self.done, count, &mut drawn);
            let mut dependent = self.experiment.dependent.iter();
            if let Some((wrong, _)) = dependent.find(|(parameter, _)| !drawn[*parameter].is_finite()) {
                let (name, before) = (&self.experiment.parameters[*wrong].name, &drawn[..*wrong]);
                let message = format!(
                    "{name} has no prior where the parameters before it are {before:?}: its numbers break \
                                       the rules there (a width must be positive)"
                );
                return Err(DesignError::experiment(message));
            }
            if let Some(constraints) = &mut self.experiment.constraints {
                constraints.evaluate(Points::one(&[]), Points::one(&drawn), &mut holds);
                if !holds.iter().all(|value| value.abs() > 0.0) {
                    self.tries += 1;
                    if self.tries == MAX_DRAWS {
                        let message =
                            format!("{MAX_DRAWS} draws from the priors in a row violated a constraint");
                        return Err(DesignError::experiment(message));
                    }
                    continue;
                }
            }
            for (row, value) in self.values.chunks_exact_mut(count).zip(&drawn) {
                row[self.done] = *value;
            }
            (self.done, self.tries) = (self.done + 1, 0);
        }
        Ok(self.done == count)
    }

    /// The designer; draws what is left.
    ///
    /// # Errors
    /// That of [`step`](Self::step), and if the priors exceed the range of floats.
    pub fn finish(mut self) -> Result<Designer, DesignError> {
        while !self.step(usize::MAX)? {}
        if !all_finite(&self.values) {
            return Err(DesignError::experiment(
                "the priors exceed the range of 64-bit floats",
            ));
        }
        let particles = Particles::new(self.values, self.experiment.options.particles);
        let random = Random::new(self.seed, 0);
        let prior = self.experiment.needs_prior().then(|| particles.snapshot());
        let mut designer = Designer::with_particles(self.experiment, self.seed, random, particles);
        designer.prior = prior;
        Ok(designer)
    }
}
