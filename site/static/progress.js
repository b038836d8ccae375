// What a learner has done, as plain data: read from a file, counted, put into words. Nothing here knows the page or the
// browser: learner.js does. A page opened as a file may not import a module, so this is a script that names one object;
// Node takes the same object as a module, and tests/web/progress.test.js tests it.
const downhillProgress = (() => {
  const KEY = "downhill-learner"; // the name in the browser's storage, and the format of a file
  const KINDS = ["read", "quizzes", "points", "notes"];

  const isRecord = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const set = (record, name, value) => (value ? (record[name] = value) : delete record[name]);
  const sum = (numbers) => Object.values(numbers).reduce((total, each) => total + each, 0);
  const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

  // -- the state ---------------------------------------------------------------------------------------------------

  // By page: read, the day; quizzes, the choice at each and whether it is right; points of each check; notes, a text.
  const empty = () => ({ format: KEY, read: {}, quizzes: {}, points: {}, notes: {} });
  const isEmpty = (state) => KINDS.every((kind) => !Object.keys(state[kind]).length);

  // Returns the text as a state, or null if it is none: a file may come from anywhere.
  function parse(text) {
    try {
      const state = JSON.parse(text);
      const good = {
        read: (value) => typeof value === "string",
        notes: (value) => typeof value === "string",
        quizzes: (value) => isRecord(value) && Object.values(value).every(
          (answer) => isRecord(answer) && Number.isInteger(answer.choice) && typeof answer.right === "boolean"),
        points: (value) => isRecord(value) && Object.values(value).every(Number.isFinite),
      };
      const valid = isRecord(state) && state.format === KEY &&
        KINDS.every((kind) => isRecord(state[kind]) && Object.values(state[kind]).every(good[kind]));
      return valid ? state : null;
    } catch {
      return null;
    }
  }

  // -- points of an exercise ---------------------------------------------------------------------------------------

  // Returns the ids of the checks that have passed in a notebook, or null if it is no notebook.
  function passedChecks(text) {
    try {
      const printed = (cell) => cell.outputs.map((output) => [output.text ?? ""].flat().join("")).join("");
      return JSON.parse(text).cells
        .filter((cell) => cell.outputs?.length && !cell.outputs.some((output) => output.output_type === "error"))
        .filter((cell) => printed(cell).includes("PASS - ") && !printed(cell).includes("FAIL - "))
        .map((cell) => cell.id);
    } catch {
      return null;
    }
  }

  // Returns the points of each check after some of them have passed or not, by id; what is not named stays.
  function marked(points, checks, passed) {
    const mine = { ...points };
    for (const check of checks) if (check.id in passed) set(mine, check.id, passed[check.id] && check.points);
    return mine;
  }

  // -- the map -----------------------------------------------------------------------------------------------------

  // Returns what has been done in a lesson and its exercise, each as [got, all], never more than there is.
  function doneIn(state, { lesson, exercise, quizzes, points }) {
    const right = Object.values(state.quizzes[lesson] ?? {}).filter((answer) => answer.right).length;
    return {
      lessons: [lesson in state.read ? 1 : 0, 1],
      quizzes: [Math.min(quizzes, right), quizzes],
      points: [Math.min(points, sum(state.points[exercise] ?? {})), points],
      noted: lesson in state.notes || exercise in state.notes,
    };
  }

  function words({ lessons: [read], quizzes: [right], points: [earned], noted }) {
    return [read && "Read.", right && `${count(right, "quiz question")} right.`,
      earned && `${count(earned, "point")} earned.`, noted && "Notes."].filter(Boolean).join(" ");
  }

  // Returns the sums over lessons, each as [got, all].
  function totals(done) {
    const total = (kind) => [0, 1].map((i) => sum(done.map((each) => each[kind][i])));
    return { lessons: total("lessons"), quizzes: total("quizzes"), points: total("points") };
  }

  // Returns the mean share in whole percent, 100 only for all. Of what the course does not have there is no share.
  function completion(reached) {
    const shares = Object.values(reached).filter(([, all]) => all).map(([got, all]) => got / all);
    return shares.length ? Math.floor((100 * sum(shares)) / shares.length) : 0;
  }

  return { KEY, completion, count, doneIn, empty, isEmpty, marked, parse, passedChecks, set, sum, totals, words };
})();

if (typeof module === "object") module.exports = downhillProgress;
