//! Keys of experiment files, as [those of problem files](labwire_model::problem::keys).

use labwire_model::text::Kind;

/// An experiment file.
pub static FILE: Kind = Kind::Object(&experiment::TABLE);

const EXPRESSION: &Kind = &Kind::Expression;
/// Values of a knob.
const VALUES: Kind = Kind::Either(&[Kind::List(EXPRESSION), Kind::Object(&setting::TABLE)]);
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
        "constants": Map(EXPRESSION), Optional, "Constants of the model: names and values, which the server's `getcon` shows.";
        "settings": Map(&VALUES), Required, "Knobs and their values. The settings to choose from are all combinations.";
        "parameters": Map(&Object(&prior::TABLE)), Required, "Unknown parameters and their priors.";
        "let": Map(EXPRESSION), Optional,
            "Definitions for use in later expressions: names, or functions such as `\"d(i)\"`, and their expressions. A definition may use those above it.";
        "model": Expressions, Required, "Predicted measurement, in settings and parameters: an expression for each channel.";
        "noise": Expressions, Optional,
            "Standard deviation of a measurement: one expression, or one for each channel. If it depends on parameters, it is learned with them. Without the key, each measurement brings its own.";
        "cost": Expression, Optional,
            "Cost of a measurement, in any unit, in the settings and those before, as in `1 + abs(f - previous_f)`; utilities are divided by it.";
        "constraints": Expressions, Optional, "Comparisons of parameters that must hold, such as `a > b`.";
        "options": Object(&options::TABLE), Optional, "Options of the design. Names and defaults are those of OptBayesExpt.";
    }

    /// Values of a knob. A plain list of numbers stands for `values`.
    pub setting (choice) {
        "linspace": RANGE, Optional, "`[start, stop, count]`: evenly spaced values from start to stop.";
        "logspace": RANGE, Optional, "`[start, stop, count]`: values from start to stop in equal ratios.";
        "values": List(EXPRESSION), Optional, "List of values.";
    }

    /// Prior of a parameter: its distribution before the first measurement.
    pub prior (choice) {
        "uniform": PAIR, Optional, "`[low, high]`: all values between are equally probable.";
        "normal": PAIR, Optional, "`[mean, standard deviation]`.";
        "lognormal": PAIR, Optional, "`[mean, standard deviation]` of the logarithm.";
        "exponential": Expression, Optional, "Mean.";
        "gamma": PAIR, Optional, "`[shape, scale]`; the mean is their product.";
        "discrete": DISCRETE, Optional, "Values that are equally probable, or values and weights.";
        "samples": List(EXPRESSION), Optional, "Values drawn from the distribution, as of an earlier analysis.";
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
