"""Checks of arguments that classes all over the library share."""


def check_positive(**counts: int) -> None:
    """Checks counts and sizes, given by their names.

    Raises:
      ValueError: one of them is below 1.
    """
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")
