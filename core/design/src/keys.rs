//! Keys of experiment files, as [those of problem files](labwire_model::problem::keys).

use labwire_model::text::Kind;

/// An experiment file.
pub static FILE: Kind = Kind::Object(&experiment::TABLE);

const EXPRESSION: &Kind = &Kind::Expression;
/// Values of a knob.
const VALUES: Kind = Kind::Either(&[Kind::List(EXPRESSION), ROWS, Kind::Object(&setting::TABLE)]);
/// Numbers, of which each list goes together.
const ROWS: Kind = Kind::List(&Kind::List(EXPRESSION));
const SAMPLES: Kind = Kind::Either(&[Kind::List(EXPRESSION), ROWS, Kind::Map(&Kind::Text)]);
const CONSTANT: Kind = Kind::Either(&[
    Kind::Expression,
    Kind::List(EXPRESSION),
    Kind::Object(&setting::TABLE),
]);
const NOISE: Kind = Kind::Either(&[Kind::Expressions, ROWS, Kind::Object(&noise::TABLE)]);
const LIKELIHOOD: Kind = Kind::Either(&[
    Kind::Word(&["normal", "poisson"]),
    Kind::Object(&likelihood::TABLE),
]);
const MODEL: Kind = Kind::Either(&[Kind::Expressions, Kind::Object(&model::TABLE)]);
const DISCRETE: Kind = Kind::Either(&[Kind::List(EXPRESSION), Kind::Object(&discrete::TABLE)]);
const PAIR: Kind = Kind::Items(2, EXPRESSION);
const RANGE: Kind = Kind::Items(3, EXPRESSION);

labwire_model::keys! {
    /// An experiment: settings that can be chosen, parameters to be learned, and a model of what is measured. Numbers may be written as expressions of constants and of the arguments in `newrun`.
    pub experiment {
        "$schema": Text, Optional, "Address of the JSON Schema that `labwire schema experiment` prints, for editors. The reader ignores it.";
        "version": Whole(1, 1), Default("1"), "Version of the format.";
        "name": Text, Default("\"unnamed\""), "Name of the experiment, at most 1,000 characters.";
        "newrun": Map(EXPRESSION), Optional, "Arguments of the command `newrun`: names, and the values that hold if it gives none.";
        "constants": Map(&CONSTANT), Optional,
            "Constants of the model: names and values, which the server's `getcon` shows, or vectors, such as the axis of a spectrum: a list, or as the values of a knob.";
        "settings": Map(&VALUES), Required,
            "Knobs and their values. The settings to choose from are all combinations. `\"v,i\": [[1, 2], [3, 4]]` gives knobs that take their values together.";
        "parameters": Map(&Object(&prior::TABLE)), Required,
            "Unknown parameters and their priors, in which those above may be used. `\"a,b\"` are parameters with one prior together, `multivariate_normal` or `samples`; with a single name it gives a vector, `ab[0]` and so on.";
        "let": Map(EXPRESSION), Optional,
            "Definitions for use in later expressions: names, or functions such as `\"d(i)\"`, and their expressions. A definition may use those above it.";
        "model": MODEL, Required, "Predicted measurement, in settings and parameters: an expression for each channel, differential equations, or a program.";
        "noise": NOISE, Optional,
            "Standard deviation of a measurement: one expression, or one for each channel; a matrix is the covariance of the channels. If it depends on parameters, it is learned with them. Without the key, each measurement brings its own.";
        "likelihood": LIKELIHOOD, Default("\"normal\""), "Distribution of a measurement: `normal`, or `poisson`, of which the model gives the mean.";
        "cost": Expression, Optional,
            "Cost of a measurement, in any unit, in the settings and those before, as in `1 + abs(f - previous_f)`; utilities are divided by it.";
        "constraints": Expressions, Optional, "Comparisons that must hold: of parameters, such as `a > b`, which restrict the priors, or of settings, which leave the others out.";
        "targets": Map(EXPRESSION), Optional, "Quantities of interest, functions of the parameters: their variances count in the utility, instead of those of all parameters.";
        "until": Object(&until::TABLE), Optional, "Rules that end the experiment, whichever comes first.";
        "options": Object(&options::TABLE), Optional, "Options of the design. Names and defaults are those of OptBayesExpt.";
    }

    /// Values of a knob. A plain list of numbers stands for `values`.
    pub setting (choice) {
        "linspace": RANGE, Optional, "`[start, stop, count]`: evenly spaced values from start to stop.";
        "logspace": RANGE, Optional, "`[start, stop, count]`: values from 10^start to 10^stop in equal ratios, as of NumPy: `[-1, 1, 7]` goes from 0.1 to 10.";
        "values": List(EXPRESSION), Optional, "List of values.";
        "csv": Text, Optional, "Name of a CSV file, in which a column has the name of the knob; only in a file that the operator names.";
    }

    /// Prior of a parameter: its distribution before the first measurement.
    pub prior with bounds (choice) {
        "uniform": PAIR, Optional, "`[low, high]`: all values between are equally probable.";
        "normal": PAIR, Optional, "`[mean, standard deviation]`.";
        "lognormal": PAIR, Optional, "`[mean, standard deviation]` of the logarithm.";
        "exponential": Expression, Optional, "Mean.";
        "gamma": PAIR, Optional, "`[shape, scale]`; the mean is their product.";
        "discrete": DISCRETE, Optional, "Values that are equally probable, or values and weights.";
        "samples": SAMPLES, Optional, "Values drawn from the distribution, as of an earlier analysis: numbers, rows of numbers that go together, or `{\"csv\": FILE}`.";
        "multivariate_normal": Object(&multivariate_normal::TABLE), Optional, "Correlated parameters.";
    }

    /// Keys beside a prior: bounds beyond which it is cut off.
    pub bounds {
        "min": Expression, Optional, "Lower end.";
        "max": Expression, Optional, "Upper end.";
    }

    /// Multivariate normal distribution.
    pub multivariate_normal {
        "mean": List(EXPRESSION), Required, "Mean of each parameter.";
        "cov": ROWS, Required, "Covariance matrix, by rows.";
    }

    /// Likelihood with a number.
    pub likelihood (choice) {
        "binomial": Expressions, Optional, "Number of trials, of which the measurement counts the hits and the model gives the probability; it may depend on the setting.";
        "student_t": Expression, Optional, "Degrees of freedom of Student's t distribution, for measurements with outliers; the noise is its scale.";
    }

    /// Noise by its parts: `std`, or `relative` and perhaps `absolute`, with or without `correlation`; or `covariance` alone.
    pub noise {
        "std": Expressions, Optional, "Standard deviation.";
        "relative": Expressions, Optional, "Standard deviation over the magnitude of the predicted value.";
        "absolute": Expressions, Optional, "Standard deviation that is added to the relative one, in squares.";
        "correlation": ROWS, Optional, "Correlation matrix of the channels, by rows.";
        "covariance": ROWS, Optional, "Covariance matrix of the channels, by rows.";
    }

    /// Model that is not made of expressions alone: differential equations, from `start` to `end`, or a program. A program is honoured only in a file that the operator names.
    pub model {
        "states": List(&Text), Optional, "Names of the states.";
        "initial_state": Expressions, Optional, "States at the start.";
        "dynamics": Object(&equations::TABLE), Optional, "Differential equations of the states.";
        "time": Text, Optional, "Name of the time in the equations.";
        "start": Expression, Optional, "Time of the initial state; 0 if it is left out.";
        "end": Expression, Optional, "Time of the measurement.";
        "steps": Whole(1, u32::MAX), Optional, "Number of steps of the integration; 100 if it is left out.";
        "outputs": Expressions, Optional, "Channels, in the states at the end; the states if it is left out.";
        "command": Either(&[Text, List(&Text)]), Optional,
            "Program and its arguments, started in the folder of the file. It reads lines such as `{\"t\": [0, 0.5], \"k\": [1.2, 1.3]}`, a list for each knob and parameter, and answers each with a line that has a list of as many predictions (of several channels, a list of such lists), `null` where there is none. It must flush each line.";
        "channels": Whole(1, u32::MAX), Optional, "Number of channels of the program; 1 if it is left out.";
        "time_limit": Positive, Optional, "Longest time for an answer of the program, in seconds; 10 if it is left out.";
    }

    /// Differential equations.
    pub equations {
        "derivative": Expressions, Required, "Rate of each state.";
        "integrator": Word(&["euler", "rk4"]), Default("\"rk4\""), "Method of integration.";
    }

    /// Rules that end an experiment.
    pub until {
        "std": Map(EXPRESSION), Optional, "Standard deviations of parameters and targets, by name; the rule holds when all are reached.";
        "cost": Expression, Optional, "Cost of all measurements; without a cost of settings, each costs 1.";
        "measurements": Whole(1, u32::MAX), Optional, "Number of measurements.";
    }

    /// Values with weights.
    pub discrete {
        "values": List(EXPRESSION), Required, "List of values.";
        "weights": List(EXPRESSION), Required, "Weight of each value; they need not add up to 1.";
    }

    /// Options of the design.
    pub options {
        "particles": Whole(2, u32::MAX), Default("10000"), "Number of particles that represent the distribution.";
        "draws": Whole(2, u32::MAX), Default("30"), "Number of particles from which the utility is estimated.";
        "choke": Fraction, Default("1"), "Exponent of the likelihood; less than 1 slows learning down.";
        "utility": Word(&["variance_approx", "pseudo_utility", "full_kld", "max_min", "information_gain"]), Default("\"variance_approx\""),
            "Utility of a setting, estimated from what the draws predict there: variance over noise variance; the same of a normal distribution with equal entropy; from entropies with and without noise; squared range over noise variance, for two draws; expected information gain by nested Monte Carlo.";
        "selection": Word(&["optimal", "good", "random"]), Default("\"optimal\""),
            "Rule that chooses a setting: the highest utility, at random in proportion to the utility to the power `pickiness`, or at random.";
        "pickiness": Positive, Default("15"), "Exponent of the utility in a `good` selection.";
        "a_param": Fraction, Default("0.98"), "Fraction of their distance to the mean that particles keep when they are resampled.";
        "scale": Truth, Default("true"), "Whether particles are contracted towards the mean when they are resampled, which preserves the covariance.";
        "resample_threshold": Fraction, Default("0.5"), "Particles are resampled when the effective sample size falls below this fraction of their number.";
        "auto_resample": Truth, Default("true"), "Whether particles are resampled at all.";
    }
}
