"""Search spaces of hyperparameters: ranges, choices, and parameters that exist only under a value of another.

A configuration is a plain dictionary. A space draws configurations and maps the unit cube onto them, so that random
numbers, Sobol points and a Gaussian process can share it::

    from downhill.spaces import Choice, Float, Integer, Space

    space = Space(
        {
            "learning_rate": Float(1e-4, 1.0, log=True),
            "hidden": Integer(4, 256, log=True),
            "solver": Choice(("sgd", "adam")),
            "momentum": Float(0.0, 0.99),
        },
        only_if={"momentum": ("solver", "sgd")},
    )
    space.sample(3, np.random.default_rng(0))   # three dictionaries; "momentum" only beside solver="sgd"
    space.from_unit(np.full(4, 0.5))            # the configuration in the middle of the cube
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from downhill.annotations import Array, ArrayLike, Config
from downhill.arguments import finite, finite_array, generator, one_of, whole, within

__all__ = ["Choice", "Float", "Integer", "Space"]


class _Parameter(ABC):
    """What the three kinds share: each maps a number from 0 to 1 to a value."""

    def from_unit(self, u: ArrayLike) -> Any:
        """Return the value at u: a Python value for a number, an array (n,) for an array (n,).

        If u is uniform on the unit interval, the value has the distribution of the parameter.

        Raises
        ------
        ValueError
            If u is not from 0 to 1.
        """
        u = _checked_unit(u)
        values = self._values(u)
        return values if u.ndim else values.item()

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Return n values, drawn with the numpy.random.Generator rng: an array (n,)."""
        return self.from_unit(generator("rng", rng).random(whole("n", n, 0)))

    @abstractmethod
    def validate(self, value: Any, name: str = "the value") -> None: ...

    @abstractmethod
    def to_unit(self, value: Any) -> float: ...

    @abstractmethod
    def _values(self, u: Array) -> Array: ...


@dataclass(frozen=True)
class Float(_Parameter):
    """A real number from low to high, both included.

    Parameters
    ----------
    low, high : float
        The ends, in the parameter's own unit.
    log : bool
        Whether the logarithm is uniform instead of the value: each decade then has the same mass.

    Raises
    ------
    ValueError
        If the range is empty, reversed or not finite, or if log is asked for and low is not positive.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        _set_range(self, finite)

    def validate(self, value: Any, name: str = "the value") -> None:
        """Raise ValueError, which begins with the name, if the value is not a number from low to high."""
        within(name, value, self.low, self.high)

    def to_unit(self, value: Any) -> float:
        """Return the u from 0 to 1 whose value this is; undoes ``from_unit`` up to rounding."""
        self.validate(value)
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def _values(self, u: Array) -> Array:
        low, high = self.low, self.high
        values = low * (high / low) ** u if self.log else low + u * (high - low)
        return np.clip(values, low, high)  # rounding may step over an end


@dataclass(frozen=True)
class Integer(_Parameter):
    """A whole number from low to high, both included.

    Parameters
    ----------
    low, high : int
        The ends.
    log : bool
        Whether to be uniform in the logarithm: the value is then the whole part of a log-uniform number from low to
        high + 1, so that k has probability ln((k + 1) / k) / ln((high + 1) / low), and the numbers from 8 to 15 the
        same as those from 16 to 31. Without it all numbers have the same probability.

    Raises
    ------
    ValueError
        If an end is not a whole number, if the range is empty or reversed, or if log is asked for and low is not
        positive.
    """

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        _set_range(self, whole)

    def validate(self, value: Any, name: str = "the value") -> None:
        """Raise ValueError, which begins with the name, if the value is not a whole number from low to high."""
        whole(name, value, self.low, self.high)

    def to_unit(self, value: Any) -> float:
        """Return the middle of the interval of u that belongs to the value; undone by ``from_unit``."""
        self.validate(value)
        if self.log:
            middle = math.log(value * (value + 1) / self.low**2) / 2
            return middle / math.log((self.high + 1) / self.low)
        return (value - self.low + 0.5) / (self.high - self.low + 1)

    def _values(self, u: Array) -> Array:
        low, end = self.low, self.high + 1
        values = low * (end / low) ** u if self.log else low + u * (end - low)
        return np.clip(np.floor(values).astype(int), low, self.high)


@dataclass(frozen=True)
class Choice(_Parameter):
    """One of a few options, each as likely as the others.

    Parameters
    ----------
    options : sequence
        The options, in the order in which they share the unit interval: numbers, strings or anything that ``==``
        tells apart.

    Raises
    ------
    ValueError
        If there is no option, if one occurs twice, or if options is a single string.
    """

    options: Sequence[Any]

    def __post_init__(self) -> None:
        if isinstance(self.options, str):
            raise ValueError(f"the options must be a sequence of options, got the single string {self.options!r}")
        object.__setattr__(self, "options", tuple(self.options))
        if not self.options:
            raise ValueError("a choice needs at least one option")
        for position, option in enumerate(self.options):
            if option in self.options[:position]:
                raise ValueError(f"the option {option!r} occurs twice")

    def validate(self, value: Any, name: str = "the value") -> None:
        """Raise ValueError, which begins with the name, if the value is not among the options."""
        one_of(name, value, self.options)

    def to_unit(self, value: Any) -> float:
        """Return the middle of the interval of u that belongs to the value; undone by ``from_unit``."""
        self.validate(value)
        return (self.options.index(value) + 0.5) / len(self.options)

    def _values(self, u: Array) -> Array:
        options = np.empty(len(self.options), dtype=object)
        options[:] = self.options
        chosen = options[np.minimum(u * len(options), len(options) - 1).astype(int)]
        return chosen if u.ndim else np.array(chosen, dtype=object)


@dataclass(frozen=True)
class Space:
    """Hyperparameters by name, some of which exist only under a value of another.

    A configuration is a dictionary with a value for each parameter that is active: one without a condition, or one
    whose parent is active and has the value that the condition names. Nothing else may be in it.

    Parameters
    ----------
    parameters : dict of str to Float, Integer or Choice
        The parameters. Their order is that of the coordinates of the unit cube.
    only_if : dict of str to tuple, optional
        For a child its (parent, value): the child exists only where the parent has this value. The parent is a
        Choice or an Integer, and may be a child itself.

    Raises
    ------
    ValueError
        If there is no parameter, if a child or parent does not exist, if the parent cannot have the value or is a
        Float, or if conditions go round in a circle.
    """

    parameters: Mapping[str, Float | Integer | Choice]
    only_if: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    _order: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", dict(self.parameters))
        object.__setattr__(self, "only_if", dict(self.only_if))
        if not self.parameters:
            raise ValueError("a space needs at least one parameter")
        for name, parameter in self.parameters.items():
            if not isinstance(parameter, _Parameter):
                raise ValueError(f"the parameter {name!r} must be a Float, an Integer or a Choice, got {parameter!r}")
        for child, condition in self.only_if.items():
            self._check_condition(child, condition)
        object.__setattr__(self, "_order", self._ancestors_first())

    def __len__(self) -> int:
        """Return the number of parameters, the dimension of the unit cube."""
        return len(self.parameters)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the order of the coordinates."""
        return tuple(self.parameters)

    def sample(self, n: int, rng: np.random.Generator) -> list[Config]:
        """Draw n configurations.

        Each takes len(space) uniform numbers, whether or not all are used, so that the first configurations do not
        depend on n.

        Parameters
        ----------
        n : int
            How many.
        rng : numpy.random.Generator
            The source of randomness.

        Returns
        -------
        list of dict
        """
        return self.from_unit(generator("rng", rng).random((whole("n", n, 0), len(self))))

    def from_unit(self, u: ArrayLike) -> Any:
        """Map points of the unit cube to configurations; coordinates of inactive parameters are ignored.

        Parameters
        ----------
        u : array_like, (d,) or (n, d)
            Points with a coordinate from 0 to 1 for each parameter, in the order of ``names``.

        Returns
        -------
        dict, or list of n dict

        Raises
        ------
        ValueError
            If u has another shape or a coordinate is not from 0 to 1.
        """
        u = _checked_unit(u)
        if u.ndim not in (1, 2) or u.shape[-1] != len(self):
            raise ValueError(f"points must have shape ({len(self)},) or (n, {len(self)}), got {u.shape}")
        coordinates = zip(self.parameters.values(), np.atleast_2d(u).T, strict=True)
        columns = [parameter.from_unit(column) for parameter, column in coordinates]
        rows = zip(*(column.tolist() for column in columns), strict=True)
        configs = [self._active_part(dict(zip(self.names, row, strict=True))) for row in rows]
        return configs[0] if u.ndim == 1 else configs

    def to_unit(self, configs: Config | Sequence[Config]) -> Array:
        """Map configurations to points of the unit cube; undone by ``from_unit``.

        The coordinate of an inactive parameter is ½, the middle, as if its mean had been imputed: a model then sees
        the same number wherever the parameter has no effect.

        Parameters
        ----------
        configs : dict or list of dict
            One configuration or several.

        Returns
        -------
        ndarray, (d,) or (n, d)

        Raises
        ------
        ValueError
            As ``validate``.
        """
        if isinstance(configs, dict):
            self.validate(configs)
            pairs = self.parameters.items()
            return np.array([each.to_unit(configs[name]) if name in configs else 0.5 for name, each in pairs])
        return np.array([self.to_unit(config) for config in configs]).reshape(-1, len(self))

    def validate(self, config: Config) -> None:
        """Raise ValueError, with what is wrong, if config is not a configuration of this space."""
        if not isinstance(config, dict):
            raise ValueError(f"a configuration must be a dictionary, got {config!r}")
        unknown = [name for name in config if name not in self.parameters]
        if unknown:
            raise ValueError(f"the space has no parameter {unknown[0]!r}; it has {', '.join(self.names)}")
        for name in self._order:
            active = self._is_active(name, config)
            if active and name not in config:
                raise ValueError(f"the configuration lacks {name!r}")
            if not active and name in config:
                parent, value = self.only_if[name]
                raise ValueError(f"{name!r} exists only if {parent!r} is {value!r}; leave it out")
            if active:
                self.parameters[name].validate(config[name], repr(name))

    def _is_active(self, name: str, active_values: Config) -> bool:
        """Whether the parameter exists beside these values, in which its ancestors have been settled."""
        if name not in self.only_if:
            return True
        parent, value = self.only_if[name]
        return parent in active_values and bool(active_values[parent] == value)

    def _active_part(self, values: Config) -> Config:
        """Return a value for each parameter without those that are inactive."""
        active: Config = {}
        for name in self._order:
            if self._is_active(name, active):
                active[name] = values[name]
        return {name: active[name] for name in self.names if name in active}

    def _check_condition(self, child: str, condition: Any) -> None:
        if child not in self.parameters:
            raise ValueError(f"the condition on {child!r} has no parameter of that name")
        if not isinstance(condition, tuple) or len(condition) != 2:
            raise ValueError(f"the condition on {child!r} must be a pair (parent, value), got {condition!r}")
        parent, value = condition
        if parent not in self.parameters:
            raise ValueError(f"{child!r} depends on {parent!r}, which is not a parameter of the space")
        if isinstance(self.parameters[parent], Float):
            raise ValueError(f"{child!r} depends on {parent!r}, a Float, which hardly ever has one exact value")
        try:
            self.parameters[parent].validate(value, "it")
        except ValueError as error:
            raise ValueError(f"{child!r} depends on a value that {parent!r} cannot have: {error}") from None

    def _ancestors_first(self) -> tuple[str, ...]:
        order = []
        for name in self.parameters:
            chain = [name]
            while chain[-1] in self.only_if:
                parent = self.only_if[chain[-1]][0]
                if parent in chain:
                    raise ValueError(f"the conditions go round in a circle: {' → '.join([*chain, parent])}")
                chain.append(parent)
            order += [each for each in reversed(chain) if each not in order]
        return tuple(order)


def _checked_unit(u: ArrayLike) -> Array:
    u = finite_array("u", u)
    if not ((u >= 0) & (u <= 1)).all():
        raise ValueError("a coordinate of the unit cube must be from 0 to 1")
    return u


def _set_range(parameter: Float | Integer, check: Callable[[str, Any], float]) -> None:
    """Put the ends of a range back as the check returns them, or refuse the range."""
    low, high = check("low", parameter.low), check("high", parameter.high)
    object.__setattr__(parameter, "low", low)
    object.__setattr__(parameter, "high", high)
    if not low < high:
        raise ValueError(f"the range must go from a smaller to a larger number, got {low!r} and {high!r}")
    if parameter.log and low <= 0:
        raise ValueError(f"a logarithmic range must begin above 0, got {low!r}")
