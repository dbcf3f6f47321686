// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a reader does with the page, and the page itself. The same in .html
 * and .svg: a browser that opens the .svg gets this page in place of the
 * picture. Zoom, search and toggles are kept in the address too.
 */
function addressOf() {
	const parts = [], path = graph().pathOf(view.zoom);

	if (path.length)
		parts.push(`zoom=${path.join(".")}`);
	if (view.query)
		parts.push(`search=${encodeURIComponent(view.query)}`);
	for (const name of ["icicle", "reverse", "byName"])
		if (view[name])
			parts.push(name);
	return location.href.split("#")[0] + (parts.length ? `#${parts.join("&")}` : "");
}

/* A zoom is a step that the browser's Back undoes; all else changes the step that it is in. */
function remember(step) {
	try {
		history[step ? "pushState" : "replaceState"](null, "", addressOf());
	} catch {
		/* A frame without an address of its own: nothing is remembered. */
	}
}

function restore() {
	const parts = new Map(location.hash.slice(1).split("&").map((part) => {
		const equals = part.indexOf("=");

		return equals < 0 ? [part, ""] : [part.slice(0, equals), part.slice(equals + 1)];
	}));

	for (const name of ["icicle", "reverse", "byName"])
		view[name] = parts.has(name);
	try {
		view.query = decodeURIComponent(parts.get("search") ?? "");
	} catch {
		view.query = "";
	}
	matches = searchFunctions(data, view.query);
	view.zoom = graph().boxAt((parts.get("zoom") ?? "").split(".").filter(Boolean).map(Number));
	focus = null;
	render();
	scrollToZoom();
}

function zoomTo(box) {
	if (box === view.zoom)
		return;
	view.zoom = box;
	hideTip();
	render();
	scrollToZoom();
	remember(true);
}

function searchFor(query) {
	view.query = query;
	matches = searchFunctions(data, query);
	render();
	remember(false);
}

function toggle(name) {
	view[name] = !view[name];
	if (name === "reverse") {
		/* A box of one direction is none of the other. */
		view.zoom = graph().root;
		focus = null;
	}
	render();
	scrollToZoom();
	remember(false);
}

function reset() {
	view.query = "";
	matches = null;
	focus = null;
	page.search.blur();
	if (view.zoom.parent) {
		zoomTo(graph().root);
	} else {
		render();
		remember(false);
	}
}

/* Keys */

function setFocus(box) {
	if (!places.some((p) => p.box === box))
		return;
	focus = box;
	drawFocus();
	page.focus.scrollIntoView({ block: "nearest" });
	showDetails(box);
}

/* The neighbour on the screen: its level, then how far to go along it. */
function moveFocus(key) {
	const box = focus ?? view.zoom, outward = view.icicle ? "ArrowDown" : "ArrowUp";
	const level = places.filter((p) => p.box.depth === box.depth);
	const at = level.findIndex((p) => p.box === box);

	if (!focus)
		setFocus(box);
	else if (key === "ArrowLeft" || key === "ArrowRight")
		setFocus(level[at + (key === "ArrowLeft" ? -1 : 1)]?.box);
	else if (key === outward)
		setFocus(places.find((p) => p.box.parent === box)?.box);
	else
		setFocus(box.parent);
}

function nextMatch(back) {
	const found = places.filter((p) => matches?.[p.box.fn] && !p.faded);
	const at = found.findIndex((p) => p.box === focus);
	const next = back ? Math.max(at, 0) + found.length - 1 : at + 1;

	if (found.length)
		setFocus(found[next % found.length].box);
}

const keys = {
	"/": () => page.search.focus(), i: () => toggle("icicle"), r: () => toggle("reverse"),
	s: () => toggle("byName"), n: () => nextMatch(false), N: () => nextMatch(true),
	Escape: reset, Enter: () => focus && zoomTo(focus),
	Backspace: () => view.zoom.parent && zoomTo(view.zoom.parent),
};

function onKey(event) {
	const key = event.key, find = (event.ctrlKey || event.metaKey) && key === "f";
	const typing = event.target === page.search;

	/* Asked for twice, the browser's own search opens. */
	if ((find || key === "F3") && !typing) {
		page.search.focus();
		page.search.select();
	} else if (event.ctrlKey || event.metaKey || event.altKey) {
		return;
	} else if (typing) {
		if (key === "Enter")
			page.pane.focus();
		else if (key === "Escape")
			reset();
		else
			return;
	} else if (key.startsWith("Arrow")) {
		moveFocus(key);
	} else if (Object.hasOwn(keys, key) &&
		   !(event.target.localName === "button" && key === "Enter")) {
		keys[key]();
	} else {
		return;
	}
	event.preventDefault();
}

/* Building the page */

function swatch(kind) {
	const svg = makeSvg("svg", { class: "swatch", width: 12, height: 12, "aria-hidden": "true" });

	svg.append(makeSvg("rect", { class: kind, width: 12, height: 12 }));
	return svg;
}

function makeTools() {
	const button = (name, text, title) => page.toggles[name] =
		make("button", { type: "button", title, click: () => toggle(name) }, text);

	page.toggles = {};
	page.search = make("input", { type: "search", placeholder: "Search  /", spellcheck: "false",
		autocomplete: "off", "aria-label": "Search functions",
		title: "A regular expression; @ in front looks for modules and files (/ or Ctrl-F)",
		input: () => searchFor(page.search.value) });
	page.matched = make("output", { class: "matched" });
	page.reset = make("button", { type: "button", title: "Whole profile, no search (Esc)",
		click: reset }, "Reset");
	return make("div", { class: "tools", role: "toolbar" }, page.matched, page.search,
		button("icicle", "Icicle", "Root on top (I)"),
		button("reverse", "Reversed", "From the leaves to their callers (R)"),
		button("byName", "By name", "Sorted by name instead of value (S)"), page.reset);
}

function makeLegend() {
	const sums = selfByKind(data, tree), list = make("ul", { class: "legend", title: "Self" });

	sums.forEach((sum, kind) => {
		if (sum > 0)
			list.append(make("li", {}, swatch(data.kinds[kind]),
				`${data.kinds[kind]} ${formatShare(sum, tree.total[0])}`));
	});
	return list;
}

function makeFacts() {
	const list = make("dl", { class: "facts" });

	for (const [heading, text] of data.facts)
		if (text)
			list.append(make("div", { class: heading.toLowerCase() },
				make("dt", {}, heading), make("dd", { title: text }, text)));
	return list;
}

function makePane() {
	page.svg = makeSvg("svg", { class: "boxes" });
	page.rects = makeSvg("g");
	page.labels = makeSvg("g");
	page.thin = makeSvg("g");
	page.focus = makeSvg("rect", { class: "focus" });
	page.svg.append(page.thin, page.rects, page.labels, page.focus);
	page.pane = make("main", { class: "pane", tabindex: "0", role: "application",
		"aria-label": `Flame graph: ${data.subtitle}`, "aria-describedby": "details" });
	page.pane.append(page.svg);
	page.svg.addEventListener("click", (event) => boxAt(event) && zoomTo(boxAt(event)));
	page.svg.addEventListener("pointermove", (event) => {
		const box = boxAt(event);

		if (!box)
			return hideTip();
		showTip(box, event);
		showDetails(box);
	});
	page.svg.addEventListener("pointerleave", hideTip);
	return page.pane;
}

function makeBody() {
	const heading = make("div", { class: "heading" }, make("h1", {}, data.title));

	if (!data.page)
		heading.append(make("p", {}, data.subtitle));
	page.crumbs = make("ol", { class: "crumbs", "aria-label": "Zoomed to" });
	page.details = make("footer", { id: "details", class: "details", role: "status" });
	page.tip = make("div", { class: "tip", role: "tooltip" });
	page.tip.hidden = true;
	return make("body", {}, make("header", {}, heading, makeTools()),
		...(data.page ? [makeFacts()] : []),
		make("nav", { class: "bar" }, page.crumbs, makeLegend()), makePane(), page.details,
		page.tip);
}

/* In an .svg all of the picture goes; its style stays. */
function showPage() {
	const body = makeBody();

	if (data.page) {
		document.body.replaceWith(body);
	} else {
		const style = document.querySelector("style").textContent;

		document.replaceChild(make("html", { lang: "en" }, make("head", {},
			make("title", {}, data.title), make("style", {}, style)), body),
			document.documentElement);
	}
	const probe = pooled(labels, 0, "text");

	probe.textContent = "0".repeat(100);
	columnWidth = probe.getComputedTextLength() / 100 || columnWidth;
	restore();
	new ResizeObserver(drawBoxes).observe(page.pane);
	addEventListener("popstate", restore);
	addEventListener("hashchange", restore);
	document.addEventListener("keydown", onKey);
}

/* A picture inside somebody else's page stays a picture. */
if (data.page || document.documentElement.localName === "svg")
	showPage();
