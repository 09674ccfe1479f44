const by = (id) => document.getElementById(id);
const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

function show(parent, tag, text, kind = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = kind;
  parent.append(made);
  return made;
}

function tell(id, state) {
  by(id).textContent = state;
  by(id).dataset.state = state;
  by(id).hidden = false;
}

// Stories: the browser returns by itself, and says which one it has had last.
const stories = new EventSource("api/stories");
stories.onopen = () => tell("feed", "live");
stories.onerror = () => tell("feed", "connecting");
stories.addEventListener("story", (event) => {
  const story = JSON.parse(event.data);
  const item = document.createElement("li");
  const button = show(item, "button", "");
  show(button, "strong", story.title);
  show(button, "small", time.format(new Date(story.at)));
  button.addEventListener("click", () => enter(story, button));
  by("stories").prepend(item);
  by("empty").hidden = true;
});
// Six streams are all that a browser opens to one host: leave with the page.
addEventListener("pagehide", () => stories.close());

by("publish").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { title } = event.target.elements;
  const response = await fetch("api/stories", { method: "POST", body: JSON.stringify({ title: title.value }) });
  if (response.ok) event.target.reset();
});

// A room: a WebSocket, which returns after a while that grows, unless it was refused.
let socket = null;
let story = null;

function enter(chosen, button) {
  story = chosen;
  document.querySelectorAll("#stories button").forEach((each) => each.removeAttribute("aria-current"));
  button.setAttribute("aria-current", "true");
  by("room-title").textContent = story.title;
  by("said").replaceChildren();
  by("say").hidden = false;
  const { name, text } = by("say").elements;
  (name.value ? text : name).focus();
  if (name.value) connect();
}

function connect(wait = 500) {
  socket?.close();
  const name = encodeURIComponent(by("say").elements.name.value);
  const mine = socket = new WebSocket(`api/stories/${story.id}/room?name=${name}`);
  tell("line", "connecting");
  mine.onopen = () => { wait = 500; tell("line", "live"); };
  mine.onmessage = (event) => hear(JSON.parse(event.data));
  mine.onclose = (event) => {
    if (mine !== socket) return;
    const again = event.code < 4000;
    tell("line", again ? "connecting" : `closed: ${event.reason}`);
    if (again) setTimeout(() => mine === socket && connect(Math.min(wait * 2, 15000)), wait * (0.5 + Math.random()));
  };
}

function hear(message) {
  const item = show(by("said"), "li", "", message.text ? "" : "quiet");
  show(item, "strong", message.name);
  show(item, "span", message.text ?? message.does);
  show(item, "small", `worker ${message.worker}`);
  item.scrollIntoView({ block: "nearest" });
}

by("say").elements.name.addEventListener("change", () => by("say").elements.name.value && connect());
by("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const { text } = event.target.elements;
  if (socket?.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ text: text.value }));
  text.value = "";
  text.focus();
});
