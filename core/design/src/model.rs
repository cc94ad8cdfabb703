//! Models: the measured values as a function of setting and parameters.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::ops::Range;

/// Number of points that one operation of the interpreter processes: enough to amortise its overhead, few
/// enough for all values to stay in cache.
pub(super) const LANES: usize = 64;

/// Points in a space of a few dimensions, one row per dimension (structure of arrays). A single point stands
/// for as many copies as are needed.
#[derive(Clone, Copy, Debug)]
pub struct Points<'a> {
    values: &'a [f64],
    stride: usize,
    start: usize,
    len: usize,
}

impl<'a> Points<'a> {
    /// Single point.
    #[must_use]
    pub fn one(point: &'a [f64]) -> Self {
        Self {
            values: point,
            stride: 1,
            start: 0,
            len: 1,
        }
    }

    /// The points in `range` of `values`, whose rows have length `stride`; `range` must lie within a row.
    #[must_use]
    pub fn new(values: &'a [f64], stride: usize, range: Range<usize>) -> Self {
        Self {
            values,
            stride,
            start: range.start,
            len: range.len(),
        }
    }

    /// Coordinates of all points along one dimension.
    ///
    /// # Panics
    /// If `dimension` is out of range.
    #[must_use]
    pub fn row(&self, dimension: usize) -> &'a [f64] {
        let start = dimension * self.stride + self.start;
        &self.values[start..start + self.len]
    }

    /// The `count` points from `start` on; a single point stays.
    pub(super) fn part(&self, start: usize, count: usize) -> Self {
        match self.len {
            1 => *self,
            _ => Self {
                start: self.start + start,
                len: count,
                ..*self
            },
        }
    }

    /// Number of points.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }
}

/// Function of setting and parameters with one or more outputs: the channels of a measurement, their noise,
/// a cost, constraints. It must be pure: equal arguments give equal results.
pub trait Model: fmt::Debug + Send {
    /// Number of outputs.
    fn num_outputs(&self) -> usize;

    /// Evaluates the function at many points. Either `settings` or `parameters` may be a single point, which
    /// is combined with all points of the other; output `c` at point `i` of n is written to `outputs[c * n +
    /// i]`. Values that cannot be computed are NaN.
    fn evaluate(&mut self, settings: Points<'_>, parameters: Points<'_>, outputs: &mut [f64]);

    /// Number of elementary operations of an evaluation at one point, roughly, so that long computations can be done in
    /// parts. Default 16.
    fn operations(&self) -> usize {
        16
    }

    /// Number of 64-bit numbers that the model holds in memory, roughly. Default: 64 times its operations.
    fn numbers(&self) -> usize {
        self.operations().saturating_mul(LANES)
    }

    /// Reason why evaluations fail, of a model that can: a program, for example. Its values are then NaN.
    fn fault(&self) -> Option<String> {
        None
    }

    /// Clone in a box.
    fn boxed(&self) -> Box<dyn Model>;
}

impl Clone for Box<dyn Model> {
    fn clone(&self) -> Self {
        (**self).boxed()
    }
}

/// [`Model`] from a closure with `K` knobs, `P` parameters and `C` outputs. The compiler turns it into a
/// loop over all points, vectorised where the closure allows it.
///
/// ```
/// use labwire_design::Closure;
///
/// // A straight line, y = m x + b.
/// let line = Closure::new(|[x]: [f64; 1], [m, b]: [f64; 2]| [m * x + b]);
/// ```
#[derive(Clone, Copy)]
pub struct Closure<F, const K: usize, const P: usize, const C: usize> {
    function: F,
}

impl<F, const K: usize, const P: usize, const C: usize> Closure<F, K, P, C>
where
    F: Fn([f64; K], [f64; P]) -> [f64; C],
{
    /// Creates the model that `function` computes.
    pub fn new(function: F) -> Self {
        Self { function }
    }
}

impl<F, const K: usize, const P: usize, const C: usize> fmt::Debug for Closure<F, K, P, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a closure of {K} knobs and {P} parameters")
    }
}

impl<F, const K: usize, const P: usize, const C: usize> Model for Closure<F, K, P, C>
where
    F: Fn([f64; K], [f64; P]) -> [f64; C] + Clone + Send + 'static,
{
    fn num_outputs(&self) -> usize {
        C
    }

    fn evaluate(&mut self, settings: Points<'_>, parameters: Points<'_>, outputs: &mut [f64]) {
        let f = &self.function;
        if settings.len() == 1 {
            let setting = core::array::from_fn(|k| settings.row(k)[0]);
            over_rows(parameters, outputs, |parameters| f(setting, parameters));
        } else {
            let parameters = core::array::from_fn(|p| parameters.row(p)[0]);
            over_rows(settings, outputs, |setting| f(setting, parameters));
        }
    }

    fn boxed(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}

#[inline(always)]
fn over_rows<const D: usize, const C: usize>(
    points: Points<'_>,
    outputs: &mut [f64],
    f: impl Fn([f64; D]) -> [f64; C],
) {
    let n = points.len();
    let rows: [&[f64]; D] = core::array::from_fn(|d| points.row(d));
    let mut outputs = outputs.chunks_exact_mut(n);
    let outputs: [&mut [f64]; C] = core::array::from_fn(|_| outputs.next().unwrap_or_default());
    // Checked once here, so that the compiler can drop the bounds checks in the loop.
    if rows.iter().any(|row| row.len() != n) || outputs.iter().any(|row| row.len() != n) {
        return;
    }
    for i in 0..n {
        let values = f(core::array::from_fn(|d| rows[d][i]));
        for c in 0..C {
            outputs[c][i] = values[c];
        }
    }
}
