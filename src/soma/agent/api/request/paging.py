"""Bounds of a page. A number outside them is refused, never silently changed."""

from typing import Annotated

from pydantic import Field

LARGEST_PAGE = 200
LARGEST_POSITION = 2**53  # what every client's numbers hold exactly

Limit = Annotated[int, Field(ge=1, le=LARGEST_PAGE)]
Position = Annotated[int, Field(ge=0, le=LARGEST_POSITION)]
