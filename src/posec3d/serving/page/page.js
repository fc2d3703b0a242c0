// Sends a file, shows how far its recognition is, and what came of it.
const $ = (id) => document.getElementById(id);
const RECORDED_SECONDS = 4;
// Okabe and Ito (2008), as in annotated videos; darkened where white text would not be read on it.
const COLOURS = ["#0072b2", "#d55e00", "#00805e", "#b45a8c", "#2882b4", "#b07a00", "#6e5abe"];
const GREY = "#787878"; // for what is not sure
let numSent = 0; // files: what came of any but the last is not shown
let sending = null; // what ends the upload
const working = new Set(); // the jobs that are done for this page
let largest = Infinity;

class Refusal extends Error {}

// Addresses below the page's own, which may be reached below another one, behind a server of somebody's.
const here = (address) => address.replace(/^\//, "");

async function ask(address, options) {
  let response;
  try {
    response = await fetch(here(address), { cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("The server does not answer. Is posec3d serve still running?");
  }
  const told = await response.json();
  if (!response.ok) throw new Refusal(told.error);
  return told;
}

function make(kind, parent, className, text) {
  const element = parent.appendChild(document.createElement(kind));
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function complain(error) {
  if (!(error instanceof Refusal)) console.error(error);
  $("error").textContent = error.message;
  $("error").hidden = false;
}

const seconds = (time) => (time < 60 ? `${time.toFixed(1)} s` : `${Math.floor(time / 60)}:${(time % 60).toFixed(1).padStart(4, "0")}`);
const percent = (share) => `${Math.round(100 * share)} %`;
const who = (people) => (people === null ? "everybody" : people.length > 1 ? `persons ${people.join(" and ")}` : `person ${people[0]}`);

// ---------------------------------------------------------------- asking

async function send(file) {
  $("error").hidden = $("result").hidden = true;
  if (file.size > largest) return complain(new Refusal(`${file.name}: larger than the ${largest / 1e6} MB that are taken here`));
  stop();
  const number = ++numSent;
  sending = new AbortController();
  const form = new FormData();
  form.append("people", $("people").value);
  form.append("window", $("window").value);
  if ($("window").value) form.append("shortest", $("shortest").value);
  form.append("film", "true");
  form.append("file", file, file.name);
  showProgress({ step: `sending ${file.name}`, done: 0, total: null });
  try {
    const job = await ask("jobs", { method: "POST", body: form, signal: sending.signal });
    await follow(job, number, async (told) => {
      if (told.files.answer && $("result").hidden) showAnswer(job.id, number, await ask(told.files.answer));
      if (told.state === "done") showFilm(told);
    });
  } catch (error) {
    if (number === numSent && error.name !== "AbortError") complain(error);
  }
  if (number === numSent) $("progress").hidden = working.size === 0;
}

// Ends what is done for this page.
function stop() {
  sending?.abort();
  for (const id of working) fetch(`jobs/${id}`, { method: "DELETE", keepalive: true }).catch(() => {});
}

// Shows how far a job for the file of this number is until it has ended; null if it was stopped, or another file came.
async function follow(job, number, look = () => {}) {
  working.add(job.id);
  try {
    for (let told = job; ; told = await ask(`jobs/${job.id}`)) {
      if (number !== numSent) return null;
      await look(told);
      if (told.state === "failed") throw new Refusal(told.error);
      if (told.state === "cancelled") return null;
      if (told.state === "done") return told;
      showProgress(told);
      await new Promise((wake) => setTimeout(wake, 250));
    }
  } finally {
    working.delete(job.id);
  }
}

function showProgress({ state, step, done, total, seconds_left: left, jobs_before: before }) {
  const waiting = state === "waiting" && before > 0;
  const counted = total ? ` ${done} of ${total}` : done ? ` ${done}` : "";
  $("step").textContent = waiting ? `waits for ${before} before it` : `${step || "begins"}${counted}${left ? `, ${seconds(left)} left` : ""}`;
  if (total && !waiting) { $("bar").max = total; $("bar").value = Math.min(done, total); }
  else $("bar").removeAttribute("value");
  $("progress").hidden = false;
}

$("stop").addEventListener("click", stop);
addEventListener("pagehide", stop);

// ---------------------------------------------------------------- answers

function coloursOf(segments) {
  const names = [...new Set(segments.filter((one) => one.action !== "unsure").map((one) => one.action))];
  return (action) => (action === "unsure" ? GREY : COLOURS[names.indexOf(action) % COLOURS.length]);
}

function showAnswer(id, number, answer) {
  const { segments } = answer;
  const end = Math.max(0, ...segments.map((one) => one.end_seconds), answer.num_frames / answer.frames_per_second);
  const colour = coloursOf(segments);
  const length = answer.num_frames === 1 ? "one frame, which shows no movement: the answer is a guess" : `${answer.num_frames} frames, ${seconds(end)}`;
  $("title").textContent = `${answer.video}: ${length}`;
  $("film").hidden = $("why").hidden = true;
  $("film").removeAttribute("src");
  showTimeline(segments, end, colour);
  $("answers").replaceChildren();
  if (!segments.length) make("li", $("answers"), "", "Nobody is seen long enough, or no two people are near each other.");
  segments.forEach((segment, place) => showSegment(id, number, segment, place, colour(segment.action)));
  $("files").replaceChildren();
  const link = make("a", $("files"), "", "Answers as JSON");
  link.href = `jobs/${id}/answer.json`;
  $("result").hidden = false;
}

function showSegment(id, number, segment, place, colour) {
  const item = make("li", $("answers"));
  item.style.borderLeftColor = colour;
  const when = make("div", item, "when");
  make("span", when, "", `${seconds(segment.start_seconds)} to ${seconds(segment.end_seconds)}, ${who(segment.people)}`);
  const button = make("button", when, "", "Why?");
  button.type = "button";
  button.addEventListener("click", () => explain(id, number, place, button));
  segment.top.forEach(({ action, score }, rank) => {
    if (rank && score < 0.005) return;
    const share = make("div", item, rank ? "share" : "share best");
    make("span", share, "", rank === 0 && segment.action === "unsure" ? `unsure: ${action}` : action);
    make("span", share, "", percent(score));
    make("i", share).style.setProperty("--part", score);
  });
}

function showTimeline(segments, end, colour) {
  const timeline = $("timeline");
  const rows = new Map();
  for (const segment of segments) rows.set(who(segment.people), [...(rows.get(who(segment.people)) ?? []), segment]);
  timeline.hidden = segments.length < 2;
  timeline.replaceChildren();
  for (const [name, stretches] of rows) {
    const row = make("div", timeline, "row");
    make("span", row, "who", name);
    const track = make("div", row, "track");
    for (const one of stretches) {
      const stretch = make("button", track, "stretch", one.action);
      stretch.type = "button";
      stretch.title = `${one.action} ${percent(one.score)}, ${seconds(one.start_seconds)} to ${seconds(one.end_seconds)}`;
      stretch.style.left = `${(100 * one.start_seconds) / end}%`;
      stretch.style.width = `${(100 * (one.end_seconds - one.start_seconds)) / end}%`;
      stretch.style.background = colour(one.action);
      stretch.addEventListener("click", () => { $("film").currentTime = one.start_seconds; });
    }
    make("div", track, "now").style.left = "0";
  }
  const row = make("div", timeline, "row");
  make("span", row, "who", "");
  const times = make("div", row, "times");
  times.style.flex = "1";
  for (const part of [0, 0.25, 0.5, 0.75, 1]) make("span", times, "", seconds(part * end));
  $("film").ontimeupdate = () => {
    for (const now of timeline.querySelectorAll(".now")) now.style.left = `${(100 * $("film").currentTime) / end}%`;
  };
}

function showFilm({ files }) {
  $("film").src = here(files.film);
  $("film").hidden = false;
  $("film").play().catch(() => {});
  $("files").append(", ");
  const link = make("a", $("files"), "", "the film");
  link.href = here(files.film);
  link.download = "annotated.mp4";
}

async function explain(id, number, place, button) {
  button.disabled = true;
  $("error").hidden = true;
  try {
    const told = await follow(await ask(`jobs/${id}/decisions/${place}`, { method: "POST" }), number);
    if (told) {
      $("said").textContent = (await ask(told.files.answer)).said;
      $("decision").src = here(told.files.film);
      $("why").hidden = false;
      $("why").scrollIntoView({ block: "nearest", behavior: "smooth" });
    }
  } catch (error) {
    if (number === numSent) complain(error);
  }
  if (number === numSent) $("progress").hidden = working.size === 0;
  button.disabled = false;
}

// Of one answer for all there are no stretches.
const showStretches = () => { $("long").hidden = !$("window").value; };
$("window").addEventListener("change", showStretches);
showStretches();

// ---------------------------------------------------------------- files and webcam

$("choose").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => {
  const [file] = $("file").files;
  $("file").value = ""; // so that the same file may be chosen again
  if (file) send(file);
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragover");
    if (kind !== "drop") return;
    const files = event.dataTransfer.files;
    if (files.length > 1) complain(new Refusal("Drop one file at a time."));
    else if (files.length) send(files[0]);
  });
}

async function record() {
  $("error").hidden = true;
  $("record").disabled = true;
  let camera;
  try {
    camera = await navigator.mediaDevices.getUserMedia({ video: true });
    $("camera").srcObject = camera;
    $("camera").hidden = $("recording").hidden = false;
    await $("camera").play();
    for (let left = 3; left > 0; left--) {
      $("recording").textContent = `Step back until all of you is seen: ${left}`;
      await new Promise((wake) => setTimeout(wake, 1000));
    }
    const recorder = new MediaRecorder(camera);
    const parts = [];
    recorder.ondataavailable = (event) => parts.push(event.data);
    const ended = new Promise((wake) => { recorder.onstop = wake; });
    recorder.start();
    for (let left = RECORDED_SECONDS; left > 0; left--) {
      $("recording").textContent = `Go! ${left}`;
      await new Promise((wake) => setTimeout(wake, 1000));
    }
    recorder.stop();
    await ended;
    const kind = recorder.mimeType.includes("mp4") ? "mp4" : "webm";
    send(new File(parts, `webcam.${kind}`, { type: recorder.mimeType }));
  } catch (error) {
    complain(new Refusal(`The webcam cannot be used: ${error.message}`));
  } finally {
    camera?.getTracks().forEach((track) => track.stop());
    $("camera").hidden = $("recording").hidden = true;
    $("record").disabled = false;
  }
}
$("record").addEventListener("click", record);
// Browsers give the camera to pages of this computer and of https alone.
$("record").hidden = !(navigator.mediaDevices && window.MediaRecorder);

try {
  const model = await ask("model");
  largest = model.largest_bytes;
  if (model.most_people === 1) $("people").querySelector("[value=pairs]").textContent += ", by the one who is seen best";
  $("model").textContent = `model: ${model.model}, on ${model.device}`;
  $("known").querySelector("summary").textContent = `knows ${model.classes.length} actions`;
  $("known").querySelector("p").textContent = model.classes.join(", ");
} catch (error) {
  complain(error);
}
