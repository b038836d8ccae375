// The entrance of a live figure, an anywidget module: downhill/figures.py puts canvas.js, which draws, in front of it.
// The kernel computes the scene of each position of the sliders.

function render({ model, el }) {
  el.classList.add("dh");
  const show = build(el.appendChild(element("div", { class: "dh-stage" })), model.get("spec"), (position) => {
    model.set("position", position);
    model.save_changes();
  });
  const update = () => show(model.get("scene"));
  model.on("change:scene", update);
  update();
  return () => model.off("change:scene", update);
}

export default { render };
