// The page "Explorer": sliders to factors, targets and coefficients, and the loop that answers.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("explorer-data");
  if (!place) return;
  const data = JSON.parse(place.textContent); // presets, heads, colours: from Python
  const names = Object.keys(data.heads);
  const heads = Object.values(data.heads);
  const DASHES = ["", "8 4", "2 3"];
  const SLIDERS = {
    G: { label: "G, generalises", unit: "nats", min: 0, max: 0.9, step: 0.01 },
    C: { label: "C, overfits", unit: "nats", min: 0, max: 0.85, step: 0.01 },
    norm: { label: "Norm of the logits", unit: "logits", min: 0.5, max: 20, step: 0.1 },
  };
  const START = { G: [0.6, 0.35, 0.7], C: [0.5, 0.12, 0.4], norm: [10, 4, 7] };
  const UPDATES = [1, 20, 200, 1000];

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    element.append(...children);
    return element;
  };
  const digits = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2));

  // --- From rates to coefficients ---
  const inputs = { G: [], C: [], norm: [] };
  names.forEach((head, m) => {
    const box = make("fieldset", {}, make("legend", {}, swatch(m), head));
    for (const [kind, form] of Object.entries(SLIDERS)) {
      const id = `explorer-${kind}-${head}`;
      const shown = make("output", { for: id });
      const input = make("input", {
        id, type: "range", min: form.min, max: form.max, step: form.step,
        value: START[kind][m], "aria-label": `${form.label}, ${head} head, in ${form.unit}`,
      });
      input.style.accentColor = data.colours[head];
      input.addEventListener("input", redraw);
      inputs[kind].push({ input, shown, unit: form.unit });
      box.append(make("div", { class: "explorer-slider" },
        make("label", { for: id }, form.label), input, shown));
    }
    document.getElementById("explorer-heads").append(box);
  });
  UPDATES.forEach((count, index) => {
    const input = make("input", { type: "radio", name: "updates", value: count, id: `updates-${count}` });
    input.checked = index === 0;
    input.addEventListener("change", redraw);
    document.getElementById("explorer-updates").append(
      make("span", {}, input, make("label", { for: `updates-${count}` }, ` ${count} `)));
  });
  document.getElementById("explorer-reset").addEventListener("click", () => {
    for (const kind of Object.keys(inputs)) {
      inputs[kind].forEach(({ input }, m) => { input.value = START[kind][m]; });
    }
    redraw();
  });

  function swatch(m) {
    const mark = make("span", { class: "explorer-swatch", "aria-hidden": "true" });
    mark.style.background = data.colours[names[m]];
    return mark;
  }

  function bars(values, full) {
    if (!values) return make("td", {}, "none");
    const lines = values.map((value, m) => {
      const bar = make("span", { class: "explorer-bar", "aria-hidden": "true" });
      bar.style.background = data.colours[names[m]];
      bar.style.width = `${Math.min(100, (100 * Math.max(value, 0)) / full)}%`;
      return make("div", { class: "explorer-value" },
        make("span", { class: "explorer-number" }, `${names[m]} ${digits(value)}`),
        make("span", { class: "explorer-track" }, bar));
    });
    return make("td", {}, ...lines);
  }

  function redraw() {
    const values = {};
    for (const kind of Object.keys(inputs)) {
      values[kind] = inputs[kind].map(({ input, shown, unit }) => {
        shown.textContent = `${Number(input.value).toFixed(2)} ${unit}`;
        input.setAttribute("aria-valuetext", shown.textContent);
        return Number(input.value);
      });
    }
    const updates = Number(document.querySelector("input[name=updates]:checked").value);
    const rows = Object.entries(data.presets).map(([preset, config]) => {
      const found = OLM.held(config, values.G, values.C, values.norm, updates);
      return make("tr", { "data-preset": preset }, make("th", { scope: "row" }, make("code", {}, preset)),
        bars(found.lam, 1), bars(found.targets, 30), bars(found.w, 4));
    });
    document.getElementById("explorer-rows").replaceChildren(...rows);
  }

  // --- The loop ---
  const choice = document.getElementById("loop-preset");
  const slider = document.getElementById("loop-step");
  const play = document.getElementById("loop-play");
  const says = document.getElementById("loop-says");
  choice.append(...Object.keys(data.loops).map((name) => make("option", { value: name }, name)));
  const STEPS = Number(slider.max);
  const BOX = { left: 46, right: 350, top: 12, bottom: 220 };
  let [records, timer] = [[], null];

  const svg = (tag, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    if (text !== undefined) element.textContent = text;
    return element;
  };

  function panel(id, kind, low, high, count) {
    const across = (step) => BOX.left + ((BOX.right - BOX.left) * step) / STEPS;
    const up = (value) => {
      const share = Math.log(Math.min(Math.max(value, low), high) / low) / Math.log(high / low);
      return BOX.bottom - share * (BOX.bottom - BOX.top);
    };
    const parts = [];
    for (let tick = low; tick <= high * 1.001; tick *= 10) {
      parts.push(svg("line", { x1: BOX.left, x2: BOX.right, y1: up(tick), y2: up(tick), class: "loop-grid" }));
      parts.push(svg("text", { x: BOX.left - 6, y: up(tick) + 4, "text-anchor": "end" }, `${Number(tick.toPrecision(1))}`));
    }
    for (const step of [0, 500, 1000]) {
      parts.push(svg("text", { x: across(step), y: BOX.bottom + 18, "text-anchor": "middle" }, `${step}`));
    }
    const ends = names.map((head, m) => ({ head, m, y: up(records[count - 1][kind][m]) }));
    ends.sort((a, b) => a.y - b.y);
    ends.forEach((end, i) => { if (i) end.y = Math.max(end.y, ends[i - 1].y + 14); });
    names.forEach((head, m) => {
      const points = records.slice(0, count).map((r, step) => `${across(step).toFixed(1)},${up(r[kind][m]).toFixed(1)}`);
      parts.push(svg("polyline", {
        points: points.join(" "), fill: "none", stroke: data.colours[head],
        "stroke-width": 2, "stroke-dasharray": DASHES[m],
      }));
    });
    ends.forEach(({ head, y }) => parts.push(svg("text", { x: BOX.right + 6, y: y + 4 }, head)));
    const place = document.getElementById(id);
    const title = place.querySelector("title");
    place.replaceChildren(title, ...parts);
  }

  function show(count) {
    slider.value = count;
    document.getElementById("loop-shown").textContent = count;
    slider.setAttribute("aria-valuetext", `step ${count} of ${STEPS}`);
    panel("loop-w", "w", 0.01, 100, count);
    panel("loop-size", "size", 0.01, 1000, count);
  }

  function summary() {
    const last = records[Number(slider.value) - 1];
    const each = names.map((head, m) => `${head} w = ${digits(last.w[m])}, logits ${digits(last.size[m])}`);
    says.textContent = `After ${slider.value} steps: ${each.join("; ")}.`;
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    summary();
  }

  function choose() {
    records = OLM.simulate(data.loops[choice.value], heads, STEPS);
    show(STEPS);
    stop();
  }

  play.addEventListener("click", () => {
    if (timer) return stop();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      show(STEPS);
      return summary();
    }
    let count = Number(slider.value) < STEPS ? Number(slider.value) : 1;
    play.textContent = "Stop";
    says.textContent = "";
    timer = setInterval(() => {
      count = Math.min(count + 10, STEPS);
      show(count);
      if (count === STEPS) stop();
    }, 40);
    return undefined;
  });
  slider.addEventListener("input", () => { show(Number(slider.value)); stop(); });
  choice.addEventListener("change", choose);

  redraw();
  choose();
});
