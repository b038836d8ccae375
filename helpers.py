"""What every notebook of the course imports: the checks, the style, the figures, the scorecard.

``check_close``, ``check_true``, ``header`` and ``COLORS`` are the course's public contract. Everything else
helps a student to see what is wrong with an answer, or puts a figure on the page.
"""

import sys

if sys.version_info < (3, 11):
    raise ImportError(
        "Downhill needs Python 3.11 or newer, and this is Python %d.%d. Install a newer Python from python.org, "
        "run `make course` with it (`make course PYTHON=python3.12`), and choose the kernel it starts."
        % sys.version_info[:2]
    )

import contextlib
import functools
import hashlib
import html
import io
import numbers

try:
    import numpy as np
    import seaborn as sns
    from IPython.display import display

    from downhill.figures import COLORS, Slider, animate, contours, explore, show, surface3d
    from downhill.plain import plain_function
    from downhill.quizzes import quiz
except ModuleNotFoundError as error:
    missing = error.name.partition(".")[0]
    raise ModuleNotFoundError(
        f"Downhill needs the package {missing!r}, which is not installed for this kernel. In the course's "
        "folder run `make course` (or `python -m pip install -r requirements.txt`), then restart the kernel.",
        name=missing,
    ) from None

__all__ = [
    "COLORS", "Slider", "animate", "check_array", "check_choice", "check_close", "check_true", "choice_key", "contours",
    "exercise", "explore", "header", "quiz", "rejects", "scorecard", "show", "surface3d",
]  # fmt: skip

sns.set_theme(context="notebook", style="whitegrid", palette="colorblind")

NOT_ANSWERED = "not answered yet. Replace the `...` in the answer cell, run that cell, then this one."

_record = []  # [check's name, passed, slug of the exercise or None] of each check run in this kernel


def header(title):
    """Print a title with a rule under it.

    Parameters
    ----------
    title : str
    """
    print(f"{title}\n{'-' * len(str(title))}")


# ---------------------------------------------------------------------------------------------- the checks


def check_close(name, value, target, tol=1e-8):
    """Pass iff ``value`` has the shape of ``target`` and ``|value - target| <= tol`` everywhere.

    Prints ``PASS - name`` or ``FAIL - name`` with what was got, what was expected and a hint where the slip is a
    classic one. NaN and infinity never pass.

    Parameters
    ----------
    name : str
        What is checked; it is printed.
    value, target : number or array_like of numbers, same shape
    tol : float
        Largest absolute difference allowed.

    Raises
    ------
    AssertionError
        If the check fails. In a notebook it shows as a sentence, without a traceback.
    ValueError
        If ``tol`` is not a number of at least 0.
    """
    if isinstance(tol, bool) or not isinstance(tol, numbers.Real) or not tol >= 0:
        raise ValueError(f"the tolerance of a check must be one number, 0 or more, got {tol!r}")
    got, expected = _numbers(name, value), _numbers(f"{name} (its target)", target)
    if got.shape != expected.shape:
        hint = " It looks transposed." if got.ndim > 1 and got.T.shape == expected.shape else ""
        _fail(name, f"got {_shape(got)}, expected {_shape(expected)}.{hint}")
    if not np.all(np.isfinite(got)):
        bad = "NaN (not a number)" if np.isnan(got).any() else "infinity"
        _fail(name, f"got {bad} in {_text(got)}, expected {_text(expected)}, tolerance {tol:g}. "
                    "Look for a division by zero, a log of zero or a step that diverged.")  # fmt: skip
    difference = np.abs(got - expected)
    if np.all(np.isfinite(expected)) and np.all(difference <= tol):
        _pass(name)
        return
    where, digits = "", 8 if _text(got) != _text(expected) else 17
    if got.ndim:
        worst = tuple(int(i) for i in np.unravel_index(np.argmax(difference), got.shape))
        index = ", ".join(map(str, worst))
        where = f" at index [{index}], where got {_text(got[worst], digits)}, expected {_text(expected[worst], digits)}"
    _fail(name, f"got {_text(got, digits)}, expected {_text(expected, digits)}; the largest difference is "
                f"{difference.max():.3g}{where}, and the tolerance is {tol:g}.{_slip(got, expected, tol)}")  # fmt: skip


def check_true(name, condition):
    """Pass iff ``condition`` is true.

    Parameters
    ----------
    name : str
        What is checked; it is printed.
    condition : bool or number
        Or an array of one element: say ``np.all(...)`` or ``np.any(...)`` for more, ``len(...) > 0`` for a list.

    Raises
    ------
    AssertionError
        If the condition is false, or is no truth value: None, a string, NaN, a function that was not called.
    """
    _refuse_odd(name, condition, "True or False")
    if isinstance(condition, np.ndarray) and condition.size != 1:
        _fail(name, f"got {_shape(condition)}, expected one truth value: write np.all(...) or np.any(...).")
    if not isinstance(condition, bool | numbers.Number | np.bool_ | np.ndarray) or np.ma.is_masked(condition):
        _fail(name, f"got {_text(condition)} ({type(condition).__name__}), expected True or False.")
    if np.isnan(_numbers(name, condition)).any():
        _fail(name, "got NaN (not a number), expected True or False.")
    if not bool(condition):
        _fail(name, f"got {_text(condition)}, expected True.")
    _pass(name)


def check_array(name, value, shape):
    """Pass iff ``value`` holds finite numbers in the given shape; return it as an array.

    A check hands an answer to this function before it computes with it, so that a missing answer gets a sentence.

    Parameters
    ----------
    name : str
        What is checked; it is printed.
    value : number or array_like of numbers
    shape : tuple of int or None
        The expected shape, () for one number; None stands for any length.

    Returns
    -------
    ndarray
        ``value`` as an array of float.

    Raises
    ------
    AssertionError
        If the check fails.
    """
    got = _numbers(name, value)
    if len(got.shape) != len(shape) or any(s is not None and s != g for s, g in zip(shape, got.shape, strict=True)):
        wanted = f"shape ({', '.join('any' if s is None else str(s) for s in shape)})" if shape else "one number"
        _fail(name, f"got {_shape(got)}, expected {wanted}.")
    if np.iscomplexobj(got) or not np.all(np.isfinite(got)):
        _fail(name, f"expected finite real numbers, got {_text(got)}.")
    _pass(name)
    return got


def choice_key(name, letter):
    """Return the key under which ``check_choice`` knows the right letter without showing it.

    Parameters
    ----------
    name, letter : str

    Returns
    -------
    str
    """
    return hashlib.sha256(f"{name}:{letter}".encode()).hexdigest()[:10]


def check_choice(name, letter, key):
    """Pass iff ``letter`` is the right choice of a question.

    Parameters
    ----------
    name : str
        The question's name; it is printed.
    letter : str
        One letter, in either case.
    key : str
        ``choice_key(name, right_letter)``.

    Raises
    ------
    AssertionError
        If the letter is another one, or no letter.
    """
    if not isinstance(letter, str):
        _refuse_odd(name, letter, "one letter in quotes")
    if not isinstance(letter, str) or len(letter.strip()) != 1:
        _fail(name, f"got {_text(letter)}, expected one letter in quotes, such as \"A\".")
    letter = letter.strip().upper()
    if choice_key(name, letter) != key:
        _fail(name, f"{letter} is not the answer. Read once more, and ask what would make each choice wrong.")
    _pass(name)


def _pass(name):
    _record.append([name, True, None])
    print(f"PASS - {name}")


def _fail(name, sentence, unanswered=False):
    """Record and print a failed check and raise it as an AssertionError that shows no traceback in a notebook."""
    _record.append([name, False, None])
    message = f"FAIL - {name}: {sentence}"
    print(message)
    error = AssertionError(message)
    error.failed_check = "unanswered" if unanswered else "wrong"
    error._render_traceback_ = lambda: [f"FAIL - {name} (explained above)"]
    raise error


def _refuse_odd(name, value, expected):
    if value is None or value is Ellipsis:
        _fail(name, NOT_ANSWERED, unanswered=True)
    if isinstance(value, str | bytes | bytearray):
        _fail(name, f"got the text {value!r}, expected {expected}.")
    if callable(value):
        called = getattr(value, "__name__", "it").replace("<lambda>", "it")
        _fail(name, f"got a function that was not called: write {called}(...) with its arguments; "
                    f"expected {expected}.")  # fmt: skip


def _numbers(name, value):
    """Return a value as an array of float or complex, or fail with a sentence."""
    _refuse_odd(name, value, "a number or an array of numbers")
    try:
        array = np.asarray(value)
        if array.dtype.kind == "O" and all(isinstance(item, numbers.Number) for item in array.flat):
            array = array.astype(float)  # whole numbers beyond 64 bits, fractions
    except Exception:  # whatever a foreign object does when it is asked for its numbers
        array = np.asarray(None)
    if array.dtype.kind == "O" and array.ndim and any(item is None or item is Ellipsis for item in array.flat):
        _fail(name, f"got {_text(value)}, in which a part is {NOT_ANSWERED}", unanswered=True)
    if array.dtype.kind not in "biufc" or np.ma.is_masked(value):
        _fail(name, f"got {_text(value)} ({type(value).__name__}), expected a number or an array of numbers "
                    "in rows of equal length, none of them masked.")  # fmt: skip
    return array if array.dtype.kind == "c" else array.astype(float)


def _slip(got, expected, tol):
    """Name the classic slip that would explain the difference, if there is one."""
    with np.errstate(over="ignore", invalid="ignore"):
        slips = [
            ("The sign is flipped.", -expected),
            ("It is twice what is expected: a factor 2 too many.", 2 * expected),
            ("It is half of what is expected: a factor 2 is missing.", expected / 2),
            ("It looks transposed.", expected.T),
            ("It is the square of what is expected: a root is missing.", expected**2),
            ("It is in degrees; expected radians.", np.degrees(expected.real)),
            ("It is in radians; expected degrees.", np.radians(expected.real)),
        ]
    size = np.abs(got).max()
    near = min(max(tol, 1e-9 * size), 1e-3 * size)
    for sentence, slipped in slips:
        if slipped.shape == got.shape and np.all(np.isfinite(slipped)):
            differs = np.any(np.abs(slipped - expected) > near)
            if differs and np.all(np.abs(got - slipped) <= near):
                return " " + sentence
    return ""


def _shape(value):
    return f"an array of shape {np.shape(value)}" if np.ndim(value) else f"the number {_text(value)}"


def _text(value, digits=8):
    if isinstance(value, np.ndarray | np.generic) and not np.ndim(value):
        value = value.item()
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=5, threshold=8, edgeitems=3, separator=", ").replace("\n", "")
    if isinstance(value, float | complex):
        return f"{value:.{digits}g}"
    try:
        text = repr(value)
    except Exception:
        text = "an object that cannot be shown"
    return text if len(text) <= 80 else text[:77] + "..."


# ----------------------------------------------------------------------------------- exercises and scores


def exercise(check):
    """Make ``check_<slug>(answer)`` the check of the exercise ``<slug>``: all its checks pass, or it fails.

    Parameters
    ----------
    check : callable
        A function of the answer that runs ``check_*`` on it. If it runs none, it fails. What an answer returns comes to
        it as plain data: see ``downhill.plain``.

    Returns
    -------
    callable
        The same check, which also records its result for the scorecard.
    """
    slug = check.__name__.removeprefix("check_")

    @functools.wraps(check)
    def recorded(answer):
        start = len(_record)
        try:
            check(plain_function(answer) if callable(answer) else answer)
            if not all(passed for _, passed, _ in _record[start:]) or len(_record) == start:
                _fail(slug, "a check inside it failed, or nothing was checked.")
        except BaseException:
            _record.append([slug, False, slug])
            raise
        _record.append([slug, True, slug])

    return recorded


def rejects(check, wrong_answer):
    """Pass iff ``check(wrong_answer)`` fails as a check: not by another error, not for want of an answer.

    Parameters
    ----------
    check : callable
        A check of one argument, such as ``check_<slug>``.
    wrong_answer : callable
        A common mistake.

    Raises
    ------
    AssertionError
        If the wrong answer is accepted, or stops with an error that is not a failed check.
    """
    start = len(_record)
    title = f"{getattr(check, '__name__', 'the check')} refuses {getattr(wrong_answer, '__name__', 'the wrong answer')}"
    problem, said = "the wrong answer was accepted.", ""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            check(wrong_answer)
    except (Exception, SystemExit) as error:
        said = str(error)
        known = {"wrong": None, "unanswered": "the wrong answer returns nothing, so there is no mistake to refuse."}
        other = f"it stopped with {type(error).__name__}: {said}, which is not a failed check."
        problem = known.get(getattr(error, "failed_check", ""), other)
    finally:
        del _record[start:]
    if problem:
        _fail(title, problem)
    _pass(title)
    print(f"       {said}")


def scorecard(**points):
    """Show which exercises passed in this kernel, with points and a bar.

    Parameters
    ----------
    **points : int
        The points of each exercise by its slug, in the order of the notebook; at least one.
    """
    latest = {slug: passed for _, passed, slug in _record if slug}
    rows, earned = [], 0
    for slug, worth in points.items():
        state = {True: "passed", False: "not yet", None: "not run"}[latest.get(slug)]
        score = worth if state == "passed" else 0
        earned += score
        rows.append((slug.replace("_", " "), state, score, worth))
    total = sum(points.values())
    filled = int(20 * earned / total)
    summary = f"{earned} of {total} points"
    lines = [f"{name:34} {state:8} {score} / {worth}" for name, state, score, worth in rows]
    plain = "\n".join([*lines, f"[{'#' * filled}{'.' * (20 - filled)}] {summary}"])
    cells = "".join(
        f"<tr><th scope='row' style='text-align:left'>{html.escape(name)}</th><td>{'✓ ' * (state == 'passed')}{state}"
        f"</td><td>{score} / {worth}</td></tr>"
        for name, state, score, worth in rows
    )
    page = (
        "<table><caption>Scorecard</caption><thead><tr><th scope='col'>Exercise</th><th scope='col'>State</th>"
        f"<th scope='col'>Points</th></tr></thead><tbody>{cells}</tbody></table>"
        f"<p><progress value='{earned}' max='{total}' aria-label='{summary}'></progress> {summary}</p>"
    )
    display({"text/plain": plain, "text/html": page}, raw=True)
