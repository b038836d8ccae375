"""Fine-tuning a language model; the stored text, model and table of runs."""

import hashlib
import importlib.util
import itertools

import numpy as np
import pytest
from conftest import ROOT

from downhill import language
from downhill.language import (
    Alphabet,
    FineTuning,
    course_text,
    draw_windows,
    load_base,
    load_runs,
    save_base,
)
from downhill.transformer import Transformer


def tools():
    spec = importlib.util.spec_from_file_location("make_language_model", ROOT / "tools" / "make_language_model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_alphabet():
    alphabet = Alphabet("abc\n")
    assert alphabet.decode(alphabet.encode("cab\n")) == "cab\n" and len(alphabet) == 4
    with pytest.raises(ValueError, match="'x' at place 2"):
        alphabet.encode("abxy")
    with pytest.raises(ValueError, match="different characters"):
        Alphabet("aba")


def test_windows_that_do_not_fit():
    symbols = np.arange(7)
    assert draw_windows(symbols, 2, 7, np.random.default_rng(0)).tolist() == [symbols.tolist()] * 2
    for length in (0, 8):
        with pytest.raises(ValueError, match="does not fit"):
            draw_windows(symbols, 2, length, np.random.default_rng(0))


# ------------------------------------------------------------------------------------------------ fine-tuning


def fine_tuning(config, seed=0):
    model = Transformer(7, 8, 2, 2, 6)
    rng = np.random.default_rng(0)
    theta = model.init(rng) + 0.3 * rng.standard_normal(model.n_params, np.float32)
    symbols = np.tile(np.arange(7), 60).astype(np.uint8)
    return FineTuning(model, theta, symbols, config, seed), theta.copy()


@pytest.mark.parametrize("config", [{}, {"rank": 2}, {"rank": 3, "warmup": 200, "weight_decay": 0.1, "batch": 3}])
def test_fine_tuning_learns_can_be_taken_up_again_and_leaves_the_base_alone(config):
    whole, theta = fine_tuning({"learning_rate": 0.03, "batch": 4, **config})
    first = whole.train(480)
    losses = [first, whole.train(480), whole.train(480)]
    assert losses[2] < losses[0] - 0.1
    pieces, _ = fine_tuning({"learning_rate": 0.03, "batch": 4, **config})
    while pieces.seen < whole.seen:
        pieces.train(1)
    assert pieces.steps == whole.steps == whole.seen // (6 * whole.config["batch"])
    np.testing.assert_array_equal(pieces.theta(), whole.theta())
    base, again = fine_tuning({"learning_rate": 0.03, **config})
    np.testing.assert_array_equal(base.theta(), again)
    np.testing.assert_array_equal(theta, again)


def test_warmup_and_bias_correction_of_the_first_steps():
    sizes = {}
    for name, config in {"plain": {}, "raw": {"bias_correction": False}, "warm": {"warmup": 240}}.items():
        run, theta = fine_tuning({"learning_rate": 1e-3, "batch": 4, **config})
        run.train(1)
        sizes[name] = np.median(np.abs(run.theta() - theta))
    assert sizes["plain"] == pytest.approx(1e-3, rel=1e-2)
    assert sizes["raw"] / sizes["plain"] == pytest.approx(3.162, rel=1e-2)
    assert sizes["plain"] / sizes["warm"] == pytest.approx(10, rel=2e-2)  # 24 of 240 symbols


def test_bad_configurations():
    for config in ({"learning_rate": 0.0}, {"learning_rate": 1.0, "rate": 2}, {"learning_rate": 1.0, "rank": 99},
                   {"learning_rate": 1.0, "batch": 0}, {"learning_rate": 1.0, "weight_decay": -1.0}):  # fmt: skip
        with pytest.raises(ValueError):
            fine_tuning(config)


# ------------------------------------------------------------------------------------------------ text and base model


def test_nothing_of_one_split_stands_in_another():
    seen = {}
    for kind in ("prose", "code"):
        for split, text in course_text(kind).items():
            assert len(text) > 10_000 and "\f" not in text
            seen.setdefault(split, set()).update(hash(text[i : i + 60]) for i in range(len(text) - 59))
    for one, other in itertools.combinations(seen.values(), 2):
        assert not one & other


def test_a_changed_text_is_refused(tmp_path, monkeypatch):
    (tmp_path / "course_prose.txt").write_text("something else", encoding="utf-8")
    monkeypatch.setattr(language, "TABLES", tmp_path)
    with pytest.raises(ValueError, match="git checkout"):
        course_text("prose")
    with pytest.raises(ValueError, match="'prose' or 'code'"):
        course_text("poetry")


def test_the_stored_model_is_what_it_says():
    model, theta, alphabet, about = load_base()
    path = language.TABLES / "base_model.npz"
    assert path.stat().st_size <= 500_000 and about["text_sha256"] == language.TEXT_SHA256
    assert theta.dtype == np.float32 and len(alphabet) == model.n_symbols <= 100
    bits = model.bits(theta, alphabet.encode(course_text("prose")["validation"]))
    assert bits == pytest.approx(about["bits"]["prose_validation"], abs=0.005)
    for text in course_text("code").values():
        alphabet.encode(text)


def test_a_stored_model_comes_back(tmp_path):
    model, alphabet = Transformer(4, 8, 1, 2, 3), Alphabet("abcd")
    theta = model.init(np.random.default_rng(0))
    save_base(tmp_path / "model.npz", model, theta, alphabet, {"text_sha256": {}, "steps": 3})
    model2, theta2, alphabet2, about = load_base(tmp_path / "model.npz")
    assert model2 == model and alphabet2.characters == "abcd" and about["steps"] == 3
    np.testing.assert_allclose(theta2, theta, rtol=1e-3)


def test_a_model_of_another_text_is_refused(monkeypatch):
    monkeypatch.setattr(language, "TEXT_SHA256", {"prose": "0", "code": "1"})
    with pytest.raises(ValueError, match="belongs to another text"):
        load_base()


def test_the_command_trains(monkeypatch):
    maker = tools()
    monkeypatch.setattr(maker, "tqdm", Quiet)
    model, theta, alphabet, about = maker.train(30, batch=8, width=16, heads=2, layers=1, context=32)
    assert len(alphabet) == model.n_symbols and about["characters_seen"] == 30 * 8 * 32
    assert about["characters"] == len(course_text("prose")["train"])
    symbols = alphabet.encode(course_text("prose")["validation"])
    fresh = model.init(np.random.default_rng(0))
    assert model.bits(theta, symbols) < model.bits(fresh, symbols) - 0.5
    assert about["bits"]["prose_validation"] == pytest.approx(model.bits(theta, symbols), abs=1e-3)


class Quiet:
    """A progress bar that shows nothing."""

    def __init__(self, steps, **_):
        self.steps = steps

    def __iter__(self):
        return iter(self.steps)

    def set_postfix_str(self, text):
        pass


def test_the_snapshot_is_hashed_as_stored():
    for kind, expected in language.TEXT_SHA256.items():
        assert hashlib.sha256((language.TABLES / f"course_{kind}.txt").read_bytes()).hexdigest() == expected


def test_rows_of_the_stored_table_are_what_their_runs_give():
    maker, table = tools(), load_runs()
    runs = maker.planned()
    assert len(runs) == len(table["group"]) == len(table["bits"])
    for number in (4, 40, 90, 120):
        group, config, seed = runs[number]
        assert group == table["group"][number] and seed == table["seed"][number]
        assert config["learning_rate"] == table["learning_rate"][number]
        found = maker.measure(config, seed)
        np.testing.assert_allclose(found[:-1], table["bits"][number], atol=0.1)  # a tenth of a bit: rounding grows
        assert found[-1] == pytest.approx(table["prose"][number], abs=0.15)
