// The pure functions of the site's pages, by Node's own test runner: `node --test tests/web/progress.test.js`.
const { describe, test } = require("node:test");
const assert = require("node:assert/strict");
const progress = require("../../site/static/progress.js");

const LESSON = "notebooks/a", EXERCISE = "exercises/a";
const CHECKS = [{ id: "check_one", points: 2 }, { id: "check_two", points: 3 }];
const ITEM = { lesson: LESSON, exercise: EXERCISE, quizzes: 1, points: 5 };
const full = () => ({ ...progress.empty(), read: { [LESSON]: "2024-02-29" }, notes: { [EXERCISE]: "η < 2/λ" },
  quizzes: { [LESSON]: { q: { choice: 1, right: true } } }, points: { [EXERCISE]: { check_one: 2, check_two: 3 } } });

const cell = (id, text, ...more) => ({ id, outputs: [{ output_type: "stream", text }, ...more] });
const notebook = (...cells) => JSON.stringify({ cells: [{ id: "words" }, { id: "not_run", outputs: [] }, ...cells] });

describe("the state", () => {
  test("what is exported can be imported", () => {
    for (const state of [progress.empty(), full()]) assert.deepEqual(progress.parse(JSON.stringify(state)), state);
  });

  test("nothing else can", () => {
    const broken = [{ read: { a: 1 } }, { read: [] }, { notes: { a: null } }, { notes: undefined }, { quizzes: { a: { b: 3 } } },
      { quizzes: { a: { b: { choice: 0.5, right: true } } } }, { quizzes: { a: { b: { choice: 1, right: "yes" } } } },
      { points: { a: 2 } }, { points: { a: { b: "2" } } }, { format: "another" }];
    const texts = ["", "no JSON", "null", "[]", "3", "{}", ...broken.map((part) => JSON.stringify({ ...full(), ...part }))];
    for (const text of texts) assert.equal(progress.parse(text), null, text);
  });

  test("a state is empty until something is in it", () => {
    assert.ok(progress.isEmpty(progress.empty()));
    for (const kind of ["read", "quizzes", "points", "notes"]) {
      assert.ok(!progress.isEmpty({ ...progress.empty(), [kind]: full()[kind] }), kind);
    }
  });

  test("an empty text or no points leave no trace", () => {
    const notes = { a: "x", b: "y" };
    progress.set(notes, "a", "");
    progress.set(notes, "c", "z");
    assert.deepEqual(notes, { b: "y", c: "z" });
  });
});

describe("the checks of a notebook", () => {
  test("those count that printed PASS, no FAIL, and raised nothing", () => {
    const error = { output_type: "error", ename: "AssertionError" };
    const text = notebook(cell("passed", "PASS - one\n"), cell("lines", ["PASS - one\n", "PASS - two\n"]),
      cell("failed", "PASS - one\nFAIL - two: no\n"), cell("raised", "PASS - one\n", error), cell("other", "3.14\n"),
      cell("picture", "PASS - one\n", { output_type: "display_data", data: { "image/png": "" } }));
    assert.deepEqual(progress.passedChecks(text), ["passed", "lines", "picture"]);
  });

  test("a notebook without outputs has none, and another file is no notebook", () => {
    assert.deepEqual(progress.passedChecks(notebook()), []);
    for (const text of ["", "\u0089PNG", "null", "[]", "{}", '{"cells": 3}', '{"cells": [null]}']) {
      assert.equal(progress.passedChecks(text), null, text);
    }
  });

  test("marks change what they name and nothing else", () => {
    assert.deepEqual(progress.marked(undefined, CHECKS, { check_one: true, unknown: true }), { check_one: 2 });
    const before = { check_one: 2, of_an_older_version: 1 };
    assert.deepEqual(progress.marked(before, CHECKS, { check_one: false, check_two: true }),
      { check_two: 3, of_an_older_version: 1 });
    assert.deepEqual(before, { check_one: 2, of_an_older_version: 1 });
  });
});

describe("the map", () => {
  test("a lesson of which nothing is done", () => {
    const done = progress.doneIn(progress.empty(), ITEM);
    assert.deepEqual(done, { lessons: [0, 1], quizzes: [0, 1], points: [0, 5], noted: false });
    assert.equal(progress.words(done), "");
  });

  test("a lesson of which all is done", () => {
    const done = progress.doneIn(full(), ITEM);
    assert.deepEqual(done, { lessons: [1, 1], quizzes: [1, 1], points: [5, 5], noted: true });
    assert.equal(progress.words(done), "Read. 1 quiz question right. 5 points earned. Notes.");
  });

  test("only right answers count, and no more than the lesson has today", () => {
    const state = full();
    state.quizzes[LESSON] = { q: { choice: 0, right: false }, old: { choice: 1, right: true }, older: { choice: 1, right: true } };
    state.points[EXERCISE].of_an_older_version = 4;
    const done = progress.doneIn(state, { ...ITEM, quizzes: 1 });
    assert.deepEqual([done.quizzes, done.points], [[1, 1], [5, 5]]);
    assert.deepEqual(progress.doneIn(state, { ...ITEM, quizzes: 3 }).quizzes, [2, 3]);
  });

  test("totals are sums over the lessons", () => {
    const other = progress.doneIn(full(), { lesson: "notebooks/b", exercise: "exercises/b", quizzes: 2, points: 10 });
    assert.deepEqual(progress.totals([progress.doneIn(full(), ITEM), other]),
      { lessons: [1, 2], quizzes: [1, 3], points: [5, 15] });
    assert.deepEqual(progress.totals([]), { lessons: [0, 0], quizzes: [0, 0], points: [0, 0] });
  });

  test("completion is the mean share, rounded down, of what there is", () => {
    const percent = (lessons, quizzes, points) => progress.completion({ lessons, quizzes, points });
    assert.equal(percent([1, 16], [0, 15], [0, 300]), 2);
    assert.equal(percent([16, 16], [15, 15], [300, 300]), 100);
    assert.equal(percent([16, 16], [15, 15], [299, 300]), 99);
    assert.equal(percent([1, 2], [0, 0], [0, 0]), 50);
    assert.equal(percent([0, 0], [0, 0], [0, 0]), 0);
  });

  test("one point, two points", () => {
    assert.deepEqual([0, 1, 2].map((n) => progress.count(n, "point")), ["0 points", "1 point", "2 points"]);
  });
});
