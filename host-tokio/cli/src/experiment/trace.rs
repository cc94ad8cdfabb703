//! Record of a narrowing posterior.

use labwire_core::design::Designer;

/// Mean and standard deviation of one parameter after each measurement; the first entry is before any.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(crate) name: &'static str,
    pub(crate) mean: Vec<f64>,
    pub(crate) std: Vec<f64>,
    parameter: usize,
}

impl Trace {
    pub(crate) fn new(name: &'static str, parameter: usize, designer: &Designer) -> Self {
        let mut trace = Self {
            name,
            mean: Vec::new(),
            std: Vec::new(),
            parameter,
        };
        trace.push(designer);
        trace
    }

    pub(crate) fn push(&mut self, designer: &Designer) {
        self.mean.push(designer.mean()[self.parameter]);
        self.std.push(designer.std()[self.parameter]);
    }

    /// Mean minus and plus two standard deviations, by number of measurements.
    pub(crate) fn band(&self) -> [Vec<(f64, f64)>; 2] {
        [-2.0, 2.0].map(|factor| {
            let ends = self
                .mean
                .iter()
                .zip(&self.std)
                .map(|(mean, std)| mean + factor * std);
            (0..).map(f64::from).zip(ends).collect()
        })
    }

    pub(crate) fn means(&self) -> Vec<(f64, f64)> {
        (0..).map(f64::from).zip(self.mean.iter().copied()).collect()
    }
}
