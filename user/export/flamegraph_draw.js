// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the page holds and how it is drawn: all that can be linked to (zoom,
 * search, toggles) is in `view`; everything on the screen follows from it by
 * render(). Text from the profile becomes text nodes only, never markup.
 */
const XHTML = "http://www.w3.org/1999/xhtml", SVG = "http://www.w3.org/2000/svg";
const ROW = 20, NARROWEST = 0.5, GAP = 0.6, PADDING = 4, THIN = 3, SHORTEST_LABEL = 3;

const data = JSON.parse(document.getElementById("bpfprof-data").textContent);
const tree = readTree(data);
const graphs = {};
const view = { zoom: null, query: "", icicle: false, reverse: false, byName: false };
const page = {};
let matches = null, focus = null, places = [], thinPlaces = [], columnWidth = 7.3;
const rects = [], labels = [];

function make(tag, attributes = {}, ...children) {
	const element = document.createElementNS(XHTML, tag);

	for (const [name, value] of Object.entries(attributes)) {
		if (typeof value === "function")
			element.addEventListener(name, value);
		else
			element.setAttribute(name, value);
	}
	element.append(...children);
	return element;
}

function makeSvg(tag, attributes = {}) {
	const element = document.createElementNS(SVG, tag);

	for (const [name, value] of Object.entries(attributes))
		element.setAttribute(name, value);
	return element;
}

function graph() {
	const name = view.reverse ? "reverse" : "straight";

	graphs[name] ??= new Graph(tree, view.reverse);
	graphs[name].byName = view.byName;
	return graphs[name];
}

function nameOf(box) {
	return data.name[box.fn];
}

function kindOf(box) {
	return data.kinds[data.kind[box.fn]];
}

/* Drawing */

function isWide(c) {
	return c.codePointAt(0) >= 0x1100;
}

function columnsOf(name) {
	if (/^[\x20-\x7e]*$/.test(name))
		return name.length;
	return Array.from(name).reduce((n, c) => n + 1 + isWide(c), 0);
}

/* A qualified name without its qualifiers, which say least where there is little room. */
function lastPart(name) {
	let depth = 0, from = 0;

	for (let i = 0; i < name.length; i++) {
		if ("<([{".includes(name[i]))
			depth++;
		else if (">)]}".includes(name[i]))
			depth = Math.max(depth - 1, 0);
		else if (!depth && name.startsWith("::", i) && i + 2 < name.length)
			from = i + 2;
	}
	return name.slice(from);
}

/* As much of a name as fits into `width` pixels, by columns; "" when that would say nothing. */
function fitText(name, width) {
	const room = Math.floor((width - 2 * PADDING) / columnWidth);
	let shown = "", used = 0;

	if (room < SHORTEST_LABEL)
		return "";
	if (columnsOf(name) <= room)
		return name;
	name = lastPart(name);
	if (columnsOf(name) <= room)
		return name;
	for (const c of name) {
		used += 1 + isWide(c);
		if (used > room - 1)
			break;
		shown += c;
	}
	return shown + "…";
}

/* Elements are reused from one drawing to the next: making them is what costs. */
function pooled(pool, index, tag) {
	if (!pool[index]) {
		pool[index] = makeSvg(tag);
		(tag === "rect" ? page.rects : page.labels).append(pool[index]);
	}
	pool[index].removeAttribute("display");
	return pool[index];
}

function hideRest(pool, from) {
	for (let i = from; i < pool.length && !pool[i].hasAttribute("display"); i++)
		pool[i].setAttribute("display", "none");
}

function classOf(place) {
	const fn = place.box.fn;
	let name = `${kindOf(place.box)} s${data.shade[fn]}`;

	if (place.faded)
		name += " faded";
	if (matches)
		name += matches[fn] ? " match" : " other";
	return name;
}

function drawRect(rect, place) {
	const width = place.width > 4 * GAP ? place.width - GAP : place.width;

	rect.setAttribute("class", classOf(place));
	rect.setAttribute("x", place.x.toFixed(2));
	rect.setAttribute("y", place.y);
	rect.setAttribute("width", width.toFixed(2));
	rect.setAttribute("height", ROW - 1);
	rect.place = place;
}

/*
 * Boxes too narrow for corners and a label are the most: an element for each
 * would take a second, so those of one class are one path.
 */
function drawThin(thin) {
	const paths = new Map();

	for (const place of thin) {
		const name = classOf(place), width = place.width.toFixed(2);

		if (!paths.has(name))
			paths.set(name, []);
		paths.get(name).push(`M${place.x.toFixed(2)} ${place.y}h${width}v${ROW - 1}h-${width}z`);
	}
	page.thin.replaceChildren(...Array.from(paths, ([name, parts]) =>
		makeSvg("path", { class: name, d: parts.join("") })));
}

function drawLabel(label, place, text) {
	label.setAttribute("class", classOf(place));
	label.setAttribute("x", (place.x + PADDING).toFixed(1));
	label.setAttribute("y", place.y + 14);
	label.textContent = text;
}

function drawFocus() {
	const place = focus && places.find((p) => p.box === focus);

	page.focus.setAttribute("display", place ? "inline" : "none");
	if (place) {
		page.focus.setAttribute("x", place.x);
		page.focus.setAttribute("y", place.y);
		page.focus.setAttribute("width", Math.max(place.width - GAP, 2));
		page.focus.setAttribute("height", ROW - 1);
	}
}

function drawBoxes() {
	const margin = Number.parseFloat(getComputedStyle(page.pane).paddingLeft);
	const width = page.pane.clientWidth - 2 * margin;
	let depth = 0, shownRects = 0, shownLabels = 0;

	if (width <= 0)
		return;
	places = graph().layout(view.zoom, width, NARROWEST);
	for (const place of places)
		depth = Math.max(depth, place.box.depth);
	const height = Math.max((depth + 1) * ROW + 2 * PADDING, page.pane.clientHeight - 1);

	page.svg.setAttribute("width", width);
	page.svg.setAttribute("height", height);
	thinPlaces = [];
	for (const place of places) {
		const level = place.box.depth;

		place.y = view.icicle ? PADDING + level * ROW : height - PADDING - (level + 1) * ROW;
		if (place.width < THIN) {
			thinPlaces.push(place);
			continue;
		}
		const text = fitText(nameOf(place.box), place.width);

		drawRect(pooled(rects, shownRects++, "rect"), place);
		if (text)
			drawLabel(pooled(labels, shownLabels++, "text"), place, text);
	}
	hideRest(rects, shownRects);
	hideRest(labels, shownLabels);
	drawThin(thinPlaces);
	drawFocus();
}

/* The box that an event is about, if any. */
function boxAt(event) {
	if (event.target.place)
		return event.target.place.box;
	const origin = page.svg.getBoundingClientRect();
	const x = event.clientX - origin.left, y = event.clientY - origin.top;

	return thinPlaces.find((p) => y >= p.y && y < p.y + ROW && x >= p.x && x < p.x + p.width)?.box;
}

/* Puts the zoomed box where its tower begins, with a few of its callers still in sight. */
function scrollToZoom() {
	const place = places.find((p) => p.box === view.zoom);

	if (!place)
		return;
	page.pane.scrollTop = view.icicle ? place.y - 3 * ROW
					  : place.y + 4 * ROW - page.pane.clientHeight;
}

function drawCrumbs() {
	const path = [];

	for (let box = view.zoom; box; box = box.parent)
		path.unshift(box);
	const hidden = Math.max(path.length - 5, 0);

	page.crumbs.replaceChildren();
	path.forEach((box, i) => {
		if (i > 0 && i <= hidden) {
			if (i === hidden)
				page.crumbs.append(make("li", { class: "more" }, "…"));
			return;
		}
		const crumb = make("button", { type: "button", click: () => zoomTo(box) }, nameOf(box));

		if (box === view.zoom)
			crumb.setAttribute("aria-current", "location");
		page.crumbs.append(make("li", {}, crumb));
	});
}

function drawTools() {
	for (const [name, button] of Object.entries(page.toggles))
		button.setAttribute("aria-pressed", String(view[name]));
	page.reset.disabled = !view.zoom.parent && !view.query;
	if (page.search.value !== view.query)
		page.search.value = view.query;
	page.matched.textContent = matches
		? `matched ${formatShare(matchedValue(tree, matches), tree.total[0])}` : "";
}

function render() {
	drawTools();
	drawCrumbs();
	drawBoxes();
	showDetails(focus);
}

/* What is said of a box */

function shares(box) {
	const all = tree.total[0], zoomed = view.zoom;
	const parts = [`${formatShare(box.value, all)} of all`];
	let inside = false;

	for (let b = box; b; b = b.parent)
		inside ||= b === zoomed;
	if (zoomed.parent && inside)
		parts.push(`${formatShare(box.value, zoomed.value)} of the view`);
	return parts;
}

function selfText(box) {
	return `self ${formatValue(data, box.self)}, ${formatShare(box.self, tree.total[0])}`;
}

function showDetails(box) {
	if (!box) {
		page.details.replaceChildren(make("span", { class: "dim" },
			"Click or Enter zooms, Esc resets, arrow keys move, / searches"));
		return;
	}
	page.details.replaceChildren(make("b", {}, nameOf(box)), make("span", {},
		[formatValue(data, box.value), ...shares(box), selfText(box)].join(" · ")));
}

function showTip(box, event) {
	const place = formatPlace(data, box.fn), kind = kindOf(box);
	const lines = [make("b", {}, nameOf(box)),
		make("span", { class: "kind" }, swatch(kind), kind),
		make("span", {}, [formatValue(data, box.value), ...shares(box)].join(" · ")),
		make("span", {}, selfText(box))];

	if (place)
		lines.push(make("span", { class: "place" }, place));
	page.tip.replaceChildren(...lines);
	page.tip.hidden = false;
	const size = page.tip.getBoundingClientRect();
	const right = document.documentElement.clientWidth - size.width - 8;
	const below = event.clientY + 18 + size.height < document.documentElement.clientHeight;

	page.tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, right))}px`;
	page.tip.style.top = `${Math.max(8, below ? event.clientY + 18
						  : event.clientY - size.height - 12)}px`;
}

function hideTip() {
	page.tip.hidden = true;
	showDetails(focus);
}
