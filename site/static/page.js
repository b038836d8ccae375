// Small repairs to what the theme and the notebooks put on a page.

// The arrows that unfold a lesson in the sidebar have no name: say what they unfold.
for (const summary of document.querySelectorAll(".bd-sidebar-primary summary")) {
  const [lesson, ...below] = [...summary.closest("li").querySelectorAll("a")].map((link) => link.textContent.trim());
  summary.setAttribute("aria-label", `${below.join(" and ")} of ${lesson}`);
}

// What is wider than the page scrolls in its own box, and a box that scrolls must be reachable by keyboard.
function reachable(box) {
  if (box.scrollWidth > box.clientWidth && !box.querySelector("a, button, input")) box.tabIndex = 0;
}
const WIDE = "pre, mjx-container, .pst-scrollable-table-container, .cell_output .text_html";
const look = () => document.querySelectorAll(`.bd-article :is(${WIDE})`).forEach(reachable);
window.addEventListener("load", () => {
  look();
  window.MathJax?.startup?.promise?.then(look);
});
window.addEventListener("resize", look);
document.addEventListener("toggle", look, true); // a solution that was folded has no width
