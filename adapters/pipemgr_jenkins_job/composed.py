"""Composed elements: those that hold builders, mails or keys, said in neutral steps for all other vendors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from pydantic import JsonValue

from pipemgr.model.definitions import Data, Step
from pipemgr.model.expressions import Binary, Expression, Literal

from .conditions import STATUS, Conditions, of_results
from .elements import Element, copied
from .words import secret

Inner = Callable[[Element, str], Step]
"""Reads an element that stands in another one, at a place."""
_SINGLE: Final = "org.jenkinsci.plugins.conditionalbuildstep.singlestep.SingleConditionalBuilder"
_SEVERAL: Final = "org.jenkinsci.plugins.conditionalbuildstep.ConditionalBuilder"
_AFTER: Final = "org.jenkinsci.plugins.postbuildscript.PostBuildScript"
_MAIL: Final = "hudson.plugins.emailext.ExtendedEmailPublisher"
_AGENT: Final = "com.cloudbees.jenkins.plugins.sshagent.SSHAgentBuildWrapper"
_MAIL_TRIGGERS: Final = {
    "AlwaysTrigger": tuple(STATUS),
    "SuccessTrigger": ("SUCCESS",),
    "FailureTrigger": ("FAILURE",),
    "AbortedTrigger": ("ABORTED",),
}
"""Triggers of the plugin Extended E-mail, by the results that they mail for; the others compare with former builds."""
_SUBJECT: Final = "${{ pipeline.name }} #${{ build.number }}: ${{ stage.status }}"
_BODY: Final = "${{ build.url }}"
_DEFAULTS: Final = (
    "$DEFAULT_SUBJECT",
    "$DEFAULT_CONTENT",
    "$PROJECT_DEFAULT_SUBJECT",
    "$PROJECT_DEFAULT_CONTENT",
)


class Composed:
    """Says composed elements of one job in neutral steps."""

    def __init__(self, conditions: Conditions, inner: Inner, value: Callable[[str], str | None]) -> None:
        self.conditions = conditions
        self.inner = inner
        self.value = value
        """A text with its variables as templates; None where it has others."""
        self._ways: Mapping[str, Callable[[Element], list[Step] | None]] = {
            _SINGLE: self._single,
            _SEVERAL: self._several,
            _AFTER: self._after,
            _MAIL: self._mails,
            _AGENT: self._keys,
        }

    def steps(self, element: Element) -> JsonValue:
        """The steps of an element as data; None for what is none of these, or says what ours can't."""
        way = self._ways.get(element.tag)
        found = way(element) if way is not None else None
        return [_data(one) for one in found] if found else None

    # Builders --------------------------------------------------------------------------------------------------

    def _single(self, element: Element) -> list[Step] | None:
        condition, builder = element.child("condition"), element.child("buildStep")
        if condition is None or builder is None:
            return None
        return self._conditional(condition, [_named(builder)], "builder")

    def _several(self, element: Element) -> list[Step] | None:
        condition, builders = element.child("runCondition"), element.child("conditionalbuilders")
        if condition is None or builders is None:
            return None
        return self._conditional(condition, builders.children, "builder")

    def _conditional(self, element: Element, builders: Iterable[Element], place: str) -> list[Step] | None:
        condition = self.conditions.read(element)
        return list(self._under(condition, builders, place)) if condition is not None else None

    def _under(self, condition: Expression, builders: Iterable[Element], place: str) -> Iterator[Step]:
        for one in builders:
            step = self.inner(one, place)
            yield (
                step
                if condition == Literal(True)
                else step.model_copy(update={"when": _both(condition, step)})
            )

    def _after(self, element: Element) -> list[Step] | None:
        """What follows the build, by its result (https://plugins.jenkins.io/postbuildscript/)."""
        config = element.child("config")
        items = config.child("buildSteps") if config is not None else None
        found: list[Step] = []
        for item in items.children if items is not None else ():
            results, builders = item.child("results"), item.child("buildSteps")
            names = tuple(one.text or "" for one in results.children) if results is not None else ()
            condition = of_results(names)
            if builders is not None and condition is not None:
                found += self._under(condition, builders.children, "builder")
        return found

    # Mails and keys --------------------------------------------------------------------------------------------

    def _mails(self, element: Element) -> list[Step] | None:
        """A mail for each result that somebody wants to hear of (https://plugins.jenkins.io/email-ext/)."""
        triggers = element.child("configuredTriggers")
        found: list[Step] = []
        for one in triggers.children if triggers is not None else ():
            condition = of_results(_MAIL_TRIGGERS.get(one.tag.rpartition(".")[2], ()))
            inputs = self._mail(element, one)
            if condition is not None and inputs is not None:
                found.append(Step(action="notify.email", inputs=inputs, when=condition))
        return found

    def _mail(self, around: Element, trigger: Element) -> Data | None:
        to = trigger.find("email/recipientList") or around.find("recipientList")
        addresses = self.value(to.strip())
        if not addresses:
            return None
        subject = self._text(trigger.find("email/subject"), around.find("defaultSubject"), _SUBJECT)
        body = self._text(trigger.find("email/body"), around.find("defaultContent"), _BODY)
        return {"to": addresses, "subject": subject, "body": body}

    def _text(self, *texts: str) -> str:
        """The first text that says anything and can be said; the last one is ours."""
        *theirs, usual = texts
        said = (self.value(one) for one in theirs if one.strip() and one.strip() not in _DEFAULTS)
        return next(filter(None, said), usual)

    def _keys(self, element: Element) -> list[Step] | None:
        """The keys of an agent for ssh (https://plugins.jenkins.io/ssh-agent/), for all steps."""
        around = element.child("credentialIds")
        ids = [one.text for one in around.children if one.text] if around is not None else []
        keys = "\n".join(secret(one) for one in ids)
        return [Step(action="ssh.keys", inputs={"keys": keys})] if ids else None


def _named(element: Element) -> Element:
    """An element that says its class by an attribute, as one that it names."""
    found = copied(element)
    found.tag = found.attributes.pop("class", found.tag)
    return found


def _both(condition: Expression, step: Step) -> Expression:
    return condition if step.when is None else Binary("&&", condition, step.when)


def _data(step: Step) -> Data:
    """A step as its fields say it in our own format."""
    found: Data = {"action": step.action, "inputs": {**step.inputs}}
    if step.when is not None:
        found["when"] = str(step.when)
    return found


__all__ = ["Composed", "Inner"]
