"""Scripts: the variables that come from outside, as a shell would look for them."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipemgr.translate.scripts import handed_on, taken


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ('echo $A ${B} ${C:-$D} ${#E} "$F ${G%x}"', "A B C D E F G"),
        ("echo '$A' \\$B \"\\$C\" # $D\necho a#$E", "E"),
        ("A=1 B=$B; echo $A $B $C", "B C"),
        ("TOKEN=${TOKEN:-none}\necho $TOKEN", "TOKEN"),
        ("export A=1\nexport B\necho $A $B", "B"),
        ("for f in $LIST; do echo $f; done", "LIST"),
        ("while read -r a b; do echo $a $b $C; done < file", "C"),
        ('echo "$(echo \'$A\' "$B" $C)" $D', "B C D"),
        ("cat <<EOF\n$A \\$B\nEOF\necho $C", "A C"),
        ("cat <<'EOF' > x\n$A\nEOF\necho $C", "C"),
        ('cat <<-"EOF"\n\t$A\n\tEOF\necho $C', "C"),
        ("cat <<< $A; echo $((1 << $B))", "A B"),
        ("echo ${{ secrets.X }} $A ${{ env.B }}", "A"),
        ("echo $'a\\'$B' $C", "C"),
        ("docker build --build-arg T=$T .; echo $T", "T"),
        ("local x; declare -A y; echo $x $y", ""),
        ('if [ -n "$A" ]; then (cd $B && echo ${C[0]}); fi', "A B C"),
        ("awk '{print $1}' $F; echo $1 $@ $? $$", "F"),
        ("echo `echo $A`", "A"),
        ("python -c 'import os; os.environ[\"A\"]; os.getenv(\"B\")'; node -e 'process.env.C'", "A B C"),
        ("echo $", ""),
        ("echo '", ""),
    ],
)
def test_what_a_shell_script_takes_from_outside(script: str, names: str) -> None:
    assert set(taken(script)) == set(names.split())


@pytest.mark.parametrize(
    ("script", "shell", "names"),
    [
        ("Write-Host $env:A $Env:B ${env:C}\n$env:D = 1\n$env:D $x", "pwsh", "A B C"),
        ("echo %A% %1\nset B=1\necho %B%", "cmd", "A"),
        ("import os\nos.environ.get('A'); x = '$B'", "python", "A"),
        ("echo $A", "/bin/bash -eo pipefail", "A"),
        ("echo $A", "perl {0}", ""),
    ],
)
def test_what_other_languages_take_from_outside(script: str, shell: str, names: str) -> None:
    assert set(taken(script, shell)) == set(names.split())


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("echo 'export A=1' >> $FILE\necho B=$(date) >> x", "A B"),
        ("cat >> $FILE <<EOF\nexport A=1\nEOF", "A"),
        ("A=1", ""),
    ],
)
def test_what_a_script_hands_on(script: str, names: str) -> None:
    assert handed_on(script) == set(names.split())


pieces = st.sampled_from(
    ["$A", "${A}", "'$A'", '"$A"', "\\$A", "# $A", "A=1", "echo", ";", "\n", "$(echo $A)", "'", '"', " ", "x"]
)


@settings(max_examples=200)
@given(st.lists(pieces, max_size=10).map(" ".join))
def test_no_script_is_too_broken_to_look_at(script: str) -> None:
    assert set(taken(script)) <= {"A"}


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    "script",
    [
        'echo "$A"',
        "echo '$A'",
        "A=1; echo $A",
        "echo \\$A",
        "cat <<'X'\n$A\nX",
        "cat <<X\n$A\nX",
        "echo $(echo $A)",
    ],
)
def test_bash_misses_what_is_said_to_be_taken(script: str) -> None:
    done = subprocess.run(
        ["bash", "-uc", script], capture_output=True, env={"PATH": "/usr/bin:/bin"}, check=False
    )
    assert (b"unbound variable" in done.stderr) == bool(taken(script))
