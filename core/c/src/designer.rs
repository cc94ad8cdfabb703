//! Experiment designers.

use core::ffi::c_char;

use labwire_core::design::{DesignError, DesignLimits, Designer, Experiment};

use crate::argument::{array, clear, exclusive, free, give, put, put_text, shared, text};
use crate::error::{Failure, labwire_code, labwire_error, run};

/// Sequential Bayesian experiment designer: suggests the next setting and learns from the measurements.
#[derive(Debug)]
pub struct labwire_designer {
    designer: Designer,
}

/// Numbers of an experiment and its designer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "its size is part of the interface")]
pub struct labwire_design {
    /// Numbers of a setting.
    pub knobs: usize,
    /// Numbers of a measurement.
    pub channels: usize,
    /// Parameters that are sought.
    pub parameters: usize,
    /// Particles of the posterior.
    pub particles: usize,
    /// Measurements taken in.
    pub measurements: usize,
    /// Number of equally weighted particles that would carry the same information.
    pub effective_sample_size: f64,
    /// Entropy, in nats, of a normal distribution with the same covariance.
    pub entropy: f64,
}

fn refused(error: DesignError) -> Failure {
    let code = match &error {
        DesignError::Length { .. } => labwire_code::WrongLength,
        DesignError::Experiment(_) | DesignError::Posterior(_) => labwire_code::InvalidText,
        DesignError::NothingToUndo => labwire_code::WrongState,
        _ => labwire_code::InvalidValue,
    };
    Failure::new(code, error)
}

fn read(json: &str) -> Result<Experiment, Failure> {
    Experiment::from_json(json, &[], &DesignLimits::default()).map_err(Failure::invalid_text)
}

/// Makes a designer that knows the priors of an experiment file. Equal seeds, below 2^53, give equal suggestions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_designer_from_text(
    json: *const c_char,
    length: usize,
    seed: u64,
    designer: *mut *mut labwire_designer,
    error: *mut labwire_error,
) -> labwire_code {
    // SAFETY: so the header asks of the caller; as everywhere below.
    unsafe {
        run(error, || {
            clear(designer)?;
            let experiment = read(text("the experiment", json, length)?)?;
            let made = Designer::new(experiment, seed).map_err(refused)?;
            give(designer, labwire_designer { designer: made })
        })
    }
}

/// Makes a designer that goes on from a posterior, for the same experiment file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_designer_from_posterior(
    json: *const c_char,
    length: usize,
    posterior: *const c_char,
    posterior_length: usize,
    designer: *mut *mut labwire_designer,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            clear(designer)?;
            let experiment = read(text("the experiment", json, length)?)?;
            let posterior = text("the posterior", posterior, posterior_length)?;
            let made = Designer::from_posterior(experiment, posterior).map_err(refused)?;
            give(designer, labwire_designer { designer: made })
        })
    }
}

/// Frees a designer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_designer_free(designer: *mut labwire_designer) {
    unsafe { free(designer) }
}

/// Numbers of the experiment and the state of what is known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_designer_summary(
    designer: *const labwire_designer,
    summary: *mut labwire_design,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let designer = &shared("the designer", designer)?.designer;
            let experiment = designer.experiment();
            *exclusive("the place of the summary", summary)? = labwire_design {
                knobs: experiment.grid.knobs().len(),
                channels: experiment.channels(),
                parameters: experiment.parameters.len(),
                particles: designer.num_particles(),
                measurements: designer.history().len(),
                effective_sample_size: designer.effective_sample_size(),
                entropy: designer.entropy(),
            };
            Ok(())
        })
    }
}

/// Next setting to measure, one number per knob.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_designer_suggest(
    designer: *mut labwire_designer,
    setting: *mut f64,
    knobs: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let designer = &mut exclusive("the designer", designer)?.designer;
            let expected = designer.experiment().grid.knobs().len();
            crate::argument::expect_length("the setting", knobs, expected)?;
            put("the setting", setting, knobs, &designer.suggest())
        })
    }
}

/// Takes in a measurement: the setting, one number per channel, and their standard deviations, which are NULL, with length
/// 0, unless the experiment leaves the noise to the measurements.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_designer_update(
    designer: *mut labwire_designer,
    setting: *const f64,
    knobs: usize,
    values: *const f64,
    channels: usize,
    sigma: *const f64,
    sigma_length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let designer = &mut exclusive("the designer", designer)?.designer;
            let setting = array("the setting", setting, knobs)?;
            let values = array("the values", values, channels)?;
            let sigma = array("the standard deviations", sigma, sigma_length)?;
            let sigma = (!sigma.is_empty()).then_some(sigma);
            designer.update(setting, values, sigma).map_err(refused)
        })
    }
}

/// Undoes the last measurement.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_designer_undo(
    designer: *mut labwire_designer,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            exclusive("the designer", designer)?
                .designer
                .undo()
                .map_err(refused)
        })
    }
}

/// Mean of each parameter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_designer_mean(
    designer: *const labwire_designer,
    values: *mut f64,
    parameters: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let mean = shared("the designer", designer)?.designer.mean();
            put("the means", values, parameters, &mean)
        })
    }
}

/// Standard deviation of each parameter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_designer_std(
    designer: *const labwire_designer,
    values: *mut f64,
    parameters: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let std = shared("the designer", designer)?.designer.std();
            put("the standard deviations", values, parameters, &std)
        })
    }
}

/// Covariance matrix of the parameters, by rows; `length` is the square of their number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_designer_covariance(
    designer: *const labwire_designer,
    values: *mut f64,
    length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let covariance = shared("the designer", designer)?.designer.covariance();
            put("the covariance", values, length, &covariance.concat())
        })
    }
}

/// Values of a parameter, one per particle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_designer_particles(
    designer: *const labwire_designer,
    parameter: usize,
    values: *mut f64,
    particles: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let designer = &shared("the designer", designer)?.designer;
            let number = designer.experiment().parameters.len();
            if parameter >= number {
                return Err(Failure::invalid_value(format_args!(
                    "parameter {parameter}: expected a number below {number}"
                )));
            }
            put("the particles", values, particles, designer.particles(parameter))
        })
    }
}

/// Weights of the particles; they sum to 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_designer_weights(
    designer: *const labwire_designer,
    values: *mut f64,
    particles: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let weights = shared("the designer", designer)?.designer.weights();
            put("the weights", values, particles, &weights)
        })
    }
}

/// Complete state as text, for `labwire_designer_from_posterior`. Its length changes with each measurement.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_designer_posterior(
    designer: *const labwire_designer,
    json: *mut c_char,
    size: usize,
    length: *mut usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let posterior = shared("the designer", designer)?.designer.posterior();
            put_text(&posterior, json, size, length)
        })
    }
}
