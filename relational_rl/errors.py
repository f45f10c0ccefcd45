"""What can go wrong in a command, each with one clear line; anything else is a bug."""


class Failure(Exception):
    """A command cannot be carried out; the message is one clear line."""


class UsageError(Failure):
    """The command cannot be carried out as given."""


class ConfigError(Failure, ValueError):
    """A configuration has an unknown name or a wrong value."""


class ObservationError(ConfigError):
    """An observation or an action mask is not what the environment's spaces say."""


class CheckpointError(Failure):
    """A checkpoint cannot be written, found intact, or loaded into the given objects."""


class ActorError(Failure, RuntimeError):
    """An actor has failed; the message holds its traceback."""


class NonFiniteError(Failure, ArithmeticError):
    """A loss, a gradient or a parameter has become NaN or infinite."""


FAILURES = (Failure, OSError)
"""What a command answers with one line instead of a traceback."""
