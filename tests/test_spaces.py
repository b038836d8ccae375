"""Search spaces: their distributions against scipy.stats, conditions, the unit cube, and what they refuse."""

import numpy as np
import pytest
from scipy.stats import chisquare, kstest, loguniform, qmc, randint, uniform

from downhill.spaces import Choice, Float, Integer, Space

SPACE = Space(
    {
        "momentum": Float(0, 0.99),  # a child may stand before its parent
        "learning_rate": Float(1e-5, 1e-1, log=True),
        "solver": Choice(("sgd", "adam", "lbfgs")),
        "layers": Integer(1, 3),
        "width_2": Integer(4, 64, log=True),
        "schedule": Choice(("constant", "step")),
        "drop": Float(0.1, 0.9),
    },
    only_if={
        "momentum": ("solver", "sgd"),
        "width_2": ("layers", 2),
        "schedule": ("solver", "sgd"),
        "drop": ("schedule", "step"),
    },
)


def test_log_uniform_has_the_same_mass_in_each_decade():
    values = Float(1e-5, 1e-1, log=True).sample(20_000, np.random.default_rng(0))
    assert kstest(values, loguniform(1e-5, 1e-1).cdf).pvalue > 0.01
    decades, _ = np.histogram(values, [1e-5, 1e-4, 1e-3, 1e-2, 1e-1])
    assert chisquare(decades).pvalue > 0.01
    plain = Float(1e-5, 1e-1).sample(20_000, np.random.default_rng(0))
    assert kstest(plain, uniform(1e-5, 1e-1 - 1e-5).cdf).pvalue > 0.01
    assert kstest(plain, loguniform(1e-5, 1e-1).cdf).pvalue < 1e-9


def test_whole_numbers_have_their_probabilities():
    values = Integer(3, 8).sample(20_000, np.random.default_rng(0))
    assert values.dtype.kind == "i" and set(values) == set(range(3, 9))
    assert chisquare(np.bincount(values)[3:], 20_000 * randint(3, 9).pmf(range(3, 9))).pvalue > 0.01
    values = Integer(1, 7, log=True).sample(20_000, np.random.default_rng(0))
    k = np.arange(1, 8)
    assert chisquare(np.bincount(values)[1:], 20_000 * np.log((k + 1) / k) / np.log(8)).pvalue > 0.01


def test_log_whole_numbers_have_the_same_mass_in_each_octave():
    octaves, _ = np.histogram(Integer(4, 63, log=True).sample(20_000, np.random.default_rng(0)), [4, 8, 16, 32, 64])
    assert octaves.sum() == 20_000 and chisquare(octaves).pvalue > 0.01


@pytest.mark.parametrize(
    ("parameter", "low", "high"),
    [
        (Float(0.1, 0.7), 0.1, 0.7),
        (Float(1e-5, 0.1, log=True), 1e-5, 0.1),
        (Float(3, 7e5, log=True), 3, 7e5),
        (Integer(-2, 5), -2, 5),
        (Integer(1, 1000, log=True), 1, 1000),
        (Choice(("a", None, 3)), "a", 3),
    ],
    ids=str,
)
def test_the_ends_of_the_unit_interval_are_the_ends_of_the_range(parameter, low, high):
    assert parameter.from_unit(0) == low and parameter.from_unit(1) == high
    assert type(parameter.from_unit(0.3)) in (float, int, str, type(None))
    for value in (low, high):
        assert parameter.from_unit(parameter.to_unit(value)) == pytest.approx(value)
    values = parameter.from_unit(np.linspace(0, 1, 101))
    assert values.shape == (101,)
    for value in values:
        parameter.validate(value)


@pytest.mark.parametrize("parameter", [Integer(-2, 5), Integer(1, 300, log=True), Choice("abc"[i] for i in range(3))])
def test_every_discrete_value_is_undone(parameter):
    values = parameter.options if isinstance(parameter, Choice) else range(parameter.low, parameter.high + 1)
    for value in values:
        assert parameter.from_unit(parameter.to_unit(value)) == value


def test_a_child_exists_only_under_its_parents_value():
    configs = SPACE.sample(2000, np.random.default_rng(0))
    for config in configs:
        SPACE.validate(config)
        assert ("momentum" in config) == ("schedule" in config) == (config["solver"] == "sgd")
        assert ("width_2" in config) == (config["layers"] == 2)
        assert ("drop" in config) == (config.get("schedule") == "step")
    assert sum("drop" in config for config in configs) / 2000 == pytest.approx(1 / 6, abs=0.03)
    assert list(next(config for config in configs if "drop" in config))[:2] == ["momentum", "learning_rate"]


def test_samples_are_repeatable_and_their_beginning_does_not_depend_on_n():
    few, many = (SPACE.sample(n, np.random.default_rng(7)) for n in (5, 50))
    assert few == many[:5] and few != SPACE.sample(5, np.random.default_rng(8))
    assert SPACE.sample(0, np.random.default_rng(0)) == []
    assert {type(value) for config in many for value in config.values()} == {float, int, str}


def test_the_unit_cube():
    points = qmc.Sobol(len(SPACE), seed=0).random(64)
    configs = SPACE.from_unit(points)
    assert configs[3] == SPACE.from_unit(points[3])
    mapped = SPACE.to_unit(configs)
    assert mapped.shape == (64, 7) and SPACE.to_unit([]).shape == (0, 7)
    np.testing.assert_array_equal(mapped[3], SPACE.to_unit(configs[3]))
    for row, point, config in zip(mapped, points, configs, strict=True):
        for u, original, name in zip(row, point, SPACE.names, strict=True):
            if name not in config:
                assert u == 0.5
            elif isinstance(SPACE.parameters[name], Float):
                assert u == pytest.approx(original, abs=1e-12)
    again = SPACE.from_unit(mapped)
    for config, other in zip(configs, again, strict=True):
        assert config == pytest.approx(other)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Float(1, 1), "from a smaller to a larger"),
        (lambda: Float(2, 1), "from a smaller to a larger"),
        (lambda: Integer(5, 5), "from a smaller to a larger"),
        (lambda: Float(0, 1, log=True), r"must begin above 0, got 0\.0"),
        (lambda: Integer(-1, 5, log=True), "must begin above 0, got -1"),
        (lambda: Float(float("nan"), 1), "low must be a finite number, got nan"),
        (lambda: Float(0, float("inf")), "high must be a finite number, got inf"),
        (lambda: Float("0", 1), "low must be a finite number, got '0'"),
        (lambda: Integer(0.5, 3), "low must be a whole number, got 0.5"),
        (lambda: Choice(()), "at least one option"),
        (lambda: Choice(("a", "b", "a")), "'a' occurs twice"),
        (lambda: Choice("relu"), "single string 'relu'"),
        (lambda: Space({}), "at least one parameter"),
        (lambda: Space({"a": (0, 1)}), "'a' must be a Float"),
        (lambda: Space({"a": Float(0, 1)}, {"b": ("a", 1)}), "condition on 'b' has no parameter"),
        (lambda: Space({"a": Float(0, 1)}, {"a": ("b", 1)}), "'a' depends on 'b', which is not a parameter"),
        (lambda: Space({"a": Float(0, 1), "b": Choice((1,))}, {"a": "b"}), "must be a pair"),
        (lambda: Space({"a": Float(0, 1), "b": Float(0, 1)}, {"a": ("b", 0.5)}), "a Float, which hardly ever"),
        (lambda: Space({"a": Float(0, 1), "b": Choice((1, 2))}, {"a": ("b", 3)}), "it must be one of 1, 2"),
        (lambda: Space({"a": Float(0, 1), "b": Integer(1, 2)}, {"a": ("b", 3)}), "cannot have: it must be a whole"),
        (lambda: Space({"a": Choice((1, 2))}, {"a": ("a", 1)}), "circle: a → a"),
        (
            lambda: Space({"a": Choice((1,)), "b": Choice((1,)), "c": Choice((1,))},
                          {"a": ("b", 1), "b": ("c", 1), "c": ("b", 1)}),
            "circle: a → b → c → b",
        ),
    ],
)  # fmt: skip
def test_bad_spaces(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": None}, "lacks 'learning_rate'"),
        ({"momentum": None}, "lacks 'momentum'"),
        ({"solver": "adam"}, "'momentum' exists only if 'solver' is 'sgd'; leave it out"),
        ({"drop": 0.5}, "'drop' exists only if 'schedule' is 'step'"),
        ({"colour": 1}, "no parameter 'colour'"),
        ({"learning_rate": 1.0}, "'learning_rate' must be a number from 1e-05 to 0.1, got 1.0"),
        ({"learning_rate": float("nan")}, "'learning_rate' must be a number"),
        ({"learning_rate": "0.1"}, "'learning_rate' must be a number"),
        ({"layers": 2.5}, "'layers' must be a whole number from 1 to 3, got 2.5"),
        ({"layers": True}, "'layers' must be a whole number"),
        ({"layers": 4}, "'layers' must be a whole number"),
        ({"solver": "rmsprop"}, "'solver' must be one of 'sgd', 'adam', 'lbfgs', got 'rmsprop'"),
    ],
)
def test_bad_configurations(change, message):
    config = {"learning_rate": 1e-3, "solver": "sgd", "layers": 1, "momentum": 0.5, "schedule": "constant"}
    SPACE.validate(config)
    SPACE.validate({**config, "learning_rate": np.float64(0.01), "layers": np.int64(3)})
    changed = {name: value for name, value in {**config, **change}.items() if value is not None}
    for refuse in (SPACE.validate, SPACE.to_unit):
        with pytest.raises(ValueError, match=message):
            refuse(changed)


def test_bad_points():
    with pytest.raises(ValueError, match="u must be finite"):
        SPACE.from_unit(np.full(7, np.nan))
    for u in (np.full(7, -0.1), np.full((2, 7), 1.1)):
        with pytest.raises(ValueError, match="from 0 to 1"):
            SPACE.from_unit(u)
    for u in (0.5, np.full(6, 0.5), np.zeros((2, 2, 7))):
        with pytest.raises(ValueError, match="points must have shape"):
            SPACE.from_unit(u)
    with pytest.raises(ValueError, match="must be a dictionary"):
        SPACE.validate([1, 2])
