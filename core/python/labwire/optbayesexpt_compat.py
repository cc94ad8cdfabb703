"""What programs use of optbayesexpt, with labwire's designer behind it.

    from labwire.optbayesexpt_compat import OptBayesExpt, OptBayesExptNoiseParameter, Socket, MeasurementSimulator

Models are functions model(settings, parameters, constants) of tuples, as there. `seed`, which the original does not have, makes
a run repeatable.
"""

import json
import socket

import numpy as np

from . import Designer, Experiment

__all__ = ["MeasurementSimulator", "OptBayesExpt", "OptBayesExptNoiseParameter", "Socket"]

_UTILITIES = {"variance_approx": "variance_approx", "pseudo_utility": "pseudo_utility", "max_min": "max_min",
              "full_kld_utility": "full_kld", "full_kld": "full_kld"}


class OptBayesExpt:
    """Designer of an experiment with the interface of optbayesexpt 1.2.0.

    measurement_model  model(settings, parameters, constants), of tuples of numbers and arrays
    setting_values     tuple of arrays: the values of each knob
    parameter_samples  tuple of arrays: samples of the prior of each parameter, as many as there are to be particles
    constants          tuple
    """

    _noise = None

    def __init__(self, measurement_model, setting_values, parameter_samples, constants, n_draws=30, choke=None,
                 use_jit=True, utility_method="variance_approx", selection_method="optimal", pickiness=15,
                 default_noise_std=1.0, a_param=0.98, resample_threshold=0.5, auto_resample=True, scale=True, seed=None):
        if utility_method not in _UTILITIES or selection_method not in ("optimal", "good", "random"):
            raise SyntaxError(f"no such method: {utility_method}, {selection_method}")
        self.model_function, self.cons = measurement_model, tuple(constants)
        self.setting_values = tuple(np.asarray(values, dtype=float) for values in setting_values)
        samples = np.array([np.asarray(samples, dtype=float) for samples in parameter_samples])
        self.pickiness, self.selection_method, self.n_draws = pickiness, selection_method, n_draws
        first = measurement_model(tuple(values[0] for values in self.setting_values), tuple(samples[:, 0]), self.cons)
        self.n_channels = len(np.atleast_1d(first))
        options = {"particles": samples.shape[1], "draws": n_draws, "utility": _UTILITIES[utility_method],
                   "selection": selection_method, "pickiness": pickiness, "a_param": a_param, "scale": scale,
                   "auto_resample": auto_resample, "resample_threshold": resample_threshold}
        if choke is not None:
            options["choke"] = choke
        source = {
            "settings": {f"x{i}": values for i, values in enumerate(self.setting_values)},
            "parameters": {f"p{i}": {"samples": row} for i, row in enumerate(samples)},
            "noise": self._noise or np.broadcast_to(np.asarray(default_noise_std, dtype=float), self.n_channels),
            "options": options,
        }
        self._experiment = Experiment(source, model=self._model, channels=self.n_channels)
        self.designer = Designer(self._experiment, seed=seed)

    def _model(self, *arguments):
        knobs = len(self.setting_values)
        return self.model_function(arguments[:knobs], arguments[knobs:], self.cons)

    def opt_setting(self):
        """Setting of highest utility, as a tuple."""
        return self._tuple(self.designer.optimal_setting())

    def good_setting(self, pickiness=None):
        """Setting drawn by utility to the power `pickiness`, as a tuple."""
        return self._tuple(self.designer.good_setting(self.pickiness if pickiness is None else pickiness))

    def random_setting(self):
        """Setting drawn from all, as a tuple."""
        return self._tuple(self.designer.random_setting())

    def get_setting(self):
        """Setting by the `selection_method`, as a tuple."""
        return self._tuple(self.designer.suggest())

    def _tuple(self, setting):
        self.last_setting_index = int(np.argmin(np.abs(self.allsettings - setting[:, None]).sum(axis=0)))
        return tuple(setting.tolist())

    def pdf_update(self, measurement_record, y_model_data=None):
        """Take in (settings, values, standard deviations); return particles and weights."""
        settings, values, *sigma = measurement_record
        sigma = np.atleast_1d(sigma[0]) if sigma and self._noise is None else None
        self.designer.update(np.atleast_1d(settings), np.atleast_1d(values), sigma)
        return self.particles, self.particle_weights

    def mean(self):
        """Mean of each parameter."""
        return self.designer.mean()

    def std(self):
        """Standard deviation of each parameter."""
        return self.designer.std()

    def covariance(self):
        """Covariance of the parameters."""
        return self.designer.covariance()

    def utility(self):
        """Utility of every setting."""
        return self.designer.utility()

    def eval_over_all_settings(self, oneparamset):
        """Outputs of the model for one set of parameters, at every setting."""
        return self.model_function(tuple(self.allsettings), oneparamset, self.cons)

    def eval_over_all_parameters(self, onesettingset):
        """Outputs of the model at one setting, for every particle."""
        return self.model_function(onesettingset, tuple(self.particles), self.cons)

    def randdraw(self, n_draws=1):
        """Draw from the distribution: an array of shape (parameters, draws)."""
        weights = self.particle_weights
        chosen = np.random.default_rng().choice(len(weights), size=n_draws, p=weights / weights.sum())
        return self.particles[:, chosen]

    @property
    def allsettings(self):
        """All settings, shape (knobs, settings)."""
        return self._experiment.settings.T

    @property
    def particles(self):
        """Values of the parameters, shape (parameters, particles)."""
        return self.designer.particles

    parameters = particles

    @property
    def particle_weights(self):
        """Weights of the particles."""
        return self.designer.weights

    @property
    def n_particles(self):
        """Number of particles."""
        return len(self.designer.weights)


class OptBayesExptNoiseParameter(OptBayesExpt):
    """The same, where the noise is one of the parameters: `noise_parameter_index`, or one index for each channel."""

    def __init__(self, *arguments, noise_parameter_index=None, **options):
        if noise_parameter_index is None:
            raise ValueError("noise_parameter_index: expected the index of the parameter that is the noise")
        self._noise = [f"p{index}" for index in np.atleast_1d(noise_parameter_index)]
        super().__init__(*arguments, **options)


class MeasurementSimulator:
    """Measurements of a model at known parameters, with normal noise."""

    def __init__(self, model_function, true_params, cons, noise_level, seed=None):
        self.model_function, self.params, self.cons, self.noise_level = model_function, true_params, cons, noise_level
        self._random = np.random.default_rng(seed)

    def simdata(self, setting, params=None, noise_level=None):
        """Values at a setting."""
        values = np.asarray(self.model_function(setting, self.params if params is None else params, self.cons), dtype=float)
        sigma = self.noise_level if noise_level is None else noise_level
        return values + np.asarray(sigma) * self._random.standard_normal(values.shape)


class Socket:
    """Messages as JSON behind ten digits that say their length. The role 'client' makes a connection a message, as the original
    server needs it; the role 'server' answers one client after another."""

    def __init__(self, role, ip_address="127.0.0.1", port=61981):
        if role not in ("client", "server"):
            raise Exception(f"Invalid role {role}. Valid: 'client', 'server'.")
        self.role, self.ip_address, self.port, self.connection, self.server = role, ip_address, port, None, None
        if role == "server":
            self.server = socket.create_server((ip_address, port))
            self.port = self.server.getsockname()[1]

    def send(self, contents):
        """Send a message: a client's on a new connection, a server's as the reply to the last one received."""
        text = json.dumps(contents, default=_plain).encode()
        if self.role == "client":
            self.close_connection()
            self.connection = socket.create_connection((self.ip_address, self.port))
        self.connection.sendall(b"%010d" % len(text) + text)

    def receive(self):
        """Receive a message: a server's from the next client."""
        if self.role == "server":
            self.close_connection()
            self.connection = self.server.accept()[0]
        return json.loads(self._read(int(self._read(10))))

    def _read(self, length):
        data = b""
        while len(data) < length:
            part = self.connection.recv(length - len(data))
            if not part:
                raise RuntimeError("socket connection broken")
            data += part
        return data

    def tcpcmd(self, command):
        """Send a command and return the reply."""
        if self.role != "client":
            raise RuntimeError("a server sends no commands")
        self.send(command)
        try:
            return self.receive()
        finally:
            self.close_connection()

    def close_connection(self):
        """Close the connection of the last message, if any."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def close(self):
        """Close everything."""
        self.close_connection()
        if self.server is not None:
            self.server.close()


def _plain(value):
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be sent")
