// Saved values go to the widgets of their names. ComfyUI restores them by position, so a solver that gained or lost an
// option since would shift all that follow.
import { app } from "../../scripts/app.js";

const NODES = ["SEEDSSampler", "SEEDSScheduler", "SEEDSKSampler", "SEEDSKSamplerAdvanced"];
const SOON = 100; // ms in which the warnings of one workflow come together
const unknown = new Set();

const stored = (node) => (node.widgets ?? []).filter((widget) => widget.serialize !== false);

// {name: value} of a saved node; null where it does not tell the names.
function byName(saved, hasControl) {
  if (saved.widgets_values_named) return saved.widgets_values_named;
  const values = saved.widgets_values ?? [];
  // Files of front ends that do not write the names: the node's inputs have them, in the same order.
  const names = (saved.inputs ?? [])
    .filter((input) => input.widget)
    .flatMap(({ name }) => (hasControl(name) ? [name, "control_after_generate"] : [name]));
  if (!names.length || values.length < names.length) return null;
  return Object.fromEntries(names.map((name, i) => [name, values[i]]));
}

function warn(text) {
  if (!unknown.size)
    setTimeout(() => {
      const detail = `${[...unknown].join("; ")}. The rest is as saved. Update seeds-samplers, or choose anew.`;
      unknown.clear();
      console.warn(`seeds-samplers: not known to this version: ${detail}`);
      app.extensionManager?.toast?.add({ severity: "warn", summary: "SEEDS: not known to this version", detail });
    }, SOON);
  unknown.add(text);
}

// Set the widgets of those names; the options of a solver appear when the solver is set.
function restore(node, values) {
  const left = new Set(Object.keys(values));
  for (const widget of node.widgets) {
    left.delete(widget.name);
    if (widget.serialize === false || !(widget.name in values)) continue;
    widget.value = values[widget.name];
    const choices = widget.options?.values;
    if (!Array.isArray(choices) || choices.includes(widget.value)) continue;
    warn(`${widget.name} ${widget.value}`);
    for (const name of left) if (name.startsWith(`${widget.name}.`)) left.delete(name);
  }
  for (const name of left) warn(`${name} ${values[name]}`);
}

app.registerExtension({
  name: "seeds-samplers.values",
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (!NODES.includes(nodeData.name)) return;
    const specs = { ...nodeData.input?.required, ...nodeData.input?.optional };
    const hasControl = (name) => Boolean(specs[name]?.[1]?.control_after_generate);
    const { configure, onSerialize } = nodeType.prototype;
    nodeType.prototype.configure = function (saved) {
      const values = byName(saved, hasControl);
      if (!values) return configure.call(this, saved);
      restore(this, values);
      // What follows is ComfyUI's own way: by the positions of this version.
      const known = stored(this);
      return configure.call(this, {
        ...saved,
        widgets_values: known.map((widget) => widget.value),
        widgets_values_named: Object.fromEntries(known.map((widget) => [widget.name, widget.value])),
      });
    };
    nodeType.prototype.onSerialize = function (saved) {
      saved.widgets_values_named ??= Object.fromEntries(stored(this).map((widget) => [widget.name, widget.value]));
      return onSerialize?.call(this, saved);
    };
  },
});
