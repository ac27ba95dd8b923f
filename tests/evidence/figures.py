"""Figures: what was counted, what is wanted, and which files fall short."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One row of the table."""

    item: int
    """The number of the claim that it is about."""
    what: str
    value: float
    unit: str = ""
    of: float | None = None
    """What the value is a part of."""
    goal: float | None = None
    """The least (or with `most` the greatest) share, or value where there is no `of`."""
    most: bool = False
    short: tuple[str, ...] = ()
    """What falls short, and why."""

    @property
    def measure(self) -> float:
        """What the goal is about: the share, or else the value."""
        return self.value if self.of is None else self.value / self.of if self.of else 0.0

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.goal is None:
            return None
        return self.measure <= self.goal if self.most else self.measure >= self.goal

    def data(self) -> dict[str, Any]:
        """The row for machines."""
        return asdict(self) | {"reached": self.reached}

    def cells(self) -> tuple[str, ...]:
        """The row for people."""
        value = (
            f"{self.value:,.4g} {self.unit}".strip() if self.value % 1 else f"{self.value:,.0f} {self.unit}"
        )
        share = "" if self.of is None else f" of {self.of:,.0f} ({self.measure:.1%})"
        words = {None: "", True: "reached", False: "SHORT"}
        limit = "" if self.goal is None else _goal(self)
        return (str(self.item), self.what, value.strip() + share, limit, words[self.reached])


def _goal(figure: Figure) -> str:
    sign = "<=" if figure.most else ">="
    return f"{sign} {figure.goal:.0%}" if figure.of is not None else f"{sign} {figure.goal:g}"


def shown(figures: list[Figure], *, details: bool) -> str:
    """The table, and below it what falls short."""
    rows = [("ITEM", "WHAT", "FIGURE", "GOAL", ""), *(figure.cells() for figure in figures)]
    widths = [max(len(row[at]) for row in rows) for at in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    for figure in figures:
        if figure.short and (details or figure.reached is False):
            lines += ["", f"{figure.item}. {figure.what}:", *(f"  - {one}" for one in figure.short)]
    return "\n".join(line.rstrip() for line in lines)
