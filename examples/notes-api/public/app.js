const $ = (id) => document.getElementById(id);
const note = $("note");
let token = sessionStorage.getItem("token");
let current = null; // the note on the page, {} for a new one
let written = false; // and not saved

async function api(method, path, body, headers = {}) {
  if (token) headers["Authorization"] = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(`/api${path}`, { method, headers, body: body && JSON.stringify(body) });
  const answer = response.headers.get("Content-Type")?.includes("json") ? await response.json() : null;
  if (response.ok) return answer;
  if (response.status === 401 && token) leave();
  const why = answer?.errors?.map((error) => `${error.pointer?.slice(2) ?? error.name}: ${error.detail}`);
  throw new Error(why?.join("; ") ?? answer?.detail ?? response.statusText);
}

let timer;
function say(text) {
  $("message").textContent = text;
  clearTimeout(timer);
  timer = setTimeout(() => { $("message").textContent = ""; }, 4000);
}

// Handlers of events: what goes wrong is said
const tell = (action) => async (event) => {
  try { await action(event); } catch (error) { say(error.message); }
};

const when = (text) => new Date(text).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
const local = (text) => {
  if (!text) return "";
  const time = new Date(text);
  return new Date(time - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};

function enter() {
  $("door").hidden = Boolean(token);
  $("desk").hidden = !token;
  if (!token) return $("login").elements.name.focus();
  $("who").textContent = `${sessionStorage.getItem("name")} · `;
  list();
}

function leave() {
  sessionStorage.clear();
  token = null;
  show(null);
  $("list").replaceChildren();
  enter();
}

const list = tell(async () => {
  const text = $("search").value;
  const notes = await api("GET", `/notes?text=${encodeURIComponent(text)}`);
  if (text !== $("search").value) return; // a later search has been asked for
  $("list").replaceChildren(...notes.map(row));
  $("empty").hidden = notes.length > 0;
  $("empty").textContent = text ? "No note contains this." : "No notes yet.";
});

function row(each) {
  const item = $("row").content.cloneNode(true);
  const button = item.querySelector("button");
  const reminder = each.reminded_at ? "reminded" : each.remind_at ? `reminds ${when(each.remind_at)}` : "";
  item.querySelector("strong").textContent = each.title;
  item.querySelector("span").textContent = each.text.split("\n")[0];
  item.querySelector("small").textContent = [when(each.updated_at), reminder].filter(Boolean).join(" · ");
  button.setAttribute("aria-current", each.id === current?.id);
  button.addEventListener("click", tell(async () => {
    if (!mayLeave()) return;
    show(await api("GET", `/notes/${each.id}`));
    list();
  }));
  return item;
}

const mayLeave = () => !written || confirm("Leave without saving?");

function close() {
  if (!mayLeave()) return;
  show(null);
  list();
}

function show(each) {
  current = each;
  written = false;
  note.hidden = !each;
  $("blank").hidden = Boolean(each);
  $("desk").classList.toggle("open", Boolean(each));
  if (!each) return $("new").focus();
  note.elements.title.value = each.title ?? "";
  note.elements.text.value = each.text ?? "";
  note.elements.remind_at.value = local(each.remind_at);
  $("saved").textContent = each.id ? `Saved ${when(each.updated_at)}` : "";
  $("delete").hidden = !each.id;
  note.elements[each.id ? "text" : "title"].focus();
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  const { name, password } = Object.fromEntries(new FormData(event.target));
  tell(async () => {
    if (event.submitter?.value === "sign-up") await api("POST", "/users", { name, password });
    ({ token } = await api("POST", "/login", { name, password }));
    sessionStorage.setItem("token", token);
    sessionStorage.setItem("name", name);
    event.target.reset();
    enter();
  })();
});

note.addEventListener("submit", (event) => {
  event.preventDefault();
  tell(async () => {
    const { title, text, remind_at } = Object.fromEntries(new FormData(note));
    const body = { title, text, remind_at: remind_at ? new Date(remind_at).toISOString() : null };
    show(current.id
      ? await api("PUT", `/notes/${current.id}`, body, { "If-Match": `"${current.version}"` })
      : await api("POST", "/notes", body));
    list();
  })();
});

$("delete").addEventListener("click", () => $("sure").showModal());
$("sure").addEventListener("close", tell(async () => {
  if ($("sure").returnValue !== "yes") return;
  await api("DELETE", `/notes/${current.id}`);
  show(null);
  say("Deleted.");
  list();
}));

$("new").addEventListener("click", () => { if (mayLeave()) { show({}); list(); } });
$("close").addEventListener("click", close);
$("leave").addEventListener("click", () => { if (mayLeave()) leave(); });
note.addEventListener("input", () => { written = true; });
$("search").addEventListener("input", list);

document.addEventListener("keydown", (event) => {
  if (!token || $("sure").open) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "s" && current) {
    event.preventDefault();
    note.requestSubmit();
  } else if (event.key === "Escape") {
    close();
  } else if (!event.target.matches("input, textarea") && !event.ctrlKey && !event.metaKey) {
    const act = { n: () => $("new").click(), "/": () => $("search").focus() }[event.key];
    if (act) { event.preventDefault(); act(); }
  }
});

enter();
