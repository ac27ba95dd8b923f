"""Options that containers of some images need at one vendor, and not at another."""

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.translate.convert import convert
from pipemgr.translate.document import single

CONFIG = """\
version: 2.1
jobs:
  build:
    docker: [{{image: {image}{more}}}]
    steps: [checkout]
workflows: {{main: {{jobs: [build]}}}}
"""
CIRCLECI, GITHUB = map(Registry().dialect, ("circleci", "github-actions"))


def _there_and_back(image: str, more: str = "") -> tuple[str, str, list[str]]:
    path = ".circleci/config.yml"
    there = convert(single(path, CONFIG.format(image=image, more=more)), CIRCLECI, GITHUB)
    back = convert(there.documents, GITHUB, CIRCLECI)
    texts = [document.text for one in (there, back) for document in one.documents]
    return texts[0], texts[1], [finding.what for finding in there.report.findings]


@pytest.mark.parametrize("image", ["cimg/go:1.22", "circleci/node:10"])
def test_an_image_with_a_user_of_its_own_works_as_root_there_and_as_itself_here(image: str) -> None:
    there, back, told = _there_and_back(image)
    assert "options: --user root" in there
    assert "user" not in back
    assert told == [f"options --user root of {image}"]


@pytest.mark.parametrize(("image", "more"), [("golang:1.22", ""), ("cimg/go:1.22", ", user: somebody")])
def test_other_images_and_users_that_are_named_stay_as_they_are(image: str, more: str) -> None:
    there, _, told = _there_and_back(image, more)
    assert "root" not in there
    assert told == []
