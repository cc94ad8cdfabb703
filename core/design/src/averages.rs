//! Averages of the measurements taken at the same setting.

use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

use labwire_solve::math::sqrt;

use super::measurement::Measurement;

/// Average of the measurements at one setting.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Average {
    /// Setting, one value per knob.
    pub setting: Vec<f64>,
    /// Number of measurements at the setting.
    pub count: usize,
    /// Mean of the measured values, one per channel.
    pub mean: Vec<f64>,
    /// Standard error of the mean, one per channel: the population standard deviation over the square root
    /// of `count`; 0 for a single measurement.
    pub standard_error: Vec<f64>,
}

/// Measurements averaged by setting, in ascending order of settings, the first knob first; `trace_sort` of OptBayesExpt.
pub fn averages(measurements: &[Measurement]) -> Vec<Average> {
    let mut sorted: Vec<&Measurement> = measurements.iter().collect();
    sorted.sort_by(|a, b| compare(&a.setting, &b.setting));
    let same = |a: &&Measurement, b: &&Measurement| compare(&a.setting, &b.setting).is_eq();
    sorted.chunk_by(same).map(average).collect()
}

fn compare(a: &[f64], b: &[f64]) -> Ordering {
    // -0 and 0 are the same setting.
    a.iter().zip(b).fold(Ordering::Equal, |order, (a, b)| {
        order.then((a + 0.0).total_cmp(&(b + 0.0)))
    })
}

fn average(measurements: &[&Measurement]) -> Average {
    let (first, count) = (measurements[0], measurements.len());
    let mut mean = vec![0.0; first.values.len()];
    for measurement in measurements {
        for (sum, value) in mean.iter_mut().zip(&measurement.values) {
            *sum += value;
        }
    }
    mean.iter_mut().for_each(|sum| *sum /= count as f64);
    let mut standard_error = vec![0.0; mean.len()];
    for measurement in measurements {
        let values = measurement.values.iter().zip(&mean);
        for (sum, (value, mean)) in standard_error.iter_mut().zip(values) {
            *sum += (value - mean) * (value - mean);
        }
    }
    for sum in &mut standard_error {
        *sum = sqrt(*sum / count as f64) / sqrt(count as f64);
    }
    Average {
        setting: first.setting.clone(),
        count,
        mean,
        standard_error,
    }
}
