//! Measurements at the same setting, taken together.

use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

use labwire_solve::math::sqrt;

use super::measurement::Measurement;

/// What was measured at one setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Average {
    /// The setting, a number for each knob.
    pub setting: Vec<f64>,
    /// How often it was measured.
    pub count: usize,
    /// The mean of the values, one for each channel.
    pub mean: Vec<f64>,
    /// Their standard deviation (of the population) over the square root of `count`, one for each channel; 0 where there
    /// is only one.
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
    // -0 is 0.
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
