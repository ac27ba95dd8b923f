"""Our tree of a Jenkinsfile in the form of Jenkins' own syntax tree in JSON, to be compared with what Jenkins made.

The form: `toJSON` of the ModelAST classes of pipeline-model-definition-plugin. A step's only value goes without the
name of its parameter here, since only an installed plugin knows that name; `alike` allows for it.
"""

from __future__ import annotations

from typing import Any

from pipemgr.adapter import Node
from pipemgr_jenkins.groovy.syntax import Call, Closure, Constant, Entries, Name, Operation, Part, Text
from pipemgr_jenkins.jenkinsfile.tree import Jenkinsfile

JSON = Any
DESCRIBED = ("parameters", "triggers", "options")
BARE = ("any", "none")


class AsJenkins:
    """Turns the nodes of one file into Jenkins' JSON."""

    def __init__(self, tree: Jenkinsfile) -> None:
        self.tree = tree

    def document(self) -> JSON:
        """The whole file."""
        pipeline = entries(self.tree.root)["pipeline"]
        below = entries(pipeline)
        made = self.shared(below) | {"stages": self.stages(below["stages"])}
        if libraries := below.get("libraries"):
            made["libraries"] = {"libraries": [self.value(one) for one in elements(libraries)]}
        return {"pipeline": made}

    def shared(self, below: dict[str, Node]) -> dict[str, JSON]:
        """The sections that pipelines, stages and matrices share."""
        made: dict[str, JSON] = {}
        for name in DESCRIBED:
            if name in below:
                made[name] = {name: [self.described(self.part(one)) for one in elements(below[name])]}
        for name in ("environment", "tools"):
            if name in below:
                made[name] = [
                    {"key": key, "value": self.variable(one)} for key, one in entries(below[name]).items()
                ]
        if "post" in below:
            conditions = entries(below["post"]).items()
            made["post"] = {
                "conditions": [
                    {"condition": name, "branch": self.branch("default", one)} for name, one in conditions
                ]
            }
        if "agent" in below:
            made["agent"] = self.agent(below["agent"])
        return made

    def part(self, node: Node) -> Part:
        """The syntax behind a node."""
        part = self.tree.syntax(node)
        assert part is not None
        return part

    # Stages --------------------------------------------------------------------------------------------

    def stages(self, node: Node) -> JSON:
        """A list of stages."""
        return [self.stage(one) for one in elements(node)]

    def stage(self, node: Node) -> JSON:
        """One stage."""
        below = entries(node)
        made = self.inside(below) | {"name": below["name"].value}
        for name in ("stages", "parallel"):
            if name in below:
                made[name] = self.stages(below[name])
        if "failFast" in below:
            made["failFast"] = below["failFast"].value
        if "steps" in below:
            made |= self.branches(below["steps"])
        if "matrix" in below:
            made["matrix"] = self.matrix(below["matrix"])
        return made

    def inside(self, below: dict[str, Node]) -> dict[str, JSON]:
        """What stages and matrices share."""
        made = self.shared(below)
        if "when" in below:
            when = entries(below["when"])
            conditions = [self.condition(one) for one in elements(when["conditions"])]
            made["when"] = {"conditions": conditions} | {
                name: one.value for name, one in when.items() if name != "conditions"
            }
        if "input" in below:
            given = entries(below["input"])
            made["input"] = {name: self.value(one) for name, one in given.items() if name != "parameters"}
            if "parameters" in given:
                made["input"] |= self.shared({"parameters": given["parameters"]})
        return made

    def matrix(self, node: Node) -> JSON:
        """A matrix."""
        below = entries(node)
        made = self.inside(below) | {"axes": [self.axis(one) for one in elements(below["axes"])]}
        if "stages" in below:
            made["stages"] = self.stages(below["stages"])
        if "excludes" in below:
            made["excludes"] = [
                [self.axis(axis) for axis in elements(one)] for one in elements(below["excludes"])
            ]
        return made

    def axis(self, node: Node) -> JSON:
        """An axis of a matrix, or of what it excludes."""
        below = entries(node)
        values = elements(below["values" if "values" in below else "notValues"])
        made: dict[str, JSON] = {"name": below["name"].value, "values": [self.value(one) for one in values]}
        return made | ({"inverse": True} if "notValues" in below else {})

    # Steps ---------------------------------------------------------------------------------------------

    def branches(self, steps: Node) -> dict[str, JSON]:
        """The steps of a stage: one branch, or those of the step `parallel`."""
        statements = elements(steps)
        first = entries(statements[0]) if len(statements) == 1 else {}
        if first and first["name"].value == "parallel":
            given = entries(first["arguments"])
            made = {
                "branches": [
                    self.branch(name, entries(one)["block"])
                    for name, one in given.items()
                    if name != "failFast"
                ]
            }
            return made | ({"failFast": given["failFast"].value} if "failFast" in given else {})
        return {"branches": [self.branch("default", steps)]}

    def branch(self, name: str, steps: Node) -> JSON:
        """A list of steps with a name."""
        return {"name": name, "steps": [self.step(one) for one in elements(steps)]}

    def step(self, node: Node) -> JSON:
        """One step."""
        below = entries(node)
        made: dict[str, JSON] = {"name": below["name"].value}
        if made["name"] == "script":
            return made | {"arguments": [self.block(self.part(below["block"]))]}
        made["arguments"] = self.arguments(below.get("arguments"))
        if "block" in below:
            made["children"] = [self.step(one) for one in elements(below["block"])]
        return made

    def block(self, part: Part) -> JSON:
        """Code of a block, from the first statement to the last."""
        assert isinstance(part, Closure)
        inside = part.statements
        text = self.tree.script.source[inside[0].start : inside[-1].end] if inside else ""
        return {"key": "scriptBlock", "value": {"isLiteral": True, "value": text}}

    def arguments(self, node: Node | None) -> JSON:
        """Named arguments, one value, or several."""
        if node is None:
            return []
        if isinstance(node.children, dict):
            return [{"key": key, "value": self.value(one)} for key, one in node.children.items()]
        values = [self.value(one) for one in elements(node)]
        return values[0] if len(values) == 1 else values

    # Values --------------------------------------------------------------------------------------------

    def value(self, node: Node) -> JSON:
        """A value: a constant, or Groovy."""
        return self.expression(self.part(node))

    def expression(self, part: Part) -> JSON:
        """The same of a part."""
        text = self.tree.script.text(part)
        match part:
            case Constant(value=value):
                return {"isLiteral": True, "value": value}
            case Name(name=name) if name in BARE:
                return {"isLiteral": True, "value": name}
            case Text() | Entries():
                return {"isLiteral": False, "value": text}
        return {"isLiteral": False, "value": f"${{{text}}}"}

    def variable(self, node: Node) -> JSON:
        """A value of `environment` or `tools`: joined by +, or a credential, too."""
        part = self.part(node)
        match part:
            case Call(name="credentials", target=None):
                return self.described(part)
            case Operation(operator="+"):
                return self.joined(part)
        return self.expression(part)

    def joined(self, part: Operation) -> JSON:
        """Texts that + joins, as one text."""
        todo: list[Part] = [part]
        pieces: list[Part] = []
        while todo:
            one = todo.pop()
            if isinstance(one, Operation):
                todo += reversed(one.operands)
            else:
                pieces.append(one)
        texts = [
            str(one.value) if isinstance(one, Constant) else self.tree.script.text(one).strip("\"'")
            for one in pieces
        ]
        literal = all(isinstance(one, Constant) for one in pieces)
        joined = "".join(texts)
        return {"isLiteral": literal, "value": joined if literal else f'"{joined}"'}

    def described(self, part: Part) -> JSON:
        """A call of options, parameters or triggers, whose arguments may be calls themselves."""
        if not isinstance(part, Call):
            return self.expression(part)
        made = [
            {"key": one.key, "value": self.described(one.value)} if one.key else self.described(one.value)
            for one in part.plain
        ]
        return {"name": part.name, "arguments": made}

    def agent(self, node: Node) -> JSON:
        """An agent; a label without a name is any agent."""
        below = entries(node)
        kind, value = below["kind"].value, below.get("value")
        if kind == "label" and value is not None and value.value == "":
            return {"type": "any"}
        if value is not None:
            return {"type": kind, "argument": self.value(value)}
        options = {name: one for name, one in below.items() if name != "kind"}
        return {"type": kind} | ({"arguments": self.options(options)} if options else {})

    def options(self, below: dict[str, Node]) -> JSON:
        """Options of an agent."""
        return [
            {"key": key, "value": self.options(entries(one)) if one.kind == "mapping" else self.value(one)}
            for key, one in below.items()
        ]

    # Conditions ----------------------------------------------------------------------------------------

    def condition(self, node: Node) -> JSON:
        """One condition, with those in it."""
        below = entries(node)
        made: dict[str, JSON] = {"name": below["name"].value}
        if "code" in below:
            return made | {"arguments": [self.block(self.part(below["code"]))]}
        if "conditions" in below:
            return made | {"children": [self.condition(one) for one in elements(below["conditions"])]}
        return made | {"arguments": self.arguments(below.get("arguments"))}


def entries(node: Node) -> dict[str, Node]:
    """What stands in a mapping."""
    return node.children if isinstance(node.children, dict) else {}


def elements(node: Node) -> list[Node]:
    """What stands in a sequence."""
    return node.children if isinstance(node.children, list) else []


def differences(ours: JSON, theirs: JSON, path: str = "") -> list[str]:
    """The places where two trees differ."""
    if (
        isinstance(ours, dict)
        and isinstance(theirs, list)
        and len(theirs) == 1
        and path.endswith("arguments")
    ):
        theirs = theirs[0].get("value") if "isLiteral" in ours else theirs
    if isinstance(ours, dict) and isinstance(theirs, dict):
        ours, theirs = _unindented(ours), _unindented(theirs)
        found = []
        for key in {**ours, **theirs}:
            if key in ours and key in theirs:
                found += differences(ours[key], theirs[key], f"{path}.{key}")
            else:
                found.append(f"{path}.{key}: only {'ours' if key in ours else 'theirs'}")
        return found
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [one for at, (a, b) in pairs for one in differences(a, b, f"{path}[{at}]")]
    same = type(ours) is type(theirs) and ours == theirs
    return [] if same else [f"{path}: {ours!r} here, {theirs!r} there"]


def _unindented(made: dict[str, JSON]) -> dict[str, JSON]:
    """Code without indentation: some files beside the Groovy were made when it was indented otherwise."""
    if made.get("key") != "scriptBlock":
        return made
    lines = [line.strip() for line in made["value"]["value"].splitlines()]
    return made | {"value": {"isLiteral": True, "value": "\n".join(lines)}}
