"""What a check found, as a page to read and as plain values to store."""

import textwrap
from dataclasses import asdict
from dataclasses import dataclass
from typing import Any

from posec3d.annotations.problems import KINDS
from posec3d.annotations.problems import Finding
from posec3d.annotations.problems import Severity
from posec3d.annotations.statistics import Statistics

_WIDTH = 100
_EXAMPLES = 3
_PLURALS = {"video": "videos", "split": "splits", "class": "classes", "file": "files"}


@dataclass(frozen=True)
class CheckReport:
    """All findings in one file, the gravest kinds first, and the numbers of the file."""

    source: str
    statistics: Statistics
    findings: tuple[Finding, ...]

    @property
    def has_errors(self) -> bool:
        """Whether training on the file would fail or give a wrong result."""
        return bool(self._kinds("error"))

    def text(self) -> str:
        """Return the report as a page: the numbers, each kind of problem with a few examples, and the conclusion."""
        rows = self.statistics.rows()
        indent = max(len(name) for name, _ in rows) + 4
        table = [
            textwrap.fill(value, _WIDTH, initial_indent=f"  {name}".ljust(indent), subsequent_indent=" " * indent)
            for name, value in rows
        ]
        problems = [self._problem_text(kind) for kind in (*self._kinds("error"), *self._kinds("warning"))]
        return "\n\n".join([self.source, "\n".join(table), *problems, self._conclusion()])

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, each problem with all its videos: what `--json` writes."""
        return {
            "source": self.source,
            "has_errors": self.has_errors,
            "statistics": asdict(self.statistics),
            "problems": [
                {
                    "kind": kind,
                    "severity": KINDS[kind].severity,
                    "title": KINDS[kind].title,
                    "mend": KINDS[kind].mend,
                    "count": len(self.of_kind(kind)),
                    "findings": [{KINDS[kind].subjects: f.subject, "found": f.found} for f in self.of_kind(kind)],
                }
                for kind in (*self._kinds("error"), *self._kinds("warning"))
            ],
        }

    def errors_in_short(self) -> list[str]:
        """Return a line for each kind of error, with the first that has it."""
        lines = []
        for kind in self._kinds("error"):
            row, (first, *others) = KINDS[kind], self.of_kind(kind)
            more = f" and {len(others):,} more" if others else ""
            lines.append(f"{row.title}: {first.subject}{more} ({first.found})")
        return lines

    def of_kind(self, kind: str) -> tuple[Finding, ...]:
        """Return the findings of one kind (a key of `KINDS`), in file order."""
        return tuple(finding for finding in self.findings if finding.kind == kind)

    def _kinds(self, severity: Severity) -> list[str]:
        found = {finding.kind for finding in self.findings}
        return [kind for kind, row in KINDS.items() if row.severity == severity and kind in found]

    def _problem_text(self, kind: str) -> str:
        row, findings = KINDS[kind], self.of_kind(kind)
        subjects = row.subjects if len(findings) == 1 else _PLURALS[row.subjects]
        lines = [f"{row.severity + ':':9}{row.title} ({len(findings):,} {subjects})"]
        more = f"and {len(findings) - _EXAMPLES:,} more" if len(findings) > _EXAMPLES else ""
        if len({finding.found for finding in findings}) == 1 < len(findings):
            examples = ", ".join(finding.subject for finding in findings[:_EXAMPLES])
            lines.append(f"    {examples} {more}".rstrip() + f": {findings[0].found}")
        else:
            lines += [f"    {finding.subject}: {finding.found}" for finding in findings[:_EXAMPLES]]
            lines += [f"    {more}"] if more else []
        lines.append(textwrap.fill(row.mend, _WIDTH, initial_indent="  > ", subsequent_indent="    "))
        return "\n".join(lines)

    def _conclusion(self) -> str:
        numbers = {"error": len(self._kinds("error")), "warning": len(self._kinds("warning"))}
        told = [f"{number} kind{'s' * (number != 1)} of {severity}" for severity, number in numbers.items() if number]
        return f"{'Not ready' if numbers['error'] else 'Ready'} for training: {', '.join(told) or 'no problems'}."
