"""What is wrong with a configuration, told so that it can be put right."""

from msgspec import Struct


class Problem(Struct, frozen=True):
    """One mistake. ``line`` counts from 1; None where it is not in the text (a file that is missing). ``key`` is where in the
    file, as people say it: "site", "rule level-high"."""

    line: int | None
    key: str
    message: str
    file: str = "gengfu.toml"

    def __str__(self) -> str:
        place = f"{self.file} line {self.line}" if self.line else self.file
        return f"{place}, {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class ConfigErrors(Exception):
    """Everything that is wrong, at once, in the order of the file."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line or 0)
        super().__init__("\n".join(str(problem) for problem in self.problems))
