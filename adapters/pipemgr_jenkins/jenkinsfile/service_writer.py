"""Services out: containers that live as long as the steps beside them, started by a script.

Source: https://www.jenkins.io/doc/book/pipeline/docker/#running-sidecar-containers
"""

from __future__ import annotations

from pipemgr.adapter import Fidelity
from pipemgr.model.definitions import Container, Stage
from pipemgr_jenkins.groovy.quoting import Expression, interpolated

from .agent_writer import arguments
from .binding_writer import bindings
from .layout import Block, Item
from .text_writer import Texts, secrets_in


def beside(stage: Stage, items: tuple[Item, ...], texts: Texts) -> tuple[Item, ...]:
    """The steps of a stage within the life of the containers beside them."""
    path = f"stages.{stage.id}"
    names = {name: _word(name) for name in stage.services}
    if stage.container is not None:
        items = (_inside(stage.container, names, items, texts, path),)
    secrets: list[str] = []
    for name, service in reversed(stage.services.items()):
        at = f"{path}.services.{name}"
        block, more = _running(service, items, texts, at)
        items = (Block(block.head, block.body, None, f"{names[name]} ->" if stage.container else ""),)
        secrets += more
        why = "Jenkins starts it by a step in a script, and does not wait until it is healthy"
        remedy = "wait for it in a script if the steps begin too early"
        texts.losses.add(Fidelity.EQUIVALENT, at, f"service {name}", why, remedy)
    for head in reversed(bindings({}, texts, path, secrets)):
        items = (Block(head, items),)
    return (Block("script", items),)


def _inside(
    container: Container, names: dict[str, str], items: tuple[Item, ...], texts: Texts, path: str
) -> Block:
    """Steps in the container of a stage, which finds the others by their names."""
    given: list[str] = []
    for name, word in names.items():
        given += [" --link " if given else "--link ", Expression(f"{word}.id"), f":{name}"]
    if more := arguments(container, texts.losses, f"{path}.container"):
        given += [" ", *texts.pieces(more, f"{path}.container.options")]
    image = texts.text(container.image, f"{path}.container.image")
    return Block(f"docker.image({image}).inside({interpolated(given)})", items)


def _running(service: Container, items: tuple[Item, ...], texts: Texts, path: str) -> tuple[Block, list[str]]:
    """Steps while a container runs, and the secrets that it is given."""
    text = arguments(service, texts.losses, path)
    given = [texts.text(text, path)] if text or service.command else []
    given += [texts.text(service.command, f"{path}.command")] if service.command else []
    image = texts.text(service.image, f"{path}.image")
    return Block(f"docker.image({image}).withRun({', '.join(given)})", items), list(secrets_in(text))


def _word(name: str) -> str:
    """A variable of Groovy for a service."""
    word = "".join(one if one.isalnum() and one.isascii() else "_" for one in name)
    return word if word[:1].isalpha() else f"service_{word}"
