// SPDX-License-Identifier: GPL-2.0-or-later
// Shows /status.json and /curve.json. Whatever comes from there is text, never markup: names may be anybody's.
"use strict";
const EVERY_MS = 2000, CURVE_EVERY_MS = 10000, TIMEOUT_MS = 8000;
const SERVERS = 6, RELAYS = 8, CONNECTIONS = 10, COLOURS = 8;
const SVG = "http://www.w3.org/2000/svg";
const at = (id) => document.getElementById(id);
let last = null, curve = null, lastCurve = 0, failures = 0;

// --- words and numbers
function rate(bps) {
  const units = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"];
  let i = 0;
  while (bps >= 999.5 && i < 3) { bps /= 1000; i++; }
  return (i && bps < 99.95 ? bps.toFixed(1) : Math.round(bps)) + "\u00a0" + units[i];
}
const percent = (part) => Math.round(part * 100) + "\u00a0%";
const plural = (n, word) => n.toLocaleString("en") + " " + word + (n === 1 ? "" : "s");
function span(s) {
  return s < 120 ? Math.round(s) + " s" : s < 7200 ? Math.round(s / 60) + " min" : s < 172800 ? Math.round(s / 3600) + " h" : Math.round(s / 86400) + " days";
}
function gainShort(g) {
  if (!g.known) return g.at_most_percent === undefined ? "unknown" : "at most +" + Math.round(g.at_most_percent) + " %";
  return (g.percent < 0 ? "\u2212" : "+") + Math.abs(Math.round(g.percent)) + " % \u00b1 " + Math.round(g.error_percent);
}
const gainNote = (g) => g.known ? "measured " + (g.measured === 1 ? "once" : g.measured + " times") + ", " + span(g.age_s) + " ago" : "not measured yet";
const gainClass = (g) => !g.known ? "" : g.percent - g.error_percent > 0 ? "good" : g.percent + g.error_percent < 0 ? "badly" : "";
// Control characters and those that turn the direction of text around would play tricks on the eye.
const clean = (text) => String(text).replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, "?");
const short = (text, most) => { const all = [...clean(text)]; return all.length > most ? all.slice(0, Math.max(most - 1, 1)).join("") + "\u2026" : all.join(""); };
const total = (o) => o.receive_bps + o.send_bps;

// --- elements
function put(element, text, kind) {
  if (element.textContent !== text) element.textContent = text;
  if (kind !== undefined) element.className = kind;
}
function node(parent, name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}
// Shortens the text until it has this width.
function fit(text, width) {
  const all = [...text.textContent];
  for (let length = all.length - 1; length > 0 && text.getComputedTextLength() > width; length--) text.textContent = all.slice(0, length).join("") + "\u2026";
}
function canvas(width, height) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-hidden", "true");
  return svg;
}
function row(body, cells) {
  const tr = document.createElement("tr");
  cells.forEach(([label, text, kind, title], i) => {
    const cell = document.createElement(i ? "td" : "th");
    const value = document.createElement("span");
    if (!i) cell.scope = "row"; else cell.dataset.label = label;
    value.textContent = text;
    if (kind) value.className = kind;
    if (title) cell.title = title;
    cell.append(value);
    tr.append(cell);
  });
  body.append(tr);
}

// --- the paths: direct first, then relays in the order of the configuration
function pathsOf(s) {
  const direct = { name: "direct", key: "direct", state: "up", receive_bps: s.total.receive_bps, send_bps: s.total.send_bps, colour: 0 };
  const relays = s.relays.map((r, i) => ({ ...r, key: r.name, receive_bps: r.receive_bps || 0, send_bps: r.send_bps || 0, colour: 1 + i % COLOURS }));
  for (const r of relays) { direct.receive_bps -= r.receive_bps; direct.send_bps -= r.send_bps; }
  direct.receive_bps = Math.max(direct.receive_bps, 0);
  direct.send_bps = Math.max(direct.send_bps, 0);
  return [direct, ...relays];
}
// Of the connections that are told of, the servers that most goes to; what is left is one more.
function serversOf(s) {
  const all = new Map();
  for (const c of s.connections) {
    const server = all.get(c.remote) || { name: c.remote, bps: 0, count: 0, by: new Map() };
    all.set(c.remote, server);
    server.count++;
    for (const f of c.subflows) {
      if (f.state !== "established") continue;
      server.bps += total(f);
      server.by.set(f.via, (server.by.get(f.via) || 0) + total(f));
    }
  }
  const list = [...all.values()].sort((a, b) => b.bps - a.bps || b.count - a.count);
  const rest = list.slice(SERVERS), told = list.slice(0, SERVERS);
  const unseen = s.total.connections - s.connections.length;
  if (rest.length || unseen > 0) {
    const other = { name: rest.length ? plural(rest.length, "other server") : "other connections", bps: 0, count: Math.max(unseen, 0), by: new Map() };
    for (const r of rest) {
      other.bps += r.bps;
      other.count += r.count;
      for (const [via, bps] of r.by) other.by.set(via, (other.by.get(via) || 0) + bps);
    }
    told.push(other);
  }
  return told;
}
function thickness(bps, most) { return bps <= 0 ? 0 : Math.max(1.5, 26 * Math.sqrt(bps / Math.max(most, 1))); }
function curveTo(svg, x1, y1, x2, y2, width, colour) {
  const middle = (x1 + x2) / 2;
  node(svg, "path", { d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`, class: width ? `link s${colour}` : "link idle", "stroke-width": width || 1.5 });
}
function drawMap(s) {
  const box = at("map"), width = Math.max(box.clientWidth, 240), narrow = width < 560;
  let paths = pathsOf(s), servers = serversOf(s);
  if (paths.length > RELAYS + 1) paths = [paths[0], ...paths.slice(1).sort((a, b) => total(b) - total(a)).slice(0, RELAYS)];
  const most = Math.max(...paths.map(total), 1);
  const step = narrow ? 50 : 54, rows = Math.max(paths.length, servers.length, 1), height = rows * step + 8;
  const hostW = narrow ? 12 : 92, relayW = narrow ? Math.min(130, width * .34) : 190, serverW = narrow ? Math.min(180, width * .44) : 220;
  const hostX = hostW, relayX = hostX + (width - hostW - relayW - serverW) / 2, serverX = width - serverW;
  const y = (i, count) => height / 2 + (i - (count - 1) / 2) * step;
  const svg = canvas(width, height), links = node(svg, "g", {});
  box.replaceChildren(svg);
  const hostY = height / 2, hostH = Math.max(60, Math.min(height - 8, paths.length * 30));
  node(svg, "rect", { x: 1, y: hostY - hostH / 2, width: hostW - 2, height: hostH, rx: 7, class: "box" });
  if (!narrow) {
    node(svg, "text", { x: hostW / 2, y: hostY - 2, "text-anchor": "middle" }, "this host");
    node(svg, "text", { x: hostW / 2, y: hostY + 15, "text-anchor": "middle", class: "soft" }, plural(s.total.connections, "conn."). replace("conn.s", "conn."));
  }
  paths.forEach((p, i) => {
    const py = y(i, paths.length), from = hostY + (i - (paths.length - 1) / 2) * Math.min(26, (hostH - 14) / paths.length);
    curveTo(links, hostX, from, relayX, py, thickness(total(p), most), p.colour);
    servers.forEach((t, k) => {
      const bps = t.by.get(p.key);
      if (bps === undefined) return;
      const begin = py + (k - (servers.length - 1) / 2) * Math.min(4, 28 / servers.length), end = y(k, servers.length) + (i - (paths.length - 1) / 2) * Math.min(9, 30 / paths.length);
      curveTo(links, relayX + relayW, begin, serverX, end, thickness(bps, most), p.colour);
    });
    const down = p.state !== "up";
    node(svg, "rect", { x: relayX, y: py - 20, width: relayW, height: 40, rx: 20, class: down ? "box down" : "box" });
    const nameX = relayX + (narrow ? 20 : 25);
    node(svg, "circle", { cx: relayX + (narrow ? 11 : 14), cy: py, r: narrow ? 4 : 5, class: `f${p.colour}` });
    const name = node(svg, "text", { x: nameX, y: py - 3 }, short(p.name, 64));
    fit(name, relayX + relayW - nameX - 12);
    node(name, "title", {}, clean(p.name));
    node(svg, "text", { x: nameX, y: py + 13, class: "soft" }, down ? short(p.state, 12) : rate(total(p)) + (!narrow && p.gain && p.gain.known ? ", gain " + gainShort(p.gain).replace(/ %.*/, " %") : ""));
  });
  servers.forEach((t, k) => {
    const ty = y(k, servers.length);
    node(svg, "rect", { x: serverX, y: ty - 20, width: serverW - 1, height: 40, rx: 7, class: "box" });
    const name = node(svg, "text", { x: serverX + 9, y: ty - 3 }, short(narrow ? t.name.replace(/:\d+$/, "") : t.name, 64));
    fit(name, serverW - 18);
    node(name, "title", {}, clean(t.name));
    node(svg, "text", { x: serverX + 9, y: ty + 13, class: "soft" }, narrow ? rate(t.bps) : `${rate(t.bps)}, ${plural(t.count, "connection")}`);
  });
  const words = paths.map((p) => `${clean(p.name)}: ${p.state !== "up" ? p.state : rate(total(p))}`).join("; ");
  box.setAttribute("aria-label", `From this host over ${plural(paths.length, "path")} to ${plural(servers.length, "server")}. ${words}.`);
  put(at("paths-note"), s.total.connections ? "A line is as thick as what moves on it, both directions together." : "No connection of this host uses MPTCP now. Lines show as soon as one does.");
}

// --- the last hour
function drawCurve(c, s) {
  const box = at("chart"), width = Math.max(box.clientWidth, 240), height = 170, left = 64, bottom = 22, top = 8;
  const colours = new Map(pathsOf(s).map((p) => [p.key, p.colour]));
  const paths = c.paths.filter((p) => colours.has(p.name)), count = paths.length ? paths[0].receive_bps.length : 0;
  const sums = [];
  for (let i = 0; i < count; i++) sums.push(paths.reduce((sum, p) => sum + p.receive_bps[i] + p.send_bps[i], 0));
  const most = Math.max(...sums, 1000), unit = 10 ** Math.floor(Math.log10(most)), ceiling = unit * [1, 2, 5, 10].find((n) => n * unit >= most);
  const minutes = [10, 30, 60].find((m) => count * c.step_s <= m * 60) || 60;
  const svg = canvas(width, height), x = (i) => left + (width - left) * (1 - (count - 1 - i) * c.step_s / 60 / minutes), y = (bps) => top + (height - top - bottom) * (1 - bps / ceiling);
  for (const part of [0, .5, 1]) {
    node(svg, "line", { x1: left, x2: width, y1: y(part * ceiling), y2: y(part * ceiling), class: "grid" });
    node(svg, "text", { x: left - 6, y: y(part * ceiling) + 4, "text-anchor": "end", class: "soft" }, part ? rate(part * ceiling).replace(".0\u00a0", "\u00a0") : "0");
  }
  for (const [part, anchor] of width < 420 ? [[1, "start"], [0, "end"]] : [[1, "start"], [.5, "middle"], [0, "end"]])
    node(svg, "text", { x: width - (width - left) * part, y: height - 5, "text-anchor": anchor, class: "soft" }, part ? `${minutes * part} min ago` : "now");
  let below = new Array(count).fill(0);
  for (const p of paths) {
    const above = below.map((b, i) => b + p.receive_bps[i] + p.send_bps[i]);
    if (count > 1) {
      const points = above.map((v, i) => `${x(i).toFixed(1)} ${y(v).toFixed(1)}`).concat(below.map((v, i) => `${x(i).toFixed(1)} ${y(v).toFixed(1)}`).reverse());
      node(svg, "path", { d: "M" + points.join("L") + "Z", class: `f${colours.get(p.name)}`, "fill-opacity": ".8" });
    }
    below = above;
  }
  box.replaceChildren(svg);
  const peak = Math.max(...sums, 0), when = (count - 1 - sums.indexOf(peak)) * c.step_s;
  const words = count < 2 ? "The curve begins: it has a point every 10 s." : `Both directions together. Highest: ${rate(peak)}, ${when ? span(when) + " ago" : "just now"}; now ${rate(sums[count - 1])}.`;
  put(at("hour-note"), words);
  box.setAttribute("aria-label", words);
  const legend = paths.map((p) => {
    const li = document.createElement("li"), key = canvas(10, 10), mean = count ? p.receive_bps.concat(p.send_bps).reduce((a, b) => a + b, 0) / count : 0;
    node(key, "rect", { width: 10, height: 10, rx: 2, class: `f${colours.get(p.name)}` });
    li.append(key, `${short(p.name, 32)}: ${rate(mean)} on average`);
    return li;
  });
  at("legend").replaceChildren(...legend);
}

// --- the tables
function drawTables(s) {
  const relays = at("relays"), fastest = at("fastest"), shown = s.connections.slice(0, CONNECTIONS);
  relays.replaceChildren();
  for (const r of s.relays) {
    const state = r.state === "up" && r.draining ? "about to close" : r.state;
    row(relays, [["Relay", clean(r.name)], ["State", state, state === "up" ? "good" : state === "down" ? "badly" : "warn", clean(r.reason)],
      ["Round trip", r.state === "up" && r.rtt_us ? (r.rtt_us / 1000).toFixed(1) + " ms" : "\u2013"], ["Down", rate(r.receive_bps || 0)], ["Up", rate(r.send_bps || 0)],
      ["Share", percent(r.share || 0)], ["Gain", gainShort(r.gain), gainClass(r.gain), clean(r.gain.text)]]);
  }
  if (!s.relays.length) row(relays, [["", "No relay is configured."]]);
  fastest.replaceChildren();
  for (const c of shown) {
    const paths = c.subflows.filter((f) => f.state === "established").map((f) => `${short(f.via, 20)} ${percent(f.share || 0)}`).join(", ");
    row(fastest, [["Server", clean(c.remote)], ["Program", short(c.program || "\u2013", 24)], ["Down", rate(c.receive_bps)], ["Up", rate(c.send_bps)],
      ["Paths", paths || "none", "", clean(c.why)], ["Gain", gainShort(c.gain), gainClass(c.gain), clean(c.gain.text)]]);
  }
  at("fastest-table").hidden = !shown.length;
  put(at("fastest-note"), !shown.length ? "None now. Programs need MPTCP: \u201cdetourd doctor\u201d says whether they have it." : s.total.connections > shown.length ? `The first ${shown.length} of ${s.total.connections.toLocaleString("en")}; \u201cdetourd status\u201d shows all.` : "");
}

function draw() {
  const s = last;
  put(at("down"), rate(s.total.receive_bps));
  put(at("up"), rate(s.total.send_bps));
  put(at("share"), percent(s.total.detours_share));
  put(at("gain"), gainShort(s.total.gain), gainClass(s.total.gain));
  put(at("gain-note"), gainNote(s.total.gain));
  put(at("connections"), s.total.connections.toLocaleString("en"));
  put(at("moving"), s.total.moving.toLocaleString("en") + " moving");
  at("main").hidden = false;
  drawMap(s);
  if (curve) drawCurve(curve, s);
  drawTables(s);
  put(at("host"), "on " + short(curve ? curve.host : location.hostname, 64));
  put(at("about"), `detourd ${clean(s.release)}, running for ${span(s.uptime_s)}. This page asks every ${EVERY_MS / 1000} s, and changes nothing.`);
}
function summary(s) {
  const up = s.relays.filter((r) => r.state === "up").length;
  if (!s.relays.length) return "No relay is configured: all connections are direct.";
  if (!up) return s.relays.length === 1 ? "The relay does not answer: all connections are direct." : "No relay answers: all connections are direct.";
  return up === s.relays.length ? plural(up, "relay") + " up." : `${up} of ${s.relays.length} relays up.`;
}

// --- asking
async function ask(what) {
  const answer = await fetch(what, { cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
}
async function turn() {
  try {
    if (!curve || Date.now() - lastCurve >= CURVE_EVERY_MS) {
      curve = await ask("curve.json");
      lastCurve = Date.now();
    }
    last = await ask("status.json");
    failures = 0;
    document.body.classList.remove("stale");
    put(at("state"), summary(last), last.relays.some((r) => r.state === "up") ? "" : "bad");
    draw();
  } catch (error) {
    failures++;
    document.body.classList.add("stale");
    put(at("state"), last ? "The daemon does not answer. What is below is old; trying again." : "The daemon does not answer; trying again.", "bad");
  }
  setTimeout(turn, document.hidden ? 5 * EVERY_MS : Math.min(EVERY_MS * (1 + failures), 10000));
}
addEventListener("resize", () => { if (last) draw(); });
turn();
