"""Writing files so that a kill at any moment leaves the old content or the new, never a part."""

import os
from pathlib import Path


def write_atomically(path: Path, content: bytes | str) -> None:
    """Replaces the content of `path`.

    Raises:
      OSError: the disk refuses; the old content stays.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
