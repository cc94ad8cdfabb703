"""Texts and arrays from what callers have. The extension calls these where its fast ways do not apply."""

import json
import os

import numpy as np

from ._errors import InputError


def problem(source, keys):
    """Return the text of a problem: as `text`, or from CasADi's objects, with the `keys` that `labwire.casadi` takes."""
    if isinstance(source, dict) and any(map(_is_casadi, source.values())):
        from . import casadi

        return text(casadi.from_nlp(source, **keys))
    if _is_casadi(source):
        from . import casadi

        export = casadi.from_opti if type(source).__name__ == "Opti" else casadi.problem
        return text(export(source, **keys))
    if keys:
        raise TypeError(f"{next(iter(keys))!r} is only for problems of CasADi")
    return text(source)


def _is_casadi(value):
    return type(value).__module__.partition(".")[0] == "casadi"


def text(source):
    """Return the text of a problem or an experiment: from a text (which begins with a brace), the path of a file, or a
    dictionary."""
    if isinstance(source, bytes):
        source = source.decode()
    if isinstance(source, str) and source.lstrip().startswith("{"):
        return source
    if isinstance(source, dict):
        return json.dumps(source, default=_plain, indent=2)
    if isinstance(source, (str, os.PathLike)):
        with open(source, encoding="utf-8") as file:
            return file.read()
    raise TypeError(f"expected a text, a dictionary or the path of a file, not {type(source).__name__}")


def _plain(value):
    """Return numpy's numbers and arrays as JSON's."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"a value in the dictionary is of type {type(value).__name__}, which JSON cannot express")


def array(values, what, ndim):
    """Return `values` as a contiguous array of float64 with `ndim` dimensions (a number as a vector of one)."""
    try:
        found = np.asarray(values)
    except ValueError as error:
        raise InputError(f"{what}: expected an array of real numbers: {error}") from None
    if found.dtype.kind not in "biuf" and found.size:
        raise InputError(f"{what}: expected an array of real numbers, not of {found.dtype}")
    if ndim == 1 and found.ndim == 0:
        found = found.reshape(1)
    if found.ndim != ndim:
        raise InputError(f"{what}: expected {ndim} dimension{'s' * (ndim > 1)}, found shape {found.shape}")
    return np.ascontiguousarray(found, dtype=np.float64)


def named(values, sizes, what):
    """Return a vector from a dictionary with the names and lengths `sizes`."""
    unknown = [name for name in values if name not in sizes]
    if unknown:
        raise InputError(f"{what}: unknown name {unknown[0]!r}, expected {', '.join(sizes) or 'none'}")
    parts = [np.zeros(0)]
    for name, size in sizes.items():
        if name not in values:
            raise InputError(f"{what}: {name!r} is missing")
        part = array(values[name], name, 1)
        if len(part) != size:
            raise InputError(f"{name}: provided {len(part)}, expected {size}")
        parts.append(part)
    return np.concatenate(parts)


def experiment(source, model, channels):
    """Return the text of an experiment, and the Python function that is its model, if it has one."""
    if isinstance(source, dict) and callable(source.get("model")):
        if model is not None:
            raise TypeError("the model is given twice")
        model, source = source["model"], {name: value for name, value in source.items() if name != "model"}
    if model is None:
        return text(source), None
    if not callable(model):
        raise TypeError(f"expected a function as the model, not {type(model).__name__}")
    if channels < 1:
        raise InputError(f"channels is {channels}, expected at least 1")
    source = json.loads(text(source))
    # A place for the function: as many numbers as it has channels.
    return text({**source, "model": ["0"] * channels if channels > 1 else "0"}), model


def outputs(values, channels, length):
    """Return what a model returned as `channels` rows of `length` numbers, one after the other."""
    rows = [values] if channels == 1 and np.ndim(values) < 2 else values
    if len(rows) != channels:
        raise InputError(f"the model returned {len(rows)} channels, expected {channels}")
    try:
        return np.concatenate([np.broadcast_to(np.asarray(row, dtype=np.float64), length) for row in rows])
    except ValueError as error:
        raise InputError(f"the model returned something else than numbers, or {length} of them: {error}") from None


def experiment_again(cls, text, model, channels, newrun):
    """Return the experiment that was pickled."""
    return cls(text, model=model, channels=channels, **newrun)


def content(path):
    """Return the text in a file."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def replace(path, text):
    """Write a file completely, or leave what was there."""
    path = os.fspath(path)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
