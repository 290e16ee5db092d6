"use strict";
// Saves a labelling form as it is filled in, and lets it be filled in by keyboard alone.
(() => {
  for (const shown of document.querySelectorAll("output[data-path]")) {
    shown.textContent = location.origin + shown.dataset.path;
  }
  for (const time of document.querySelectorAll("time[datetime]")) {
    const zone = { dateStyle: "medium", timeStyle: "short" };
    time.textContent = new Date(time.dateTime).toLocaleString(document.documentElement.lang, zone);
  }
  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", () => {
      for (const button of form.querySelectorAll("button")) button.disabled = true;
    });
  }
  const form = document.getElementById("task");
  if (!form) return;
  const status = document.getElementById("status");
  const seconds = form.elements.namedItem("seconds");
  const version = form.elements.namedItem("version");
  const questions = [...form.querySelectorAll("[data-criterion]")];
  let active = Math.max(0, questions.findIndex((each) => !each.querySelector(":checked")));
  let wanted = 0, kept = 0, stale = false, leaving = false, timer = 0, running = null;
  let busyUntil = Date.now() + 60000;

  const say = (name) => {
    status.textContent = form.dataset[name];
    status.className = "status " + name;
  };
  const fields = () => {
    const body = new URLSearchParams(new FormData(form));
    body.delete("action");
    return body;
  };
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  // One save at a time; the newest state wins, and "saved" is said only of what the server kept.
  const saveAll = async () => {
    while (kept < wanted && !stale) {
      const saving = wanted, body = fields(), spent = Number(seconds.value);
      say("saving");
      let reply = null;
      try {
        reply = await fetch(form.dataset.save, { method: "POST", body, redirect: "error" });
      } catch {
        reply = null;
      }
      if (reply && reply.ok) {
        version.value = (await reply.json()).version;
        seconds.value = String(Math.max(0, Number(seconds.value) - spent));
        kept = saving;
        const undo = form.querySelector("[data-action=undo]");
        undo.disabled = false;
        if (kept === wanted) say("saved");
      } else if (reply && [403, 409].includes(reply.status)) {
        stale = true;
        say("stale");
      } else {
        say("unsaved");
        await pause(1500);
      }
    }
  };
  const save = () => {
    running = (running || Promise.resolve()).then(saveAll);
    return running;
  };
  const changed = (wait) => {
    wanted += 1;
    clearTimeout(timer);
    say("saving");
    timer = setTimeout(save, wait);
  };
  const act = async (name) => {
    if (leaving) return;
    leaving = true;
    clearTimeout(timer);
    await save();
    if (stale) {
      leaving = false;
      return;
    }
    const action = form.querySelector("input[name=action]");
    action.disabled = false;
    action.value = name;
    form.submit();
  };

  const show = (scroll) => {
    questions.forEach((each, place) => {
      each.classList.toggle("active", place === active);
      const anchors = each.querySelector(".anchors");
      if (anchors) anchors.open = place === active;
    });
    if (scroll && questions[active]) questions[active].scrollIntoView({ block: "nearest" });
  };
  const move = (step) => {
    active = Math.min(questions.length - 1, Math.max(0, active + step));
    show(true);
  };
  // A conversation: one judged turn is framed, and may be marked as the first at fault.
  const turns = [...form.querySelectorAll("[data-turn].judged")];
  let at = turns.findIndex((each) => each.querySelector(".mark :checked"));
  const turnTo = (place) => {
    at = Math.min(turns.length - 1, Math.max(0, place));
    turns.forEach((each, other) => each.classList.toggle("at", other === at));
    turns[at].scrollIntoView({ block: "nearest" });
  };
  const markTurn = () => {
    const mark = turns[at]?.querySelector(".mark input");
    if (!mark) return;
    const none = form.querySelector("input[name=turn][value='']");
    (mark.checked ? none : mark).checked = true;
    mark.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const choose = (key) => {
    const level = questions[active]?.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!level) return false;
    level.checked = true;
    level.dispatchEvent(new Event("change", { bubbles: true }));
    if (active < questions.length - 1) move(1);
    return true;
  };

  form.addEventListener("change", (event) => {
    if (event.target.type === "radio") changed(0);
  });
  form.addEventListener("input", (event) => {
    if (event.target.matches("textarea")) changed(250);
  });
  form.addEventListener("focusin", (event) => {
    const place = questions.indexOf(event.target.closest("[data-criterion]"));
    if (place >= 0) active = place;
    show(false);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(event.submitter ? event.submitter.dataset.action : "submit");
  });
  document.addEventListener("keydown", (event) => {
    busyUntil = Date.now() + 60000;
    const typing = event.target.matches("textarea, input:not([type=radio]), select");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      act("submit");
    } else if (typing && event.key === "Escape") {
      event.target.blur();
    } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      onKey(event);
    }
  });
  const onKey = (event) => {
    const key = event.key.toLowerCase();
    const doing = {
      u: () => act("undo"),
      r: () => form.elements.namedItem("note").focus(),
      s: () => {
        form.querySelector(".skipping").open = true;
        form.elements.namedItem("reason").focus();
      },
      arrowdown: () => move(1),
      arrowup: () => move(-1),
    };
    if (turns.length) {
      doing.arrowright = () => turnTo(at + 1);
      doing.arrowleft = () => turnTo(at - 1);
      doing.m = markTurn;
    }
    const onButton = event.target.closest("button, summary, a");
    if (key === "enter" && !onButton) {
      event.preventDefault();
      act("submit");
    } else if (choose(key)) {
      event.preventDefault();
    } else if (doing[key]) {
      event.preventDefault();
      doing[key]();
    }
  };
  form.elements.namedItem("reason").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.ctrlKey) {
      event.preventDefault();
      act("skip");
    }
  });
  document.addEventListener("pointermove", () => { busyUntil = Date.now() + 60000; });
  setInterval(() => {
    if (!document.hidden && Date.now() < busyUntil) seconds.value = String(Number(seconds.value) + 1);
  }, 1000);
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && kept < wanted) event.preventDefault();
  });
  if (turns.length) turnTo(Math.max(0, at));
  window.scrollTo(0, 0);
  show(false);
})();
