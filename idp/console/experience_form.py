"""The sign-in experience as it stands in a form, and what was typed into it as a change."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from idp.accounts.sign_in_experience import SignInExperience
from idp.console.experience_controls import Control, Group


@dataclass
class Draft:
    """What stands in the controls, and what is wrong with it."""

    values: dict[str, Any]
    """The whole experience, by the names of the wire."""
    version: int
    problems: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, experience: SignInExperience) -> "Draft":
        return cls(experience.model_dump(mode="json", by_alias=True), experience.version)

    def value(self, control: Control) -> Any:
        found: Any = self.values
        for key in control.path:
            found = found[int(key) if isinstance(found, list) else key]
        return found

    def shown(self, control: Control) -> str:
        """Return what stands in a control for text."""
        value = self.value(control)
        if isinstance(value, list):
            return "\n".join(value)
        return "" if value is None else str(value)

    def problem(self, control: Control) -> str | None:
        """Return what is wrong with a value, or with one in a list."""
        found = self.problems.items()
        return next((text for name, text in found if is_about(name, control)), None)

    def options(self, control: Control) -> Iterable[tuple[str, str]]:
        """Return what can be chosen; a value set elsewhere that is none of it can stay."""
        known = [(sent, label) for sent, label, _ in control.options]
        if any(value == self.value(control) for *_, value in control.options):
            return known
        return [*known, (str(self.value(control)), str(self.value(control)))]

    def chosen(self, control: Control) -> str:
        value = self.value(control)
        return next((sent for sent, _, each in control.options if each == value), str(value))

    def typed(self, groups: Iterable[Group], form: Mapping[str, str]) -> "Draft":
        """Return what it becomes by a form; what the form does not show stays."""
        draft = Draft(deepcopy(self.values), self.version)
        for control in (each for group in groups for each in group.controls):
            draft._put(control, _read(control, form, self.value(control)))
        return draft

    def _put(self, control: Control, value: Any) -> None:
        *path, last = control.path
        parent = self.value(Control(".".join(path), "")) if path else self.values
        parent[last] = value


def is_about(problem: str, control: Control) -> bool:
    """Tell whether a problem, by the path of what is wrong, belongs to a control."""
    return f"{problem}.".startswith(f"{control.name}.")


def change_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs, so that all else goes on following the settings."""
    change = {}
    for name, value in after.items():
        known = before[name]
        if value != known:
            both = isinstance(value, Mapping) and isinstance(known, Mapping)
            change[name] = change_between(known, value) if both else value
    return change


def _read(control: Control, form: Mapping[str, str], before: Any) -> Any:
    if control.kind == "switch":
        return control.name in form
    sent = form.get(control.name, "")
    if control.kind == "choice":
        return next((value for known, _, value in control.options if known == sent), before)
    text = sent.replace("\r\n", "\n")
    if control.kind == "list":
        return [line.strip() for line in text.split("\n") if line.strip()]
    if control.kind == "number" and text.isascii() and text.isdigit():
        return int(text)
    return text if text.strip() else None
