"""The normal form: what Jenkins may change by itself is no difference, and everything else is."""

import pytest

from pipemgr.errors import ParseError
from pipemgr_jenkins_job import normalise

JOB = """<?xml version='1.1' encoding='UTF-8'?>
<project>
  <actions/>
  <description>Builds the shop</description>
  <keepDependencies>false</keepDependencies>
  <properties>
    <hudson.model.ParametersDefinitionProperty>
      <parameterDefinitions>
        <hudson.model.StringParameterDefinition>
          <name>GREETING</name>
          <defaultValue>it&apos;s</defaultValue>
          <trim>false</trim>
        </hudson.model.StringParameterDefinition>
      </parameterDefinitions>
    </hudson.model.ParametersDefinitionProperty>
    <com.coravy.hudson.plugins.github.GithubProjectProperty plugin="github@1.29.3">
      <projectUrl>https://example.org/shop/</projectUrl>
      <displayName></displayName>
    </com.coravy.hudson.plugins.github.GithubProjectProperty>
  </properties>
  <scm class="hudson.scm.NullSCM"/>
  <disabled>false</disabled>
  <triggers class="vector">
    <hudson.triggers.TimerTrigger>
      <spec>H 4 * * *</spec>
    </hudson.triggers.TimerTrigger>
  </triggers>
  <concurrentBuild>false</concurrentBuild>
  <builders>
    <hudson.tasks.Shell>
      <command>make test
make all</command>
    </hudson.tasks.Shell>
    <org.example.Unknown plugin="unknown@1.0">
      <second>2</second>
      <first>1</first>
      <names>
        <string>b</string>
        <string>a</string>
      </names>
    </org.example.Unknown>
  </builders>
  <publishers/>
</project>"""


def changed(before: str, after: str) -> str:
    assert before in JOB
    return JOB.replace(before, after)


SAME = {
    "prolog": ("<?xml version='1.1' encoding='UTF-8'?>\n", '<?xml version="1.0" encoding="utf-8"?>'),
    "no prolog": ("<?xml version='1.1' encoding='UTF-8'?>\n", ""),
    "plugin upgrade": ("github@1.29.3", "github@1.40.0"),
    "plugin named": ("<hudson.tasks.Shell>", '<hudson.tasks.Shell plugin="core">'),
    "escapes": ("it&apos;s", "it's"),
    "blanks between elements": ("  <publishers/>\n", "\n\n      <publishers/>\n\t"),
    "list over two lines": ("<publishers/>", "<publishers>\n  </publishers>"),
    "actions": ("  <actions/>\n", ""),
    "defaults added on save": ("  <publishers/>\n", "  <publishers/>\n  <canRoam>true</canRoam>\n"),
    "defaults of a builder": ("make all</command>", "make all</command>\n<configuredLocalRules/>"),
    "disabled": ("  <disabled>false</disabled>\n", ""),
    "no source": ('  <scm class="hudson.scm.NullSCM"/>\n', ""),
    "empty field": ("<displayName></displayName>", "<displayName/>"),
    "absent field": ("      <displayName></displayName>\n", ""),
    "absent list": ("  <publishers/>\n", ""),
    "kind of list": ('<triggers class="vector">', "<triggers>"),
    "property that a plugin adds": (
        "  <properties>\n",
        """  <properties>
    <com.sonyericsson.rebuild.RebuildSettings plugin="rebuild@1.28">
      <autoRebuild>false</autoRebuild>
      <rebuildDisabled>false</rebuildDisabled>
    </com.sonyericsson.rebuild.RebuildSettings>
""",
    ),
    "order of fields": (
        "      <second>2</second>\n      <first>1</first>\n",
        "      <first>1</first>\n      <second>2</second>\n",
    ),
    "comment": ("  <publishers/>\n", "  <publishers/><!-- by hand -->\n"),
    "word for false": ("<trim>false</trim>", "<trim>False</trim>"),
}
DIFFERENT = {
    "one blank more in a script": ("make test\n", "make  test\n"),
    "a blank at the end of a line": ("make test\n", "make test \n"),
    "a line end at the end": ("make all</command>", "make all\n</command>"),
    "description": ("Builds the shop", "Builds the Shop"),
    "disabled": ("<disabled>false", "<disabled>true"),
    "default of a parameter": ("it&apos;s", "its"),
    "schedule": ("H 4 * * *", "H 5 * * *"),
    "order of a list": (
        "<string>b</string>\n        <string>a</string>",
        "<string>a</string>\n        <string>b</string>",
    ),
    "property that says something": (
        "  <properties>\n",
        """  <properties>
    <com.sonyericsson.rebuild.RebuildSettings>
      <autoRebuild>true</autoRebuild>
    </com.sonyericsson.rebuild.RebuildSettings>
""",
    ),
    "an empty entry of a list": ("<string>b</string>", "<string>b</string><string></string>"),
    "an extension without options": (
        "<names>",
        "<extensions><org.example.Clean/></extensions><names>",
    ),
    "class": ('<scm class="hudson.scm.NullSCM"/>', '<scm class="org.example.OtherSCM"/>'),
}


@pytest.mark.parametrize("name", SAME)
def test_what_jenkins_changes_by_itself_is_no_difference(name: str) -> None:
    assert normalise(changed(*SAME[name])) == normalise(JOB)


@pytest.mark.parametrize("name", DIFFERENT)
def test_everything_else_is_a_difference(name: str) -> None:
    assert normalise(changed(*DIFFERENT[name])) != normalise(JOB)


def test_order_of_builders_is_a_difference_and_that_of_properties_is_none() -> None:
    builders = "<builders><a.B/><a.C/></builders>"
    assert normalise(f"<project>{builders}</project>") != normalise(
        "<project><builders><a.C/><a.B/></builders></project>"
    )
    assert normalise("<project><properties><a.C/><a.B/></properties></project>") == normalise(
        "<project><properties><a.B/><a.C/></properties></project>"
    )


def test_secrets_are_not_compared_for_they_are_encrypted_anew_at_every_save() -> None:
    job = "<project><builders><a.B><password>{}</password></a.B></builders></project>"
    one, other = (job.format(f"{{AQAAABAAAAAQ{'ab' * 12}{end}=}}") for end in "XY")
    assert normalise(one) == normalise(other)
    assert "AQAAA" not in normalise(one)


def test_a_normal_form_is_its_own_normal_form() -> None:
    assert normalise(normalise(JOB)) == normalise(JOB)


def test_a_reference_is_what_it_leads_to() -> None:
    whole = "<project><builders><a.B><s><t>1</t></s></a.B><a.B><s><t>1</t></s></a.B></builders></project>"
    short = '<project><builders><a.B><s><t>1</t></s></a.B><a.B><s reference="../../a.B/s"/></a.B></builders></project>'
    assert normalise(short) == normalise(whole)


def test_what_is_no_xml_has_no_normal_form() -> None:
    with pytest.raises(ParseError, match=r"not XML"):
        normalise("<project>")
