// Private notes and progress on the pages. Everything stays in this browser, in localStorage under one key; nothing is
// sent. progress.js, loaded before, says what the data mean.
(() => {
  const { KEY, completion, count, doneIn, empty, isEmpty, marked, passedChecks, parse, set, sum, totals, words } =
    downhillProgress;
  const page = document.querySelector('meta[name="downhill-page"]')?.content ?? "";

  // -- the store ---------------------------------------------------------------------------------------------------

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
        const mine = marked(state.points[page], checks, passed);
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

  // Says at each lesson of the map what has been done; returns the totals.
  function showState(state) {
    const items = [...document.querySelectorAll("ol.dh-map > li")];
    const done = items.map(({ dataset }) => doneIn(state, { lesson: dataset.page, exercise: dataset.exercise,
      quizzes: Number(dataset.quizzes), points: Number(dataset.points) }));
    items.forEach((item, i) => (item.querySelector(".dh-state").textContent = words(done[i])));
    return totals(done);
  }

  function addProgress(place) {
    const bars = element("div", { class: "dh-bars" });
    const rate = element("p");
    const show = (state) => {
      const reached = showState(state);
      const labels = { lessons: "Lessons read", quizzes: "Quiz questions answered rightly", points: "Exercise points" };
      bars.replaceChildren(...Object.entries(reached).filter(([, [, all]]) => all).flatMap(([kind, [got, all]]) => [
        element("label", { for: `dh-${kind}` }, labels[kind]),
        element("progress", { id: `dh-${kind}`, value: got, max: all }), element("span", {}, `${got} of ${all}`)]));
      rate.textContent = `Completion: ${completion(reached)} %, the mean of these shares.`;
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
