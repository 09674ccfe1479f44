// The whole script: the page is complete without it. No library, no build step.
"use strict";
const root = document.documentElement;
root.classList.add("scripted");
const stored = (() => { try { return localStorage.getItem("theme"); } catch { return null; } })();
if (stored) root.dataset.theme = stored;

addEventListener("DOMContentLoaded", () => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  // It may scroll, so it can have the focus.
  const code = (label, text) => {
    const element = make("pre", "code", text);
    element.tabIndex = 0;
    element.ariaLabel = label;
    return element;
  };

  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  for (const button of all("[data-do=theme]")) {
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* a private window */ }
    });
  }

  // Find: each word must be somewhere in the method, path, name or summary. `/` goes there.
  const find = document.querySelector("[data-do=find]");
  const look = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const each of all("[data-find]")) each.hidden = !words.every((word) => each.dataset.find.includes(word));
    for (const group of all(".group")) {
      const panels = all("[data-find]", group);
      group.hidden = panels.length > 0 && panels.every((panel) => panel.hidden);
    }
    for (const list of all(".list ul, .menu ul")) list.previousElementSibling.hidden = all("li", list).every((item) => item.hidden);
    document.querySelector(".none").hidden = !words.length || all("article[data-find]").some((panel) => !panel.hidden);
  };
  find.addEventListener("input", look);
  addEventListener("keydown", (event) => {
    if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && find.offsetParent) { event.preventDefault(); find.focus(); }
  });

  // A request as its form says. The token is kept nowhere but in its field.
  const token = document.querySelector("[data-do=token]");
  const read = (form) => {
    const headers = [], query = new URLSearchParams(), fields = new URLSearchParams();
    let path = form.dataset.path, body;
    if (token.value) headers.push(["Authorization", `Bearer ${token.value}`]);
    for (const field of all("[data-in]", form)) {
      const { in: place, name } = field.dataset, many = "many" in field.dataset;
      const values = many ? field.value.split("\n").filter(Boolean) : [field.value];
      if (place === "path") path = path.replace(`{${name}}`, () => field.value.split("/").map(encodeURIComponent).join(field.dataset.rest ? "/" : "%2F"));
      else if (place === "body") { if (field.value.trim()) { body = field.value; headers.push(["Content-Type", field.dataset.type]); } }
      else if (place === "raw-query") for (const [key, value] of new URLSearchParams(field.value)) query.append(key, value);
      else if (place === "raw-headers") {
        for (const line of field.value.split("\n").filter((line) => line.includes(":"))) {
          const at = line.indexOf(":");
          headers.push([line.slice(0, at).trim(), line.slice(at + 1).trim()]);
        }
      } else for (const value of values) {
        if (value === "" && !field.required) continue;
        if (place === "query") query.append(name, value);
        else if (place === "form") fields.append(name, value);
        else headers.push([name, value]);
      }
    }
    if (all("[data-in=form]", form).length) body = fields;
    const text = query.toString();
    const url = new URL(document.body.dataset.root + path.slice(1) + (text ? `?${text}` : ""), location.href);
    return { url, method: form.dataset.method, headers, body };
  };

  // Indented without reading it: a number of twenty digits stays as it was sent.
  const empty = /\s*[}\]]/y;
  const indent = (text) => {
    let out = "", depth = 0, inside = false;
    for (let i = 0; i < text.length; i++) {
      const char = text[i], line = () => "\n" + "  ".repeat(depth);
      if (inside) { out += char; if (char === "\\") out += text[++i] ?? ""; else if (char === '"') inside = false; continue; }
      if (/\s/.test(char)) continue;
      if (char === '"') { inside = true; out += char; }
      else if (char === "{" || char === "[") {
        empty.lastIndex = i + 1;
        const close = empty.exec(text);
        if (close) { out += char + close[0].trim(); i += close[0].length; } else { depth++; out += char + line(); }
      } else if (char === "}" || char === "]") { depth--; out += line() + char; }
      else if (char === ",") out += char + line();
      else out += char === ":" ? ": " : char;
    }
    return out;
  };

  const most = 200000;
  const show = async (place, response, began) => {
    const type = response.headers.get("content-type") ?? "", data = await response.arrayBuffer();
    const took = performance.now() - began, first = Math.floor(response.status / 100);
    const status = make("span", `chip ${{ 2: "ok", 3: "accent", 4: "warn", 5: "bad" }[first] ?? ""}`, `${response.status} ${response.statusText}`.trim());
    const line = make("div", "line");
    line.append(status, `${took.toFixed(took < 10 ? 1 : 0)} ms`, `· ${data.byteLength.toLocaleString("en")} bytes`);
    const headers = make("details"), summary = make("summary");
    summary.append(document.querySelector(".extra svg").cloneNode(true), "Headers");
    headers.append(summary, code("Headers", [...response.headers].map((pair) => pair.join(": ")).join("\n")));
    place.replaceChildren(line, headers);
    if (!data.byteLength) return;
    if (!/^text\/|json|xml|javascript|urlencoded/.test(type)) { place.append(make("p", "sub", `A body of type ${type || "unknown"}.`)); return; }
    let text = new TextDecoder().decode(data.slice(0, most));
    if (/json/.test(type) && data.byteLength <= most) try { JSON.parse(text); text = indent(text); } catch { /* shown as it is */ }
    if (data.byteLength > most) text += "\n…";
    place.append(code("Body", text));
  };

  for (const form of all("form.try")) {
    const place = form.querySelector("output"), button = form.querySelector("[type=submit]");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      const began = performance.now();
      try {
        const { url, ...request } = read(form);
        await show(place, await fetch(url, request), began);
      } catch (error) {
        place.replaceChildren(make("span", "chip bad", "not sent"), make("p", "sub", error.message));
      } finally {
        place.hidden = false;
        button.disabled = false;
      }
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    form.querySelector("[data-do=curl]").addEventListener("click", async (event) => {
      const { url, method, headers, body } = read(form);
      const quote = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;
      const parts = ["curl", "-X", method, quote(url), ...headers.flatMap((pair) => ["-H", quote(pair.join(": "))])];
      if (body !== undefined) parts.push("--data-raw", quote(body));
      const text = parts.join(" ");
      try { await navigator.clipboard.writeText(text); event.target.closest("button").lastChild.data = "copied"; }
      catch { place.hidden = false; place.replaceChildren(code("Command", text)); }
    });
  }
});
