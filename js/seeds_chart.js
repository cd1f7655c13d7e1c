// A chart in the nodes that plan a run, and in one that shows any levels. The server says what it shows, for the values
// of the widgets; a run says it again, with a token of its model, by which the server knows the model's noise levels
// from then on.
import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { Drawing, HEIGHT } from "./seeds_drawing.js";
import { inputOf, modelKey, nodeAt, nodeOf, valuesOf } from "./seeds_graph.js";

const SHOWS = "SEEDSSigmasChart"; // whatever levels a run brings
const WIDTH = 300; // of a new one
const PLANS = ["SEEDSScheduler", "SEEDSKSampler", "SEEDSKSamplerAdvanced"];
const INPUTS = ["solver", "sampler_name", "budget", "scheduler", "denoise"]; // what a chart depends on
const PART = ["start_at_step", "end_at_step", "return_with_leftover_noise"];
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
      values: valuesOf(node, [...INPUTS, ...PART]),
      sampler: chooser && valuesOf(chooser, INPUTS),
      model: tokens.get(modelKey(node, "model")) ?? null,
      loader: nodeAt(node, "model")?.comfyClass ?? null,
    };
  }

  async look() {
    if (this.node.comfyClass === SHOWS) return this.chart.words || this.show({ words: "Run to see the noise levels." });
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
    if (model) tokens.set(modelKey(this.node, "model"), model);
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

// The charts that a running node's progress concerns: its own, or those of the nodes whose levels it takes.
function chartsOf(id) {
  const nodes = [nodeOf(id)];
  while (nodes[0] && (nodes.length === 1 || nodes[0].comfyClass === SHOWS)) nodes.unshift(nodeAt(nodes[0], "sigmas"));
  return nodes.map((node) => charts.get(node)).filter(Boolean);
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
    if (node.comfyClass === SHOWS || PLANS.includes(node.comfyClass)) new Chart(node);
    if (node.comfyClass === SHOWS) node.setSize([WIDTH, node.size[1]]);
  },
});
