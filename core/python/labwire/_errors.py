"""Exceptions of labwire. Their texts are those of the core."""


class Error(Exception):
    """Base of all exceptions of labwire."""


class TextError(Error, ValueError):
    """Fault in the text of a problem or an experiment; `str` shows its place.

    path     key at fault, from the outermost on, such as "f1.expressions[1]"
    line     line of the text, from 1
    column   column in characters, from 1
    message  description alone
    help     advice, or None
    """

    def __init__(self, text, path="", line=0, column=0, message="", help=None):
        super().__init__(text, path, line, column, message, help)
        self.path, self.line, self.column, self.message, self.help = path, line, column, message, help

    def __str__(self):
        return self.args[0]


class InputError(Error, ValueError):
    """Array, number or setting that does not fit: a wrong length, a value that is not finite or out of range."""


class BusyError(Error, RuntimeError):
    """The object is at work for another thread, or for the caller whose callback this is."""


class NotSolvedError(Error, RuntimeError):
    """There is no result: nothing was solved yet."""


class NoSensitivities(Error):
    """The solution has no derivatives with respect to the parameters."""


class NotConnected(Error, ConnectionError):
    """There is no connection, none can be made, or it was lost before the answer had come."""


class TimedOut(NotConnected, TimeoutError):
    """The answer did not come in time."""


class DeviceError(Error):
    """The device refused, or sent what is no answer."""


class ServerError(Error):
    """Error reply of a server. `code` is the protocol's: a number, or a name."""

    def __init__(self, text, code=None):
        super().__init__(text, code)
        self.code = code

    def __str__(self):
        return self.args[0]
