// Shows the page in the language of the reader's browser, unless the page names one itself.
(() => {
  "use strict";
  const root = document.documentElement;
  const zh = document.getElementById("zh");
  const en = document.getElementById("en");
  const show = () => {
    root.lang = zh.checked ? "zh" : "en";
    document.title = document.getElementById(`title-${root.lang}`).textContent;
  };
  if (!root.dataset.lang) {
    const known = [...navigator.languages].map((name) => name.slice(0, 2).toLowerCase());
    const chosen = known.find((name) => name === "zh" || name === "en") ?? "en";
    (chosen === "zh" ? zh : en).checked = true;
  }
  zh.addEventListener("change", show);
  en.addEventListener("change", show);
  show();
})();
