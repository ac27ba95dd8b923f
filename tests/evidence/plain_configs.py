"""CircleCI configs compared as plain YAML with commands, executors, parameters and matrices expanded by a few lines of
their own: which jobs each workflow has, what they require, their images and their scripts in order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import yaml

Data = dict[str, Any]
_PARAMETER = re.compile(r"(?<!\\)<<\s*(parameters|matrix)\.([\w-]+)\s*>>")
_UNDECIDED = object()


def unequal(before: str, after: str) -> Iterator[str]:
    """What differs between two configs."""
    one, two = (_Config(yaml.safe_load(text)).workflows() for text in (before, after))
    if len(one) == len(two) == 1:
        one, two = ({"the workflow": next(iter(found.values()))} for found in (one, two))
    for workflow in sorted({*one, *two}):
        yield from _unequal_jobs(workflow, one.get(workflow, {}), two.get(workflow, {}))


def _unequal_jobs(workflow: str, one: Data, two: Data) -> Iterator[str]:
    for job in sorted({*one, *two}):
        if job not in one or job not in two:
            yield f"{workflow}: {job} is {'missing' if job in one else 'new'}"
            continue
        for key, value in one[job].items():
            if value != two[job][key]:
                yield f"{workflow}.{job}.{key}: {_first(value, two[job][key])}"


def _first(one: Any, two: Any) -> str:
    """The first difference of two lists."""
    if isinstance(one, list) and isinstance(two, list):
        for left, right in zip(one, two, strict=False):
            if left != right:
                return f"{str(left)[:120]!r}, then {str(right)[:120]!r}"
        return f"{len(one)} entries, then {len(two)}: {str((one + two)[min(len(one), len(two))])[:80]}"
    return f"{one!r}, then {two!r}"


class _Config:
    """One config, expanded."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.parts: dict[str, Data] = {
            kind: dict(data.get(kind) or {}) for kind in ("jobs", "commands", "executors")
        }
        for orb, body in (data.get("orbs") or {}).items():
            for kind, known in self.parts.items():
                inline = (body.get(kind) or {}) if isinstance(body, dict) else {}
                known.update({f"{orb}/{name}": one for name, one in inline.items()})

    def workflows(self) -> dict[str, Data]:
        """Jobs by workflow; a config without workflows runs its job `build`."""
        found = {
            name: self._workflow(one) for name, one in (self.data.get("workflows") or {}).items()
            if isinstance(one, dict)
        }  # fmt: skip
        return found or {"build": {name: self._job(name, {}, {}) for name in ["build"]}}

    def _workflow(self, workflow: Data) -> Data:
        found: Data = {}
        for entry in workflow.get("jobs") or []:
            name, options = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
            options = options or {}
            for cell in _cells(options.get("matrix") or {}):
                called = self._called(name, options, cell, found)
                found[called] = self._job(name, _filled(options, cell), cell)
        return found

    @staticmethod
    def _called(name: str, options: Data, cell: Data, known: Data) -> str:
        called = (
            str(_filled(options["name"], cell))
            if "name" in options
            else "-".join([name, *map(_text, cell.values())])
        )
        number = 1
        while (unique := called if number == 1 else f"{called}-{number - 1}") in known:
            number += 1
        return unique

    def _job(self, name: str, options: Data, cell: Data) -> Data:
        job = self.parts["jobs"].get(name, {})
        if options.get("type") == "approval" or not isinstance(job, dict):
            job = {}
        given = {**_defaults(job), **options, **cell}
        body = _filled({key: one for key, one in job.items() if key != "parameters"}, given)
        steps = [
            *(options.get("pre-steps") or []),
            *_listed(body.get("steps")),
            *(options.get("post-steps") or []),
        ]
        return {
            "type": options.get("type") or job.get("type"),
            "requires": sorted(map(_requirement, options.get("requires") or [])),
            "images": self._images(body),
            "scripts": list(self._scripts(steps)),
        }

    def _images(self, job: Data) -> list[str]:
        executor = job.get("executor")
        if executor is not None:
            given = dict(executor) if isinstance(executor, dict) else {"name": executor}
            known = self.parts["executors"].get(str(given.pop("name")), {})
            job = {
                **_filled(
                    {k: v for k, v in known.items() if k != "parameters"}, {**_defaults(known), **given}
                ),
                **job,
            }
        images = [str(one["image"]) for one in job.get("docker") or [] if isinstance(one, dict)]
        machine, mac = job.get("machine"), job.get("macos")
        images += [str(machine["image"])] if isinstance(machine, dict) and "image" in machine else []
        return images + ([f"xcode {mac['xcode']}"] if isinstance(mac, dict) and "xcode" in mac else [])

    def _scripts(self, steps: list[Any]) -> Iterator[str]:
        for step in steps:
            name, value = next(iter(step.items())) if isinstance(step, dict) and step else (step, {})
            if name in ("when", "unless") and isinstance(value, dict) and "condition" in value:
                holds = _decided(value["condition"])
                if holds is _UNDECIDED or holds == (name == "when"):
                    yield from self._scripts(_listed(value.get("steps")))
            elif name == "steps":
                yield from self._scripts(_listed(value))
            elif name in ("run", "deploy"):
                command = value.get("command") if isinstance(value, dict) else value
                yield "\n".join(
                    line.rstrip() for line in str(command).replace("\\<<", "<<").strip().split("\n")
                )
            elif name in self.parts["commands"]:
                command = self.parts["commands"][name]
                yield from self._scripts(
                    _filled(_listed(command.get("steps")), {**_defaults(command), **(value or {})})
                )
            elif "/" in str(name):
                yield str(name)


def _requirement(entry: Any) -> str:
    return (
        str(entry)
        if not isinstance(entry, dict)
        else "".join(f"{name} {sorted(_listed(one))}" for name, one in entry.items())
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _defaults(part: Data) -> Data:
    known = part.get("parameters") or {}
    return {name: one["default"] for name, one in known.items() if isinstance(one, dict) and "default" in one}


def _cells(matrix: Data) -> list[Data]:
    axes = {name: _listed(values) for name, values in (matrix.get("parameters") or {}).items()}
    rows = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    return [row for row in rows if row not in (matrix.get("exclude") or [])]


def _filled(value: Any, given: Data) -> Any:
    """The value with parameters in place of their names; lists of steps are laid flat."""
    match value:
        case dict():
            return {key: _filled(one, given) for key, one in value.items()}
        case list():
            filled = ((one, _filled(one, given)) for one in value)
            return [
                inner
                for one, new in filled
                for inner in (new if isinstance(new, list) and isinstance(one, str) else [new])
            ]
        case str():
            whole = _PARAMETER.fullmatch(value.strip())
            if whole and whole[2] in given:
                return given[whole[2]]
            return _PARAMETER.sub(lambda found: _text(given.get(found[2], found[0])), value)
    return value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _decided(condition: Any) -> Any:
    """What a condition gives where nothing but constants are in it."""
    if isinstance(condition, dict) and len(condition) == 1:
        word, inner = next(iter(condition.items()))
        values = [_decided(one) for one in _listed(inner)] if word in ("and", "or", "not") else []
        if _UNDECIDED in values or (word not in ("and", "or", "not") and "<<" in str(inner)):
            return _UNDECIDED
        match word:
            case "and":
                return all(values)
            case "or":
                return any(values)
            case "not":
                return not values[0]
            case "equal":
                return len({_text(one) for one in inner}) == 1
        return _UNDECIDED
    if "<<" in str(condition) or "pipeline." in str(condition):
        return _UNDECIDED
    return str(condition).lower() not in ("false", "", "0", "none")
