const $ = (id) => document.getElementById(id);
const SIZES = [64, 256, 1024];

$("form").addEventListener("change", async () => {
  const answer = await fetch("/pictures", { method: "POST", body: new FormData($("form")) });
  $("form").reset();
  const { picture, detail } = await answer.json();
  if (!answer.ok) return say(detail);
  $("progress").hidden = false;
  $("thumbnails").replaceChildren();
  follow(answer.headers.get("Location"), picture);
});

function follow(url, picture) {
  const events = new EventSource(url);
  events.addEventListener("status", ({ data }) => {
    const { status, progress, error } = JSON.parse(data);
    say(error?.text ?? progress?.text ?? status);
    $("progress").value = status === "done" ? 1 : (progress?.part ?? 0);
    if (status === "done") show(picture);
    if (["done", "dead", "cancelled"].includes(status)) events.close();
  });
}

function show(picture) {
  for (const size of SIZES) {
    const image = new Image();
    image.src = `/pictures/${picture}/${size}`;
    image.alt = `At most ${size} pixels`;
    $("thumbnails").append(image);
  }
}

function say(text) {
  $("said").textContent = text;
}
