"""What Groovy expressions get from commands."""

import pytest

from pipemgr.adapter.registry import Registry


@pytest.mark.parametrize(
    ("groovy", "script"),
    [
        ("sh(returnStdout: true, script: 'git describe').trim()", "git describe"),
        ('sh(script: "echo ${params.WHO}", returnStdout: true).trim()', "echo ${{ parameters.WHO }}"),
        ("sh(script: 'date', label: 'When', returnStdout: true).trim()", "date"),
        ("sh(returnStdout: true, script: 'date')", None),
        ("sh(returnStatus: true, script: 'date')", None),
        ("sh('date').trim()", None),
        ("bat(returnStdout: true, script: 'date').trim()", None),
        ("date()", None),
        ("a; b", None),
        ("sh('", None),
        ("", None),
    ],
)
def test_the_script_whose_output_a_value_is(groovy: str, script: str | None) -> None:
    assert Registry().dialect("jenkins").reader.printed(groovy) == script
