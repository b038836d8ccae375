"""Make what lesson 3.5 reads: the snapshot of the course's own text, and the language model trained on its prose.

usage: make_language_model.py text      take the snapshot anew (then train anew, and write the hashes that it prints
                                        into downhill/language.py)
       make_language_model.py train     train the base model on the stored prose (about six minutes)
       make_language_model.py runs      fine-tune it on the code 132 times (about six minutes)
"""

import hashlib
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the matrices are small: more threads only wait for each other

import nbformat
import numpy as np
from tqdm import tqdm

from downhill.language import (
    TEXT_SHA256,
    Alphabet,
    FineTuning,
    course_text,
    draw_windows,
    load_base,
    save_base,
)
from downhill.optimizers import adamw
from downhill.schedules import warmup_cosine
from downhill.spaces import Choice, Float, Integer, Space
from downhill.transformer import MATRICES, Transformer

ROOT = Path(__file__).resolve().parent.parent
TABLES = ROOT / "downhill" / "tables"

# Whole lessons, with their exercises, are held out; this lesson itself is in no split.
VALIDATION = ("2_momentum",)
TEST = ("1_surfaces",)
LEFT_OUT = ("5_llm_fine_tuning",)
MOST = {"prose": 250_000, "code": 150_000}  # characters of training text, at most
SAME = 60  # so many characters in a row in two splits would be a leak
LETTERS = 98  # size of the alphabet; rarer characters become OTHER
OTHER = "¤"

STEPS, BATCH, PEAK, WARMUP, DECAY = 4000, 16, 4e-3, 200, 0.1

UNIT, RUNGS = 2048, (1, 3, 9, 27)  # fine-tuning: characters in a unit of budget, and units after which it is measured
CODE_SCORED, PROSE_SCORED = 4000, 6000  # characters of the code for validation and of the prose for test
SEARCHED: dict[str, Float | Integer | Choice] = {
    "learning_rate": Float(1e-4, 0.3, log=True),
    "batch_size": Choice((4, 8, 16, 32)),  # windows of 64 characters: each divides a unit
    "warmup": Float(0.0, 0.3),  # as a share of the whole budget
    "weight_decay": Float(1e-3, 1.0, log=True),
}
ADAPTED: dict[str, Float | Integer | Choice] = {
    "rank": Integer(1, 32, log=True),
    "matrices": Choice(("query, value", "all")),
}


# ------------------------------------------------------------------------------------------------ the snapshot


def is_answer(cell: nbformat.NotebookNode) -> bool:
    """Say whether a cell of a solution is one that students do not get: these tables travel with the exercises."""
    return "solution-only" in cell.metadata.get("tags", []) or cell.metadata.get("nbgrader", {}).get("solution", False)


def documents() -> Iterator[tuple[str, str, list[str]]]:
    """Yield (topic, kind, blocks) for every document of the course, without its answers, in a fixed order."""
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")) + sorted((ROOT / "solutions").rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts or path.stem in LEFT_OUT:
            continue
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if not is_answer(cell)]
        yield path.stem, "prose", [cell.source for cell in cells if cell.cell_type == "markdown"]
        if "notebooks" in path.parts:
            yield path.stem, "code", [cell.source for cell in cells if cell.cell_type == "code"]
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        yield path.stem, "prose", path.read_text(encoding="utf-8").split("\n\n")


def clean(block: str) -> str:
    """Return a block without form feeds, tabs, and spaces at the ends of lines."""
    return re.sub(r"[ \r]+$", "", block.replace("\f", "").replace("\t", "    "), flags=re.MULTILINE).strip("\n")


def runs(text: str) -> set[str]:
    """Return the set of all SAME characters in a row."""
    return {text[i : i + SAME] for i in range(len(text) - SAME + 1)}


def take_snapshot() -> dict[tuple[str, str], str]:
    """Return {(kind, split): text}, without a run of SAME characters that stands in two splits."""
    blocks: dict[tuple[str, str], list[str]] = {
        (kind, split): [] for kind in ("prose", "code") for split in ("train", "validation", "test")
    }
    for topic, kind, sources in documents():
        split = "validation" if topic in VALIDATION else "test" if topic in TEST else "train"
        chosen = blocks[kind, split]
        fresh = [b for b in dict.fromkeys(map(clean, sources)) if b and b not in chosen]
        if split != "train" or sum(map(len, chosen + fresh)) <= MOST[kind]:
            chosen += fresh
    known: set[str] = set()
    for split in ("train", "validation", "test"):
        inside: set[str] = set()
        for kind in ("prose", "code"):
            chosen = blocks[kind, split]
            while True:  # a run may cross the border of two blocks
                ends = np.cumsum([len(block) + 2 for block in chosen])
                text = "\n\n".join(chosen)
                leaks = [i for i in range(len(text) - SAME + 1) if text[i : i + SAME] in known]
                if not leaks:
                    break
                bad = {int(np.searchsorted(ends, i + SAME // 2, side="right")) for i in leaks}
                chosen = [block for number, block in enumerate(chosen) if number not in bad]
            blocks[kind, split] = chosen
            inside |= runs("\n\n".join(chosen))
        known |= inside
    texts = {key: "\n\n".join(chosen) + "\n" for key, chosen in blocks.items()}
    counts = Counter("".join(texts.values()))
    known_letters = {"\n", OTHER, *map(chr, range(32, 127))} & {*counts, OTHER}
    for letter, _ in counts.most_common():
        if len(known_letters) < LETTERS:
            known_letters.add(letter)
    return {key: "".join(c if c in known_letters else OTHER for c in text) for key, text in texts.items()}


def make_text() -> None:
    texts = take_snapshot()
    for kind in ("prose", "code"):
        parts = [texts[kind, split] for split in ("train", "validation", "test")]
        content = "\f".join(parts).encode("utf-8")
        (TABLES / f"course_{kind}.txt").write_bytes(content)
        print(f'    "{kind}": "{hashlib.sha256(content).hexdigest()}",  #', *(len(part) for part in parts))
    print("characters:", "".join(sorted(set("".join(texts.values())))))


# ------------------------------------------------------------------------------------------------ the base model


def train(
    steps: int = STEPS,
    *,
    batch: int = BATCH,
    peak: float = PEAK,
    evaluate: int = 500,
    **sizes: Any,
) -> tuple[Transformer, np.ndarray, Alphabet, dict[str, Any]]:
    """Train on the prose; return the model, its best theta on the validation prose, the alphabet and the record."""
    prose, code = course_text("prose"), course_text("code")
    alphabet = Alphabet("".join(sorted(set("".join([*prose.values(), *code.values()])))))
    symbols = {split: alphabet.encode(text) for split, text in prose.items()}
    model = Transformer(len(alphabet), **sizes)
    rng = np.random.default_rng(0)
    theta = model.init(rng)
    rule, rate = adamw(weight_decay=DECAY), warmup_cosine(peak, min(WARMUP, steps // 10), steps)
    state, best, best_theta = rule.init(theta), np.inf, theta
    smooth: Any = None
    bar = tqdm(range(steps), unit="step", mininterval=5)
    for step in bar:
        loss, gradient = model.loss_and_grad(theta, draw_windows(symbols["train"], batch, model.context + 1, rng))
        gradient *= np.float32(min(1.0, float(1 / np.linalg.norm(gradient))))
        theta, state = rule.step(theta, gradient, state, rate(step))
        theta = theta.astype(np.float32, copy=False)
        smooth = loss if smooth is None else 0.98 * smooth + 0.02 * loss
        if (step + 1) % evaluate == 0 or step + 1 == steps:
            bits = model.bits(theta, symbols["validation"])
            if bits < best:
                best, best_theta = bits, theta
            bar.set_postfix_str(f"train {smooth / np.log(2):.3f}, validation {bits:.3f} bits per character")
    best_theta = best_theta.astype(np.float16).astype(np.float32)  # as stored
    scores = {f"prose_{split}": model.bits(best_theta, symbols[split]) for split in ("validation", "test")}
    about = {
        "text_sha256": TEXT_SHA256,
        "steps": steps,
        "characters": len(symbols["train"]),
        "characters_seen": steps * batch * model.context,
        "bits": {name: round(score, 4) for name, score in scores.items()},
    }
    return model, best_theta, alphabet, about


def make_model() -> None:
    model, theta, alphabet, about = train()
    save_base(TABLES / "base_model.npz", model, theta, alphabet, about)
    print(about)


# ------------------------------------------------------------------------------------------------ the table of runs


def complete(config: dict[str, Any]) -> dict[str, Any]:
    """Return what FineTuning wants of a configuration whose warmup is a share and whose matrices are in words."""
    warmup = config.get("warmup", 0.0) * UNIT * RUNGS[-1]
    matrices = {"all": MATRICES, "query, value": ("query", "value")}[config.get("matrices", "query, value")]
    return {**config, "warmup": warmup, "matrices": matrices}


def planned() -> list[tuple[str, dict[str, Any], int]]:
    """Return all runs as a list of (group, config, seed)."""
    rng, rates = np.random.default_rng(0), [3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1]
    methods: list[dict[str, Any]] = [{"rank": 0}, {"rank": 4}]
    methods += [{"rank": rank, "matrices": "all"} for rank in (4, 16)]
    ranges = {0: rates[:5], 4: rates[1:], 16: rates[1:]}  # around the best of each
    runs = [("grid", {**m, "learning_rate": rate}, seed) for m in methods for rate in ranges[m["rank"]]
             for seed in range(3)]  # fmt: skip
    runs += [("full", config, seed) for seed, config in enumerate(Space(SEARCHED).sample(24, rng))]
    runs += [("adapter", config, seed) for seed, config in enumerate(Space(SEARCHED | ADAPTED).sample(24, rng))]
    starts = [{"bias_correction": b, "warmup": w} for b in (True, False) for w in (0.0, 0.1)]
    runs += [("start", {**s, "learning_rate": rate}, seed) for s in starts for rate in rates[1:4] for seed in range(2)]
    return runs


def measure(config: dict[str, Any], seed: int) -> list[float]:
    """Return bits per character: of code after each rung, and of prose at the end, (len(RUNGS) + 1,)."""
    model, theta, alphabet, _ = load_base()
    code, prose = course_text("code"), course_text("prose")
    run = FineTuning(model, theta, alphabet.encode(code["train"]), complete(config), seed)
    bits = []
    for before, rung in zip((0, *RUNGS), RUNGS, strict=False):
        run.train(UNIT * (rung - before))
        bits.append(run.bits(alphabet.encode(code["validation"][:CODE_SCORED])))
    return [*bits, run.bits(alphabet.encode(prose["test"][:PROSE_SCORED]))]


def make_runs() -> None:
    runs = planned()
    parts = [(TABLES / "base_model.npz").read_bytes(), Path(__file__).read_bytes(), repr(TEXT_SHA256).encode()]
    kept = ROOT / "build" / "tables" / f"fine_tuning-{hashlib.sha256(b''.join(parts)).hexdigest()[:16]}.npy"
    kept.parent.mkdir(parents=True, exist_ok=True)
    rows = np.load(kept).tolist() if kept.exists() else []
    for number in tqdm(range(len(rows), len(runs)), initial=len(rows), total=len(runs), unit="run", mininterval=5):
        rows.append(measure(*runs[number][1:]))
        if len(rows) % 10 == 0:
            np.save(kept, rows)
    bits = np.array(rows)
    columns: dict[str, Any] = {}
    defaults = {"rank": 0, "batch_size": 16, "warmup": 0.0, "weight_decay": 0.0, "bias_correction": True,
                "matrices": "query, value"}  # fmt: skip
    for name in ("learning_rate", *defaults):
        columns[name] = np.array([config.get(name, defaults.get(name)) for _, config, _ in runs])
    group, _, seed = zip(*runs, strict=True)
    np.savez_compressed(TABLES / "fine_tuning.npz", group=group, seed=seed, bits=bits[:, :-1].round(5),
                        prose=bits[:, -1].round(5), **columns)  # fmt: skip


if __name__ == "__main__":
    commands = {"text": make_text, "train": make_model, "runs": make_runs}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    TABLES.mkdir(exist_ok=True)
    commands[sys.argv[1]]()
