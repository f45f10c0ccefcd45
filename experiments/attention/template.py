"""Puts a page together from the files in page/: one HTML file, without network or server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

_FOLDER = Path(__file__).parent / "page"


def render(name: str, data: Mapping[str, Any], **values: Any) -> str:
    """Returns a page as HTML.

    Args:
      name: of the template in page/.
      data: what the page's script reads, as JSON.
      **values: of the template's variables; strings are escaped.

    Raises:
      jinja2.UndefinedError: the template has a variable without a value.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # Short, and in the order given; "<" and "&" become escapes, so that no text ends the script.
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.globals["file"] = _file
    return environment.get_template(name).render(data=data, **values)


def _file(name: str) -> str:
    """Returns a style sheet or a script as it stands: its braces are no template's."""
    return (_FOLDER / name).read_text(encoding="utf-8")
