// Private notes and progress. Everything stays in this browser, in localStorage under one key; nothing is sent.
(() => {
  const KEY = "downhill-learner";
  const page = document.querySelector('meta[name="downhill-page"]')?.content ?? "";
  const KINDS = ["read", "quizzes", "points", "notes"];

  // -- the store ---------------------------------------------------------------------------------------------------

  const isRecord = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const empty = () => ({ format: KEY, read: {}, quizzes: {}, points: {}, notes: {} });

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

  let unavailable = false;
  function load() {
    try {
      return parse(localStorage.getItem(KEY)) ?? empty();
    } catch {
      unavailable = true;
      return empty();
    }
  }

  // Reads first, so that two open pages do not overwrite each other.
  function change(edit) {
    const state = load();
    edit(state);
    try {
      localStorage.setItem(KEY, JSON.stringify(state));
    } catch {
      unavailable = true;
    }
    return state;
  }

  const set = (record, name, value) => (value ? (record[name] = value) : delete record[name]);
  const sum = (numbers) => Object.values(numbers).reduce((total, each) => total + each, 0);
  const rightOnes = (answers) => Object.values(answers ?? {}).filter((answer) => answer.right).length;
  const isEmpty = (state) => KINDS.every((kind) => !Object.keys(state[kind]).length);

  // -- small parts of the page -------------------------------------------------------------------------------------

  function element(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  function button(label, action) {
    const node = element("button", { type: "button" }, label);
    node.addEventListener("click", action);
    return node;
  }

  function checkbox(label, checked, changed) {
    const input = element("input", { type: "checkbox" });
    input.checked = checked;
    input.addEventListener("change", () => changed(input.checked));
    return element("label", {}, input, element("span", {}, label));
  }

  const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
  const WARNING = "This browser does not let pages store anything, so this will be lost when you leave the page.";
  const KEPT = "Kept in this browser only.";

  // -- a lesson ----------------------------------------------------------------------------------------------------

  function addNotes() {
    const buttons = document.querySelector(".article-header-buttons");
    const note = element("textarea", { id: "dh-note" });
    const status = element("p", { role: "status" });
    const panel = element("section", { class: "dh-panel", id: "dh-panel", "aria-label": "Notes", hidden: "" },
      element("label", { for: "dh-note" }, "Your notes on this page"), note, status);
    const opener = element("button", { type: "button", class: "btn btn-sm dh-notes-button", "aria-expanded": "false",
      "aria-controls": "dh-panel" }, element("i", { class: "fas fa-pen" }),
      element("span", { class: "btn__text-container" }, "Notes"));
    const toggle = (open) => {
      panel.hidden = !open;
      opener.setAttribute("aria-expanded", String(open));
      (open ? note : opener).focus();
    };
    note.value = load().notes[page] ?? "";
    status.textContent = unavailable ? WARNING : KEPT;
    note.addEventListener("input", () => {
      change((state) => set(state.notes, page, note.value));
      status.textContent = unavailable ? WARNING : "Saved in this browser.";
    });
    opener.addEventListener("click", () => toggle(panel.hidden));
    panel.addEventListener("keydown", (event) => event.key === "Escape" && toggle(false));
    panel.append(button("Close", () => toggle(false)));
    buttons.prepend(opener);
    buttons.after(panel);
  }

  function addRead() {
    const box = element("section", { class: "dh-box", "aria-label": "Progress" },
      checkbox("I have read this lesson.", page in load().read,
        (read) => change((state) => set(state.read, page, read && new Date().toISOString().slice(0, 10)))),
      element("p", {}, "The map shows how far you are. ", KEPT));
    document.querySelector(".bd-article").append(box);
  }

  // A quiz shows its verdict itself (an inline handler); this notes it down, and shows it again on the next visit.
  function followQuizzes() {
    const kept = load().quizzes[page] ?? {};
    for (const quiz of document.querySelectorAll("fieldset[data-quiz]")) {
      const inputs = [...quiz.querySelectorAll("input[type=radio]")];
      const output = quiz.querySelector("output");
      const answer = kept[inputs[0]?.name];
      if (answer && inputs[answer.choice]) {
        output.setAttribute("aria-live", "off");
        inputs[answer.choice].checked = true;
        inputs[answer.choice].dispatchEvent(new Event("change", { bubbles: true }));
        setTimeout(() => output.removeAttribute("aria-live"), 500);
      }
      quiz.addEventListener("change", (event) => change((state) => {
        const right = quiz.dataset.quiz === "right";
        (state.quizzes[page] ??= {})[event.target.name] = { choice: inputs.indexOf(event.target), right };
      }));
    }
  }

  // -- an exercise -------------------------------------------------------------------------------------------------

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

  const answered = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

  // Returns this page's notebook as JupyterLite, on the same site, has saved it in this browser; null if it has not.
  async function savedByJupyterLite() {
    for (const { name } of (await window.indexedDB?.databases?.()) ?? []) {
      if (!name.startsWith("JupyterLite Storage")) continue;
      const base = await answered(indexedDB.open(name));
      try {
        if (!base.objectStoreNames.contains("files")) continue;
        const file = await answered(base.transaction("files").objectStore("files").get(`${page}.ipynb`));
        if (file?.content) return JSON.stringify(file.content);
      } finally {
        base.close();
      }
    }
    return null;
  }

  function addPoints(place) {
    const checks = JSON.parse(place.dataset.checks);
    const total = checks.reduce((all, check) => all + check.points, 0);
    const status = element("p", { role: "status" });
    const boxes = checks.map((check) => checkbox(`${check.title}, ${count(check.points, "point")}`, false, (passed) => {
      mark({ [check.id]: passed });
    }));
    const show = () => {
      const mine = load().points[page] ?? {};
      boxes.forEach((box, i) => (box.querySelector("input").checked = checks[i].id in mine));
      status.textContent = `${sum(mine)} of ${total} points.${unavailable ? ` ${WARNING}` : ""}`;
    };
    const mark = (passed) => {
      change((state) => {
        const mine = { ...state.points[page] };
        for (const check of checks) if (check.id in passed) set(mine, check.id, passed[check.id] && check.points);
        set(state.points, page, Object.keys(mine).length && mine);
      });
      show();
    };
    const file = element("input", { type: "file", accept: ".ipynb", class: "dh-file", id: "dh-solved" });
    const countIn = (text) => {
      const passed = passedChecks(text);
      const known = checks.filter((check) => passed?.includes(check.id));
      if (passed) mark(Object.fromEntries(checks.map((check) => [check.id, known.includes(check)])));
      if (!known.length) {
        status.textContent = passed ? "No check of this page has passed in that file. Run its cells, save it, and choose it again."
          : "That file is not a notebook. Choose the .ipynb file in which you solved these exercises.";
      }
    };
    file.addEventListener("change", async () => countIn(await file.files[0].text()));
    const here = button("Count the notebook that I ran in this browser", async () => countIn(await savedByJupyterLite()));
    const look = () => savedByJupyterLite().then((found) => (here.hidden = !found), () => (here.hidden = true));
    addEventListener("focus", look);
    look();
    place.append(element("h2", {}, "Your points"),
      element("p", {}, "Choose the notebook in which you solved these exercises, and this page counts the checks that " +
        "have passed in it. The file is read here and sent nowhere. You can also tick the checks yourself."),
      element("label", { for: "dh-solved" }, "Your solved notebook"), file, here,
      element("div", { role: "group", "aria-label": "Checks that have passed" }, ...boxes), status,
      element("p", {}, KEPT));
    place.classList.add("dh-box");
    show();
  }

  // -- the map -----------------------------------------------------------------------------------------------------

  function showState(state) {
    const totals = { lessons: [0, 0], quizzes: [0, 0], points: [0, 0] };
    const add = (kind, got, all) => (totals[kind] = [totals[kind][0] + got, totals[kind][1] + all]);
    for (const item of document.querySelectorAll("ol.dh-map > li")) {
      const { page: lesson, exercise } = item.dataset;
      const quizzes = Number(item.dataset.quizzes), points = Number(item.dataset.points);
      const right = Math.min(quizzes, rightOnes(state.quizzes[lesson]));
      const earned = Math.min(points, sum(state.points[exercise] ?? {}));
      add("lessons", lesson in state.read ? 1 : 0, 1);
      add("quizzes", right, quizzes);
      add("points", earned, points);
      const words = [lesson in state.read && "Read.", right && `${count(right, "quiz question")} right.`,
        earned && `${count(earned, "point")} earned.`, (lesson in state.notes || exercise in state.notes) && "Notes."];
      item.querySelector(".dh-state").textContent = words.filter(Boolean).join(" ");
    }
    return totals;
  }

  function addProgress(place) {
    const bars = element("div", { class: "dh-bars" });
    const rate = element("p");
    const show = (state) => {
      const totals = showState(state);
      const rows = { lessons: "Lessons read", quizzes: "Quiz questions answered rightly", points: "Exercise points" };
      bars.replaceChildren(...Object.entries(rows).flatMap(([kind, label]) => {
        const [got, all] = totals[kind];
        return [element("label", { for: `dh-${kind}` }, label),
          element("progress", { id: `dh-${kind}`, value: got, max: all }), element("span", {}, `${got} of ${all}`)];
      }));
      const shares = Object.values(totals).map(([got, all]) => got / all);
      const percent = Math.floor((100 * (shares[0] + shares[1] + shares[2])) / 3);
      rate.textContent = `Completion: ${percent} %, the mean of the three.`;
    };
    place.append(bars, rate);
    place.classList.add("dh-box");
    return show;
  }

  function addStore(place, show) {
    const status = element("p", { role: "status" });
    const list = element("ul");
    const refresh = (said) => {
      const state = load();
      show(state);
      list.replaceChildren(...Object.keys(state.notes).sort().map((name) => {
        const link = document.querySelector(`ol.dh-map a[href="${CSS.escape(name)}.html"]`);
        return element("li", {}, element("a", { href: `${name}.html` }, link?.textContent ?? name));
      }));
      listTitle.hidden = !list.children.length;
      status.textContent = unavailable ? WARNING : said;
    };
    const listTitle = element("p", {}, "You have notes on:");
    const file = element("input", { type: "file", accept: ".json", class: "dh-file", id: "dh-import" });
    const exportFile = () => {
      const data = new Blob([JSON.stringify(load(), null, 2)], { type: "application/json" });
      const link = element("a", { href: URL.createObjectURL(data), download: "downhill-notes.json" });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
      status.textContent = "The file downhill-notes.json is in your downloads.";
    };
    const erase = () => {
      if (!confirm("Erase all notes and progress of this course in this browser? This cannot be undone.")) return;
      localStorage.removeItem(KEY);
      refresh("Erased.");
    };
    file.addEventListener("change", async () => {
      const state = parse(await file.files[0].text());
      file.value = "";
      if (!state) return (status.textContent = "That file holds no notes of this course. Choose a file that this page has exported.");
      if (!isEmpty(load()) && !confirm("Replace the notes and progress in this browser by those of the file?")) return;
      change((mine) => Object.assign(mine, state));
      refresh("Imported.");
    });
    place.append(
      element("div", { class: "dh-actions" }, button("Export to a file", exportFile), button("Erase everything", erase)),
      element("label", { for: "dh-import" }, "Import from a file"), file, status, listTitle, list);
    place.classList.add("dh-box");
    refresh("");
  }

  // -- what this page has ------------------------------------------------------------------------------------------

  if (/^(notebooks|exercises|solutions)\//.test(page)) addNotes();
  if (page.startsWith("notebooks/")) {
    addRead();
    followQuizzes();
  }
  document.querySelectorAll(".dh-points").forEach(addPoints);
  const progress = document.getElementById("dh-progress");
  if (progress) addStore(document.getElementById("dh-store"), addProgress(progress));
})();
