"""What is read from a plain form, and what is said of it beside its fields."""

from starlette.datastructures import FormData

from idp.administration.problems import Problem

WHOLE_FORM = ""
"""The field of a problem that belongs to none."""

_LARGEST = 100_000


def text(form: FormData, name: str) -> str:
    """Return what was typed into a field, without spaces around it."""
    return str(form.get(name, "")).strip()


def lines(typed: str) -> tuple[str, ...]:
    """Return what was typed, one value a line."""
    return tuple(line.strip() for line in typed.splitlines() if line.strip())


def number_of(asked: str | None) -> int:
    """Return the number of a page, from 1."""
    is_number = asked is not None and asked.isascii() and asked.isdigit()
    return max(1, min(int(asked[:9]), _LARGEST)) if asked and is_number else 1


def problems_of(problem: Problem) -> dict[str, str]:
    """Return what is wrong by field, as the API names it; or of the form as a whole."""
    named = (problem.data or {}).get("problems")
    if not isinstance(named, dict) or not named:
        return {WHOLE_FORM: problem.message}
    return {field: _sentence(what) for field, what in named.items()}


def sentence_of(problem: Problem) -> str:
    """Return the first thing that is wrong, for a form with one field."""
    return next(iter(problems_of(problem).values()))


def _sentence(problem: str) -> str:
    return problem if problem.endswith(".") else f"It {problem}."
