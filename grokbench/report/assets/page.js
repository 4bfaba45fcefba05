// The script of a page: tables that sort, filter and open, and charts that are drawn when they come into sight.
// What comes from runs is only ever set as text (textContent), or handed to Vega as data under names of our own.
"use strict";
(() => {
  const FIRST_ROWS = 12, MORE_ROWS = 400, MOST_PANELS = 6, MOST_POINTS = 3000, LONG = 30; // characters of a cell that is broken into lines
  const source = document.getElementById("data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const tables = new Map(data.tables.map((table) => [table.name, table]));
  const runs = tables.get("runs");

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }

  const columnOf = (table, name) => table?.columns.find((column) => column.name === name);
  const textOf = (column, row) => (column ? (column.places ? column.texts[column.places[row]] : column.texts[row]) : "");
  const ofRun = (row, name) => textOf(columnOf(runs, name), row);
  const address = (hash, text) => element("a", { href: hash }, text);

  // ---- charts ------------------------------------------------------------------------------------------------

  const closed = { load: () => Promise.reject(new Error("no network")), sanitize: () => Promise.reject(new Error("no links")) };

  function embed(box, specification) {
    const options = {
      mode: "vega-lite", actions: false, renderer: "svg", ast: true, defaultStyle: false, loader: closed,
      tooltip: { disableDefaultStyle: true },
    };
    const labelled = () => { // the chart has one label, in place of one for every mark
      box.setAttribute("role", "img");
      box.querySelector("svg").setAttribute("aria-hidden", "true");
    };
    const described = { ...specification, description: box.getAttribute("aria-label") };
    return vegaEmbed(box, described, options).then(labelled).catch((error) => {
      box.textContent = `This chart could not be drawn: ${error.message}`;
    });
  }

  function rowsOf(columns) {
    const names = Object.keys(columns);
    const length = names.length ? (columns[names[0]].places ?? columns[names[0]].values).length : 0;
    const value = (column, i) => (column.places ? column.distinct[column.places[i]] : column.values[i]);
    return Array.from({ length }, (_, i) => Object.fromEntries(names.map((name) => [name, value(columns[name], i)])));
  }

  const drawn = new Set();
  function drawFigure(box) {
    if (drawn.has(box)) return null;
    drawn.add(box);
    const { specification, data: sets } = data.figures[box.dataset.figure];
    const datasets = Object.fromEntries(sets.map((columns, i) => [`data ${i}`, rowsOf(columns)]));
    return embed(box, { ...specification, datasets });
  }

  function drawFigures() {
    const boxes = [...document.querySelectorAll("[data-figure]")];
    const watch = new IntersectionObserver(
      (seen) => seen.filter((one) => one.isIntersecting).forEach((one) => drawFigure(one.target)), { rootMargin: "400px" });
    boxes.forEach((box) => watch.observe(box));
    const later = window.requestIdleCallback ?? ((call) => setTimeout(call, 200));
    const next = () => {
      const box = boxes.find((one) => !drawn.has(one));
      if (box) Promise.resolve(drawFigure(box)).then(() => later(next));
    };
    later(next);
  }

  // ---- curves of runs ------------------------------------------------------------------------------------------

  function pointsOf(row) {
    const curve = data.curves.runs[row];
    if (!curve) return [];
    const times = data.curves.times[curve[0]];
    const points = (split, values) => times
      .map((time, i) => ({ split, run: String(row), seed: ofRun(row, "seed"), time, kappa: values[i] }))
      .filter((point) => point.kappa !== null)
      .map((point) => ({ ...point, kappa: Math.max(point.kappa / 1000, -0.1) }));
    return [...points("training", curve[1]), ...points("held out", curve[2])];
  }

  function wrapped(text, most) { // lines of so many characters, broken at blanks
    const lines = [""];
    for (const word of text.split(" ")) {
      const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
      if (longer.length > most && lines.at(-1)) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    return lines;
  }

  function panelOf(title, rows, width) {
    const values = rows.flatMap(pointsOf);
    const field = (name, format) => ({ field: name, type: format ? "quantitative" : "nominal", ...(format ? { format } : {}) });
    const point = values.length > MOST_POINTS ? false : { opacity: 0, size: 60 }; // what the pointer is caught by
    const mark = { type: "line", point, strokeWidth: rows.length > 3 ? 1 : 2, opacity: rows.length > 3 ? 0.6 : 1 };
    return {
      width, height: 150, data: { values }, mark,
      title: { text: wrapped(title, width / 6), anchor: "start", fontSize: 12, limit: width },
      encoding: {
        x: { field: "time", type: "quantitative", title: data.clocks[rows[0]] || "time", scale: { type: "log", nice: false }, axis: { tickCount: 4, format: "~s", grid: false } },
        y: { field: "kappa", type: "quantitative", title: "accuracy above chance", scale: { domain: [-0.1, 1.05] } },
        color: { field: "split", type: "nominal", title: null, scale: { domain: ["training", "held out"], range: ["#767676", "#0072B2"] }, legend: { orient: "bottom" } },
        detail: { field: "run", type: "nominal" },
        tooltip: [field("split"), field("seed"), field("time", ".4g"), field("kappa", ".3f")],
      },
    };
  }

  function curvesOf(rows, count) {
    const groups = new Map();
    for (const row of rows.filter((one) => data.curves.runs[one])) {
      const name = `${ofRun(row, "learner")} on ${ofRun(row, "task")}`;
      groups.set(name, [...(groups.get(name) ?? []), row]);
    }
    if (!groups.size) {
      const why = data.curves.points ? "None of its runs has a curve that can be drawn." : "This page has no curves: there was no room for them, or its results are tables only.";
      return rows.length ? element("p", { class: "note" }, why) : null;
    }
    const width = Math.max(180, Math.min(360, document.documentElement.clientWidth - 170));
    const panels = [...groups].slice(0, MOST_PANELS).map(([name, members]) => panelOf(name, members, width));
    const chart = element("div", { class: "chart", role: "img", "aria-label": `Curves of ${[...groups.keys()].join("; ")}` });
    embed(chart, {
      concat: panels, columns: document.documentElement.clientWidth > 1100 ? 2 : 1, background: "white",
      config: { view: { stroke: null }, axis: { labelColor: "#222222", titleColor: "#222222" } },
    });
    const some = groups.size > MOST_PANELS ? ` They are of ${MOST_PANELS} of ${groups.size} learners and tasks.` : "";
    const more = element("p", { class: "note" }, `Drawn are ${count > rows.length ? `the first ${rows.length} of ${count} runs, ` : ""}at most ${data.curves.points} checkpoints of a run.${some}`);
    return element("div", {}, element("div", { class: "scroll card", tabindex: "0", role: "group", "aria-label": "Curves" }, chart), more);
  }

  // ---- tables ----------------------------------------------------------------------------------------------------

  function sortValue(column, row) {
    if (column.numbers) return column.numbers[row];
    const text = textOf(column, row);
    return text === "" ? null : column.numeric ? Number(text) : text;
  }

  function inOrder(table, view) {
    const words = view.filter.toLowerCase().split(/\s+/).filter(Boolean);
    view.words ??= Array.from({ length: view.length }, (_, row) => table.columns.map((c) => textOf(c, row)).join(" ").toLowerCase());
    const rows = [...view.words.keys()].filter((row) => words.every((word) => view.words[row].includes(word)));
    const column = table.columns[view.by];
    if (!column) return rows;
    const compare = (a, b) => (typeof a === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
    return rows.sort((a, b) => {
      const [x, y] = [sortValue(column, a), sortValue(column, b)];
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      return view.sign * compare(x, y) || a - b;
    });
  }

  function commandsOf(rows) {
    const shown = rows.slice(0, 3).map((row) => `${data.commands.show} ${ofRun(row, "key")}`);
    const all = [...shown, data.commands.compare, data.commands.report].filter(Boolean);
    return element("div", {}, element("p", {}, `Commands, where the runs are in ${data.commands.results}: show a run, make the runs, make their tables.`),
      element("pre", { tabindex: "0" }, element("code", {}, all.join("\n"))));
  }

  function runsList(rows, count) {
    if (!rows.length) return element("p", {}, "No run is behind this row.");
    const items = rows.map((row) => element("li", {},
      address(`#run-${ofRun(row, "key")}`, `${ofRun(row, "learner")}, seed ${ofRun(row, "seed")}`), `: ${ofRun(row, "outcome") || ofRun(row, "status")}`));
    const more = count > rows.length ? element("p", {}, `The first ${rows.length} of ${count} runs; the table of runs has all.`) : null;
    return element("div", {}, element("p", {}, count === 1 ? "Its run:" : `Its ${count} runs:`), element("ul", {}, ...items), more);
  }

  function placeOf(table, row) { // what an explanation, or a prediction of it, is called in an address
    const [explanation, prediction] = ["explanation", "prediction"].map((name) => textOf(columnOf(table, name), row));
    return prediction.startsWith("(") ? explanation : `${explanation}-${prediction}`;
  }

  const claimOf = (table, row) => document.getElementById(`claim-${placeOf(table, row)}`)?.textContent ?? "";

  function sayingOf(table, row) {
    if (table.name !== "explanations" || !claimOf(table, row)) return null;
    return element("p", {}, `${claimOf(table, row)} `, address(`#says-${placeOf(table, row)}`, "Its rule"), ".");
  }

  function restsOn(table, row) {
    const rows = table.under?.[row] ?? [];
    if (!rows.length) return null;
    const said = (one, ...names) => names.map((name) => textOf(columnOf(table, name), one)).filter(Boolean).join(" ");
    const items = rows.map((one) => element("li", {},
      address(`#row-${table.name}-${one}`, said(one, "prediction", "family", "task")), `: ${said(one, "estimate", "verdict")}. ${claimOf(table, one)}`));
    return element("div", {}, element("p", {}, "It rests on:"), element("ul", {}, ...items));
  }

  function panel(table, row) {
    const own = table.name === "runs";
    const behind = own ? [row] : table.behind[row];
    const facts = table.columns.filter((column) => textOf(column, row) !== "").map((column) => element("div", {},
      element("dt", {}, address(`#def-${table.name}-${column.name}`, column.heading)), element("dd", {}, textOf(column, row))));
    return element("div", { class: "panel" }, sayingOf(table, row), element("dl", {}, ...facts), restsOn(table, row),
      curvesOf(behind, own ? 1 : table.counts[row]), own ? null : runsList(behind, table.counts[row]), commandsOf(behind));
  }

  function toggle(button, table, row, line) {
    const { opened } = views.get(table.name);
    const open = opened.has(row);
    button.setAttribute("aria-expanded", String(!open));
    if (open) {
      opened.get(row).remove();
      return opened.delete(row);
    }
    const cell = element("td", { colspan: String(table.columns.length) }, panel(table, row));
    opened.set(row, element("tr", { class: "opened", id: `opened-${table.name}-${row}` }, cell));
    return line.after(opened.get(row));
  }

  function linesOf(table, row, opened) { // the row, and below it what was opened, however the table is sorted since
    const line = element("tr", { id: `row-${table.name}-${row}` });
    table.columns.forEach((column, i) => {
      const text = textOf(column, row);
      const look = [column.numeric ? "number" : "", text.length > LONG ? "long" : ""].join(" ").trim();
      if (i) return line.append(element("td", { class: look || null }, text));
      const button = element("button", { type: "button", "aria-expanded": String(opened.has(row)) }, text || "row");
      button.addEventListener("click", () => toggle(button, table, row, line));
      return line.append(element("th", { scope: "row" }, button));
    });
    return opened.has(row) ? [line, opened.get(row)] : [line];
  }

  function headOf(table, view) {
    return table.columns.map((column, i) => {
      const sort = element("button", { type: "button" }, column.heading);
      const define = element("a", { class: "define", href: `#def-${table.name}-${column.name}`, "aria-label": `Definition of ${column.heading}` }, "?");
      const head = element("th", { scope: "col", class: column.numeric ? "number" : null }, sort, define);
      sort.addEventListener("click", () => {
        [view.sign, view.by] = [view.by === i ? -view.sign : 1, i];
        for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", view.sign > 0 ? "ascending" : "descending");
        view.show();
      });
      return head;
    });
  }

  const views = new Map();
  function build(section) {
    const table = tables.get(section.dataset.table);
    const length = (table.columns[0].places ?? table.columns[0].texts).length;
    const view = { filter: "", by: -1, sign: 1, most: FIRST_ROWS, length, opened: new Map() };
    const input = element("input", { type: "search", id: `filter-${table.name}`, autocomplete: "off" });
    const said = element("output", { for: `filter-${table.name}` });
    const body = element("tbody");
    const more = element("button", { type: "button", class: "more" });
    view.show = () => {
      const rows = inOrder(table, view);
      body.replaceChildren(...rows.slice(0, view.most).flatMap((row) => linesOf(table, row, view.opened)));
      const left = rows.length - view.most;
      said.textContent = `${rows.length} of ${length} rows` + (left > 0 ? `, ${view.most} shown` : "") + (length < table.rows ? `; the CSV file has ${table.rows}` : "");
      more.textContent = `Show ${Math.min(left, MORE_ROWS)} more`;
      more.hidden = left <= 0;
      return rows;
    };
    view.filterBy = (text) => { input.value = view.filter = text; view.most = FIRST_ROWS; view.show(); };
    input.addEventListener("input", () => view.filterBy(input.value));
    more.addEventListener("click", () => { // on with the first row that is new, since the button may be gone
      const first = view.most;
      view.most += MORE_ROWS;
      document.querySelector(`#row-${table.name}-${view.show()[first]} button`).focus({ preventScroll: true });
    });
    const label = element("label", { for: input.id }, `Filter ${table.name.replaceAll("_", " ")}`);
    const box = element("div", { class: "scroll", tabindex: "0", role: "group", "aria-labelledby": `title-${table.name}` },
      element("table", {}, element("thead", {}, element("tr", {}, ...headOf(table, view))), body));
    section.append(element("div", { class: "controls" }, label, input, said), box, more);
    views.set(table.name, view);
    view.show();
  }

  // ---- addresses: #row-TABLE-N and #run-KEY open a row, #def-TABLE-COLUMN its definition -------------------------------

  function open(name, row) {
    const [view, table] = [views.get(name), tables.get(name)];
    if (!view || !(row >= 0 && row < view.length)) return;
    view.filterBy("");
    const place = inOrder(table, view).indexOf(row);
    if (place >= view.most) { view.most = place + 1; view.show(); }
    const line = document.getElementById(`row-${name}-${row}`);
    const button = line.querySelector("button");
    if (button.getAttribute("aria-expanded") === "false") button.click();
    line.scrollIntoView();
    button.focus({ preventScroll: true });
  }

  function decoded(text) {
    try { return decodeURIComponent(text); } catch { return text; }
  }

  function follow() {
    const hash = decoded(location.hash.slice(1));
    const row = /^row-(\w+)-(\d+)$/.exec(hash), run = /^run-(\w+)$/.exec(hash);
    if (row) return open(row[1], Number(row[2]));
    if (run && runs) return open("runs", [...Array(views.get("runs").length).keys()].findIndex((i) => ofRun(i, "key") === run[1]));
    const target = document.getElementById(hash);
    const details = target?.closest("details");
    if (details) details.open = true;
    target?.scrollIntoView();
    if (details) target.focus({ preventScroll: true });
    return null;
  }

  document.querySelectorAll("[data-table]").forEach(build);
  drawFigures();
  window.addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => { // an address that is there already changes nothing by itself
    if (location.hash && event.target.closest("a")?.getAttribute("href") === location.hash) follow();
  });
  if (location.hash) follow();
})();
