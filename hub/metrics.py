"""What /metrics says: Prometheus text format 0.0.4. Every queue with its depth, everything dropped with its counter."""

from collections.abc import Iterable, Mapping

Labels = Mapping[str, str]
Sample = tuple[Labels, float]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class Exposition:
    """Gathers families; ``text()`` is what is served."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, name: str, kind: str, text: str, samples: Iterable[Sample] | float) -> None:
        """``kind``: counter or gauge. ``samples``: one value, or (labels, value) pairs."""
        self._lines += [f"# HELP gengfu_{name} {text}", f"# TYPE gengfu_{name} {kind}"]
        pairs: Iterable[Sample] = [({}, samples)] if isinstance(samples, int | float) else samples
        for labels, value in pairs:
            inner = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
            self._lines.append(f"gengfu_{name}{{{inner}}} {value:.12g}" if inner else f"gengfu_{name} {value:.12g}")

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"
