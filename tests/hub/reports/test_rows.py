"""A row of one meter is looked up, a row of several added up: of one they must come out the same."""

import numpy as np

from hub.reports.figures import Figures, figures, rounded
from hub.reports.measured import Measured
from hub.reports.meters import IMPORT, Part


def test_a_row_of_one_meter_is_the_same_looked_up_and_added_up() -> None:
    value = np.array([[1.00000049999, np.nan, 0.0, 2.5e-7, 123456.7890125]])
    plain = np.nan_to_num(value)
    low, high = plain - [[0.0, 0.0, 0.0, 1e-7, 0.5]], plain - [[0.0, -np.inf, -0.25, -1e-7, -np.inf]]
    share = np.array([[1.0, 0.0, 0.3333333333, 0.0000005, 1.0]])
    measured = Measured(value, low, high, share, share[:, ::-1])
    part = Part("m", "m", IMPORT, (0,))
    rows = [Figures(measured).row(part, number) for number in range(5)]
    assert rows == [figures(part, measured, number) for number in range(5)]
    assert rows[1] == {"value": None, "low": 0.0, "high": None, "completeness": 0.0, "estimated": 0.0}
    assert rows[2] == {"value": 0.0, "low": 0.0, "high": 0.25, "completeness": 0.333333, "estimated": 0.333333}


def test_many_numbers_are_rounded_as_one_is() -> None:
    random = np.random.default_rng(1)
    halves = (random.integers(-(10**9), 10**9, (40, 50)) + 0.5) / 1e6
    large = random.uniform(-1e9, 1e9, (10, 50))
    values = np.concatenate([halves, np.nextafter(halves, 1e9), large, random.uniform(0, 1, (10, 50)), np.full((1, 50), np.inf)])
    assert rounded(values) == [[round(value, 6) for value in row] for row in values.tolist()]
