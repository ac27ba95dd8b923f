"""Takes what stands by itself apart: literals, lists, maps, closures, strings with expressions in them."""

from __future__ import annotations

from dataclasses import replace

from .cursor import KEYWORDS, Cursor, Unclear
from .syntax import Atom, Closure, Code, Constant, Entries, Entry, Items, Name, Part, Property, Text

_CONSTANTS: dict[str, Atom] = {"true": True, "false": False, "null": None}
_LONGEST_NUMBER = 300  # beyond the largest number that a double can hold
_LIST_ENDS, _MIDDLE, _INTERPOLATION_ENDS = frozenset({",", "]"}), frozenset({")"}), frozenset({"}"})


class Literals(Cursor):
    """The parser of what stands by itself. What it holds is for the classes that build upon it."""

    def statements(self) -> tuple[Part, ...]:
        """The statements up to a closing brace or the end."""
        raise NotImplementedError

    def whole(self) -> Part:
        """An expression, a call without parentheses, or an assignment."""
        raise NotImplementedError

    def ternary(self) -> Part:
        """An expression without assignment."""
        raise NotImplementedError

    def unary(self) -> Part:
        """An operand with the operators before and behind it."""
        raise NotImplementedError

    def primary(self) -> Part:
        """A literal, a name, something in brackets, or `new`."""
        token = self.tokens[self.at]
        match token.kind:
            case "name":
                return self._word()
            case "string":
                self.at += 1
                return Constant(start=token.start, end=token.end, value=token.value)
            case "number":
                self.at += 1
                return Constant(start=token.start, end=token.end, value=_number(token.value))
            case "text":
                return self.text()
            case "(":
                return self._middle()
            case "[":
                return self.brackets()
            case "{":
                return self.closure()
        raise Unclear

    def _word(self) -> Part:
        token = self.take()
        if token.value in _CONSTANTS:
            return Constant(start=token.start, end=token.end, value=_CONSTANTS[token.value])
        if token.value == "new":
            return self._new(self.at - 1)
        if token.value in KEYWORDS:
            raise Unclear
        return Name(start=token.start, end=token.end, name=token.value)

    def _new(self, index: int) -> Code:
        """`new Type(arguments)`, `new Type(...) { ... }`, `new int[3]`."""
        end = self.type_end(self.at)
        if end < 0 or self.tokens[end].kind not in {"(", "["}:
            raise Unclear
        self.at = end
        self.jump()
        if self.kind == "{":
            self.jump()
        return self.code(index)

    def _middle(self) -> Part:
        """`(expression)`, with its parentheses in its span, or a cast, `(Type) expression`."""
        index = self.at
        end = self.type_end(index + 1)
        if end > 0 and self.tokens[end].kind == ")" and self._casts(index + 1, end):
            self.at = end + 1
            self.deeper()
            self.unary()
            self.depth -= 1
            return self.code(index)
        self.take()
        part = self.contained(self.whole, _MIDDLE)
        self.expect(")")
        return replace(part, start=self.tokens[index].start, end=self.end)

    def _casts(self, index: int, end: int) -> bool:
        following = self.tokens[end + 1].kind
        return following in {"name", "string", "text", "number", "(", "[", "{"} and (
            self.typish(index, end) and self.tokens[end + 1].value not in KEYWORDS
        )

    def brackets(self) -> Items | Entries:
        """A list or a map."""
        start = self.take().start
        if self.kind == ":" and self.peek().kind == "]":
            self.at += 2
            return Entries(start=start, end=self.end)
        found: list[Part] = []
        while self.kind != "]":
            found.append(self.contained(self._item, _LIST_ENDS))
            if self.kind == ",":
                self.take()
            elif self.kind != "]":
                raise Unclear
        self.take()
        entries = tuple(one for one in found if isinstance(one, Entry))
        if not entries:
            return Items(start=start, end=self.end, items=tuple(found))
        if len(entries) < len(found):
            raise Unclear
        return Entries(start=start, end=self.end, entries=entries)

    def _item(self) -> Part:
        start, key = self.start, self.key()
        value = self.ternary()
        return value if key is None else Entry(start=start, end=self.end, key=key, value=value)

    def key(self) -> Part | None:
        """What stands before a colon, if one follows; the colon is taken too."""
        token = self.tokens[self.at]
        word: Part
        if (
            self.tokens[self.partners.get(self.at, self.at) + 1 if token.kind != "end" else self.at].kind
            != ":"
        ):
            return None
        if token.kind == "name":
            word = Constant(start=token.start, end=token.end, value=self.take().value)
        elif token.kind == "*":
            word = Code(start=token.start, end=self.take().end)
        elif token.kind in {"string", "number", "text", "("}:
            word = self.primary()
        else:
            return None
        self.expect(":")
        self.skip("newline")
        return word

    def closure(self) -> Closure:
        """`{ parameters -> statements }`."""
        opener = self.at
        self.expect("{")
        parameters = self._parameters()
        statements = self.statements()
        self.expect("}")
        return Closure(
            start=self.tokens[opener].start, end=self.end, statements=statements, parameters=parameters
        )

    def _parameters(self) -> str:
        """The text before the arrow, where there is one; it must stand before any line end, brace or string."""
        index = begin = self.seen()
        while self.tokens[index].kind not in {"->", ";", "{", "}", "end", "${"}:
            if self.tokens[index].kind == "newline" and self.tokens[index - 1].kind != ",":
                return ""
            index = self.partners.get(index, index) + 1
        if self.tokens[index].kind != "->":
            return ""
        self.at = index + 1
        return self.lexer.text[self.tokens[begin].start : self.tokens[index].start].strip()

    def text(self) -> Text:
        """A string with interpolations."""
        opener = self.at
        pieces: list[str | Part] = []
        self.take()
        while self.kind != "text end":
            token = self.tokens[self.at]
            if token.kind == "${":
                pieces.append(self._interpolation())
                continue
            pieces.append(token.value if token.kind == "piece" else _path(token.value, token.start))
            self.take()
        self.take()
        return Text(start=self.tokens[opener].start, end=self.end, pieces=tuple(pieces))

    def _interpolation(self) -> Part:
        """`${expression}`; several statements, or none, are left as they are."""
        self.deeper()
        self.take()
        self.skip("newline")
        part = self.contained(self._inside, _INTERPOLATION_ENDS)
        self.expect("}")
        self.depth -= 1
        return part

    def _inside(self) -> Part:
        part = self.whole()
        self.skip("newline")
        return part


def _path(words: str, start: int) -> Part:
    """`a.b.c`, as it stands behind a dollar."""
    first, *rest = words.split(".")
    end = start + len(first)
    part: Part = Name(start=start, end=end, name=first)
    for word in rest:
        end += 1 + len(word)
        part = Property(start=start, end=end, target=part, name=word)
    return part


def _number(text: str) -> int | float:
    """The value of a number, whatever its suffix."""
    if len(text) > _LONGEST_NUMBER:
        raise Unclear
    plain = text.replace("_", "").lower()
    if plain.startswith(("0x", "0b")):
        return int(plain.rstrip("lgi"), 0)
    bare = plain.rstrip("lgidf")
    if any(one in bare for one in ".e") or plain[-1] in "df":
        return float(bare)
    octal = len(bare) > 1 and bare[0] == "0" and set(bare) <= set("01234567")
    return int(bare, 8 if octal else 10)
