// Filters, sorts and walks through the items of the page. Nothing here is needed for reading them.
(() => {
  "use strict";
  const list = document.getElementById("list");
  const order = [...list.children];
  const items = order.filter((node) => node.classList.contains("case"));
  const headings = order.filter((node) => !node.classList.contains("case"));
  const bars = [...document.querySelectorAll(".find")];
  const chosen = { text: "", group: "", why: "", apart: "", flag: "", sort: "" };
  let texts = null;
  let sorted = "";

  const folded = (text) => text.normalize("NFKC").toLowerCase();
  const read = (item) =>
    folded([...item.querySelectorAll(".first,.id,.quoted,.why")].map((node) => node.textContent).join("\n"));
  const has = (item, name) => (item.dataset[name] ?? "").split(" ").includes(chosen[name]);
  const number = (item, name, missing) => Number(item.dataset[name] ?? missing);
  const named = (item) => item.querySelector(".id").textContent;

  const orders = {
    "": null,
    low: (one, other) => number(one, "good", 2) - number(other, "good", 2),
    high: (one, other) => number(other, "good", -1) - number(one, "good", -1),
    change: (one, other) => number(other, "change", 0) - number(one, "change", 0),
    id: (one, other) => (named(one) < named(other) ? -1 : 1),
  };

  const sort = () => {
    if (sorted === chosen.sort) return;
    sorted = chosen.sort;
    list.replaceChildren(...(sorted ? [...items].sort(orders[sorted]) : order));
  };

  const apply = () => {
    const words = folded(chosen.text).split(/\s+/).filter(Boolean);
    if (words.length) texts ??= new Map(items.map((item) => [item, read(item)]));
    const filters = ["group", "why", "apart", "flag"].filter((name) => chosen[name]);
    const counts = new Map();
    let shown = 0;
    for (const item of items) {
      const found =
        filters.every((name) => has(item, name)) && words.every((word) => texts.get(item).includes(word));
      if (item.hidden === found) item.hidden = !found;
      if (!found) continue;
      shown += 1;
      counts.set(item.dataset.why, true);
    }
    for (const heading of headings) heading.hidden = !counts.has(heading.id.slice("items-".length));
    list.classList.toggle("filtered", shown < items.length);
    sort();
    for (const bar of bars) {
      const output = bar.querySelector("output");
      output.textContent = output.dataset.text.replace("{shown}", shown).replace("{total}", items.length);
    }
  };

  // Both languages have controls of their own; they always show the same choice.
  const choose = (name, value) => {
    chosen[name] = value;
    for (const control of document.querySelectorAll(`[data-find=${name}]`)) {
      if (control.value !== value) control.value = value;
    }
    apply();
  };

  const step = (by) => {
    const visible = [...list.children].filter((node) => node.classList.contains("case") && !node.hidden);
    const at = visible.findIndex((item) => item.contains(document.activeElement));
    const next = visible[at < 0 ? (by > 0 ? 0 : visible.length - 1) : at + by];
    if (!next) return;
    if (at >= 0) visible[at].open = false;
    next.open = true;
    next.firstElementChild.focus();
    next.scrollIntoView({ block: "start" });
  };

  const jump = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target?.classList.contains("case")) target.open = true;
  };

  for (const control of document.querySelectorAll("[data-find]")) {
    control.addEventListener("input", () => choose(control.dataset.find, control.value));
  }
  for (const bar of bars) {
    bar.querySelector("button").addEventListener("click", () => {
      for (const name of Object.keys(chosen)) choose(name, "");
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT/.test(event.target.tagName)) return;
    if (event.key === "j") step(1);
    if (event.key === "k") step(-1);
  });
  window.addEventListener("hashchange", jump);
  document.getElementById("find").hidden = false;
  apply();
  jump();
})();
