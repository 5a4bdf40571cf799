"""What the configuration says of energy: wrong tariffs, factors, duties and mails are told with their line."""

from decimal import Decimal
from pathlib import Path

import pytest

from hub.config import ConfigErrors, load
from hub.reports.setup import Duty

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
TARIFF = '[[tariff]]\nid = "t"\nprice = 0.5\n'


def test_the_annotated_files() -> None:
    energy = load(DEPLOY / "gengfu.toml").energy
    [duty] = energy.duties.values()
    assert (duty.role, len(duty.register.installed), duty.register.limits.max_rate) == ("sub", 2, 13.8)
    assert [tariff.id for tariff in energy.tariffs] == ["water"]
    assert energy.mails[0].to == ("li",)


def test_the_tariffs_of_zhejiang(tmp_path: Path) -> None:
    path = tmp_path / "gengfu.toml"
    path.write_text(f'[energy]\nfiles = ["{DEPLOY}/tariffs/zhejiang.toml"]\n')
    energy = load(path).energy
    home = energy.tariffs[0]
    # 一户一表: 谷 0.288, 峰 0.568; the second tier 0.338 and 0.618, the third 0.588 and 0.868
    assert [home.price + tier.add for tier in home.tiers] == [Decimal("0.288"), Decimal("0.338"), Decimal("0.588")]
    assert [home.periods[0].price + tier.add for tier in home.tiers] == [Decimal("0.568"), Decimal("0.618"), Decimal("0.868")]
    assert all(tariff.example and tariff.source for tariff in energy.tariffs)


def test_a_main_meter(tmp_path: Path) -> None:
    path = tmp_path / "gengfu.toml"
    device = '[[device]]\nid = "a:1"\nspace = "3"\nrole = "main"\nmeasures = "3"\nparty = "owner-3"\n'
    path.write_text('[[space]]\nid = "3"\nname = "x"\n' + device + '[[device]]\nid = "a:2"\ntags = ["main"]\n')
    found = load(path)
    assert found.energy.duties == {"a:1": Duty("main", "3", "owner-3"), "a:2": Duty("main")}
    assert [device.tags for device in found.devices] == [("main",), ("main",)]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[[tariff]]\nid = "t"\n', 1, '"price" is missing'),
        (TARIFF + "prise = 1\n", 4, 'did you mean "price"?'),
        (TARIFF + 'quantity = "power.active"\n', 4, "not counted by any register"),
        (TARIFF + 'quantity = "energy.active.import"\n', 4, 'did you mean "energy.active.import.total"?'),
        (TARIFF + 'currency = "yuan"\n', 4, "ISO 4217"),
        (TARIFF + 'periods = [{ name = "x", price = 1, hours = ["8-22"] }]\n', 4, '"08:00-22:00"'),
        (TARIFF + 'periods = [{ name = "x", price = 1, days = ["workdays"] }]\n', 4, 'did you mean "workday"?'),
        (TARIFF + "tiers = [{ up_to = 5, add = 1 }]\n", 4, "the last tier has an end"),
        (TARIFF + "valid_to = 1970-01-01\n", 4, "ends before it begins"),
        (TARIFF + TARIFF, 5, 'two versions of "t" hold on 1970-01-01'),
        (TARIFF + '[[tariff]]\nid = "u"\nprice = 1\ncurrency = "EUR"\n', 1, "CNY, EUR"),
        (TARIFF + 'quantity = "water.volume.total"\ndemand_price = 4\n', 5, "only electricity"),
        ('[energy]\nrest = "equally"\n', 2, 'did you mean "equal"?'),
        ('[energy]\nfiles = ["nowhere.toml"]\n', 2, "there is no file"),
        ('[[device]]\nid = "a:1"\nmeasures = "3"\n', 3, "which is no [[space]]"),
        ('[[space]]\nid = "3"\nname = "x"\n[[device]]\nid = "a:1"\nmeasures = "3"\n', 6, "only a main meter"),
        ('[[device]]\nid = "a:1"\nrole = "mian"\n', 3, 'did you mean "main"?'),
        ('[[report_mail]]\nto = ["li"]\n', 2, '"li" is no [[person]]'),
        ('[[person]]\nid = "li"\nname = "x"\n[[report_mail]]\nto = ["li"]\n', 5, "has no e-mail address"),
        ('[[emission]]\nquantity = "gas.volume.total"\nkg_per_unit = 2\nyear = 2020\n', 1, '"source" is missing'),
    ],
)
def test_wrong(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = tmp_path / "gengfu.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigErrors) as caught:
        load(path)
    [problem] = caught.value.problems
    assert said in problem.message
    assert problem.line == line


def test_a_mistake_in_another_file_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(TARIFF + "tiers = [{ up_to = 5, add = 1 }]\n")
    path = tmp_path / "gengfu.toml"
    path.write_text('[energy]\nfiles = ["prices.toml"]\n')
    with pytest.raises(ConfigErrors, match=r"prices\.toml line 4, tariff t, tiers"):
        load(path)
