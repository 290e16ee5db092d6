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

  // What an item is sorted by; the smallest comes first.
  const keys = {
    low: (item) => number(item, "good", 2),
    high: (item) => -number(item, "good", -1),
    change: (item) => -number(item, "change", 0),
    id: (item) => item.querySelector(".id").textContent,
  };
  const inOrder = (key) => {
    const keyed = items.map((item) => [key(item), item]);
    keyed.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
    return keyed.map(([, item]) => item);
  };

  // The first screens move at once and the rest in turns of their own, so that a click is answered
  // at once however many items there are. Moving each to the end leaves them in order.
  const AT_ONCE = 50, A_TURN = 200;
  let turn = 0;
  const moveOn = (wanted, from) => {
    if (wanted.turn !== turn) return;
    list.append(...wanted.nodes.slice(from, from + A_TURN));
    if (from + A_TURN < wanted.nodes.length) setTimeout(moveOn, 20, wanted, from + A_TURN);
  };
  const sort = () => {
    if (sorted === chosen.sort) return;
    sorted = chosen.sort;
    turn += 1;
    list.classList.toggle("sorted", sorted !== "");
    const nodes = sorted ? inOrder(keys[sorted]) : order;
    list.prepend(...nodes.slice(0, AT_ONCE));
    if (nodes.length > AT_ONCE) setTimeout(moveOn, 20, { turn, nodes }, AT_ONCE);
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
