// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The profile's tree as flamegraph_data.c wrote it, and what can be asked of
 * it; knows nothing of the page. A box is {fn, value, self, parent, depth} and
 * is made only when its parent is looked into, so that a tree of any size
 * costs what is seen of it. Functions are numbered in the order of their
 * names; 0 is the root's.
 */

/* Typed arrays by node, in depth-first order: `end` is the first node after a node's own. */
function readTree(data) {
	const nr = data.node.length, fn = Int32Array.from(data.node);
	const self = Float64Array.from(data.self), total = Float64Array.from(data.self);
	const parent = new Int32Array(nr).fill(-1), end = new Int32Array(nr);

	for (let i = 1; i < nr; i++) {
		let above = i - 1;

		for (let climb = data.up[i]; climb > 0; climb--)
			above = parent[above];
		parent[i] = above;
	}
	for (let i = nr - 1; i >= 0; i--) {
		end[i] = Math.max(end[i], i + 1);
		if (i > 0) {
			total[parent[i]] += total[i];
			end[parent[i]] = Math.max(end[parent[i]], end[i]);
		}
	}
	return { nr, fn, self, total, parent, end };
}

function newBox(fn, value, self, parent) {
	return { fn, value, self, parent, depth: parent ? parent.depth + 1 : 0, kids: null };
}

/* Callers below, callees above. */
function straightRoot(tree) {
	return Object.assign(newBox(0, tree.total[0], tree.self[0], null), { at: 0 });
}

function straightKids(tree, box) {
	const kids = [];

	for (let i = box.at + 1; i < tree.end[box.at]; i = tree.end[i]) {
		const kid = newBox(tree.fn[i], tree.total[i], tree.self[i], box);

		kid.at = i;
		kids.push(kid);
	}
	return kids;
}

/*
 * Leaves below, their callers above. A box keeps the nodes that its callers
 * are to be found from, and how much of each one's value came this way.
 */
function reversedRoot(tree) {
	const root = newBox(0, tree.total[0], 0, null);

	root.nodes = [];
	root.weights = [];
	for (let i = 1; i < tree.nr; i++) {
		if (tree.self[i] > 0) {
			root.nodes.push(i);
			root.weights.push(tree.self[i]);
		}
	}
	return root;
}

function reversedKids(tree, box) {
	const byFn = new Map();

	for (let i = 0; i < box.nodes.length; i++) {
		/* The root's nodes are the leaves themselves; all others' are one further out. */
		const node = box.depth ? tree.parent[box.nodes[i]] : box.nodes[i];

		if (node <= 0)
			continue;
		let kid = byFn.get(tree.fn[node]);

		if (!kid) {
			kid = newBox(tree.fn[node], 0, 0, box);
			kid.nodes = [];
			kid.weights = [];
			byFn.set(kid.fn, kid);
		}
		kid.value += box.weights[i];
		kid.self = box.depth ? 0 : kid.value;
		kid.nodes.push(node);
		kid.weights.push(box.weights[i]);
	}
	return [...byFn.values()];
}

/* One direction of the tree, with its boxes kept in one order. */
class Graph {
	constructor(tree, reverse) {
		this.tree = tree;
		this.kidsOf = reverse ? reversedKids : straightKids;
		this.root = reverse ? reversedRoot(tree) : straightRoot(tree);
		this.byName = false;
	}

	kids(box) {
		if (!box.kids || box.byName !== this.byName) {
			box.kids ??= this.kidsOf(this.tree, box);
			box.byName = this.byName;
			box.kids.sort(this.byName ? (a, b) => a.fn - b.fn
						  : (a, b) => b.value - a.value || a.fn - b.fn);
		}
		return box.kids;
	}

	/* A box as the functions on the way to it: good for the address bar. */
	pathOf(box) {
		const path = [];

		for (; box.parent; box = box.parent)
			path.unshift(box.fn);
		return path;
	}

	/* As far as the path leads. */
	boxAt(path) {
		let box = this.root;

		for (const fn of path) {
			const next = this.kids(box).find((kid) => kid.fn === fn);

			if (!next)
				break;
			box = next;
		}
		return box;
	}

	/*
	 * What is seen when `zoomed` is as wide as the picture: its callers, faded, in full
	 * width, and all that stands on it, no narrower than `narrowest`.
	 */
	layout(zoomed, width, narrowest) {
		const seen = [], open = [];

		for (let box = zoomed.parent; box; box = box.parent)
			seen.unshift({ box, x: 0, width, faded: true });
		open.push({ box: zoomed, x: 0, width, faded: false });
		while (open.length) {
			const place = open.pop(), box = place.box, first = open.length;
			let x = place.x;

			seen.push(place);
			for (const kid of this.kids(box)) {
				const w = kid.value / zoomed.value * width;

				if (w >= narrowest)
					open.push({ box: kid, x, width: w, faded: false });
				else if (!this.byName)
					break; /* the rest is narrower still */
				x += w;
			}
			/* Left ones first, so that the next box in `seen` is the next on the screen. */
			for (let a = first, b = open.length - 1; a < b; a++, b--)
				[open[a], open[b]] = [open[b], open[a]];
		}
		return seen;
	}
}

/*
 * Which functions a search means: one number each, 1 for a match; null for an empty search.
 * A pattern that is no regular expression is taken as it stands; one without capitals
 * matches them too; after an @ it is sought in modules and files.
 */
function searchFunctions(data, pattern) {
	const inPlaces = pattern.startsWith("@"), wanted = inPlaces ? pattern.slice(1) : pattern;
	const flags = /\p{Lu}/u.test(wanted) ? "u" : "iu";
	let regex;

	if (!wanted)
		return null;
	try {
		regex = new RegExp(wanted, flags);
	} catch {
		regex = new RegExp(wanted.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), flags);
	}
	const places = inPlaces ? data.places.map((place) => place && regex.test(place)) : null;

	/* The root is everything: it would make every share 100 %. */
	return Uint8Array.from(data.name, (name, fn) => fn > 0 &&
		(places ? places[data.module[fn]] || places[data.file[fn]] : regex.test(name)));
}

/* The value of all stacks in which a match stands, each counted once. */
function matchedValue(tree, matches) {
	let sum = 0;

	for (let i = 1; i < tree.nr;) {
		if (matches[tree.fn[i]]) {
			sum += tree.total[i];
			i = tree.end[i];
		} else {
			i++;
		}
	}
	return sum;
}

/* What each kind of function did itself. */
function selfByKind(data, tree) {
	const sums = new Float64Array(data.kinds.length);

	for (let i = 0; i < tree.nr; i++)
		sums[data.kind[tree.fn[i]]] += tree.self[i];
	return sums;
}

/* Numbers as base/parse.h formats them. */
function formatCount(n) {
	return Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

function formatScaled(n, step, units) {
	let unit = 0;

	while (unit < units.length - 1 && Number(n.toPrecision(3)) >= step) {
		n /= step;
		unit++;
	}
	if (unit === 0 || n >= 100)
		return `${formatCount(n)} ${units[unit]}`;
	return `${n.toPrecision(3)} ${units[unit]}`;
}

function formatValue(data, n) {
	if (data.unit === "nanoseconds")
		return formatScaled(n, 1000, ["ns", "µs", "ms", "s"]);
	if (data.unit === "bytes")
		return formatScaled(n, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
	return `${formatCount(n)} ${data.value}`;
}

function formatShare(part, whole) {
	const percent = whole > 0 ? 100 * part / whole : 0;

	if (percent > 0 && percent < 0.01)
		return "< 0.01 %";
	return `${percent.toFixed(percent < 1 && percent > 0 ? 2 : 1)} %`;
}

function formatPlace(data, fn) {
	const file = data.places[data.file[fn]], module = data.places[data.module[fn]];
	const from = data.line[fn], to = data.last[fn];
	const lines = !from ? "" : from === to ? `:${from}` : `:${from}–${to}`;

	return [file && file + lines, module].filter(Boolean).join("  ·  ");
}
