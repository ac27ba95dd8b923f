"""Rules of declarative pipelines: what Jenkins refuses before it runs is a problem here, with its line and the remedy.

As Jenkins has them: ModelValidatorImpl and the `validator` folder of pipeline-model-definition-plugin. What only a
plugin could bring is a finding. The tables are in `grammar.yaml`; what fits no section was told when the tree grew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipemgr.adapter import Node
from pipemgr_jenkins.groovy.syntax import Call, Constant, Text

from .grammar import grammar, nearest, required, types
from .rules_calls import CallRules, named
from .rules_sandbox import check_sandbox
from .rules_steps import StepRules
from .rules_values import check_environment, check_name, check_values
from .tree import Jenkinsfile

WORK = ("steps", "stages", "parallel", "matrix")
"""What a stage may do, one of them."""


def check(tree: Jenkinsfile) -> None:
    """Note everything that Jenkins' own validator refuses, as problems of the nodes; for a script, only findings."""
    check_sandbox(tree)
    children = tree.root.children
    if isinstance(children, dict) and "pipeline" in children:
        Rules(tree).pipeline(children["pipeline"])


def below(node: Node | None, key: str) -> Node | None:
    """What stands under a key, if anything does."""
    return node.children.get(key) if node is not None and isinstance(node.children, dict) else None


def each(node: Node | None) -> list[Node]:
    """The elements of a sequence."""
    return node.children if node is not None and isinstance(node.children, list) else []


def keyed(node: Node | None) -> dict[str, Node]:
    """The entries of a mapping."""
    return node.children if node is not None and isinstance(node.children, dict) else {}


class Rules:
    """The rules for one file."""

    def __init__(self, tree: Jenkinsfile) -> None:
        self.tree = tree
        self.calls = CallRules(tree)
        self.steps = StepRules(tree)

    def pipeline(self, node: Node) -> None:
        """The whole pipeline."""
        for section, remedy in (("agent", "agent any"), ("stages", "stages { stage('name') { ... } }")):
            if below(node, section) is None and not self._tried(node, section):
                node.problem(f"the pipeline has no {section!r}; write {remedy} in it")
        self._shared(node)
        self._section(node, "triggers", "trigger")
        self._section(node, "parameters", "parameter type")
        self._options(node, in_stage=False)
        self._stages(below(node, "stages"), inside=False)

    def _tried(self, node: Node, section: str) -> bool:
        """Whether a section stands there in a way that was refused already."""
        part = self.tree.syntax(node)
        block = part.block if isinstance(part, Call) else None
        return block is not None and any(getattr(one, "name", "") == section for one in block.statements)

    def _empty(self, node: Node) -> bool:
        part = self.tree.syntax(node)
        return isinstance(part, Call) and part.block is not None and not part.block.statements

    def _shared(self, node: Node) -> None:
        """The sections that pipelines, stages and matrices share."""
        for name, section in keyed(node).items():
            if name in grammar()["may_not_be_empty"] and self._empty(section):
                remedy = grammar()["fillings"].get(name) or "something in it, or remove it"
                section.problem(f"{name!r} is empty; write {remedy}")
        for check_one in (self._agent, self._environment, self._tools, self._post):
            check_one(node)

    # Stages --------------------------------------------------------------------------------------------

    def _stages(self, node: Node | None, *, inside: bool) -> None:
        """Stages, with `inside` those that are in a `parallel` or `matrix` already."""
        stages = each(node)
        for stage in self._repeated(stages, lambda one: below(one, "name")):
            name = below(stage, "name")
            told = name.value if name else ""
            stage.problem(f"the stage {told!r} stands here twice; give each stage here its own name")
        for stage in stages:
            self._stage(stage, inside=inside)

    def _repeated(self, nodes: list[Node], key: Callable[[Node], Node | None]) -> Iterator[Node]:
        """The second and further ones of the same name."""
        seen: set[tuple[type, object]] = set()
        for node in nodes:
            name = key(node)
            if name is None:
                continue
            if (type(name.value), name.value) in seen:
                yield node
            seen.add((type(name.value), name.value))

    def _stage(self, stage: Node, *, inside: bool) -> None:
        name = below(stage, "name")
        told = f"the stage {name.value!r}" if name else "the stage"
        work = [one for one in WORK if below(stage, one) is not None]
        if len(work) > 1:
            both = " and ".join(work)
            stage.problem(f"{told} has {both}; keep one of them, and move the other to a stage of its own")
        if not work and name and not any(self._tried(stage, one) for one in WORK):
            stage.problem(f"{told} does nothing; write 'steps', 'stages', 'parallel' or 'matrix' in it")
        self._nesting(stage, told, work, inside=inside)
        self._inside(stage)
        self._flag(below(stage, "failFast"), "failFast")
        self.steps.section(below(stage, "steps"), inside=inside)
        self._stages(below(stage, "stages"), inside=inside)
        self._stages(below(stage, "parallel"), inside=True)
        matrix = below(stage, "matrix")
        if matrix is not None:
            self._matrix(matrix)

    def _nesting(self, stage: Node, told: str, work: list[str], *, inside: bool) -> None:
        for one in (one for one in work if one in ("parallel", "matrix")):
            if inside:
                stage.problem(
                    f"{told} has {one!r} within a 'parallel' or 'matrix', which can't be nested; "
                    "use 'stages' or 'steps' there"
                )
            for section in ("agent", "tools"):
                if found := below(stage, section):
                    found.problem(
                        f"{told} has {section!r} beside {one!r}; move it into the stages of {one!r}"
                    )

    def _inside(self, node: Node) -> None:
        """What stages and matrices share."""
        self._shared(node)
        self._options(node, in_stage=True)
        self._when(node)
        self._input(node)

    def _matrix(self, node: Node) -> None:
        for section in ("axes", "stages"):
            if below(node, section) is None and not self._tried(node, section):
                node.problem(f"the matrix has no {section!r}; write {section} {{ ... }} in it")
        self._inside(node)
        self._axes(each(below(node, "axes")), excluding=False)
        for exclude in each(below(node, "excludes")):
            if not each(exclude):
                exclude.problem("'exclude' names no axis; write axis { ... } in it, or remove it")
            self._axes(each(exclude), excluding=True)
        self._stages(below(node, "stages"), inside=True)

    def _axes(self, axes: list[Node], *, excluding: bool) -> None:
        for axis in self._repeated(axes, lambda one: below(one, "name")):
            axis.problem("the axis stands here twice; join the values in one of them")
        for axis in axes:
            self._axis(axis, excluding=excluding)

    def _axis(self, axis: Node, *, excluding: bool) -> None:
        name = below(axis, "name")
        if name is None:
            axis.problem("the axis has no name; write name 'NAME' in it")
        elif not isinstance(self.tree.syntax(name), Constant):
            name.problem("the name of an axis is a text in plain quotes; write it so")
        else:
            check_name(name, str(name.value))
        values, others = below(axis, "values"), below(axis, "notValues")
        if others is not None and not excluding:
            others.problem("'notValues' can only exclude; write 'values'")
        elif others is not None and values is not None:
            others.problem("an axis is excluded by 'values' or 'notValues'; remove one of them")
        if not each(values) and not each(others):
            axis.problem("the axis has no values; write values 'a', 'b' in it")
        for one in (*each(values), *each(others)):
            if not isinstance(self.tree.syntax(one), Constant):
                one.problem(f"{self.tree.text(one)} is computed; values of an axis are texts in plain quotes")
        for one in self._repeated(each(values), lambda one: one):
            one.problem(f"the value {one.value!r} stands here twice; remove one of the two")

    # Sections ------------------------------------------------------------------------------------------

    def _agent(self, node: Node) -> None:
        agent = below(node, "agent")
        kind = below(agent, "kind")
        if agent is None or kind is None or kind.value in ("any", "none"):
            return
        shapes, name = grammar()["agents"], str(kind.value)
        if name not in shapes:
            if name not in grammar()["open_agents"]:
                self.calls.told(agent, f"agent type {name!r}", [*shapes, *grammar()["open_agents"]])
            return
        shape = shapes[name]
        options = {key: one for key, one in keyed(agent).items() if key not in ("kind", "value")}
        lacking = [one for one in required(shape) if one not in options]
        if below(agent, "value") is None and lacking and not self._problems_in(agent):
            agent.problem(f"the agent {name!r} has no {lacking[0]!r}; write {lacking[0]} '...' in its block")
        for key, one in options.items():
            if key in types(shape):
                continue
            if name in ("label", "node"):
                one.problem(f"the agent {name!r} has no {key!r}; it has {', '.join(types(shape))}")
            else:
                self.calls.told(one, f"{key!r} of the agent {name!r}", list(types(shape)))
        check_values(self.tree, agent)

    def _problems_in(self, node: Node) -> bool:
        return any(where == node.where for where, _ in node.origin.problems)

    def _environment(self, node: Node) -> None:
        environment = below(node, "environment")
        if environment is not None:
            check_environment(self.tree, environment)
            check_values(self.tree, environment)

    def _tools(self, node: Node) -> None:
        for name, tool in keyed(below(node, "tools")).items():
            if name not in grammar()["tools"] and "." not in name:  # a class tells its plugin itself
                self.calls.told(tool, f"tool {name!r}", grammar()["tools"])

    def _post(self, node: Node) -> None:
        known = grammar()["post"]
        for name, condition in keyed(below(node, "post")).items():
            if name not in known:
                near = nearest(name, known)
                condition.problem(f"'post' has no condition {name!r}{near}; it has {', '.join(known)}")
            self.steps.section(condition, inside=True)

    def _section(self, node: Node | None, section: str, word: str) -> None:
        calls = each(below(node, section))
        if section == "triggers":
            self._once(calls, section)
        for call in calls:
            self.calls.known(call, section, word)
            check_values(self.tree, call)

    def _once(self, calls: list[Node], section: str) -> None:
        for call in self._repeated(calls, lambda one: below(one, "name")):
            call.problem(f"{named(call)!r} stands twice in {section!r}; keep one of them")

    def _options(self, node: Node, *, in_stage: bool) -> None:
        calls = each(below(node, "options"))
        self._once(calls, "options")
        for call in calls:
            name = named(call)
            if name in ("parameters", "triggers", "pipelineTriggers"):
                now = "parameters" if name == "parameters" else "triggers"
                call.problem(f"{name!r} can't stand in 'options'; write {now} {{ ... }} in the pipeline")
            elif name in grammar()["no_options"] or name in grammar()["blocked_arguments"]:
                call.problem(f"{name!r} is a step, not an option; move it into 'steps'")
            elif in_stage and name in grammar()["pipeline_options"]:
                call.problem(f"{name!r} is no option of a stage; move it to the options of the pipeline")
            else:
                self.calls.known(call, "options", "option")
            check_values(self.tree, call)

    def _input(self, node: Node) -> None:
        given = below(node, "input")
        if given is None:
            return
        fields = grammar()["input"]
        for key, field in keyed(given).items():
            if key not in fields:
                near = nearest(key, fields)
                field.problem(f"'input' has no {key!r}{near}; it has {', '.join(fields)}")
        if below(given, "message") is None:
            given.problem("'input' has no message; write message '...' in it")
        self._section(given, "parameters", "parameter type")

    # Conditions ----------------------------------------------------------------------------------------

    def _when(self, node: Node) -> None:
        when = below(node, "when")
        if when is None:
            return
        for word in ("beforeAgent", "beforeInput", "beforeOptions"):
            self._flag(below(when, word), word)
        conditions = below(when, "conditions")
        if conditions is not None and not each(conditions) and not self._problem_within(when):
            when.problem("'when' has no condition; write one in it, or remove it")
        for condition in each(conditions):
            self._condition(condition)

    def _problem_within(self, node: Node) -> bool:
        """Whether something in a section was refused already, so that it is not just empty."""
        part = self.tree.syntax(node)
        block = part.block if isinstance(part, Call) else None
        return block is not None and any(not isinstance(one, Call) for one in block.statements)

    def _condition(self, condition: Node) -> None:
        name, groups = named(condition), grammar()["groups"]
        children = below(condition, "conditions")
        if name == "expression":
            return
        if name in groups:
            self._group(condition, name, groups[name])
        elif name not in grammar()["conditions"]:
            known = [*grammar()["conditions"], *groups, "expression"]
            self.calls.told(condition, f"condition {name!r}", known)
        elif children is not None:
            condition.problem(f"{name!r} takes no block; write its arguments behind it")
        else:
            self.calls.arguments(condition, grammar()["conditions"][name])
        check_values(self.tree, condition)

    def _group(self, condition: Node, name: str, count: int) -> None:
        children = each(below(condition, "conditions"))
        if below(condition, "arguments") is not None:
            condition.problem(f"{name!r} takes conditions in a block, and no arguments; remove those")
        elif not children:
            condition.problem(f"{name!r} has no condition; write one in its block, or remove it")
        elif count and len(children) != count:
            condition.problem(f"{name!r} takes {count} condition; put several in allOf {{ }} or anyOf {{ }}")
        for child in children:
            self._condition(child)

    def _flag(self, node: Node | None, word: str) -> None:
        part = self.tree.syntax(node) if node is not None else None
        if node is not None and not (isinstance(part, Constant) and isinstance(part.value, bool)):
            told = self.tree.text(node) if isinstance(part, Text | Constant) else "what is computed"
            node.problem(f"{word!r} takes true or false, not {told}")
