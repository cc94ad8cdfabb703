//! Trailer with states x, y, theta and inputs ux, uy, to be driven to (1, 1, 0).

use std::iter;

use labwire_core::math;
use labwire_core::solve::Functions;

const LENGTH: f64 = 0.5;
const TIME_STEP: f64 = 0.1;
const TARGET: f64 = 1.0;
const OBSTACLE: [f64; 2] = [0.1, 1.4];
const OBSTACLE_RADIUS: f64 = 0.4;

/// Navigation problem by single shooting, with hand-written adjoints. With an obstacle, `g` holds `0.4^2 - (x -
/// 0.1)^2 - (y - 1.4)^2` for the states after each step.
#[derive(Clone, Debug)]
pub struct Navigation {
    initial: [f64; 3],
    has_obstacle: bool,
    states: Vec<[f64; 3]>,
    /// sin, cos and w of each step.
    trigonometry: Vec<[f64; 3]>,
}

impl Navigation {
    /// Creates the problem for `horizon` steps from the state `initial`.
    pub fn new(horizon: usize, initial: [f64; 3], has_obstacle: bool) -> Self {
        Self {
            initial,
            has_obstacle,
            states: vec![[0.0; 3]; horizon + 1],
            trigonometry: vec![[0.0; 3]; horizon],
        }
    }
}

impl Functions for Navigation {
    fn num_variables(&self) -> usize {
        2 * self.trigonometry.len()
    }

    fn num_constraints(&self) -> usize {
        if self.has_obstacle {
            self.trigonometry.len()
        } else {
            0
        }
    }

    fn forward(&mut self, u: &[f64], g: &mut [f64]) -> f64 {
        let mut state = self.initial;
        self.states[0] = state;
        let mut cost = 0.0;
        for (t, input) in u.chunks_exact(2).enumerate() {
            let [x, y, theta] = state;
            let (ux, uy) = (input[0], input[1]);
            let (sin, cos) = math::sincos(theta);
            let w = (uy * cos - ux * sin) / LENGTH;
            cost += 10.0 * ((x - TARGET) * (x - TARGET) + (y - TARGET) * (y - TARGET))
                + 0.1 * theta * theta
                + (ux * ux + uy * uy);
            state = [
                x + TIME_STEP * (ux + LENGTH * sin * w),
                y + TIME_STEP * (uy - LENGTH * cos * w),
                theta + TIME_STEP * w,
            ];
            self.trigonometry[t] = [sin, cos, w];
            self.states[t + 1] = state;
            if self.has_obstacle {
                let (dx, dy) = (state[0] - OBSTACLE[0], state[1] - OBSTACLE[1]);
                g[t] = OBSTACLE_RADIUS * OBSTACLE_RADIUS - dx * dx - dy * dy;
            }
        }
        let [x, y, theta] = state;
        cost + 200.0 * ((x - TARGET) * (x - TARGET) + (y - TARGET) * (y - TARGET)) + 2.0 * theta * theta
    }

    fn reverse(&mut self, u: &[f64], multipliers: &[f64], gradient: &mut [f64]) {
        let horizon = self.trigonometry.len();
        let [x, y, theta] = self.states[horizon];
        let mut adjoint = [400.0 * (x - TARGET), 400.0 * (y - TARGET), 4.0 * theta];
        for t in (0..horizon).rev() {
            if self.has_obstacle {
                let [x, y, _] = self.states[t + 1];
                adjoint[0] -= 2.0 * multipliers[t] * (x - OBSTACLE[0]);
                adjoint[1] -= 2.0 * multipliers[t] * (y - OBSTACLE[1]);
            }
            let [x, y, theta] = self.states[t];
            let [sin, cos, w] = self.trigonometry[t];
            let (ux, uy) = (u[2 * t], u[2 * t + 1]);
            let [ax, ay, atheta] = adjoint;
            let aw = TIME_STEP * (LENGTH * sin * ax - LENGTH * cos * ay + atheta);
            let dw_dtheta = (-uy * sin - ux * cos) / LENGTH;
            gradient[2 * t] = 2.0 * ux + TIME_STEP * ax - aw * sin / LENGTH;
            gradient[2 * t + 1] = 2.0 * uy + TIME_STEP * ay + aw * cos / LENGTH;
            adjoint = [
                ax + 20.0 * (x - TARGET),
                ay + 20.0 * (y - TARGET),
                atheta + 0.2 * theta + aw * dw_dtheta + TIME_STEP * LENGTH * w * (cos * ax + sin * ay),
            ];
        }
    }
}

/// Initial states of the trailer, uniform in [-3, 3)^3 (Vigna's SplitMix64).
pub fn random_states(seed: u64) -> impl Iterator<Item = [f64; 3]> {
    let mut state = seed;
    let mut uniform = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 * (6.0 / (1u64 << 53) as f64) - 3.0
    };
    iter::repeat_with(move || [uniform(), uniform(), uniform()])
}
