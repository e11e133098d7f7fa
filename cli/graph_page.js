"use strict";
// Everything here becomes text nodes, never markup: names come from strangers.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const panel = document.getElementById("panel");
  const MOST = 200; // rows shown at once
  const shown = new Map(); // name of a method -> its plot
  let now = data.methods[0];

  const element = (tag, ...inside) => {
    const made = document.createElement(tag);
    made.append(...inside.filter((part) => part !== null));
    return made;
  };
  const many = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

  const listed = (rows) => {
    const list = element("ol");
    const add = (from) => {
      for (const row of rows.slice(from, from + MOST)) {
        const [source, target, outpoint, address, amount, onchain, time] = now.rows[row];
        const whole = onchain === amount ? "" : ` of ${onchain} on chain`;
        list.append(element("li",
          element("b", `${amount} ${now.asset}`), element("small", `${whole} · ${time}`),
          outpoint ? element("code", outpoint) : element("p", "fee"),
          address ? element("code", address) : null,
          ...(outpoint && outpoint.startsWith(now.nodes[source][0]) ? []
            : [element("small", "from"), element("code", now.nodes[source][0])]),
          element("small", "to"), element("code", now.nodes[target][0])));
      }
      if (from + MOST < rows.length) {
        const more = element("button", `${many(rows.length - from - MOST, "more movement")}`);
        more.onclick = () => { more.remove(); add(from + MOST); };
        list.append(more);
      }
    };
    add(0);
    return list;
  };

  const tell = (title, lines, rows, left) => {
    panel.replaceChildren(element("h2", title), ...lines.map((line) => element("p", line)),
      element("p", many(rows.length, "movement") + (left ? `, and ${left.toLocaleString("en")} in the JSON` : "")), listed(rows));
    panel.scrollTop = 0;
  };
  const tellBox = (place) => {
    const box = now.boxes[place];
    const bands = now.bands.filter((band) => band.ends.includes(place));
    const rows = [...new Set(bands.flatMap((band) => band.rows))].sort((a, b) => a - b);
    const lines = box.nodes.length === 1 ? now.nodes[box.nodes[0]][1]
      : box.nodes.slice(0, MOST).map((node) => now.nodes[node][0]);
    tell(box.name, [box.amount, ...lines], rows, bands.reduce((sum, band) => sum + band.count - band.rows.length, 0));
  };
  const tellBand = (place) => {
    const band = now.bands[place];
    const [source, target] = band.ends.map((end) => now.boxes[end].name);
    tell(`${source} → ${target}`, [band.amount], band.rows, band.count - band.rows.length);
  };

  // Names: as many as stand without covering one another at this zoom, the most important first.
  const measure = document.createElement("canvas").getContext("2d");
  const nameAll = (plot, view) => {
    const names = plot.source("names"), { x, y, align, line, text, rank } = names.data;
    const { width, height } = view.frame.bbox;
    const { x_range: across, y_range: down } = plot.model;
    measure.font = "11px Helvetica, Arial, sans-serif";
    const order = [...text.keys()].sort((a, b) => rank[a] - rank[b]);
    const taken = [], result = text.map(() => "");
    for (const n of order) {
      const px = (x[n] - across.start) / (across.end - across.start) * width;
      const py = (down.end - y[n]) / (down.end - down.start) * height;
      const wide = measure.measureText(text[n]).width + 4;
      const left = align[n] === "right" ? px - wide : px, top = line[n] === "bottom" ? py - 12 : py - 7;
      if (left + wide < 0 || left > width || top < -14 || top > height) continue;
      if (taken.some(([a, b, c, d]) => left < c && left + wide > a && top < d && top + 13 > b)) continue;
      taken.push([left, top, left + wide, top + 13]);
      result[n] = text[n];
    }
    if (result.some((word, n) => word !== names.data.shown[n])) names.data = { ...names.data, shown: result };
  };

  // The first view: all of the picture, and room beside it for names, which do not shrink with it.
  const home = (plot) => {
    const { x, align, line, text } = plot.source("names").data, wide = plot.view.frame.bbox.width;
    measure.font = "11px Helvetica, Arial, sans-serif";
    const room = (side) => Math.min(wide * 0.35, 12 + Math.max(0, ...[...text.keys()]
      .filter((n) => line[n] === "middle" && align[n] === side).map((n) => measure.measureText(text[n]).width)));
    const [left, right] = [room("right"), room("left")], low = Math.min(...x), high = Math.max(...x);
    const unit = (high - low) / (wide - left - right);
    const across = { start: low - left * unit, end: high + right * unit };
    plot.model.x_range.setv({ ...across, reset_start: across.start, reset_end: across.end });
    plot.home = [across.start, across.end, plot.model.y_range.start, plot.model.y_range.end];
  };

  const show = async (name) => {
    now = data.methods.find((method) => method.name === name);
    for (const part of document.querySelectorAll("[data-method]")) part.hidden = part.dataset.method !== name;
    if (shown.has(name)) return shown.get(name);
    const place = [...document.querySelectorAll(".chart")].find((chart) => chart.dataset.method === name);
    const views = await Bokeh.embed.embed_item(now.plot, place);
    const view = [...views][0], model = view.model;
    const plot = { model, view, source: (which) => model.document.get_model_by_name(which) };
    shown.set(name, plot);
    await new Promise(requestAnimationFrame);
    home(plot);
    let waiting = false;
    const soon = () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; nameAll(plot, view); });
    };
    for (const range of [model.x_range, model.y_range]) range.change.connect(soon);
    new ResizeObserver(soon).observe(place);
    const boxes = plot.source("boxes"), bands = plot.source("bands");
    boxes.selected.properties.indices.change.connect(() => {
      if (!plot.searching && boxes.selected.indices.length) tellBox(boxes.selected.indices[0]);
    });
    bands.selected.properties.indices.change.connect(() => {
      if (plot.searching || !bands.selected.indices.length || boxes.selected.indices.length) return;
      tellBand(bands.data.place[bands.selected.indices[0]]);
    });
    soon();
    return plot;
  };

  const find = async (text) => {
    const plot = await show(now.name), wanted = text.trim().toLowerCase();
    if (!wanted) return;
    const nodes = new Set(), rows = [];
    now.nodes.forEach(([name, lines], n) => {
      if (name.toLowerCase().includes(wanted) || lines.some((line) => line.toLowerCase().includes(wanted))) nodes.add(n);
    });
    now.rows.forEach((row, n) => {
      if ([row[2], row[3]].some((word) => word && word.toLowerCase().includes(wanted))) rows.push(n);
    });
    const hit = new Set(rows);
    const boxes = [...now.boxes.keys()].filter((n) => now.boxes[n].nodes.some((node) => nodes.has(node)));
    const bands = [...now.bands.keys()].filter((n) => now.bands[n].rows.some((row) => hit.has(row))
      || now.bands[n].ends.some((end) => boxes.includes(end)));
    const at = plot.source("bands").data.place;
    plot.searching = true;
    plot.source("boxes").selected.indices = boxes;
    plot.source("bands").selected.indices = [...at.keys()].filter((n) => bands.includes(at[n]));
    plot.searching = false;
    if (!boxes.length && !bands.length) return tell(`Not found: ${text.trim()}`, ["Nothing that this page lists has it."], [], 0);
    const behind = rows.length ? rows : [...now.rows.keys()].filter((n) => nodes.has(now.rows[n][0]) || nodes.has(now.rows[n][1]));
    tell(`Found: ${text.trim()}`, boxes.map((n) => `${now.boxes[n].name}: ${now.boxes[n].amount}`).slice(0, MOST), behind, 0);
    centre(plot, boxes, plot.source("bands").selected.indices);
  };

  // Bring what was found into the middle, with some of what is around it.
  const centre = (plot, boxes, bands) => {
    const b = plot.source("boxes").data, p = plot.source("bands").data, [x0, x1, y0, y1] = plot.home;
    const xs = boxes.flatMap((n) => [b.left[n], b.right[n]]), ys = boxes.flatMap((n) => [b.top[n], b.bottom[n]]);
    for (const n of boxes.length ? [] : bands) { xs.push(...p.xs[n]); ys.push(...p.ys[n]); }
    const fit = (values, whole) => {
      const low = Math.min(...values), high = Math.max(...values);
      const half = Math.min(Math.max((high - low) * 0.7, whole / 5), whole / 2);
      return [(low + high) / 2 - half, (low + high) / 2 + half];
    };
    const [left, right] = fit(xs, x1 - x0), [top, bottom] = fit(ys, y0 - y1);
    plot.model.x_range.setv({ start: left, end: right });
    plot.model.y_range.setv({ start: bottom, end: top });
  };

  document.getElementById("search").addEventListener("submit", (event) => {
    event.preventDefault();
    find(document.getElementById("wanted").value);
  });
  for (const choice of document.querySelectorAll("input[name=method]")) {
    choice.addEventListener("change", () => show(choice.value));
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.tagName === "INPUT") return;
    event.preventDefault();
    document.getElementById("wanted").focus();
  });
  show(now.name).then(() => document.body.dataset.ready = "yes");
})();
