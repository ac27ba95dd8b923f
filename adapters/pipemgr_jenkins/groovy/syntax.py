"""The syntax tree of Groovy, as far as Jenkinsfiles need it; each part knows where it stands in the text.

What the parser does not take apart is a `Code` with its span: nothing is ever lost, and the text of any part is
`source[start:end]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

Atom = str | int | float | bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A part of the tree: the characters `start` to `end` of the text."""

    start: int
    end: int

    def children(self) -> Iterator[Part]:
        """The parts directly below, in the order of their fields."""
        for field in fields(self):
            value = getattr(self, field.name)
            for one in value if isinstance(value, tuple) else (value,):
                if isinstance(one, Part):
                    yield one

    def walk(self) -> Iterator[Part]:
        """This part and all below, outermost first."""
        todo: list[Part] = [self]
        while todo:
            part = todo.pop()
            yield part
            todo.extend(reversed(list(part.children())))


# Expressions ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Constant(Part):
    """A string in which nothing is interpolated (of any quotes, escapes resolved), a number, true, false or null."""

    value: Atom


@dataclass(frozen=True, kw_only=True, slots=True)
class Text(Part):
    """A string with interpolation (a GString): strings, escapes resolved, and expressions by turns."""

    pieces: tuple[str | Part, ...]

    def children(self) -> Iterator[Part]:
        """The expressions in it."""
        yield from (one for one in self.pieces if isinstance(one, Part))


@dataclass(frozen=True, kw_only=True, slots=True)
class Name(Part):
    """A bare word: a variable, or a type."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Property(Part):
    """`target.name`, also `target?.name` and `target*.name` (`operator` is `.`, `?.`, `*.`)."""

    target: Part
    name: str
    operator: str = "."


@dataclass(frozen=True, kw_only=True, slots=True)
class Index(Part):
    """`target[key]`."""

    target: Part
    key: Part


@dataclass(frozen=True, kw_only=True, slots=True)
class Argument(Part):
    """One argument of a call; `key` for a named one (`label: 'x'`), None for a positional one.

    A name that is computed (`"${x}": 1`) is the text of its expression, and `word` is that expression.
    """

    value: Part
    key: str | None = None
    word: Part | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Closure(Part):
    """`{ parameters -> statements }`; `parameters` is their text, empty where there are none."""

    statements: tuple[Part, ...]
    parameters: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call(Part):
    """A call in any form: `sh 'x'`, `sh('x')`, `timeout(time: 5) { ... }`, `node { ... }`, `docker.image('x').inside { ... }`.

    A closure that follows is the last argument. `target` is what stands before the dot, None for a plain name;
    `operator` is that dot: `.`, `?.` or `*.`. What an expression gives is called as `call` (`closures[x]()`).
    """

    name: str
    arguments: tuple[Argument, ...] = ()
    target: Part | None = None
    operator: str = "."

    @property
    def block(self) -> Closure | None:
        """The closure that ends the call, if one does."""
        last = self.arguments[-1] if self.arguments else None
        return last.value if last and last.key is None and isinstance(last.value, Closure) else None

    @property
    def plain(self) -> tuple[Argument, ...]:
        """The arguments without that closure."""
        return self.arguments[:-1] if self.block else self.arguments


@dataclass(frozen=True, kw_only=True, slots=True)
class Items(Part):
    """A list: `[a, b]`."""

    items: tuple[Part, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry(Part):
    """One entry of a map; `key` is a `Constant` for plain words and strings, any expression for `(x): y`."""

    key: Part
    value: Part


@dataclass(frozen=True, kw_only=True, slots=True)
class Entries(Part):
    """A map: `[a: 1, 'b': 2]`, `[:]`."""

    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation(Part):
    """An operator (`&&`, `==`, `!`, `+`, `?:`, `? :`, `=~`, `in`, ...) with one, two or three operands."""

    operator: str
    operands: tuple[Part, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Code(Part):
    """Groovy that is not taken further apart: casts, `new`, loops, classes, whatever else there is."""


# Statements (an expression may be one too) --------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Declaration(Part):
    """`def x = value`, `String x`, `@Field final int x = 1`; `type` is all that stands before the name."""

    type: str
    name: str
    value: Part | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment(Part):
    """`target = value`, `target += value`."""

    target: Part
    operator: str
    value: Part


@dataclass(frozen=True, kw_only=True, slots=True)
class Block(Part):
    """Statements in braces, or one without, after `if`, `else`, `try` and the like."""

    statements: tuple[Part, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class If(Part):
    """`if (condition) ... else ...`; an `else if` is an `If` alone in the block of `otherwise`."""

    condition: Part
    then: Block
    otherwise: Block | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Catch(Part):
    """`catch (Exception e) { ... }`; `parameter` is the text in the parentheses."""

    parameter: str
    body: Block


@dataclass(frozen=True, kw_only=True, slots=True)
class Try(Part):
    """`try { ... } catch (...) { ... } finally { ... }`."""

    body: Block
    catches: tuple[Catch, ...] = ()
    final: Block | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Loop(Part):
    """`for (...) { ... }` or `while (...) { ... }`; `head` is the text in the parentheses."""

    word: str
    head: str
    body: Block


@dataclass(frozen=True, kw_only=True, slots=True)
class Method(Part):
    """`def name(parameters) { ... }`; `type` is all that stands before the name, annotations included."""

    type: str
    name: str
    parameters: str
    body: Block


@dataclass(frozen=True, kw_only=True, slots=True)
class Return(Part):
    """`return value`."""

    value: Part | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Script(Part):
    """A whole file. `@Library('x') _`, `import x`, classes and the like are `Code` among the statements."""

    source: str
    statements: tuple[Part, ...] = ()

    def text(self, part: Part) -> str:
        """The characters of a part."""
        return self.source[part.start : part.end]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, counted from 1."""
        return self.source.count("\n", 0, offset) + 1, offset - self.source.rfind("\n", 0, offset)
