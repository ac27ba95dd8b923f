"""Takes the expressions of Groovy apart: operators by precedence, calls with and without parentheses, literals."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from .cursor import KEYWORDS, Unclear
from .literals import Literals
from .syntax import (
    Argument,
    Assignment,
    Call,
    Closure,
    Code,
    Constant,
    Index,
    Items,
    Name,
    Operation,
    Part,
    Property,
    Text,
)

# From weak to strong, as in Groovy's grammar (2.4, the one that Jenkins has).
_LEVELS = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("=~", "==~"),
    ("==", "!=", "<=>", "===", "!=="),
    ("<", "<=", ">", ">=", "in", "instanceof", "as"),
    ("<<", ">>", ">>>", "..", "..<"),
    ("+", "-"),
    ("*", "/", "%"),
    ("**",),
)
_STRENGTH = {operator: level for level, operators in enumerate(_LEVELS) for operator in operators}
_ASSIGNING = frozenset(["=", "+=", "-=", "*=", "/=", "%=", "**=", "<<=", ">>=", ">>>=", "&=", "|=", "^="])
_UNARY = frozenset({"!", "-", "+", "~", "++", "--", "*"})
_BEGINNING = frozenset({"name", "string", "text", "number", "!"})
_CALL_ENDS = frozenset({",", ")"})


class Expressions(Literals):
    """The parser of expressions. Statements in closures are for the class that builds upon it."""

    # An expression as a statement, or as what is assigned or returned ---------------------------------------

    def whole(self) -> Part:
        """An expression, a call without parentheses, or an assignment."""
        start = self.start
        part = self._commands(self.ternary(), start)
        if self.kind not in _ASSIGNING or not isinstance(part, Name | Property | Index | Code | Text):
            return part
        return self.assigned(part, start)

    def assigned(self, target: Part, start: int) -> Assignment:
        """`= value` behind a target."""
        self.deeper()
        operator = self.take().kind
        self.skip("newline")
        value = self.whole()
        self.depth -= 1
        return Assignment(start=start, end=self.end, target=target, operator=operator, value=value)

    def _commands(self, part: Part, start: int) -> Part:
        """`a b`, `a b c d` (that is `a(b).c(d)`): calls without parentheses, by the line."""
        callable_ = isinstance(part, Name | Property) or _is_word(part)
        if callable_ and part.start == start and self._argument_begins():
            part = self._command(part, start)
        for length in count():
            if not (isinstance(part, Call) and self._links()):
                break
            self.chained(length)
            word = self.take()
            link = Property(start=start, end=word.end, target=part, name=word.value)
            part = self._command(link, start) if self._argument_begins() else link
        return part

    def _links(self) -> bool:
        """Whether a word goes on with a call; behind a closing brace one begins a new statement."""
        return bool(self.word) and self.word not in KEYWORDS and self.tokens[self.at - 1].kind != "}"

    def _argument_begins(self) -> bool:
        if self.kind not in _BEGINNING:
            return False
        return self.word not in KEYWORDS or self.peek().kind == ":"

    def _command(self, called: Part, start: int) -> Call:
        arguments = [self._argument()]
        while self.kind == ",":
            self.take()
            self.skip("newline")
            arguments.append(self._argument())
        while self.kind == "{" and isinstance(arguments[-1].value, Constant | Text | Closure):
            arguments.append(self._closing())
        return self._call(called, tuple(arguments), start)

    def _call(self, called: Part, arguments: tuple[Argument, ...], start: int) -> Call:
        name, target, operator = "call", called, "."
        if isinstance(called, Name):
            return Call(start=start, end=self.end, name=called.name, arguments=arguments)
        if isinstance(called, Constant) and _is_word(called):
            return Call(start=start, end=self.end, name=str(called.value), arguments=arguments)
        if isinstance(called, Property) and self._last_word(called):
            name, target, operator = called.name, called.target, called.operator
        return Call(
            start=start, end=self.end, name=name, arguments=arguments, target=target, operator=operator
        )

    def _last_word(self, called: Property) -> bool:
        """Whether the property is called, not what parentheses around it give: `a.b()`, not `(a.b)()`."""
        return self.lexer.text[called.end - 1] != ")"

    # Arguments ------------------------------------------------------------------------------------------------

    def _argument(self) -> Argument:
        """`value`, `name: value`, `'name': value`, `"${name}": value`, `*value`, `*: map`."""
        start, word = self.start, self.key()
        value = self.ternary()
        if word is None:
            return Argument(start=start, end=self.end, value=value)
        if isinstance(word, Constant):
            return Argument(start=start, end=self.end, value=value, key=str(word.value))
        key = self.lexer.text[word.start : word.end]
        return Argument(start=start, end=self.end, value=value, key=key, word=word)

    def _closing(self) -> Argument:
        """A closure behind the parentheses of a call."""
        closure = self.closure()
        return Argument(start=closure.start, end=closure.end, value=closure)

    def _parenthesised(self) -> tuple[Argument, ...]:
        self.expect("(")
        arguments: list[Argument] = []
        while self.kind != ")":
            start = self.start
            one = self.contained(self._argument, _CALL_ENDS)
            arguments.append(
                one if isinstance(one, Argument) else Argument(start=start, end=self.end, value=one)
            )
            if self.kind == ",":
                self.take()
            elif self.kind != ")":
                raise Unclear
        self.take()
        return tuple(arguments)

    # Operators --------------------------------------------------------------------------------------------------

    def ternary(self) -> Part:
        """An expression without assignment: `a`, `a ? b : c`, `a ?: b`, and all that binds stronger."""
        self.deeper()
        start = self.start
        part = self._binary(0)
        index = self.seen()
        if self.tokens[index].kind in {"?", "?:"}:
            self.at = index
            operator = self.take().kind
            part = self._choice(part, start) if operator == "?" else self._joined("?:", part, start)
        self.depth -= 1
        return part

    def _choice(self, condition: Part, start: int) -> Operation:
        self.skip("newline")
        first = self.ternary()
        self.skip("newline")
        self.expect(":")
        return self._joined("? :", condition, start, first)

    def _joined(self, operator: str, left: Part, start: int, *between: Part) -> Operation:
        self.skip("newline")
        right = self.ternary()
        return Operation(start=start, end=self.end, operator=operator, operands=(left, *between, right))

    def _binary(self, level: int) -> Part:
        """Operands and operators of at least a strength. One loop for each strength in use, none for the others."""
        start, length = self.start, 0
        left = self.unary()
        while (found := self._operator(level)) is not None:
            operator, strength = found
            length += 1
            self.chained(length)
            self.skip("newline")
            if operator in {"as", "instanceof", "!instanceof"}:
                right = self._type()
            elif operator == "**":
                right = self.unary()
            else:
                right = self._binary(strength + 1)
            left = Operation(start=start, end=self.end, operator=operator, operands=(left, right))
        return left

    def _operator(self, level: int) -> tuple[str, int] | None:
        """The operator that comes next, with its strength, if that is enough; it is taken."""
        token = self.tokens[self.at]
        strength = _STRENGTH.get(token.value if token.kind == "name" else token.kind)
        if strength is not None and strength >= level:
            self.at += 1
            return token.value, strength
        if token.kind == "!" and self.peek().value in {"in", "instanceof"} and level <= _STRENGTH["in"]:
            self.at += 2
            return "!" + self.tokens[self.at - 1].value, _STRENGTH["in"]
        return None

    def _type(self) -> Part:
        start, index = self.start, self.at
        end = self.type_end(index)
        if end < 0:
            raise Unclear
        self.at = end
        if end == index + 1:
            return Name(start=start, end=self.end, name=self.tokens[index].value)
        return self.code(index)

    def unary(self) -> Part:
        """An operand with the operators before and behind it."""
        if self.kind not in _UNARY:
            return self._postfix()
        self.deeper()
        start, operator = self.start, self.take().kind
        operand = self.unary()
        self.depth -= 1
        if operator == "-" and isinstance(operand, Constant) and type(operand.value) in {int, float}:
            return Constant(start=start, end=self.end, value=-operand.value)  # type: ignore[operator]
        return Operation(start=start, end=self.end, operator=operator, operands=(operand,))

    # Names, members, calls, indexes ----------------------------------------------------------------------------

    def _postfix(self) -> Part:
        start = self.start
        part = self.primary()
        for length in count():
            self.chained(length)
            kind = self.kind
            if kind == "newline" and self._continues(part):
                self.at += 1
            elif kind in {".", "?.", "*."}:
                part = self._member(part, start)
            elif kind == "(" or (kind == "{" and isinstance(part, Name | Property | Call | Index)):
                part = self._call_with_closures(part, start)
            elif kind == "[":
                part = self._index(part, start)
            elif kind in {".&", ".@", "::"}:
                part = self._pointer(start)
            elif kind in {"++", "--"}:
                self.take()
                part = Operation(start=start, end=self.end, operator="x" + kind, operands=(part,))
            else:
                return part
        raise AssertionError

    def _continues(self, part: Part) -> bool:
        """Whether the next line goes on with this part: with a member of it, or the closure of a call."""
        following = self.peek().kind
        return following in {".", "?.", "*."} or (
            following == "{" and isinstance(part, Name | Property | Call)
        )

    def _member(self, target: Part, start: int) -> Property | Index:
        """`.name`, `.'name'`; a computed name (`."${x}"`) is an index."""
        operator = self.take().kind
        self.skip("newline")
        if self.kind == "text":
            key = self.text()
            return Index(start=start, end=self.end, target=target, key=key)
        if self.kind not in {"name", "string"}:
            raise Unclear
        name = self.take().value
        return Property(start=start, end=self.end, target=target, name=name, operator=operator)

    def _pointer(self, start: int) -> Code:
        self.take()
        self.name()
        return Code(start=start, end=self.end)

    def _index(self, target: Part, start: int) -> Index:
        key: Part = self.brackets()
        if isinstance(key, Items) and len(key.items) == 1:
            key = key.items[0]
        return Index(start=start, end=self.end, target=target, key=key)

    def _call_with_closures(self, called: Part, start: int) -> Call:
        """`called(arguments) { ... } { ... }`, with or without the parentheses."""
        closures_only = self.kind == "{"
        arguments = () if closures_only else self._parenthesised()
        while self.kind == "{":
            arguments = (*arguments, self._closing())
        if closures_only and isinstance(called, Call):  # they stand on the next line
            return replace(called, end=self.end, arguments=(*called.arguments, *arguments))
        return self._call(called, arguments, start)


def _is_word(part: Part) -> bool:
    """Whether it is a text, which in the place of a method's name is that name: `'a.b' 'c'`."""
    return isinstance(part, Constant) and isinstance(part.value, str)
