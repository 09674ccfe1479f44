// The whole script: pages are complete without it. No library, no build step.
"use strict";
const root = document.documentElement;
const stored = (() => { try { return localStorage.getItem("theme"); } catch { return null; } })();
if (stored) root.dataset.theme = stored;

addEventListener("DOMContentLoaded", () => {
  const all = (selector, within = document) => within.querySelectorAll(selector);
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  for (const button of all("[data-do=theme]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* a private window */ }
    });
  }

  // The chosen span of a trace is told beside the waterfall.
  const choose = (span) => {
    for (const other of all("a.sp")) other.toggleAttribute("aria-current", other === span);
    for (const box of all("[data-span]")) box.hidden = `#${box.id}` !== span.hash;
  };
  for (const span of all("a.sp")) {
    span.addEventListener("click", (event) => { event.preventDefault(); choose(span); });
  }
  const first = (document.querySelector(".sp .c-bad.i") ?? document.querySelector(".sp"))?.closest(".sp");
  if (first) choose(first);

  for (const button of all("[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", () => navigator.clipboard.writeText(button.dataset.copy));
  }

  // A title of the graph that a wide font makes longer than its room is squeezed.
  const loosen = () => { for (const text of all("[textLength]")) text.removeAttribute("textLength"); };
  const squeeze = () => {
    loosen();
    for (const text of all(".map .t")) {
      const room = text.parentNode.width.baseVal.value;
      if (text.getComputedTextLength() > room) text.setAttribute("textLength", room);
    }
  };
  squeeze();
  addEventListener("resize", squeeze);

  // A destructive form asks once more.
  for (const form of all("form[data-ask]")) {
    form.addEventListener("submit", (event) => { if (!confirm(form.dataset.ask)) event.preventDefault(); });
  }

  // A field filters the rows of its page while one types; without a script its form does.
  const sift = () => {
    const field = document.querySelector("input[data-filter]");
    const words = field ? field.value.toLowerCase().split(/\s+/) : [];
    for (const row of all("[data-find]")) row.hidden = !words.every((word) => row.dataset.find.includes(word));
  };
  for (const field of all("input[data-filter]")) field.addEventListener("input", sift);

  // Keys: / to filter, g and a letter to go. Never while somebody types.
  let leader = -1e9;
  addEventListener("keydown", (event) => {
    if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      const field = document.querySelector("input[data-filter]");
      if (field) { event.preventDefault(); field.focus(); }
    } else if (event.key === "g") {
      leader = event.timeStamp;
    } else if (event.timeStamp - leader < 900) {
      leader = -1e9;
      document.querySelector(`a[data-key="${CSS.escape(event.key)}"]`)?.click();
    }
  });

  // Live: one stream a tab, and none while the tab is hidden, since a browser allows six a host.
  const url = document.body.dataset.stream;
  if (!url || !window.EventSource) return;
  let last = "", stream = null, generation = null, drawing = false, drawn = Date.now();
  const pulse = document.querySelector(".pulse");
  const say = (id, text) => {
    for (const place of all(`[data-live="${CSS.escape(id)}"]`)) if (place.textContent !== text) place.textContent = text;
  };
  // Pictures come from the page itself, asked again: only those that changed are replaced.
  const draw = async () => {
    if (drawing || Date.now() - drawn < 5000 || !document.querySelector("[data-part]")) return;
    drawing = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      loosen();
      for (const part of all("[data-part]")) {
        const fresh = page.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"].${CSS.escape(part.classList[0])}`);
        if (fresh && fresh.outerHTML !== part.outerHTML && !part.contains(document.activeElement)) part.replaceWith(document.adoptNode(fresh));
      }
      squeeze();
    } catch { /* the next one may come through */ } finally { drawing = false; drawn = Date.now(); }
  };
  const listen = () => {
    stream = new EventSource(last ? url.replace(/\blog=\d+/, `log=${last}`) : url);
    stream.addEventListener("open", () => { pulse.dataset.state = "live"; say("stream", "live"); });
    stream.addEventListener("error", () => { pulse.dataset.state = "lost"; say("stream", "no answer"); });
    stream.addEventListener("live", (event) => {
      for (const [id, text] of Object.entries(JSON.parse(event.data))) say(id, text);
      draw();
    });
    // The server has escaped what it tells.
    stream.addEventListener("log", (event) => {
      last = event.lastEventId;
      const list = document.querySelector("[data-log]");
      list.insertAdjacentHTML("afterbegin", JSON.parse(event.data));
      while (list.children.length > 200) list.lastElementChild.remove();
      sift();
    });
    stream.addEventListener("reload", (event) => {
      const now = JSON.parse(event.data).generation;
      if (generation !== null && now !== generation) location.reload();
      generation = now;
    });
  };
  const look = () => { if (document.hidden) { stream?.close(); stream = null; } else if (!stream) listen(); };
  document.addEventListener("visibilitychange", look);
  look();
});
