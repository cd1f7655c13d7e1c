// How a chart looks: words, and an axis of lambda with the steps (long lines) and their further model calls (short
// ones). SVG with the theme's own colors: sharp at any zoom, right after a change of theme, as wide as the node.
export const HEIGHT = 78;
const GAP = 1.2; // percent of the axis between two lines; closer ones are left out
const LINE = 13; // the axis' place in the SVG, in pixels
const SVG = "http://www.w3.org/2000/svg";
const DONE = "#3fa56b";

function element(name, style, ...children) {
  const made = document.createElement(name);
  made.style.cssText = style;
  made.append(...children);
  return made;
}

function line(x1, y1, x2, y2, color, width) {
  const made = document.createElementNS(SVG, "line");
  for (const [name, value] of Object.entries({ x1: `${x1}%`, y1, x2: `${x2}%`, y2 })) made.setAttribute(name, value);
  made.style.cssText = `stroke:${color};stroke-width:${width}`;
  return made;
}

// [x, is a step] of the lines to draw, far enough apart; steps come before further calls.
function lines(steps, further) {
  const places = [];
  const free = (x) => places.every(([other]) => Math.abs(other - x) >= GAP);
  for (const x of steps) if (!places.length || x - places[places.length - 1][0] >= GAP) places.push([x, true]);
  for (const x of further) if (free(x)) places.push([x, false]);
  return places;
}

export class Drawing {
  constructor() {
    this.words = element("div", "line-height:16px;max-height:48px;overflow:hidden;color:var(--input-text)");
    this.below = element("div", "color:var(--descrip-text)");
    const style = `font-size:12px;width:100%;height:${HEIGHT}px;overflow:hidden;padding:0 4px;box-sizing:border-box`;
    this.root = element("div", style, this.words, this.below);
    this.root.className = "seeds-chart";
  }

  // chart: what the server says; step: how many are done, null while nothing runs.
  show(chart, step = null) {
    this.words.textContent = this.words.title = chart.words;
    this.words.style.color = chart.wrong ? "var(--error-text)" : "var(--input-text)";
    this.below.replaceChildren(chart.steps?.length ? this.axis(chart, step) : chart.note ?? "");
  }

  axis({ steps, further, end }, step) {
    const low = steps[0];
    const high = end ?? steps[steps.length - 1];
    const x = (value) => (high > low ? (100 * (value - low)) / (high - low) : 0);
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", this.words.textContent);
    svg.style.cssText = `width:100%;height:${2 * LINE}px;overflow:visible;display:block`;
    const [faint, strong] = ["var(--descrip-text)", "var(--input-text)"];
    svg.append(line(0, LINE, 100, LINE, faint, 1));
    const done = step == null ? -1 : x(step < steps.length ? steps[step] : high);
    if (done >= 0) svg.append(line(0, LINE, done, LINE, DONE, 3));
    const ends = end == null ? steps : [...steps, end];
    for (const [place, isStep] of lines(ends.map(x), further.map(x))) {
      const [half, color] = isStep ? [9, strong] : [4, faint];
      svg.append(line(place, LINE - half, place, LINE + half, place <= done ? DONE : color, isStep ? 1.5 : 1));
    }
    const label = (text) => element("span", "", text);
    const labels = element("div", "display:flex;justify-content:space-between", label(`\u03bb ${low.toFixed(1)}`));
    if (high > low) labels.append(label(high.toFixed(1)));
    const grid = element("div", "display:grid;grid-template-columns:1fr auto;column-gap:14px;line-height:14px", svg);
    if (end != null) grid.style.gridTemplateColumns = "1fr";
    // The last step goes to noise level 0, where lambda is infinite.
    else grid.append(element("div", `height:${LINE}px;border-bottom:1px dotted var(--descrip-text);box-sizing:border-box`));
    grid.append(labels);
    if (end == null) grid.append(label("\u03c3 0"));
    return grid;
  }
}
