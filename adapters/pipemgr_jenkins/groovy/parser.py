"""Takes Groovy apart as Jenkinsfiles use it: `parse(text, name)` gives the syntax tree of a script.

Written by hand: see "Decisions" in pipemgr/README.md. What it does not take apart is `Code`, up to the end of the
statement, so that nothing is lost. Only text that is no Groovy at all is refused.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from .cursor import ENDS, KEYWORDS, MODIFIERS, Cursor, Unclear
from .expressions import Expressions
from .lexer import Lexer
from .syntax import (
    Block,
    Catch,
    Code,
    Declaration,
    If,
    Loop,
    Method,
    Part,
    Return,
    Script,
    Try,
)

HEIGHT = 300
"""How high a tree may be: whoever walks it down by recursion has that many levels to go, and no more."""

_TYPES = frozenset({"class", "interface", "enum", "trait"})
_MIDDLE = frozenset({")"})


def parse(text: str, name: str, *, line: int = 1, column: int = 1) -> Script:
    """The syntax tree of a script. `line` and `column` say where its first character stands in the file `name`.

    Raises `ParseError` with `file:line:column` for text that is no Groovy: a string, comment or bracket that does not
    end, a bracket that closes nothing, and nesting beyond all reason.
    """
    lexer = Lexer(text, name, (line, column)).run()
    parser = Statements(lexer)
    script = Script(start=0, end=len(text), source=text, statements=parser.statements())
    if parser.suspicious:
        _low(script, parser)
    return script


def _low(script: Script, cursor: Cursor) -> None:
    """Refuse a tree that is too high."""
    todo: list[tuple[Part, int]] = [(script, 0)]
    while todo:
        part, level = todo.pop()
        if level > HEIGHT:
            raise cursor.too_deep(part.start)
        todo.extend((one, level + 1) for one in part.children())


class Statements(Expressions):
    """The parser of statements."""

    def statements(self) -> tuple[Part, ...]:
        """The statements up to a closing brace or the end."""
        found: list[Part] = []
        while True:
            self.skip("newline", ";")
            if self.kind in {"}", "end"}:
                return tuple(found)
            found.append(self.statement())

    def statement(self) -> Part:
        """One statement; as it is, if it can't be taken apart."""
        index, depth = self.at, self.depth
        with contextlib.suppress(Unclear):
            self.deeper()
            part = self._statement()
            self.depth -= 1
            if self._ended():
                return part
        self.depth = depth
        return self.leave_statement(index)

    def _ended(self) -> bool:
        return self.kind in ENDS or self.tokens[self.at - 1].kind == "}" or self.word == "else"

    def _statement(self) -> Part:
        if self.kind == "@":
            return self._annotated()
        word = self.word
        if word is None:
            return self._multiple() if self.kind == "(" else self.whole()
        if self.peek().kind == ":" and word not in KEYWORDS:
            return self._labelled()
        if word in KEYWORDS and word not in MODIFIERS:
            return self._keyword(word)
        return self._declaration(self.at) or self.whole()

    def _keyword(self, word: str) -> Part:
        match word:
            case "if":
                return self._if()
            case "try":
                return self._try()
            case "for" | "while":
                return self._loop()
            case "return":
                return self._return()
            case "switch":
                return self._up_to_brace()
        return self._up_to_brace() if word in _TYPES else self.leave_statement(self.at)

    def _labelled(self) -> Part:
        """`label: statement`, as the statement."""
        start = self.start
        self.at += 2
        self.skip("newline")
        if self.kind in ENDS:
            raise Unclear
        return replace(self.statement(), start=start)

    def _multiple(self) -> Part:
        """`(a, b) = values`, or an expression that begins with a parenthesis."""
        index, after = self.at, self.partners[self.at] + 1
        if self.tokens[after].kind != "=":
            return self.whole()
        self.at = after
        return self.assigned(self.code(index), self.tokens[index].start)

    def _up_to_brace(self) -> Code:
        """`class X { ... }`, `switch (x) { ... }`, as they are."""
        index = self.at
        while self.kind not in {"{", ";", "}", "end"}:
            self.jump()
        if self.kind == "{":
            self.jump()
        return self.code(index)

    # Declarations -----------------------------------------------------------------------------------------------

    def _annotated(self) -> Part:
        """`@Library('x') _`, `@Field def x = 1`, an annotation by itself."""
        index = self.at
        while self.kind == "@":
            self._annotation()
        alone, end = self.code(index), self.at
        if self.kind != "newline" and self.word == "_":
            self.take()
            return self.code(index)
        self.skip("newline")
        if self.word in _TYPES:
            self._up_to_brace()
            return self.code(index)
        if self.word in {"import", "package"}:
            self.leave_statement(self.at)
            return self.code(index)
        declared = self._declaration(index) if self.kind in {"name", "@"} else None
        if declared is None:
            self.at = end
            return alone
        return declared

    def _annotation(self) -> None:
        self.take()
        self.name()
        while self.kind == ".":
            self.take()
            self.name()
        if self.kind == "(":
            self.jump()

    def _declaration(self, index: int) -> Part | None:
        """A declaration whose annotations begin at an index; None, nothing taken, where there is none."""
        begin = self.at
        while self.word in MODIFIERS:
            self.at += 1
            self.skip("newline")
        modified = self.at > index
        if modified and self.word in _TYPES:
            self._up_to_brace()
            return self.code(index)
        if modified and self.kind == "(" and self.at > begin:
            return self._several(index)
        place = self._name_place(modified=modified)
        if place is None:
            self.at = begin
            return None
        return self._declared(index, place)

    def _name_place(self, *, modified: bool) -> int | None:
        """The index of the name that is declared here, behind its type if it has one."""
        if self.word is None and not (modified and self.kind == "string"):
            return None
        end = self.type_end(self.at)
        typed = end > 0 and self.tokens[end].kind == "name" and self.tokens[end].value not in KEYWORDS
        if typed and (modified or self.typish(self.at, end)):
            return end
        return self.at if modified and self.tokens[self.at].value not in KEYWORDS else None

    def _declared(self, index: int, place: int) -> Part:
        start, token = self.tokens[index].start, self.tokens[place]
        kind = self.lexer.text[start : token.start].strip()
        self.at = place + 1
        if self.kind == "(":
            return self._method(start, kind, token.value)
        value = None
        if self.kind == "=":
            value = self._value()
        elif self.kind not in ENDS:
            raise Unclear
        return Declaration(start=start, end=self.end, type=kind, name=token.value, value=value)

    def _several(self, index: int) -> Declaration:
        """`def (a, b) = values`: the name is `(a, b)`."""
        opener = self.at
        kind = self.lexer.text[self.tokens[index].start : self.start].strip()
        self.jump()
        name = self.code(opener)
        value = self._value()
        words = self.lexer.text[name.start : name.end]
        return Declaration(start=self.tokens[index].start, end=self.end, type=kind, name=words, value=value)

    def _value(self) -> Part:
        self.expect("=")
        self.skip("newline")
        return self.whole()

    def _method(self, start: int, kind: str, name: str) -> Method:
        opener = self.at
        self.jump()
        parameters = self.lexer.text[self.tokens[opener].end : self.tokens[self.at - 1].start].strip()
        if self.word == "throws":
            while self.kind not in {"{", "newline", ";", "end"}:
                self.at += 1
        self.skip("newline")
        body = self._braces()
        return Method(start=start, end=self.end, type=kind, name=name, parameters=parameters, body=body)

    # Control ----------------------------------------------------------------------------------------------------

    def _braces(self) -> Block:
        start = self.expect("{").start
        statements = self.statements()
        self.expect("}")
        return Block(start=start, end=self.end, statements=statements)

    def _body(self) -> Block:
        """Statements in braces, or a single one."""
        self.skip("newline")
        if self.kind == "{":
            return self._braces()
        if self.kind in ENDS:
            raise Unclear
        one = self.statement()
        return Block(start=one.start, end=one.end, statements=(one,))

    def _follows(self, word: str) -> bool:
        """Whether a word continues the statement, on this line or the next; if so, it is taken."""
        index = self.at
        while self.tokens[index].kind in {"newline", ";"} and index < self.at + 3:
            index += 1
        if self.tokens[index].kind != "name" or self.tokens[index].value != word:
            return False
        self.at = index + 1
        return True

    def _if(self) -> If:
        start = self.take().start
        self.expect("(")
        condition = self.contained(self.whole, _MIDDLE)
        self.expect(")")
        then = self._body()
        otherwise = self._body() if self._follows("else") else None
        return If(start=start, end=self.end, condition=condition, then=then, otherwise=otherwise)

    def _loop(self) -> Loop:
        token = self.take()
        opener = self.at
        if self.kind != "(":
            raise Unclear
        self.jump()
        head = self.lexer.text[self.tokens[opener].end : self.tokens[self.at - 1].start].strip()
        body = Block(start=self.end, end=self.end) if self.kind == ";" else self._body()
        return Loop(start=token.start, end=self.end, word=token.value, head=head, body=body)

    def _try(self) -> Try:
        start = self.take().start
        if self.kind == "(":
            raise Unclear
        self.skip("newline")
        body = self._braces()
        catches: list[Catch] = []
        while self._follows("catch"):
            catches.append(self._catch())
        final = self._body() if self._follows("finally") else None
        if not catches and final is None:
            raise Unclear
        return Try(start=start, end=self.end, body=body, catches=tuple(catches), final=final)

    def _catch(self) -> Catch:
        start, opener = self.tokens[self.at - 1].start, self.at
        if self.kind != "(":
            raise Unclear
        self.jump()
        parameter = self.lexer.text[self.tokens[opener].end : self.tokens[self.at - 1].start].strip()
        self.skip("newline")
        return Catch(start=start, body=self._braces(), end=self.end, parameter=parameter)

    def _return(self) -> Return:
        start = self.take().start
        value = None if self.kind in ENDS else self.whole()
        return Return(start=start, end=self.end, value=value)
