// A chart in the nodes that plan a run: the noise levels of its steps and stages on the lambda axis, the number of
// steps and model calls in words, and the step that is being taken. It draws on a canvas in a DOM widget, which both
// of ComfyUI's renderers have.
import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

const NODES = ["SEEDSScheduler", "SEEDSKSampler"];
const STAGE_DEFAULTS = { "SEEDS-1": [], "SEEDS-2": [1 / 2], "SEEDS-3": [1 / 3, 2 / 3], "SEEDS-M": [], "ER-SDE": [] };
const HEIGHT = 96;
const LOOK_EVERY = 400; // ms between looks at the widgets: cheap, and the same in both renderers
const charts = new Map(); // node in a graph -> chart

const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

const linkAt = (node, name) => node?.inputs?.find((input) => input.name === name)?.link ?? null;

// A widget's value; undefined if there is none, or if a link decides.
function valueOf(node, name) {
  return linkAt(node, name) == null ? node?.widgets?.find((widget) => widget.name === name)?.value : undefined;
}

// The node that an input is connected to, past reroutes; null if that is not to be seen from here.
function nodeAtInput(node, name) {
  const id = linkAt(node, name);
  const link = id == null ? null : node.graph?.getLink?.(id) ?? node.graph?.links?.[id];
  const found = link ? node.graph.getNodeById(link.origin_id) : null;
  return found?.type === "Reroute" ? nodeAtInput(found, found.inputs[0].name) : found ?? null;
}

// The stages that the widgets ask for: where in a step the model is called again. null: not known before a run.
function stagesOf(node) {
  const chosen = node.comfyClass === "SEEDSScheduler" ? nodeAtInput(node, "sampler") : node;
  if (!chosen) return null;
  const name = valueOf(chosen, "solver") ?? valueOf(chosen, "sampler_name");
  if (!(name in STAGE_DEFAULTS)) return chosen.comfyClass === "KSamplerSelect" ? [] : null;
  const given = ["r", "r_1", "r_2"].map((option) => valueOf(chosen, `solver.${option}`));
  const stages = given.filter((value) => value != null);
  return stages.length === STAGE_DEFAULTS[name].length ? stages : STAGE_DEFAULTS[name];
}

// What the widgets promise, before any run: the same counting as steps_for_model_calls in sampling/schedule.py.
function promised(node) {
  const stages = stagesOf(node);
  if (!stages) return null;
  const calls = stages.length + 1;
  const budget = valueOf(node, "budget");
  const steps =
    budget === "steps"
      ? valueOf(node, "budget.steps")
      : Math.floor((valueOf(node, "budget.model_calls") - 1) / calls) + 1;
  return steps >= 1 ? { steps, model_calls: calls * (steps - 1) + 1, stages } : null;
}

class Chart {
  constructor(node) {
    this.node = node;
    this.plan = null; // of the last run
    this.settings = ""; // the widgets' values that the plan belongs to
    this.step = null;
    this.root = document.createElement("div");
    this.root.style.cssText = `width:100%;height:${HEIGHT}px;max-height:${HEIGHT}px;overflow:hidden;`;
    this.canvas = document.createElement("canvas");
    this.canvas.style.cssText = "width:100%;height:100%;display:block;";
    this.canvas.setAttribute("role", "img");
    this.root.append(this.canvas);
    node.addDOMWidget("seeds_chart", "div", this.root, {
      serialize: false,
      hideOnZoom: false,
      getMinHeight: () => HEIGHT,
      getMaxHeight: () => HEIGHT,
    });
    this.observer = new ResizeObserver(() => this.redraw());
    this.observer.observe(this.root);
    // Copying makes nodes that no graph ever has: they are not kept.
    const { onAdded, onRemoved } = node;
    node.onAdded = (...given) => {
      charts.set(node, this);
      return onAdded?.apply(node, given);
    };
    node.onRemoved = (...given) => {
      this.observer.disconnect();
      charts.delete(node);
      return onRemoved?.apply(node, given);
    };
    const executed = node.onExecuted;
    node.onExecuted = (output, ...rest) => {
      if (output?.seeds_plan) this.ran(output.seeds_plan[0]);
      return executed?.call(node, output, ...rest);
    };
    this.look();
  }

  now() {
    const named = ["budget", "scheduler", "denoise"].map((name) => valueOf(this.node, name));
    return JSON.stringify([promised(this.node), ...named]);
  }

  look() {
    const settings = this.now();
    if (settings === this.seen) return;
    this.seen = settings;
    if (this.plan && settings !== this.settings) this.plan = null; // of other settings
    this.redraw();
  }

  ran(plan) {
    this.plan = plan;
    this.settings = this.now();
    this.redraw();
  }

  at(step) {
    this.step = step;
    this.redraw();
  }

  redraw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  words() {
    const plan = this.plan ?? promised(this.node);
    const asks = this.node.comfyClass === "SEEDSScheduler" && linkAt(this.node, "sampler") == null;
    if (!plan) return asks ? "connect a sampler" : "steps and model calls are counted by a run";
    return `${count(plan.steps, "step")}, ${count(plan.model_calls, "model call")}`;
  }

  draw() {
    // The layout's size, not the one on the screen: the canvas is scaled with the graph.
    const [width, height] = [this.root.clientWidth, this.root.clientHeight];
    if (!width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(document.body);
    const color = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
    const [text, faint] = [color("--input-text", "#ddd"), color("--descrip-text", "#999")];
    pen.font = "12px sans-serif";
    pen.fillStyle = text;
    pen.textBaseline = "top";
    const words = this.words();
    pen.fillText(words, 10, 4);
    this.canvas.setAttribute("aria-label", words);
    if (this.plan?.lambdas?.length > 1) this.axis(pen, width, height, text, faint);
    else {
      pen.fillStyle = faint;
      pen.fillText("the noise levels show after a run", 10, height / 2);
    }
  }

  axis(pen, width, height, text, faint) {
    const known = this.plan.lambdas.filter((value) => value != null);
    const [low, high] = [known[0], known[known.length - 1]];
    const ends = this.plan.lambdas.length > known.length; // the last step goes to noise level 0
    const [left, right] = [14, width - (ends ? 34 : 14)];
    const x = (value) => (high > low ? left + ((value - low) / (high - low)) * (right - left) : left);
    const [line, big, small] = [height * 0.56, height * 0.16, height * 0.07];
    const tick = (place, size, color, thick) => {
      pen.strokeStyle = color;
      pen.lineWidth = thick;
      pen.beginPath();
      pen.moveTo(place, line - size);
      pen.lineTo(place, line + size);
      pen.stroke();
    };
    pen.strokeStyle = faint;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(left, line);
    pen.lineTo(ends ? width - 14 : right, line);
    pen.stroke();
    known.forEach((value, i) => {
      const done = this.step != null && i <= this.step;
      tick(x(value), big, done ? "#4caf7a" : text, i === this.step ? 3 : 1.4);
      if (i + 1 < known.length)
        for (const r of this.plan.stages) if (r < 1) tick(x(value + r * (known[i + 1] - value)), small, faint, 1);
    });
    pen.fillStyle = faint;
    pen.textBaseline = "alphabetic";
    const bottom = height - 8;
    pen.fillText(`\u03bb ${low.toFixed(1)}`, left - 4, bottom);
    pen.textAlign = "right";
    pen.fillText(high.toFixed(1), right + 6, bottom);
    if (ends) pen.fillText("\u03c3 0", width - 6, bottom);
    pen.textAlign = "left";
  }
}

// The charts that a running node's progress concerns: its own, or that of the scheduler whose levels it takes.
function chartsOf(id) {
  let [graph, node] = [app.graph, null];
  for (const part of String(id).split(":")) {
    node = graph?.getNodeById?.(Number(part)); // "12:5" is node 5 in the subgraph of node 12
    graph = node?.subgraph;
  }
  return node ? [node, nodeAtInput(node, "sigmas")].map((found) => charts.get(found)).filter(Boolean) : [];
}

app.registerExtension({
  name: "seeds-samplers.chart",
  setup() {
    setInterval(() => charts.forEach((chart) => chart.look()), LOOK_EVERY);
    api.addEventListener("progress", ({ detail }) => {
      for (const chart of chartsOf(detail.node)) chart.at(detail.value < detail.max ? detail.value : null);
    });
    for (const event of ["execution_success", "execution_error", "execution_interrupted"])
      api.addEventListener(event, () => charts.forEach((chart) => chart.at(null)));
  },
  nodeCreated(node) {
    if (NODES.includes(node.comfyClass)) new Chart(node);
  },
});
