// Mounts an explorable on a page that has no kernel: the state comes from the page, the module is the same.
const shim = (values) => {
  const heard = new Map();
  const fire = (name) => (heard.get(name) ?? []).forEach((callback) => callback());
  return {
    get: (name) => values[name],
    set: (name, value) => {
      if (JSON.stringify(values[name]) === JSON.stringify(value)) return;
      values[name] = value;
      fire(`change:${name}`);
    },
    save_changes: () => {},
    on: (name, callback) => heard.set(name, [...(heard.get(name) ?? []), callback]),
    off: (name, callback) => heard.set(name, (heard.get(name) ?? []).filter((c) => c !== callback)),
  };
};
const mountAll = (name, explorable) => {
  for (const el of document.querySelectorAll(`[data-explorable="${name}"]`)) {
    const model = shim(JSON.parse(el.querySelector("script[type='application/json']").textContent));
    const stage = h("div", { class: "gt-explorable", role: "group", "aria-label": el.getAttribute("aria-label") });
    explorable.render({ model, el: stage });
    el.replaceWith(stage);
  }
};
