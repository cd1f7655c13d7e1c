// A chart in the nodes that plan a run. The server says what it shows, for the values of the widgets; a run says it
// again, with a token of its model, by which the server knows the model's noise levels from then on.
import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { Drawing, HEIGHT } from "./seeds_drawing.js";
import { inputOf, modelKey, nodeAt, nodeOf, valuesOf } from "./seeds_graph.js";

const NODES = ["SEEDSScheduler", "SEEDSKSampler"];
const INPUTS = ["solver", "sampler_name", "budget", "scheduler", "denoise"]; // what a chart depends on
const LOOK_EVERY = 400; // ms between looks at the widgets: cheap, and the same in both renderers
const charts = new Map(); // node in a graph -> chart
const tokens = new Map(); // text that says which model -> the server's token of it

class Chart {
  constructor(node) {
    this.node = node;
    this.chart = { words: "" };
    this.step = null;
    this.drawing = new Drawing();
    const widget = node.addDOMWidget("seeds_chart", "div", this.drawing.root, {
      serialize: false,
      hideOnZoom: false,
      hideInPanel: true,
      getMinHeight: () => HEIGHT,
      getMaxHeight: () => HEIGHT,
    });
    widget.serialize = false; // and nothing of it in a saved workflow
    // Copying makes nodes that no graph ever has: they are not kept.
    const { onAdded, onRemoved, onExecuted } = node;
    node.onAdded = (...given) => {
      charts.set(node, this);
      return onAdded?.apply(node, given);
    };
    node.onRemoved = (...given) => {
      charts.delete(node);
      return onRemoved?.apply(node, given);
    };
    node.onExecuted = (output, ...rest) => {
      if (output?.seeds_chart) this.ran(output.seeds_chart[0]);
      return onExecuted?.call(node, output, ...rest);
    };
  }

  // What decides about the chart; null where a sampler is missing.
  question() {
    const { node } = this;
    const separate = inputOf(node, "sampler");
    if (separate && separate.link == null) return null;
    const chooser = separate ? nodeAt(node, "sampler") : node;
    return {
      values: valuesOf(node, INPUTS),
      sampler: chooser && valuesOf(chooser, INPUTS),
      model: tokens.get(modelKey(node, "model")) ?? null,
      loader: nodeAt(node, "model")?.comfyClass ?? null,
    };
  }

  async look() {
    const question = this.question();
    const asked = JSON.stringify(question);
    if (asked === this.asked) return;
    this.asked = asked;
    if (!question) return this.show({ words: "connect a sampler" });
    const answer = await api
      .fetchApi("/seeds-samplers/chart", { method: "POST", body: asked })
      .then((response) => (response.ok ? response.json() : { words: "" }))
      .catch(() => null);
    if (asked !== this.asked) return; // it is another question by now
    if (!answer) this.asked = null; // the server is away: ask again
    else if (answer.steps || asked !== this.ranWith) this.show(answer);
  }

  // The chart of a run: right for these values, whatever a link has decided.
  ran({ model, ...chart }) {
    tokens.set(modelKey(this.node, "model"), model);
    this.asked = this.ranWith = JSON.stringify(this.question());
    this.show(chart);
  }

  show(chart) {
    this.chart = chart;
    this.drawing.show(chart, this.step);
  }

  at(step) {
    if (step === this.step) return;
    this.step = step;
    this.drawing.show(this.chart, step);
  }
}

// The charts that a running node's progress concerns: its own, or that of the scheduler whose levels it takes.
function chartsOf(id) {
  const node = nodeOf(id);
  return node ? [node, nodeAt(node, "sigmas")].map((found) => charts.get(found)).filter(Boolean) : [];
}

app.registerExtension({
  name: "seeds-samplers.chart",
  setup() {
    setInterval(() => charts.forEach((chart) => chart.look()), LOOK_EVERY);
    api.addEventListener("seeds_samplers.chart", ({ detail: { node, ...chart } }) => charts.get(nodeOf(node))?.ran(chart));
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
